"""The steps of an install in their order (install.md#what-an-install-does, tried on 6.7)."""

from msgspec.structs import replace

from vibforge.checks.requirements import replaces_itself
from vibforge.esxi import messages
from vibforge.esxi.messages import HostMessage
from vibforge.esxi.paths import is_inbox
from vibforge.esxi.release import Certainty
from vibforge.esxi.table import is_known
from vibforge.host.command import Command
from vibforge.host.image import (
    ImageChange,
    Unequal,
    Verb,
    change,
    rivals_of,
    skip_causes,
    unequal_attribute,
)
from vibforge.host.install.remediation import rehearse, remediate
from vibforge.host.install.removal import remove
from vibforge.host.install.run import Refused, Run
from vibforge.host.install.staging import check_host, stage
from vibforge.host.install.validation import ALL_AT_ONCE, ESX_VERSION, refuse_bad_image
from vibforge.host.package import Package
from vibforge.host.prediction import (
    Assumptions,
    Branch,
    Cause,
    InstallOutcome,
    Prediction,
    UnknownFact,
    branches,
    not_known,
)
from vibforge.host.reading import cause_of, message_of
from vibforge.vib.relationships import Provide


def add_stock_updates(run: Run) -> None:
    """Add the VIBs that update an older VIB of ESXi itself, if the host is assumed to have one."""
    if run.command.verb is not Verb.UPDATE or run.host.installed_known:
        return
    newer = tuple(
        package
        for package in run.change.skipped
        if package.is_installable
        and is_inbox(package.name)
        and run.assumptions.assume(_older(package.name))
    )
    left = tuple(package for package in run.change.skipped if package not in newer)
    run.change = replace(run.change, added=(*run.change.added, *newer), skipped=left)


def _older(name: str) -> UnknownFact:
    return UnknownFact(
        key=f"older {name}",
        if_yes=f"the host has an older {name}",
        if_no=f"the host has no older {name}",
    )


VERSIONLESS_BASE = Provide(name=ESX_VERSION)
_FLAG = UnknownFact(
    key="no-sig-check-refused",
    if_yes="this release refuses --no-sig-check under Secure Boot, as 6.5 does",
    if_no="this release ignores --no-sig-check under Secure Boot, as 6.7 does",
)


def predict(command: Command) -> tuple[Branch[Prediction], ...]:
    """Return every possible result, each with the assumptions that lead to it."""
    if not is_known(command.host.release):
        return (Branch(Assumptions(), not_known(command.host.release)),)
    if command.verb is Verb.REMOVE:
        return branches(lambda assumptions: remove(command, assumptions))
    planned = change(command.host.installed, command.packages, command.verb)
    return branches(lambda assumptions: _evaluate(command, planned, assumptions))


def _evaluate(command: Command, planned: ImageChange, assumptions: Assumptions) -> Prediction:
    try:
        return _install(Run(command=command, assumptions=assumptions, change=planned))
    except Refused as refused:
        return refused.prediction(command.host.release)


def _install(run: Run) -> Prediction:
    _read(run)
    _refuse_flags(run)
    _refuse_rivals(run)
    if run.command.verb is Verb.UPDATE:
        _refuse_unequal(run)
        add_stock_updates(run)
    if not run.change.added:
        return _skipped(run)
    _refuse_impossible(run)
    refuse_bad_image(run)
    check_host(run)
    if run.flags.dry_run:
        return rehearse(run)
    stage(run)
    return remediate(run)


def _read(run: Run) -> None:
    for refusal in run.command.refusals:
        if refusal.holds(run.release):
            raise Refused(refusal.message, [replace(refusal.cause, certainty=run.sure)])


def _refuse_flags(run: Run) -> None:
    if (
        run.flags.no_sig_check
        and not run.flags.force
        and run.secure_boot
        and run.resolve(run.row.refuses_no_sig_check, _FLAG)
    ):
        cause = Cause(what="hosts refuse --no-sig-check while Secure Boot is on")
        raise Refused(messages.SIG_CHECK_UNDER_SECURE_BOOT(), [cause])


def _refuse_unequal(run: Run) -> None:
    installed = {package.id: package for package in run.host.installed}
    for package in run.command.packages:
        held = installed.get(package.id)
        if held and (unequal := unequal_attribute(package, held)):
            cause = Cause(
                what=f"a VIB of this ID is installed, but differs in {unequal.attribute}",
                subject=package.id,
                certainty=run.sure,
            )
            raise Refused(_unequal_message(run, package, unequal), [cause])


def _unequal_message(run: Run, package: Package, unequal: Unequal) -> HostMessage:
    as_65 = run.resolve(run.row.reports_all_problems, ALL_AT_ONCE)
    form = messages.CANNOT_MERGE if as_65 else messages.UNEQUAL
    return form(
        package.id,
        attribute=unequal.attribute,
        installed=unequal.installed,
        offered=unequal.offered,
    )


def _refuse_rivals(run: Run) -> None:
    """Refuse a command with VIBs that replace each other, or that share an ID but differ."""
    known: dict[str, Package] = {}
    for package in run.command.packages:
        held = known.setdefault(package.id, package)
        if held is not package and (unequal := unequal_attribute(package, held)):
            what = f"is given twice; the two differ in {unequal.attribute}"
            cause = Cause(what=what, subject=package.id, certainty=Certainty.INFERRED)
            raise Refused(_unequal_message(run, package, unequal), [cause])
    if rivals := rivals_of(tuple(known.values())):
        new, olds = rivals
        names = ", ".join(old.id for old in olds)
        what = f"replaces {names}, which the same command installs; leave one of them out"
        cause = Cause(what=what, subject=new.id, certainty=Certainty.INFERRED)
        raise Refused(messages.REPLACES_ITSELF(new.id, vibs=names), [cause])


def _refuse_impossible(run: Run) -> None:
    """Refuse VIBs at which the host's own code fails with any flags (tried on 6.7)."""
    for package in run.change.added:
        stated = package.descriptor.relationships
        for fault in replaces_itself.faults(package):
            cause = cause_of(replaces_itself, fault, subject=package.id, certainty=run.sure)
            raise Refused(message_of(replaces_itself, fault, package.id), [cause])
        if VERSIONLESS_BASE in stated.provides:
            what = f"provides {ESX_VERSION} without a version"
            cause = Cause(what=what, subject=package.id, certainty=run.sure)
            raise Refused(messages.VERSIONLESS_ESX(), [cause])


def _skipped(run: Run) -> Prediction:
    return Prediction(
        outcome=InstallOutcome.SKIPPED,
        says=messages.NOT_CHANGED(),
        certainty=run.sure,
        causes=tuple(skip_causes(run.host, run.change.skipped)),
    )
