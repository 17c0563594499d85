"""The change itself: live, in maintenance mode, or at the next boot (vib-format 8, step 6)."""

from collections.abc import Iterator

from vibforge.checks.payload_declaration import no_gunzip_digest
from vibforge.esxi import messages
from vibforge.host.install.run import Refused, Run
from vibforge.host.prediction import Cause, Outcome, Prediction
from vibforge.host.question import Question
from vibforge.host.reading import cause_of, message_of
from vibforge.model.certainty import Certainty, least_sure

MAINTENANCE = Question(
    key="maintenance-mode",
    if_yes="the host is in maintenance mode",
    if_no="the host is not in maintenance mode",
)
_LIVE_NEEDS_GUNZIP = Question(
    key="live-gunzip",
    if_yes="this release mounts payloads only with a digest of their unpacked form, as 6.7 does",
    if_no="this release mounts payloads without such a digest, as 6.5 does",
)
PENDING = Question(
    key="reboot-pending",
    if_yes="an earlier change waits for a reboot",
    if_no="no earlier change waits for a reboot",
)
STATELESS = Question(
    key="stateless", if_yes="the host boots over the network", if_no="the host boots from a disk"
)


def remediate(run: Run) -> Prediction:
    """Carry the change out.

    Raises:
        Refused: the host does not change itself as it is now.
    """
    reboot = needs_reboot(run)
    if reboot:
        if run.answers.known(run.host.stateless, STATELESS):
            what = "the host boots over the network and cannot be changed for its next boot"
            raise Refused(messages.STATELESS(), [Cause(what=what), *reboot])
        return result(run, Outcome.REBOOT, reboot)
    _check_live_digests(run)
    if not _needs_maintenance(run) or run.flags.maintenance_mode:
        return result(run, Outcome.LIVE)
    if run.answers.known(run.host.maintenance_mode, MAINTENANCE):
        return result(run, Outcome.MAINTENANCE)
    message = messages.MAINTENANCE_MODE(
        removed=", ".join(package.id for package in run.change.removed),
        installed=", ".join(package.id for package in run.change.added),
    )
    what = "a live change of this VIB needs maintenance mode"
    cause = Cause(what=what, subject=run.change.added[0].id, certainty=run.sure)
    raise Refused(message, [cause])


def needs_reboot(run: Run) -> tuple[Cause, ...]:
    """Return why the change waits for the next boot; nothing if it can be made live."""
    causes = tuple(_own_reboot_causes(run))
    if not causes and run.answers.known(run.host.reboot_pending, PENDING):
        return (Cause(what="an earlier change waits for a reboot"),)
    return causes


def result(run: Run, outcome: Outcome, causes: tuple[Cause, ...] = ()) -> Prediction:
    """Return the good end of a run."""
    live = outcome is not Outcome.REBOOT
    says = messages.INSTALLED_LIVE if live else messages.NEEDS_REBOOT
    return Prediction(
        outcome=outcome,
        says=messages.DRY_RUN if run.flags.dry_run else says,
        certainty=least_sure(run.doubts),
        causes=causes,
        removed=tuple(package.id for package in run.change.removed),
        dry_run=run.flags.dry_run,
    )


def _needs_maintenance(run: Run) -> bool:
    return any(package.maintenance_mode.on_install for package in run.change.added) or any(
        package.maintenance_mode.on_remove for package in run.change.removed
    )


def _own_reboot_causes(run: Run) -> Iterator[Cause]:
    if run.flags.no_live_install:
        yield Cause(what="--no-live-install was given")
    for package in run.change.added:
        if not package.descriptor.live_install_allowed:
            yield Cause(what="does not allow a live install", subject=package.id)
    for package in run.change.removed:
        if not package.descriptor.live_remove_allowed:
            yield Cause(what="does not allow a live removal", subject=package.id)
    if any(package.overlay for package in (*run.change.added, *run.change.removed)):
        what = "an overlay goes over files of other VIBs; some such mixes need a reboot"
        yield Cause(what=what, certainty=Certainty.INFERRED)


def _check_live_digests(run: Run) -> None:
    for package in run.change.added:
        faults = list(no_gunzip_digest.faults(package))
        if faults and run.known(run.row.live_needs_gunzip, _LIVE_NEEDS_GUNZIP):
            message = message_of(no_gunzip_digest, faults[0], package.id)
            raise Refused(message, [cause_of(no_gunzip_digest, faults[0], subject=package.id)])
