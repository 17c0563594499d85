"""What a running host said of its files, its protection and its time; None is not known.

The host script of `vibforge host-facts` collects it, from its second version on.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from msgspec import Struct

from vibforge.host.facts import fields_of, read_document

FILE_LIMIT = 5_000
"""Files of a host's facts that are read; the script names 2,000 at most."""
LINE_LIMIT = 70_000
"""Lines of trx.log that are read; the script sends its last 64 KiB."""
_TEXT_LIMIT = 300
_TABLE_LIMIT = 60
_CONFIGURATION_LIMIT = 1_000
_LARGEST = 2**53


class HostFileKind(StrEnum):
    """What a path leads to on a host."""

    FILE = "file"
    LINK = "link"
    FOLDER = "folder"
    OTHER = "other"
    MISSING = "missing"
    NOT_KNOWN = "not looked at"


class HostFile(Struct, frozen=True, kw_only=True):
    """A path on a host."""

    kind: HostFileKind
    mode: int | None = None
    size: int | None = None
    modified: int | None = None
    """Seconds since 1970."""
    sha256: str | None = None
    link: str | None = None
    """Where a link leads."""
    sticky_copy: "HostFile | None" = None
    """The copy `.#NAME`, in which ESXi keeps an edited sticky file; MISSING if there is none."""


class ExecInstalledOnly(Struct, frozen=True, kw_only=True):
    """Whether the host runs programs of VIBs only."""

    at_boot: bool | None = None
    """The kernel's boot option execInstalledOnly, as it is in effect since this boot."""
    at_next_boot: bool | None = None
    """The same option as it is configured."""
    at_runtime: bool | None = None
    """The option /User/execInstalledOnly."""
    enforced: bool | None = None
    """Whether the TPM's boot policy asks for it."""


class PtpService(Struct, frozen=True, kw_only=True):
    """The service of PTP, as the host's configuration lists it."""

    is_running: bool | None = None
    policy: str | None = None
    """When it starts: `on`, `off` or `automatic`."""


class HostTime(Struct, frozen=True, kw_only=True):
    """What the host says of its time. The names in tables are the host's own."""

    protocol: str | None = None
    """`ptp` or `ntp`."""
    is_enabled: bool | None = None
    """Whether the time services are on."""
    is_synchronised: bool | None = None
    is_in_fallback: bool | None = None
    """Whether NTP provides the time because PTP failed."""
    last_sync: str | None = None
    service: PtpService = PtpService()
    ptp: Mapping[str, str] | None = None
    """What `esxcli system ptp get` printed, and `stats get`; which fields it has is not public."""
    processes: tuple[str, ...] | None = None
    """Processes of PTP that were running."""


class LogTail(Struct, frozen=True, kw_only=True):
    """The end of /var/run/log/trx.log; bytes that are no UTF-8 are surrogates."""

    size: int | None = None
    modified: int | None = None
    lines: tuple[str, ...] = ()


class HostState(Struct, frozen=True, kw_only=True):
    """What a host said of itself when the facts were collected."""

    host_name: str | None = None
    collected_at: datetime | None = None
    """By the host's own clock."""
    files: Mapping[str, HostFile] | None = None
    """By absolute path; None if the script did not look at files."""
    requires_secure_boot: bool | None = None
    """Whether the TPM's boot policy asks for Secure Boot."""
    exec_installed_only: ExecInstalledOnly = ExecInstalledOnly()
    time: HostTime = HostTime()
    trx_log: LogTail | None = None
    """None if there is no such log, or nobody looked."""


def read_state(document: bytes, where: str = "facts.json") -> HostState:
    """Read what the host script tells besides the facts of a plan.

    A value of the wrong kind counts as not known, and so does what an older script did not ask.

    Raises:
        ModelError: it is not JSON, or no file of facts.
    """
    given = read_document(document, where).get("collected")
    told: dict[str, Any] = given if isinstance(given, dict) else {}
    encryption = fields_of(told.get("encryption"))
    return HostState(
        host_name=_text(told.get("host_name")),
        collected_at=_moment(told.get("time_of_day")),
        files=_files(told.get("files")),
        requires_secure_boot=_switch(encryption.get("requiresecureboot")),
        exec_installed_only=_exec_installed_only(told, encryption),
        time=_time(told),
        trx_log=_log(told.get("trx_log")),
    )


def _text(value: object, most: int = _TEXT_LIMIT) -> str | None:
    return value.strip()[:most] if isinstance(value, str) and value.strip() else None


def _number(value: object) -> int | None:
    is_number = isinstance(value, int) and not isinstance(value, bool)
    return int(value) if is_number and 0 <= value < _LARGEST else None  # type: ignore[call-overload,operator]


def _switch(value: object) -> bool | None:
    """Read a switch in each form in which commands of hosts print it."""
    if isinstance(value, bool):
        return value
    if isinstance(value, int):
        return {0: False, 1: True}.get(value)
    words = {"true": True, "false": False, "1": True, "0": False}
    return words.get(value.strip().lower()) if isinstance(value, str) else None


def _moment(value: object) -> datetime | None:
    try:
        return datetime.strptime(str(value), "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    except ValueError:
        return None


_DIGEST = re.compile(r"[0-9a-f]{64}")
_MODE = re.compile(r"[0-7]{1,4}")
_KINDS = {kind.value: kind for kind in HostFileKind}


def _files(value: object) -> dict[str, HostFile] | None:
    if not isinstance(value, list):
        return None
    found: dict[str, HostFile] = {}
    for entry in value[:FILE_LIMIT]:
        path = entry.get("path") if isinstance(entry, dict) else None
        if isinstance(path, str):
            found[path] = _file(entry, is_copy=False)
    return found


def _file(value: object, *, is_copy: bool) -> HostFile:
    facts: dict[str, Any] = value if isinstance(value, dict) else {}
    kind, mode, sha256 = facts.get("kind"), facts.get("mode"), facts.get("sha256")
    known_kind = _KINDS.get(kind) if isinstance(kind, str) else None
    copy = None if is_copy else _file(facts.get("sticky_copy"), is_copy=True)
    return HostFile(
        kind=known_kind or HostFileKind.NOT_KNOWN,
        mode=int(mode, 8) if isinstance(mode, str) and _MODE.fullmatch(mode) else None,
        size=_number(facts.get("size")),
        modified=_number(facts.get("modified")),
        sha256=sha256 if isinstance(sha256, str) and _DIGEST.fullmatch(sha256) else None,
        link=_text(facts.get("link"), most=4096),
        sticky_copy=copy,
    )


def _exec_installed_only(
    told: Mapping[str, Any], encryption: Mapping[str, Any]
) -> ExecInstalledOnly:
    boot = fields_of(_first(told.get("exec_installed_only_boot")))
    runtime = fields_of(_first(told.get("exec_installed_only_runtime")))
    return ExecInstalledOnly(
        at_boot=_switch(boot.get("runtime")),
        at_next_boot=_switch(boot.get("configured")),
        at_runtime=_switch(runtime.get("intvalue")),
        enforced=_switch(encryption.get("requireexecutablesonlyfrominstalledvibs")),
    )


def _first(value: object) -> object:
    return value[0] if isinstance(value, list) and value else None


def _time(told: Mapping[str, Any]) -> HostTime:
    lines = _lines(told.get("host_configuration"), _CONFIGURATION_LIMIT) or ()
    date_time = dict(_members(_block(lines, "dateTimeInfo")))
    return HostTime(
        protocol=date_time.get("systemClockProtocol"),
        is_enabled=_switch(date_time.get("enabled")),
        is_synchronised=_switch(date_time.get("serviceSync")),
        is_in_fallback=_switch(date_time.get("inFallbackState")),
        last_sync=date_time.get("lastSyncTime"),
        service=_ptp_service(_block(lines, "service")),
        ptp=_ptp(told),
        processes=_lines(told.get("processes"), _TABLE_LIMIT),
    )


def _lines(value: object, most: int) -> tuple[str, ...] | None:
    if not isinstance(value, list):
        return None
    return tuple(line for line in value[:most] if isinstance(line, str))


_MEMBER = re.compile(r'( *)(\w+) = (?:"([^"]*)"|([^,"{\[(]+)),?')


def _block(lines: Sequence[str], name: str) -> list[str]:
    """Return the lines of a member of the host's configuration, as vim-cmd indents them."""
    start = next((at for at, line in enumerate(lines) if line.startswith(f"   {name} = (")), None)
    if start is None:
        return []
    rest = lines[start + 1 :]
    end = next((at for at, line in enumerate(rest) if line.startswith("   }")), len(rest))
    return list(rest[:end])


def _members(block: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Yield the plain members of a block, none of the objects inside it; `<unset>` is none."""
    for line in block:
        match = _MEMBER.fullmatch(line.rstrip())
        if match and len(match[1]) == _INDENT:
            value = match[4].strip() if match[3] is None else match[3]
            if value != "<unset>":
                yield match[2], value[:_TEXT_LIMIT]


_INDENT = 6
"""Blanks before a member of `dateTimeInfo`."""


def _ptp_service(block: Sequence[str]) -> PtpService:
    service: dict[str, str] = {}
    for line in [*block, "(vim.host.Service)"]:
        if "(vim.host.Service)" in line:
            if service.get("label", "").lower() == "ptp daemon" or service.get("key") == "ptpd":
                return PtpService(
                    is_running=_switch(service.get("running")), policy=service.get("policy")
                )
            service = {}
        elif match := _MEMBER.fullmatch(line.rstrip()):
            value = match[4].strip() if match[3] is None else match[3]
            service.setdefault(match[2], value[:_TEXT_LIMIT])
    return PtpService()


def _ptp(told: Mapping[str, Any]) -> dict[str, str] | None:
    tables = [_first(told[name]) or told[name] for name in ("ptp", "ptp_stats") if told.get(name)]
    found = {
        str(name)[:_TEXT_LIMIT]: str(value)[:_TEXT_LIMIT]
        for table in tables
        if isinstance(table, dict)
        for name, value in list(table.items())[:_TABLE_LIMIT]
    }
    return found or None


def _log(value: object) -> LogTail | None:
    if not isinstance(value, dict):
        return None
    return LogTail(
        size=_number(value.get("size")),
        modified=_number(value.get("modified")),
        lines=_lines(value.get("lines"), LINE_LIMIT) or (),
    )
