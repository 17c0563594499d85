"""What a package means for the security of a host: risks, and controls that it keeps or breaks."""

from collections.abc import Iterator, Sequence
from enum import StrEnum
from typing import TYPE_CHECKING

from msgspec import Struct

from vibforge.errors import escaped
from vibforge.esxi.acceptance import AcceptanceLevel
from vibforge.esxi.controls import EVIDENCE, Control, ControlSubject, Evidence, controls_of
from vibforge.esxi.release import Certainty
from vibforge.esxi.traces import why_watched
from vibforge.host.command import SKIPS
from vibforge.host.host_state import HostState
from vibforge.signing.policy import unsigned_claim
from vibforge.vib.signature import Signature

if TYPE_CHECKING:
    from vibforge.comparison.side import PackedFile
    from vibforge.evidence.steps import InstallSteps
    from vibforge.host.host import Host
    from vibforge.host.install_needs import InstallNeeds
    from vibforge.host.package import Package

_SHOWN_PATHS = 20
"""Watched paths named as risks; the file list has all."""
_EXECUTABLE = 0o111


class RiskGrade(StrEnum):
    """How grave a risk is."""

    HIGH = "high"
    """A protection of the host is switched off or skipped, or evidence is against the change."""
    MEDIUM = "medium"
    """Something is not known, the service is interrupted, or a program starts by itself."""
    LOW = "low"
    """Every protection of the host stays as it is."""

    @property
    def rank(self) -> int:
        """0 for the gravest."""
        return list(RiskGrade).index(self)


class Risk(Struct, frozen=True, kw_only=True):
    """One risk: what it is about, and what there is to say."""

    grade: RiskGrade
    about: str
    what: str


class Standing(StrEnum):
    """What a package does to a control."""

    KEPT = "kept"
    NOT_KEPT = "not kept"
    NOT_KNOWN = "not known"


class ControlFinding(Struct, frozen=True, kw_only=True):
    """What a package does to the controls about one subject.

    Attributes:
        subject: what they are about.
        controls: the controls, guide by guide.
        evidence: what they ask for, and the commands that show it.
        standing: whether the package keeps them.
        why: the reason.
        certainty: how sure that is.
        observed: what the facts of the host say; empty without facts.
        waiver: the wording of a waiver; empty if none is needed.
    """

    subject: ControlSubject
    controls: tuple[Control, ...]
    evidence: Evidence
    standing: Standing
    why: str
    certainty: Certainty
    observed: str = ""
    waiver: str = ""


class AssessedVib(Struct, frozen=True, kw_only=True):
    """What of a VIB is assessed."""

    package: "Package"
    needs: "InstallNeeds"
    files: "dict[str, PackedFile]"

    @property
    def brings_programs(self) -> bool:
        """Whether one of its files is executable."""
        return any(file.digest and file.mode & _EXECUTABLE for file in self.files.values())

    @property
    def is_vouched_for(self) -> bool | None:
        """Whether a trusted signature carries its level; None if the signer was not checked."""
        if not self.package.level.needs_signature:
            return False
        return {Signature.TRUSTED: True, Signature.UNKNOWN: None}.get(self.package.signature, False)


def risks_of(
    vibs: Sequence[AssessedVib], steps: "InstallSteps", more: Sequence[Risk] = ()
) -> tuple[Risk, ...]:
    """Return the risks of a package, the gravest first.

    Args:
        vibs: its VIBs.
        steps: the steps that install it.
        more: risks that other evidence shows.
    """
    found = [*_level_risks(vibs), _secure_boot_risk(vibs), *_flag_risks(steps)]
    found += [*_interruptions(steps), *_watched(vibs), *more]
    return tuple(sorted(found, key=lambda risk: risk.grade.rank))


def _level_risks(vibs: Sequence[AssessedVib]) -> Iterator[Risk]:
    for vib in vibs:
        grade = {True: RiskGrade.LOW, None: RiskGrade.MEDIUM, False: RiskGrade.HIGH}
        yield Risk(
            grade=grade[vib.is_vouched_for],
            about="acceptance level",
            what=f"{vib.package.id}: {level_words(vib.package)}",
        )


def level_words(package: "Package") -> str:
    """Return what the level and the signature of a VIB mean for a host."""
    level = package.level
    if level is AcceptanceLevel.COMMUNITY:
        unsigned = "it is not signed" if package.signature is Signature.MISSING else "signed or not"
        return (
            f"it is CommunitySupported ({unsigned}): hosts check no signature at this level, so "
            "anybody may have made it. The host must be set to CommunitySupported, and then "
            "accepts every community VIB"
        )
    words = {
        Signature.MISSING: unsigned_claim(level),
        Signature.TRUSTED: f"it is {level.esxcli_name}, and a trusted signer signed it",
        Signature.UNKNOWN: f"it claims {level.esxcli_name} and its signature verifies; whether the "
        "hosts trust the signer was not checked (--trust checks it)",
        Signature.BROKEN: f"it claims {level.esxcli_name}, but its signature is not over this "
        "descriptor: the package was changed after it was signed",
        Signature.MALFORMED: f"it claims {level.esxcli_name}, but its signature cannot be read",
        Signature.UNTRUSTED: f"it claims {level.esxcli_name}, but hosts do not trust its signer",
        Signature.UNFIT: f"it claims {level.esxcli_name}, which its signer may not sign",
    }
    return words[package.signature]


def _secure_boot_risk(vibs: Sequence[AssessedVib]) -> Risk:
    grade = {True: RiskGrade.LOW, None: RiskGrade.MEDIUM, False: RiskGrade.HIGH}
    fits = fits_secure_boot(vibs)
    return Risk(grade=grade[fits], about="Secure Boot", what=_SECURE_BOOT_WORDS[fits])


_SECURE_BOOT_WORDS = {
    True: "Hosts with Secure Boot install it, and boot with it.",
    None: "Whether hosts with Secure Boot install it depends on whether they trust its signer, "
    "which was not checked (--trust checks it).",
    False: "A host with Secure Boot refuses it with any flag. A host on which it is installed no "
    "longer boots when Secure Boot is turned on: remove it first.",
}


def fits_secure_boot(vibs: Sequence[AssessedVib]) -> bool | None:
    """Whether hosts with Secure Boot take all VIBs; None if that depends on an unchecked signer."""
    if all(vib.needs.secure_boot for vib in vibs):
        return True
    open_only = all(vib.needs.secure_boot or vib.is_vouched_for is None for vib in vibs)
    return None if open_only and not any(vib.needs.flags for vib in vibs) else False


def _flag_risks(steps: "InstallSteps") -> Iterator[Risk]:
    for flag in steps.long_flags:
        yield Risk(grade=RiskGrade.HIGH, about=flag, what=f"The host skips {SKIPS[flag]}.")


def _interruptions(steps: "InstallSteps") -> Iterator[Risk]:
    if steps.needs_reboot:
        yield Risk(
            grade=RiskGrade.MEDIUM,
            about="interruption",
            what="The host must be rebooted, so its virtual machines must be moved or stopped.",
        )
    elif steps.needs_maintenance:
        yield Risk(
            grade=RiskGrade.MEDIUM,
            about="interruption",
            what="The host must enter maintenance mode, so its virtual machines must be moved or "
            "stopped.",
        )
    else:
        yield Risk(
            grade=RiskGrade.LOW,
            about="interruption",
            what="It installs on the running host, without a reboot and maintenance mode, unless "
            "esxcli asks for a reboot.",
        )


def _watched(vibs: Sequence[AssessedVib]) -> Iterator[Risk]:
    paths = [path for vib in vibs for path in vib.files if vib.files[path].kind != "folder"]
    watched = [(path, why) for path in paths if (why := why_watched(path))]
    for path, why in watched[:_SHOWN_PATHS]:
        yield Risk(grade=RiskGrade.MEDIUM, about=f"/{path}", what=f"It {why}.")
    if len(watched) > _SHOWN_PATHS:
        more = len(watched) - _SHOWN_PATHS
        yield Risk(
            grade=RiskGrade.MEDIUM, about="paths", what=f"{more} more such paths are in the list."
        )


class Change(Struct, frozen=True, kw_only=True):
    """What a waiver names: the VIBs, the digest of the package, and why it is installed."""

    vib_ids: tuple[str, ...]
    sha256: str
    purpose: str = ""


def findings_of(
    vibs: Sequence[AssessedVib],
    change: Change,
    *,
    configures_ptp: bool,
    host: "Host | None" = None,
    state: HostState | None = None,
) -> tuple[ControlFinding, ...]:
    """Return what a package does to the controls, subject by subject.

    Args:
        vibs: its VIBs.
        change: what a waiver names.
        configures_ptp: whether it has a trx.conf.
        host: the facts of the host that it is for.
        state: what else that host said.
    """
    judged = [
        (ControlSubject.ACCEPTANCE, _acceptance(vibs)),
        (ControlSubject.EXEC, _exec(vibs)),
        (ControlSubject.EXEC_ENFORCED, _ENFORCEMENT),
        (ControlSubject.SECURE_BOOT, _secure_boot(vibs)),
        (ControlSubject.SECURE_BOOT_ENFORCED, _secure_boot(vibs)),
    ]
    if configures_ptp:
        judged.append((ControlSubject.TIME, _TIME))
    return tuple(
        ControlFinding(
            subject=subject,
            controls=controls_of(subject),
            evidence=EVIDENCE[subject],
            standing=standing,
            why=why,
            certainty=certainty,
            observed=_observed(subject, host, state or HostState()),
            waiver=_waiver(subject, change, why) if standing is Standing.NOT_KEPT else "",
        )
        for subject, (standing, why, certainty) in judged
    )


_Judged = tuple[Standing, str, Certainty]
_ENFORCEMENT: _Judged = (
    Standing.KEPT,
    "The boot policy of the TPM stays as it is.",
    Certainty.INFERRED,
)
_TIME: _Judged = (
    Standing.KEPT,
    "The host takes its time by PTP; used instead of NTP, that is not a finding.",
    Certainty.DOCUMENTED,
)


def _acceptance(vibs: Sequence[AssessedVib]) -> _Judged:
    if any(vib.package.level is AcceptanceLevel.COMMUNITY for vib in vibs):
        why = (
            "The host must be at CommunitySupported, which the check calls a finding, for as long "
            "as a community VIB is installed."
        )
        return Standing.NOT_KEPT, why, Certainty.DOCUMENTED
    vouched = [vib.is_vouched_for for vib in vibs]
    if False in vouched:
        why = (
            "The host keeps its level, so that `esxcli software acceptance get` shows no finding; "
            "but no valid signature carries the level that a VIB claims, and `esxcli software vib "
            "signature verify` shows that."
        )
        return Standing.NOT_KEPT, why, Certainty.INFERRED
    if None in vouched:
        why = "It depends on whether the hosts trust the signer, which was not checked."
        return Standing.NOT_KNOWN, why, Certainty.UNKNOWN
    return (
        Standing.KEPT,
        "The host keeps its level, and a trusted signature carries that of each VIB.",
        (Certainty.DOCUMENTED),
    )


def _exec(vibs: Sequence[AssessedVib]) -> _Judged:
    programs = [vib for vib in vibs if vib.brings_programs]
    if not programs:
        why = "The package has no program; the setting stays as it is."
        return Standing.KEPT, why, Certainty.DOCUMENTED
    vouched = [vib.is_vouched_for for vib in programs]
    if False in vouched:
        why = (
            "The setting stays as it is, and programs of an installed VIB run with it. But the "
            "control wants them from signed VIBs, and no valid signature carries this one."
        )
        return Standing.NOT_KEPT, why, Certainty.INFERRED
    if None in vouched:
        why = (
            "The setting stays as it is, and programs of an installed VIB run with it. The "
            "signature verifies; whether the hosts trust its signer was not checked."
        )
        return Standing.NOT_KNOWN, why, Certainty.INFERRED
    why = "The setting stays as it is; the programs come in a VIB that a trusted signer signed."
    return Standing.KEPT, why, Certainty.INFERRED


def _secure_boot(vibs: Sequence[AssessedVib]) -> _Judged:
    fits = fits_secure_boot(vibs)
    if fits is None:
        why = "It depends on whether the hosts trust the signer, which was not checked."
        return Standing.NOT_KNOWN, why, Certainty.UNKNOWN
    if fits:
        return (
            Standing.KEPT,
            "Hosts install it and boot with it under Secure Boot.",
            (Certainty.INFERRED),
        )
    why = (
        "A host with Secure Boot refuses the package; Secure Boot must stay off for as long as it "
        "is installed."
    )
    return Standing.NOT_KEPT, why, Certainty.DOCUMENTED


_DEVIATION = {
    ControlSubject.ACCEPTANCE: "The hosts of this change run software that no trusted signature "
    "carries at PartnerSupported or higher.",
    ControlSubject.EXEC: "The hosts of this change run programs of a VIB that no trusted signature "
    "carries; execInstalledOnly stays on.",
    ControlSubject.SECURE_BOOT: "The hosts of this change boot without UEFI Secure Boot.",
    ControlSubject.SECURE_BOOT_ENFORCED: "The TPM's boot policy of the hosts of this change does "
    "not require Secure Boot.",
}


def _waiver(subject: ControlSubject, change: Change, why: str) -> str:
    """Return the wording of a waiver, a line for each item; its owner fills in the brackets."""
    known = [each for each in controls_of(subject) if each.certainty is not Certainty.UNKNOWN]
    lines = (
        ("Deviation from", ", ".join(f"{control.guide} {control.id}" for control in known)),
        ("What deviates", _DEVIATION[subject]),
        ("Cause", why),
        ("Software", f"{', '.join(change.vib_ids)}, SHA-256 {change.sha256}"),
        ("Reason", change.purpose or "[why the change is needed]"),
        ("Compensation", _COMPENSATION),
        ("Hosts", "[names]"),
        ("Valid until", "[date]"),
        ("Approved by", "[name, role, date]"),
    )
    return "\n".join(f"{label}: {escaped(text)}" for label, text in lines)


_COMPENSATION = (
    "The file list, the SBOM and the digests of the change record were reviewed. The SOC was told "
    "which traces the install leaves. The way back was prepared."
)


def _observed(subject: ControlSubject, host: "Host | None", state: HostState) -> str:
    """Return what the facts of the host say about a subject; empty without facts."""
    if host is None:
        return ""
    level = host.acceptance_level
    execution = state.exec_installed_only
    told = {
        ControlSubject.ACCEPTANCE: level.esxcli_name if level else "",
        ControlSubject.EXEC: _switches(at_boot=execution.at_boot, at_runtime=execution.at_runtime),
        ControlSubject.EXEC_ENFORCED: _switch(execution.enforced),
        ControlSubject.SECURE_BOOT: _switch(host.secure_boot),
        ControlSubject.SECURE_BOOT_ENFORCED: _switch(state.requires_secure_boot),
        ControlSubject.TIME: state.time.protocol or "",
    }
    return told[subject] or "not known"


def _switch(value: bool | None) -> str:  # noqa: FBT001 - a fact's value
    return {True: "on", False: "off", None: ""}[value]


def _switches(*, at_boot: bool | None, at_runtime: bool | None) -> str:
    known = [("at boot", at_boot), ("at run time", at_runtime)]
    return ", ".join(f"{_switch(value)} {when}" for when, value in known if value is not None)
