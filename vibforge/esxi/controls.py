"""Controls of hardening guides that a VIB on a host concerns: numbers, and where they are from."""

from enum import StrEnum

from msgspec import Struct

from vibforge.esxi.release import Certainty


class ControlSubject(StrEnum):
    """What a control is about."""

    ACCEPTANCE = "acceptance level"
    EXEC = "execInstalledOnly"
    EXEC_ENFORCED = "execInstalledOnly enforced"
    SECURE_BOOT = "Secure Boot"
    SECURE_BOOT_ENFORCED = "Secure Boot enforced"
    TIME = "time"


class Guide(StrEnum):
    """A guide that has controls."""

    STIG_9 = "STIG VCF 9 ESX"
    STIG_8 = "STIG vSphere 8 ESXi"
    SCG_9 = "SCG 9.0 and 9.1"
    NIST = "NIST 800-53 R5"
    PCI_DSS = "PCI DSS"


class Control(Struct, frozen=True, kw_only=True):
    """One control.

    Attributes:
        subject: what it is about.
        guide: the guide that has it.
        id: its number or name there.
        severity: what its guide says; empty if that is not known here.
        certainty: how sure it is that this number is about this subject.
        source: where that is from.
    """

    subject: ControlSubject
    guide: Guide
    id: str
    severity: str = ""
    certainty: Certainty = Certainty.DOCUMENTED
    source: str


class Evidence(Struct, frozen=True, kw_only=True):
    """How a host shows that it keeps the controls of a subject.

    Attributes:
        asks: what the controls ask for.
        commands: the commands on a host that show it.
    """

    asks: str
    commands: tuple[str, ...]


_STIG = "vmware/dod-compliance-and-automation, 2026-04-20"
_SCG = "vmware/vcf-security-and-compliance-guidelines, 2026-08-07"
_MAPPED = f"{_SCG}: its mappings of esx-9.vib-acceptance-level-supported"
_NOT_ASSIGNED = f"{_SCG}; to which of these subjects it belongs was not read"

_Row = tuple[ControlSubject, str, str]

_STIG_9: tuple[_Row, ...] = (
    (ControlSubject.ACCEPTANCE, "VCFE-9X-000130", "high"),
    (ControlSubject.EXEC, "VCFE-9X-000228", ""),
    (ControlSubject.EXEC_ENFORCED, "VCFE-9X-000229", ""),
    (ControlSubject.SECURE_BOOT, "VCFE-9X-000091", ""),
    (ControlSubject.SECURE_BOOT_ENFORCED, "VCFE-9X-000082", ""),
    (ControlSubject.TIME, "VCFE-9X-000121", ""),
)
_STIG_8: tuple[_Row, ...] = (
    (ControlSubject.ACCEPTANCE, "ESXI-80-000133", "high"),
    (ControlSubject.EXEC, "ESXI-80-000244", "medium"),
    (ControlSubject.SECURE_BOOT, "ESXI-80-000094", ""),
    (ControlSubject.SECURE_BOOT_ENFORCED, "ESXI-80-000085", "medium"),
    (ControlSubject.TIME, "ESXI-80-000124", ""),
)
_SCG_9: tuple[_Row, ...] = (
    (ControlSubject.ACCEPTANCE, "esx-9.vib-acceptance-level-supported", ""),
    (ControlSubject.EXEC, "esx-9.vib-trusted-binaries", ""),
    (ControlSubject.EXEC_ENFORCED, "esx-9.tpm-trusted-binaries", ""),
    (ControlSubject.SECURE_BOOT, "esx-9.hardware-secureboot", ""),
    (ControlSubject.SECURE_BOOT_ENFORCED, "esx-9.secureboot-enforcement", ""),
    (ControlSubject.TIME, "esx-9.time", ""),
)


def _controls(guide: Guide, rows: tuple[_Row, ...], source: str) -> tuple[Control, ...]:
    return tuple(
        Control(subject=subject, guide=guide, id=number, severity=severity, source=source)
        for subject, number, severity in rows
    )


CONTROLS = (
    *_controls(Guide.STIG_9, _STIG_9, _STIG),
    *_controls(Guide.STIG_8, _STIG_8, _STIG),
    *_controls(Guide.SCG_9, _SCG_9, _SCG),
    *_controls(
        Guide.NIST,
        (
            (ControlSubject.ACCEPTANCE, "CM-14", ""),
            (ControlSubject.ACCEPTANCE, "SI-7(15)", ""),
        ),
        _MAPPED,
    ),
    Control(
        subject=ControlSubject.ACCEPTANCE,
        guide=Guide.PCI_DSS,
        id="5.2.3",
        certainty=Certainty.UNKNOWN,
        source=_NOT_ASSIGNED,
    ),
)
"""All controls, guide by guide."""

EVIDENCE = {
    ControlSubject.ACCEPTANCE: Evidence(
        asks="The host's acceptance level is PartnerSupported or higher.",
        commands=(
            "esxcli software acceptance get",
            "esxcli software vib signature verify",
        ),
    ),
    ControlSubject.EXEC: Evidence(
        asks="The host runs only programs that came in signed VIBs.",
        commands=(
            "esxcli system settings kernel list -o execInstalledOnly",
            "esxcli system settings advanced list -o /User/execInstalledOnly",
        ),
    ),
    ControlSubject.EXEC_ENFORCED: Evidence(
        asks="The TPM's boot policy requires execInstalledOnly.",
        commands=("esxcli system settings encryption get",),
    ),
    ControlSubject.SECURE_BOOT: Evidence(
        asks="The host boots with UEFI Secure Boot.",
        commands=("/usr/lib/vmware/secureboot/bin/secureBoot.py -s",),
    ),
    ControlSubject.SECURE_BOOT_ENFORCED: Evidence(
        asks="The TPM's boot policy requires Secure Boot.",
        commands=("esxcli system settings encryption get",),
    ),
    ControlSubject.TIME: Evidence(
        asks="The host takes its time from NTP or PTP; PTP instead of NTP is not a finding.",
        commands=("esxcli system ptp get", "esxcli system ptp stats get"),
    ),
}
"""What the controls of each subject ask for, and the commands that show it."""


def controls_of(subject: ControlSubject) -> tuple[Control, ...]:
    """Return the controls about a subject, guide by guide."""
    return tuple(control for control in CONTROLS if control.subject is subject)
