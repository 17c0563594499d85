"""The steps of an install in their order (vib-format 8, tried on 6.7).

Facts that are not known are asked as questions, so that `predict` returns every outcome that is
possible.
"""

from dataclasses import replace

from vibforge.esxi import messages
from vibforge.esxi.table import is_known
from vibforge.host.image import Change, Verb, change, unequal_attribute
from vibforge.host.install.command import Command
from vibforge.host.install.remediation import needs_reboot, remediate, result
from vibforge.host.install.run import Refused, Run
from vibforge.host.install.staging import check_host, check_packages
from vibforge.host.install.validation import troubles
from vibforge.host.prediction import Cause, Outcome, Prediction, not_known
from vibforge.host.question import Answers, Question, World, worlds

_FLAG = Question(
    key="no-sig-check-refused",
    if_yes="this release refuses --no-sig-check under Secure Boot, as 6.5 does",
    if_no="this release ignores --no-sig-check under Secure Boot, as 6.7 does",
)
_ALL_AT_ONCE = Question(
    key="all-problems",
    if_yes="this release prints all problems at once, as 6.5 does",
    if_no="this release prints one group of problems at a time, as 6.7 does",
)


def predict(command: Command) -> tuple[World[Prediction], ...]:
    """Return every outcome that is possible, each with the assumptions that lead to it."""
    if not is_known(command.host.release):
        return (World(Answers(), not_known(command.host.release)),)
    planned = change(command.host.installed, command.packages, command.verb)
    return worlds(lambda answers: _evaluate(command, planned, answers))


def _evaluate(command: Command, planned: Change, answers: Answers) -> Prediction:
    try:
        return _install(Run(command=command, answers=answers, change=planned))
    except Refused as refused:
        return refused.prediction(command.host.release)


def _install(run: Run) -> Prediction:
    _read(run)
    _refuse_flags(run)
    _refuse_unequal(run)
    if not run.change.added:
        return _skipped(run)
    _validate(run)
    check_host(run)
    if run.flags.dry_run:
        return result(run, Outcome.REBOOT if needs_reboot(run) else Outcome.LIVE)
    check_packages(run)
    return remediate(run)


def _read(run: Run) -> None:
    for refusal in run.command.refusals:
        if refusal.holds(run.release):
            raise Refused(refusal.message, [replace(refusal.cause, certainty=run.sure)])


def _refuse_flags(run: Run) -> None:
    if (
        run.flags.no_sig_check
        and run.secure_boot
        and run.known(run.row.refuses_no_sig_check, _FLAG)
    ):
        cause = Cause(what="--no-sig-check is refused while Secure Boot is on")
        raise Refused(messages.SIG_CHECK_UNDER_SECURE_BOOT(), [cause])


def _refuse_unequal(run: Run) -> None:
    installed = {package.id: package for package in run.host.installed}
    for package in run.command.packages:
        held = installed.get(package.id)
        if held and (attribute := unequal_attribute(package, held)):
            cause = Cause(
                what=f"a VIB of this ID is installed, with other {attribute}",
                subject=package.id,
                certainty=run.sure,
            )
            raise Refused(messages.UNEQUAL(package.id, attribute=attribute), [cause])


def _skipped(run: Run) -> Prediction:
    installing = run.command.verb is Verb.INSTALL
    what = "is installed already" if installing else "updates nothing that is installed"
    return Prediction(
        outcome=Outcome.SKIPPED,
        says=messages.NOT_CHANGED,
        certainty=run.sure,
        causes=tuple(
            Cause(what=what, subject=package.id, certainty=run.sure)
            for package in run.change.skipped
        ),
    )


def _validate(run: Run) -> None:
    found = troubles(
        run.host,
        run.change,
        run.answers,
        stands=run.stands,
        skipped=run.skipped_groups(),
    )
    if not found:
        return
    all_at_once = run.known(run.row.reports_all_problems, _ALL_AT_ONCE)
    first = len(found) if all_at_once else 1
    told = [trouble for group in found[:first] for trouble in group]
    hidden = [trouble for group in found[first:] for trouble in group]
    text = "\n".join(dict.fromkeys(trouble.message.text for trouble in told))
    message = replace(told[0].message, text=text)
    raise Refused(
        replace(message, error="DependencyError") if all_at_once else message,
        [cause for trouble in told for cause in trouble.causes],
        [cause for trouble in hidden for cause in trouble.causes],
    )
