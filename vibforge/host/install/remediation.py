"""Carry out the change: live, or at the next boot (install.md#live-or-reboot)."""

from vibforge.checks.payloads import no_gunzip_digest, unknown_payload_type, zstd_before_nine
from vibforge.esxi import messages
from vibforge.esxi.release import Certainty, Release, least_sure
from vibforge.esxi.table import KNOWN_PAYLOAD_TYPES
from vibforge.host.image import skip_causes
from vibforge.host.install.run import Refused, Run
from vibforge.host.install.staging import MOUNTED_TYPES, preferred
from vibforge.host.package import Package
from vibforge.host.prediction import Cause, InstallOutcome, Prediction, UnknownFact
from vibforge.vib.descriptor import GUNZIP, Checksum, Payload, algorithm_of
from vibforge.vib.identity import BOOTBANK_STEM

MAINTENANCE = UnknownFact(
    key="maintenance-mode",
    if_yes="the host is in maintenance mode",
    if_no="the host is not in maintenance mode",
)
_LIVE_NEEDS_GUNZIP = UnknownFact(
    key="live-gunzip",
    if_yes="this release mounts payloads only with a digest of their unpacked content, as 6.7 does",
    if_no="this release mounts payloads without such a digest, as 6.5 does",
)
PENDING = UnknownFact(
    key="reboot-pending",
    if_yes="an earlier change waits for a reboot",
    if_no="no earlier change waits for a reboot",
)
_FOLDERS = UnknownFact(
    key="missing-folders",
    if_yes="this release mounts a payload that lacks the parent folders of its files",
    if_no="this release does not mount such a payload, as reported for 8.0",
)
_FIRST_WITH_FOLDERS = Release(8, 0)
"""The first release that is reported not to mount a payload without the folders of its files."""
STATELESS = UnknownFact(
    key="stateless", if_yes="the host boots over the network", if_no="the host boots from a disk"
)


def rehearse(run: Run) -> Prediction:
    """Return the result of `--dry-run`.

    Raises:
        Refused: the change requires a reboot, and the host boots over the network.
    """
    reboot = needs_reboot(run)
    if reboot:
        _refuse_stateless(run, reboot)
    return result(run, InstallOutcome.REBOOT if reboot else InstallOutcome.LIVE)


def remediate(run: Run) -> Prediction:
    """Return the result of the change.

    Raises:
        Refused: the host cannot make the change in its present state.
    """
    reboot = needs_reboot(run)
    if reboot:
        _refuse_stateless(run, reboot)
        return result(run, InstallOutcome.REBOOT, reboot)
    _check_maintenance(run)
    _mount(run)
    needed = _needs_maintenance(run) and not run.flags.maintenance_mode
    return result(run, InstallOutcome.MAINTENANCE if needed else InstallOutcome.LIVE)


def _refuse_stateless(run: Run, reboot: tuple[Cause, ...]) -> None:
    if run.assumptions.resolve(run.host.stateless, STATELESS):
        what = "the host boots over the network, and the change requires a reboot"
        raise Refused(messages.STATELESS(), [Cause(what=what, certainty=run.sure), *reboot])


def _check_maintenance(run: Run) -> None:
    if run.flags.maintenance_mode or not _needs_maintenance(run):
        return
    if run.assumptions.resolve(run.host.maintenance_mode, MAINTENANCE):
        return
    removed, added = _requiring_maintenance(run)
    message = messages.MAINTENANCE_MODE(
        removed=", ".join(package.id for package in removed),
        installed=", ".join(package.id for package in added),
    )
    what = "a live change of this VIB requires maintenance mode"
    causes = [Cause(what=what, subject=p.id, certainty=run.sure) for p in (*added, *removed)]
    raise Refused(message, causes)


def needs_reboot(run: Run) -> tuple[Cause, ...]:
    """Return why the change requires a reboot; empty if it can be made live."""
    causes = run.own_reboot_causes
    if not causes and run.assumptions.resolve(run.host.reboot_pending, PENDING):
        return (Cause(what="an earlier change waits for a reboot", certainty=run.sure),)
    return causes


def result(run: Run, outcome: InstallOutcome, causes: tuple[Cause, ...] = ()) -> Prediction:
    """Return the prediction of a change that succeeds."""
    live = outcome is not InstallOutcome.REBOOT
    says = messages.INSTALLED_LIVE() if live else messages.NEEDS_REBOOT()
    if live and run.host.stateless:
        says = messages.INSTALLED_LIVE_ONLY()
    return Prediction(
        outcome=outcome,
        says=messages.DRY_RUN() if run.flags.dry_run else says,
        certainty=least_sure(run.doubts),
        causes=causes,
        added=tuple(package.id for package in run.change.added),
        removed=tuple(package.id for package in run.change.removed),
        skipped=tuple(skip_causes(run.host, run.change.skipped)),
        dry_run=run.flags.dry_run,
    )


def _needs_maintenance(run: Run) -> bool:
    return any(_requiring_maintenance(run))


def _requiring_maintenance(run: Run) -> tuple[list[Package], list[Package]]:
    """Return the VIBs whose live removal, and whose live install, requires maintenance mode."""
    return (
        [package for package in run.change.removed if _removed_in_maintenance(run, package)],
        [package for package in run.change.added if package.maintenance_mode.on_install],
    )


def _removed_in_maintenance(run: Run, package: Package) -> bool:
    if not package.is_only_listed:
        return package.maintenance_mode.on_remove
    unknown = UnknownFact(
        key=f"maintenance {package.id}",
        if_yes=f"the live removal of {package.name} requires maintenance mode",
        if_no=f"the live removal of {package.name} does not require maintenance mode",
    )
    return run.assumptions.assume(unknown)


def _mount(run: Run) -> None:
    """Mount the payloads of a live change, as hosts with a secure mount do (tried on 6.7)."""
    for package in run.change.added:
        for payload in package.descriptor.payloads:
            if reason := _mounting_error(run, package, payload):
                _refuse_mounting(run, package, payload, reason)


def _mounting_error(run: Run, package: Package, payload: Payload) -> str:
    """Return the host's error when it mounts a payload; empty if it succeeds."""
    if not _is_mounted(run, payload):
        return messages.NOT_STAGED(file=_file(payload))
    if package.missing_folders and _minds_missing_folders(run):
        return messages.NOT_MOUNTED()
    if not run.resolve(run.row.live_needs_gunzip, _LIVE_NEEDS_GUNZIP):
        return "" if _is_one_word(payload) else "the host looks for its file by the first word only"
    if "" in package.descriptor.software_tags:
        return messages.NOT_IN_DATABASE(vib=package.id)
    unpacked = [c for c in payload.checksums if c.verify_process == GUNZIP]
    declared = preferred([c for c in unpacked if c.checksum_type in {"sha-256", "sha-1"}])
    if declared is None:
        return messages.NO_TARDISK_CHECKSUM(payload=payload.name)
    digest = _unpacked_digest(package, payload, declared)
    if digest is None or digest == declared.digest.lower():
        return ""
    return messages.DIGEST_UNLIKE(calculated=digest, expected=declared.digest)


def _minds_missing_folders(run: Run) -> bool:
    """Return whether a live mount fails if folders are missing; only reported from 8.0 on."""
    return run.release >= _FIRST_WITH_FOLDERS and not run.assumptions.assume(_FOLDERS)


def _unpacked_digest(package: Package, payload: Payload, declared: Checksum) -> str | None:
    for content in package.contents:
        if content.payload.name == payload.name:
            return content.unpacked.get(algorithm_of(declared))
    return None


def _refuse_mounting(run: Run, package: Package, payload: Payload, reason: str) -> None:
    by_digest = _is_mounted(run, payload) and _is_one_word(payload)
    as_65 = not by_digest and not run.resolve(run.row.live_needs_gunzip, _LIVE_NEEDS_GUNZIP)
    form = messages.UNMOUNTED if as_65 else messages.MOUNT
    folders = " ".join(package.missing_folders) if "Operation not permitted" in reason else ""
    why = f"it has no entries for the folders {folders}" if folders else reason
    cause = Cause(
        what=f"cannot be mounted live ({why}); the host is left half changed: reboot it at once",
        subject=payload.name,
        certainty=Certainty.INFERRED if folders else run.sure,
        rule=_mounting_rule(payload, reason),
    )
    file = _file(payload).partition(" ")[0] if as_65 else _file(payload)
    message = form(package.id, payload=payload.name, file=file, reason=reason)
    raise Refused(message, [cause])


def _is_mounted(run: Run, payload: Payload) -> bool:
    """Return whether a live install mounts payloads of this type; since 9.0 also vzstd."""
    types = run.row.payload_types
    return payload.type in MOUNTED_TYPES or (
        payload.type == "vzstd" and (types is None or "vzstd" in types.value)
    )


def _mounting_rule(payload: Payload, reason: str) -> str:
    """Return the ID of the check that finds the fault in the file; empty if there is none."""
    if "Operation not permitted" in reason:
        return "VF309"
    if "checksum is not found" in reason:
        return no_gunzip_digest.id
    if "digest" in reason:
        return "VF323"
    if payload.type == "vzstd":
        return zstd_before_nine.id
    return "" if payload.type in KNOWN_PAYLOAD_TYPES else unknown_payload_type.id


def _is_one_word(payload: Payload) -> bool:
    """Return whether 6.5, which splits its list of files at blanks, finds the file (tried)."""
    return len(payload.vfat_name.split()) <= 1


def _file(payload: Payload) -> str:
    """Return the file of a payload in the host's staging folder."""
    return payload.vfat_name.lower() or f"{payload.name[:BOOTBANK_STEM]}.{payload.type[:1]}00"
