"""What a change of software leaves in a host's logs, and whose detection rules fire on it.

Nothing here was tried on a host: the names are from the vendor's lists of events for 8.0 U3 and 9.0
and from its guides, the rules from what their publishers show.
"""

from collections.abc import Iterable
from enum import StrEnum

from msgspec import Struct

from vibforge.esxi.release import Certainty


class Act(StrEnum):
    """What an administrator does that a host records."""

    INSTALL = "install a VIB"
    REMOVE = "remove a VIB"
    COMPONENT = "apply a component"
    FORCE = "--force"
    NO_SIG_CHECK = "--no-sig-check"
    NO_SIG_CHECK_SECURE_BOOT = "--no-sig-check with Secure Boot on"
    NO_LIVE_INSTALL = "--no-live-install"
    MAINTENANCE_MODE = "--maintenance-mode"
    DRY_RUN = "--dry-run"
    LEVEL = "change the host's acceptance level"
    EXEC_OFF = "turn execInstalledOnly off at run time"
    FOREIGN_PROGRAM = "start a program that no VIB installed"


class TraceKind(StrEnum):
    """Where a trace is found."""

    AUDIT_RECORD = "audit record"
    EVENT = "event"
    LOG_LINE = "log line"


class Trace(Struct, frozen=True, kw_only=True):
    """One thing that an act leaves on the host.

    Attributes:
        act: what was done.
        kind: where the trace is found.
        name: the name of the record or event, or the words of the line; `?` if none is known.
        says: what its text says, or what is known about it.
        certainty: how sure it is that this act leaves this trace.
        source: where that is from.
    """

    act: Act
    kind: TraceKind
    name: str
    says: str
    certainty: Certainty
    source: str


class Detection(Struct, frozen=True, kw_only=True):
    """A published rule or guide that raises an alarm.

    Attributes:
        name: the title that its publisher gives it.
        publisher: who publishes it.
        id: its identifier, as far as it is known.
        acts: the acts on which it fires; empty if it looks at files and not at acts.
        priority: how it rates a hit; empty if it does not say so.
        matches: what it looks for.
        technique: the MITRE ATT&CK technique that it names.
        certainty: how sure it is that it fires on these acts.
        source: where that is from.
    """

    name: str
    publisher: str
    id: str = ""
    acts: frozenset[Act] = frozenset()
    priority: str = ""
    matches: tuple[str, ...] = ()
    technique: str = ""
    certainty: Certainty
    source: str


UNKNOWN = "?"
"""The name of a trace that nobody has published."""

_EVENTS = "vendor's lists of events, 8.0 U3 and 9.0"
_AUDIT = "vendor's documentation of audit records"
_FLAG_BY_WORDING = f"{_EVENTS}; which flag leaves it is inferred from its wording"
_BRICKSTORM = "vendor's BRICKSTORM detection guide"
_SPLUNK = "Splunk Security Content"
_NOT_FOUND = "no published record of its own was found; the traces of the install remain"
_OVERRIDE = (
    "severity INFO; NOTICE if the validation of signatures was overridden, as --force and "
    "--no-sig-check do"
)


def _records(act: Act, middle: str) -> tuple[Trace, ...]:
    """Return the audit records around a change."""
    return tuple(
        Trace(
            act=act,
            kind=TraceKind.AUDIT_RECORD,
            name=f"system.update.{step}",
            says=_OVERRIDE,
            certainty=Certainty.DOCUMENTED,
            source=_AUDIT,
        )
        for step in ("start", middle, "end")
    )


def _event(
    act: Act,
    name: str,
    says: str,
    certainty: Certainty = Certainty.DOCUMENTED,
    source: str = _EVENTS,
) -> Trace:
    return Trace(
        act=act, kind=TraceKind.EVENT, name=name, says=says, certainty=certainty, source=source
    )


def _of_flag(act: Act, event: str, says: str) -> Trace:
    return _event(
        act, f"esx.audit.esximage.install.{event}", says, Certainty.INFERRED, _FLAG_BY_WORDING
    )


def _open(act: Act) -> Trace:
    return _event(act, UNKNOWN, _NOT_FOUND, Certainty.UNKNOWN, "not published")


def _line(act: Act, name: str, says: str, source: str) -> Trace:
    return Trace(
        act=act,
        kind=TraceKind.LOG_LINE,
        name=name,
        says=says,
        certainty=Certainty.DOCUMENTED,
        source=source,
    )


TRACES = (
    *_records(Act.INSTALL, "add"),
    _event(
        Act.INSTALL, "esx.audit.esximage.vib.install.successful", "names the VIB that was installed"
    ),
    *_records(Act.REMOVE, "remove"),
    _event(
        Act.REMOVE, "esx.audit.esximage.vib.remove.successful", "names the VIB that was removed"
    ),
    _event(Act.COMPONENT, "esx.audit.esximage.software.apply.succeeded", "a component was applied"),
    _of_flag(Act.FORCE, "novalidation", "“… with validation disabled”"),
    _of_flag(
        Act.NO_SIG_CHECK,
        "nosigcheck",
        "“… bypassing signing and acceptance level verification”",
    ),
    _of_flag(Act.NO_SIG_CHECK, "securityalert", "a security alert about the same install"),
    _line(
        Act.NO_SIG_CHECK,
        "acceptance level checking disabled",
        "in esxupdate.log",
        _BRICKSTORM,
    ),
    _of_flag(
        Act.NO_SIG_CHECK_SECURE_BOOT,
        "nobypasssigcheck",
        "the host does not skip the check because Secure Boot is on",
    ),
    _open(Act.NO_LIVE_INSTALL),
    _open(Act.MAINTENANCE_MODE),
    _open(Act.DRY_RUN),
    _event(
        Act.LEVEL,
        "esx.audit.esximage.hostacceptance.changed",
        "names the old and the new level",
    ),
    _line(
        Act.LEVEL,
        "esxcli software acceptance set",
        "in the log of the ESXi Shell, if it was typed there; whether a command in a script is "
        "logged there is not known",
        _SPLUNK,
    ),
    _event(
        Act.EXEC_OFF,
        "esx.audit.uw.security.User.ExecInstalledOnly.disabled",
        "and vCenter shows a warning",
    ),
    _event(
        Act.FOREIGN_PROGRAM,
        "esx.audit.uw.security.execInstalledOnly.violation",
        "“Execution of unknown (non VIB installed) binary '…' prevented”; with the ending "
        ".warning where the host only warns",
    ),
)
"""Every known trace, in the order of the acts."""

_T1505 = "T1505.006 vSphere Installation Bundles"

DETECTIONS = (
    Detection(
        name="changes of software outside a maintenance window",
        publisher=_BRICKSTORM,
        acts=frozenset({Act.INSTALL, Act.REMOVE}),
        priority="CRITICAL outside a maintenance window",
        matches=("esx.audit.esximage.vib.install.successful", "system.update.add"),
        certainty=Certainty.DOCUMENTED,
        source=_BRICKSTORM,
    ),
    Detection(
        name="ESXi Malicious VIB Forced Install",
        publisher=_SPLUNK,
        id="5d4d2cd2",
        acts=frozenset({Act.FORCE, Act.NO_SIG_CHECK}),
        matches=(
            "image profile with validation disabled.",
            "image profile bypassing signing and acceptance level verification.",
            "vib without valid signature,",
        ),
        technique=_T1505,
        certainty=Certainty.INFERRED,
        source="its published search; the events that it matches belong to these flags by wording",
    ),
    Detection(
        name="signature checks bypassed",
        publisher=_BRICKSTORM,
        acts=frozenset({Act.NO_SIG_CHECK}),
        priority="CRITICAL; the group UNC5221 uses this flag",
        matches=(
            "esx.audit.esximage.install.nosigcheck",
            "acceptance level checking disabled",
        ),
        certainty=Certainty.DOCUMENTED,
        source=_BRICKSTORM,
    ),
    Detection(
        name="ESXi VIB Acceptance Level Tampering",
        publisher=_SPLUNK,
        id="d051d94f",
        acts=frozenset({Act.LEVEL}),
        matches=("esxcli software acceptance set",),
        certainty=Certainty.DOCUMENTED,
        source="its published search, version 6 of 2026-05-13",
    ),
    Detection(
        name="Security Feature Disabled",
        publisher=_BRICKSTORM,
        acts=frozenset({Act.EXEC_OFF}),
        priority="CRITICAL",
        matches=("esx.audit.uw.security.User.ExecInstalledOnly.disabled",),
        certainty=Certainty.DOCUMENTED,
        source=_BRICKSTORM,
    ),
    Detection(
        name="execInstalledOnly Violation",
        publisher=_BRICKSTORM,
        acts=frozenset({Act.FOREIGN_PROGRAM}),
        priority="CRITICAL",
        matches=("esx.audit.uw.security.execInstalledOnly.violation",),
        certainty=Certainty.DOCUMENTED,
        source=_BRICKSTORM,
    ),
)
"""The rules that fire on acts."""

DESCRIPTOR_RULE = Detection(
    name="MAL_VIB_FireAnt_VIRTUALPITA_Persistence",
    publisher="public YARA rule of 2025-07",
    matches=(
        "a descriptor that begins with <?xml and is smaller than 20 kB",
        "level partner",
        "a path below /etc/rc.local.d/, or live removal not allowed",
    ),
    technique=_T1505,
    certainty=Certainty.DOCUMENTED,
    source="the rule as published; descriptors as VMware writes them have no <?xml",
)
"""A rule that looks at descriptor.xml; `is_descriptor_hit` evaluates it."""
CODE_RULE = Detection(
    name="M_APT_VIRTUALPITA_1",
    publisher="Florian Roth's signature-base, YARA",
    matches=("machine code of the malware in programs",),
    certainty=Certainty.UNKNOWN,
    source="signature-base; vibforge does not evaluate it: run YARA on the payloads",
)
"""A rule that looks at programs."""

_DESCRIPTOR_RULE_LIMIT = 20_000
_RC_LOCAL = "etc/rc.local.d/"

WATCHED_PATHS = (
    (("etc/rc.local.d/",), "runs at each boot"),
    (("etc/init.d/",), "runs at each boot"),
    (("bin/", "usr/bin/"), "is a program in the search path"),
    (("var/spool/cron/", "etc/cron"), "runs by the clock"),
    (("etc/vmware/firewall/",), "opens the firewall at boot"),
)
"""Beginnings of paths that the vendor and Mandiant (2022) advise to look at, and why."""


def traces_of(act: Act) -> tuple[Trace, ...]:
    """Return what an act leaves on the host."""
    return tuple(trace for trace in TRACES if trace.act is act)


def detections_of(act: Act) -> tuple[Detection, ...]:
    """Return the rules that fire on an act."""
    return tuple(rule for rule in DETECTIONS if act in rule.acts)


def is_descriptor_hit(
    descriptor: bytes, level: str, paths: Iterable[str], *, live_remove_allowed: bool
) -> bool:
    """Whether `DESCRIPTOR_RULE` fires on a descriptor.

    Args:
        descriptor: descriptor.xml.
        level: the level in it, in the descriptor's word.
        paths: the paths of its file list.
        live_remove_allowed: whether it allows to remove the VIB live.
    """
    starts = any(path.lstrip("/").startswith(_RC_LOCAL) for path in paths)
    return (
        descriptor.startswith(b"<?xml")
        and len(descriptor) < _DESCRIPTOR_RULE_LIMIT
        and level == "partner"
        and (starts or not live_remove_allowed)
    )


def why_watched(path: str) -> str:
    """Return why hunters look at a path; empty if it is none of theirs."""
    relative = path.lstrip("/")
    return next((why for starts, why in WATCHED_PATHS if relative.startswith(starts)), "")
