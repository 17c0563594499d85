"""`host-check`."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Self

from vibforge.esxi.acceptance import AcceptanceLevel
from vibforge.host.host_state import HostFileKind
from vibforge.host.timekeeping import Timekeeping, log_age
from vibforge.packages.drift import FileState, InstalledState
from vibforge.report import units
from vibforge.report.documents.shape import (
    Count,
    Document,
    EsxiRelease,
    Fault,
    Good,
    Mode,
    Path,
    Sha256,
    Shape,
    Size,
    Time,
    says,
)
from vibforge.report.plain import moment

if TYPE_CHECKING:
    from vibforge.host import host_state, timekeeping
    from vibforge.packages import drift as packages_drift
    from vibforge.packages import host_check


class BuiltHostFile(Shape, frozen=True):
    """A file or link as the VIB has it."""

    mode: Mode
    size: Size
    sha256: Annotated[Sha256 | None, says("Of its content; null for a link.")]
    link: Annotated[str | None, says("Where a link leads.")]


class FoundFile(Shape, frozen=True):
    """A path as it is on the host."""

    kind: Annotated[HostFileKind, says("What it is.")]
    mode: Annotated[Mode | None, says("Permission bits; null where not known.")]
    size: Annotated[Size | None, says("Bytes; null where not known.")]
    mtime: Annotated[Time | None, says("When it was changed; null where not known.")]
    sha256: Annotated[Sha256 | None, says("Of its content; null where not known.")]
    link: Annotated[str | None, says("Where a link leads.")]

    @classmethod
    def of(cls, found: "host_state.HostFile | None") -> Self | None:
        """Return a path as programs read it."""
        if found is None:
            return None
        return cls(
            kind=found.kind,
            mode=None if found.mode is None else units.mode(found.mode),
            size=found.size,
            mtime=None if found.modified is None else moment(found.modified),
            sha256=found.sha256,
            link=found.link,
        )


class FileDrift(Shape, frozen=True):
    """A path on the host: what belongs there, and what is there."""

    path: Annotated[str, says("Absolute path on the host.")]
    drift: Annotated[FileState, says("How the host compares with the VIB.")]
    built: Annotated[BuiltHostFile, says("What the VIB has.")]
    found: Annotated[FoundFile | None, says("What the host has; null where it does not say.")]
    sticky_copy: Annotated[
        FoundFile | None,
        says("The copy `.#NAME` of an edited sticky file; null where the host does not say."),
    ]
    copied_from: Annotated[
        str | None, says("The file of the VIB that layout boot-copy copies to this path.")
    ]

    @classmethod
    def of(cls, file: "packages_drift.FileDrift") -> Self:
        """Return a path as programs read it."""
        return cls(
            path=file.path,
            drift=file.state,
            built=BuiltHostFile(
                mode=units.mode(file.built.mode),
                size=file.built.size,
                sha256=file.built.sha256,
                link=file.built.link,
            ),
            found=FoundFile.of(file.found),
            sticky_copy=FoundFile.of(file.found.sticky_copy if file.found else None),
            copied_from=file.copied_from,
        )


class VibDrift(Shape, frozen=True):
    """How a host differs from a VIB."""

    vib_id: Annotated[str, says("VIB ID.")]
    installation: Annotated[InstalledState, says("How the installed VIB of this name compares.")]
    installed_id: Annotated[str | None, says("VIB ID of the installed one.")]
    host_files: Annotated[tuple[FileDrift, ...], says("Its files and links.")]

    @classmethod
    def of(cls, drift: "packages_drift.Drift") -> Self:
        """Return the drift as programs read it."""
        return cls(
            vib_id=drift.vib_id,
            installation=drift.installed,
            installed_id=drift.installed_id,
            host_files=tuple(map(FileDrift.of, drift.files)),
        )


class ExecInstalledOnly(Shape, frozen=True):
    """Whether the host runs programs of VIBs only; null is not known."""

    at_boot: Annotated[bool | None, says("Boot option execInstalledOnly, in effect.")]
    at_next_boot: Annotated[bool | None, says("The same option, as configured.")]
    at_runtime: Annotated[bool | None, says("Option /User/execInstalledOnly.")]
    enforced: Annotated[bool | None, says("Whether the TPM's boot policy asks for it.")]


class ToldTime(Shape, frozen=True):
    """What the host says of its time; null is not known."""

    protocol: Annotated[str | None, says("`ptp` or `ntp`.")]
    time_services: Annotated[bool | None, says("Whether the time services are on.")]
    synchronised: Annotated[bool | None, says("Whether the host says that it is synchronised.")]
    in_fallback: Annotated[bool | None, says("Whether NTP provides the time because PTP failed.")]
    last_sync: Annotated[str | None, says("When it was synchronised last, as the host writes it.")]
    ptp_service_running: Annotated[bool | None, says("Whether the service of PTP runs.")]
    ptp_service_policy: Annotated[str | None, says("When it starts: on, off or automatic.")]
    esxcli_ptp: Annotated[
        Mapping[str, str] | None, says("What `esxcli system ptp` printed, where it exists.")
    ]
    processes: Annotated[tuple[str, ...] | None, says("Processes of PTP, as `ps` printed them.")]

    @classmethod
    def of(cls, time: "host_state.HostTime") -> Self:
        """Return the time as programs read it."""
        return cls(
            protocol=time.protocol,
            time_services=time.is_enabled,
            synchronised=time.is_synchronised,
            in_fallback=time.is_in_fallback,
            last_sync=time.last_sync,
            ptp_service_running=time.service.is_running,
            ptp_service_policy=time.service.policy,
            esxcli_ptp=time.ptp,
            processes=time.processes,
        )


class ToldLog(Shape, frozen=True):
    """The end of /var/run/log/trx.log."""

    size: Annotated[Size | None, says("Bytes of the whole log.")]
    seconds_old: Annotated[
        Count | None, says("Seconds between its last line and the facts; null where not known.")
    ]
    last_lines: Annotated[tuple[str, ...], says("The lines; a byte that is no UTF-8 is `\\udcXX`.")]


class TimeVerdict(Shape, frozen=True):
    """Whether the host keeps time as intended, and why."""

    keeps_time: Annotated[Timekeeping, says("The verdict.")]
    intended: Annotated[bool, says("Whether anything says that the host is to keep time by PTP.")]
    shown: Annotated[tuple[str, ...], says("What speaks for it.")]
    speaks_against: Annotated[
        tuple[str, ...], says("What speaks against it; one is enough for a no.")
    ]
    missing: Annotated[tuple[str, ...], says("What would have to be known for a yes.")]
    unchecked: Annotated[tuple[str, ...], says("What nobody asked to check.")]

    @classmethod
    def of(cls, verdict: "timekeeping.TimeVerdict") -> Self:
        """Return a verdict as programs read it."""
        return cls(
            keeps_time=verdict.verdict,
            intended=verdict.is_intended,
            shown=verdict.shown,
            speaks_against=verdict.against,
            missing=verdict.missing,
            unchecked=verdict.unchecked,
        )


class HostCheck(Document, tag="vibforge/host-check/1", frozen=True):
    """Whether a host is as its VIBs were built, and whether it keeps time as intended."""

    good: Good
    path: Path
    host_name: Annotated[str | None, says("What the host calls itself.")]
    collected_at: Annotated[Time | None, says("When the facts were collected, by its own clock.")]
    release: EsxiRelease
    acceptance_level: Annotated[AcceptanceLevel | None, says("Level of the host.")]
    secure_boot: Annotated[bool | None, says("UEFI Secure Boot.")]
    secure_boot_enforced: Annotated[
        bool | None, says("Whether the TPM's boot policy asks for Secure Boot.")
    ]
    exec_installed_only: Annotated[ExecInstalledOnly, says("Protection against other programs.")]
    drifts: Annotated[tuple[VibDrift, ...], says("Each VIB of --vib.")]
    told_time: Annotated[ToldTime, says("Time, as the host tells it.")]
    told_log: Annotated[ToldLog | None, says("The end of trx.log; null if there is none.")]
    time_verdict: Annotated[TimeVerdict, says("Whether the host keeps time as intended.")]
    faults: Annotated[tuple[Fault, ...], says("What of the facts is missing, odd or not known.")]

    @classmethod
    def of(cls, check: "host_check.HostCheck") -> Self:
        """Return a check of a host as programs read it."""
        host, state, log = check.host, check.state, check.state.trx_log
        protection = state.exec_installed_only
        return cls(
            good=check.good,
            path=check.where,
            host_name=state.host_name,
            collected_at=units.utc(state.collected_at) if state.collected_at else None,
            release=str(host.release),
            acceptance_level=host.acceptance_level,
            secure_boot=host.secure_boot,
            secure_boot_enforced=state.requires_secure_boot,
            exec_installed_only=ExecInstalledOnly(
                at_boot=protection.at_boot,
                at_next_boot=protection.at_next_boot,
                at_runtime=protection.at_runtime,
                enforced=protection.enforced,
            ),
            drifts=tuple(map(VibDrift.of, check.drifts)),
            told_time=ToldTime.of(state.time),
            told_log=ToldLog(size=log.size, seconds_old=log_age(state), last_lines=log.lines)
            if log
            else None,
            time_verdict=TimeVerdict.of(check.time),
            faults=Fault.all_of(host.notes),
        )
