"""The change itself: live, in maintenance mode, or at the next boot (vib-format 8, step 6)."""

from vibforge.checks.payload_declaration import (
    no_gunzip_digest,
    unknown_payload_type,
    zstd_before_nine,
)
from vibforge.esxi import messages
from vibforge.esxi.table import KNOWN_PAYLOAD_TYPES
from vibforge.host.install.run import Refused, Run
from vibforge.host.install.staging import MOUNTED_TYPES, preferred
from vibforge.host.package import LOCKER, Package
from vibforge.host.prediction import Cause, Outcome, Prediction
from vibforge.host.question import Question
from vibforge.model.certainty import least_sure
from vibforge.model.descriptor import GUNZIP, Checksum, Payload
from vibforge.model.digest_coverage import algorithm_of
from vibforge.model.names import BOOTBANK_STEM

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


def rehearse(run: Run) -> Prediction:
    """Return what `--dry-run` says.

    Raises:
        Refused: a host that boots over the network cannot be changed for its next boot.
    """
    reboot = needs_reboot(run)
    if reboot:
        _refuse_stateless(run, reboot)
    return result(run, Outcome.REBOOT if reboot else Outcome.LIVE)


def remediate(run: Run) -> Prediction:
    """Carry the change out.

    Raises:
        Refused: the host does not change itself as it is now.
    """
    reboot = needs_reboot(run)
    if reboot:
        _refuse_stateless(run, reboot)
        return result(run, Outcome.REBOOT, reboot)
    _check_maintenance(run)
    _mount(run)
    needed = _needs_maintenance(run) and not run.flags.maintenance_mode
    return result(run, Outcome.MAINTENANCE if needed else Outcome.LIVE)


def _refuse_stateless(run: Run, reboot: tuple[Cause, ...]) -> None:
    if run.answers.known(run.host.stateless, STATELESS):
        what = "the host boots over the network and cannot be changed for its next boot"
        raise Refused(messages.STATELESS(), [Cause(what=what), *reboot])


def _check_maintenance(run: Run) -> None:
    if not _needs_maintenance(run) or run.flags.maintenance_mode:
        return
    if run.answers.known(run.host.maintenance_mode, MAINTENANCE):
        return
    message = messages.MAINTENANCE_MODE(
        removed=", ".join(p.id for p in run.change.removed if p.descriptor.type != LOCKER),
        installed=", ".join(package.id for package in run.change.added),
    )
    what = "a live change of this VIB needs maintenance mode"
    cause = Cause(what=what, subject=run.change.added[0].id, certainty=run.sure)
    raise Refused(message, [cause])


def needs_reboot(run: Run) -> tuple[Cause, ...]:
    """Return why the change waits for the next boot; nothing if it can be made live."""
    causes = run.own_reboot_causes
    if not causes and run.answers.known(run.host.reboot_pending, PENDING):
        return (Cause(what="an earlier change waits for a reboot"),)
    return causes


def result(run: Run, outcome: Outcome, causes: tuple[Cause, ...] = ()) -> Prediction:
    """Return the good end of a run."""
    live = outcome is not Outcome.REBOOT
    says = messages.INSTALLED_LIVE() if live else messages.NEEDS_REBOOT()
    return Prediction(
        outcome=outcome,
        says=messages.DRY_RUN() if run.flags.dry_run else says,
        certainty=least_sure(run.doubts),
        causes=causes,
        removed=tuple(package.id for package in run.change.removed),
        dry_run=run.flags.dry_run,
    )


def _needs_maintenance(run: Run) -> bool:
    return any(package.maintenance_mode.on_install for package in run.change.added) or any(
        package.maintenance_mode.on_remove for package in run.change.removed
    )


def _mount(run: Run) -> None:
    """Mount the payloads of a live change, as hosts with a secure mount do (tried on 6.7)."""
    for package in run.change.added:
        for payload in package.descriptor.payloads:
            if reason := _mounting(run, package, payload):
                _refuse_mounting(run, package, payload, reason)


def _mounting(run: Run, package: Package, payload: Payload) -> str:
    """Return why a payload cannot be mounted, in the host's words; empty where it can."""
    if not _is_mounted(run, payload):
        return messages.NOT_STAGED(file=_file(payload))
    if not run.known(run.row.live_needs_gunzip, _LIVE_NEEDS_GUNZIP):
        return ""
    if "" in package.descriptor.software_tags:
        return messages.NOT_IN_DATABASE(vib=package.id)
    unpacked = [c for c in payload.checksums if c.verify_process == GUNZIP]
    wanted = preferred([c for c in unpacked if c.checksum_type in {"sha-256", "sha-1"}])
    if wanted is None:
        return messages.NO_TARDISK_CHECKSUM(payload=payload.name)
    found = _unpacked_digest(package, payload, wanted)
    if found is None or found == wanted.digest.lower():
        return ""
    return messages.DIGEST_UNLIKE(calculated=found, expected=wanted.digest)


def _unpacked_digest(package: Package, payload: Payload, wanted: Checksum) -> str | None:
    for content in package.contents:
        if content.payload.name == payload.name:
            return content.unpacked.get(algorithm_of(wanted))
    return None


def _refuse_mounting(run: Run, package: Package, payload: Payload, reason: str) -> None:
    mounted = _is_mounted(run, payload)
    as_65 = not mounted and not run.known(run.row.live_needs_gunzip, _LIVE_NEEDS_GUNZIP)
    form = messages.UNMOUNTED if as_65 else messages.MOUNT
    cause = Cause(
        what=f"cannot be mounted live ({reason}); the host is left half changed: reboot it at once",
        subject=payload.name,
        certainty=run.sure,
        rule=_mounting_rule(payload, reason),
    )
    message = form(package.id, payload=payload.name, file=_file(payload), reason=reason)
    raise Refused(message, [cause])


def _is_mounted(run: Run, payload: Payload) -> bool:
    """Whether a live install mounts payloads of this type; vzstd is one of a vgz since 9.0."""
    types = run.row.payload_types
    return payload.type in MOUNTED_TYPES or (
        payload.type == "vzstd" and (types is None or "vzstd" in types.value)
    )


def _mounting_rule(payload: Payload, reason: str) -> str:
    """Return the check that finds the fault in the file beforehand."""
    if "checksum is not found" in reason:
        return no_gunzip_digest.id
    if "digest" in reason:
        return "VF323"
    if payload.type == "vzstd":
        return zstd_before_nine.id
    return "" if payload.type in KNOWN_PAYLOAD_TYPES else unknown_payload_type.id


def _file(payload: Payload) -> str:
    """Return the file of a payload in the host's staging folder."""
    return payload.vfat_name.lower() or f"{payload.name[:BOOTBANK_STEM]}.{payload.type[:1]}00"
