"""Whether a host keeps time by PTP as intended, from what it says and from its clock log."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from msgspec import Struct

from vibforge.errors import ModelError
from vibforge.esxi.paths import TRX_CONF, host_path
from vibforge.host.host_state import HostFileKind, HostState
from vibforge.trx.log.verdict import RESULT_FORMAT, Holding

LOG_RESULT_LIMIT = 64 * 1024 * 1024
"""Bytes of what `vibforge trx log --json` prints."""
FRESH = 600
"""Seconds: a clock log that is older than that says nothing of the present."""
_NOT_INTENDED = (
    "whether this host is to keep time by PTP: its service, protocol and trx.conf do not say so,"
    " and no VIB with a trx.conf and no clock log was given"
)
_MAKE_LOG = "give what `vibforge trx log --json` prints of this host's log"


class Timekeeping(StrEnum):
    """Whether a host keeps time as intended."""

    YES = "yes"
    NO = "no"
    NOT_KNOWN = "not known"


class ConfState(StrEnum):
    """How the trx.conf on a host compares with the one that was built."""

    AS_BUILT = "as built"
    CHANGED = "changed"
    NOT_KNOWN = "not known"
    NOT_ASKED = "not asked"
    """No VIB was given, or one without a trx.conf."""


class LoggedClock(Struct, frozen=True, kw_only=True):
    """A clock of the log, as `vibforge trx log` reports it."""

    program: str
    clock: str
    is_locked: bool
    """At the end of the log."""


class LoggedLimit(Struct, frozen=True, kw_only=True):
    """A limit and whether it was kept: the word of a `Holding`."""

    name: str
    verdict: str


class LogResult(Struct, frozen=True, kw_only=True):
    """What `vibforge trx log` says of one host."""

    clocks: tuple[LoggedClock, ...] = ()
    limits: tuple[LoggedLimit, ...] = ()


class TimeVerdict(Struct, frozen=True, kw_only=True):
    """Whether a host keeps time as intended, and why."""

    verdict: Timekeeping
    is_intended: bool
    """Whether anything says that the host is to keep time by PTP."""
    shown: tuple[str, ...] = ()
    """What speaks for it."""
    against: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    """What would have to be known to say yes."""
    unchecked: tuple[str, ...] = ()
    """What nobody asked to check; it does not stop a yes."""


def judge_time(state: HostState, settings: ConfState, log: LogResult | None) -> TimeVerdict:
    """Say whether a host keeps time as intended.

    Yes needs a running PTP service and a fresh log in which every clock is locked at the end. One
    thing that speaks against it is enough for a no.
    """
    if not _is_intended(state, settings, log):
        return TimeVerdict(
            verdict=Timekeeping.NOT_KNOWN, is_intended=False, missing=(_NOT_INTENDED,)
        )
    against = (*_told_against(state), *_settings_against(settings), *_log_against(log))
    missing = (*_not_told(state), *_settings_missing(settings), *_log_missing(state, log))
    return TimeVerdict(
        verdict=(
            Timekeeping.NO if against else Timekeeping.NOT_KNOWN if missing else Timekeeping.YES
        ),
        is_intended=True,
        shown=tuple(_shown(state, settings, log)),
        against=against,
        missing=missing,
        unchecked=tuple(_unchecked(settings, log)),
    )


def _is_intended(state: HostState, settings: ConfState, log: LogResult | None) -> bool:
    time = state.time
    conf = (state.files or {}).get(host_path(TRX_CONF))
    return (
        settings is not ConfState.NOT_ASKED
        or log is not None
        or time.protocol == "ptp"
        or time.service.is_running is True
        or time.service.policy == "on"
        or (conf is not None and conf.kind is HostFileKind.FILE)
    )


def _told_against(state: HostState) -> Iterator[str]:
    time = state.time
    if time.service.is_running is False:
        yield "the PTP service does not run"
    if time.is_enabled is False:
        yield "the host's time services are switched off"
    if time.protocol not in {None, "ptp"}:
        yield f"the host follows {time.protocol}, not ptp"
    if time.is_in_fallback:
        yield "PTP has failed, and NTP provides the time"
    if time.is_synchronised is False:
        yield "the host says that its time is not synchronised"


def _not_told(state: HostState) -> Iterator[str]:
    if state.time.service.is_running is None:
        yield "whether the PTP service runs"


def _settings_against(settings: ConfState) -> Iterator[str]:
    if settings is ConfState.CHANGED:
        yield "/etc/vmware/trx.conf is not the one that was built"


def _settings_missing(settings: ConfState) -> Iterator[str]:
    if settings is ConfState.NOT_KNOWN:
        yield "whether /etc/vmware/trx.conf is the one that was built"


def _log_against(log: LogResult | None) -> Iterator[str]:
    for clock in log.clocks if log else ():
        if not clock.is_locked:
            yield f"{clock.program} {clock.clock} is not locked at the end of the log"
    for limit in log.limits if log else ():
        if limit.verdict == Holding.EXCEEDED:
            yield f"the log exceeds the limit {limit.name}"


def _log_missing(state: HostState, log: LogResult | None) -> Iterator[str]:
    if log is None:
        yield (
            "what its clock log says: no line of ptp4l is among the facts; give the result of"
            " `vibforge trx log --json` as --trx-log"
        )
        return
    if not any(clock.program == "ptp4l" for clock in log.clocks):
        yield "how far the host is from its grandmaster: no clock of ptp4l is in the log"
    for limit in log.limits:
        if limit.verdict not in {Holding.KEPT, Holding.EXCEEDED}:
            yield f"whether the limit {limit.name} was kept: the log does not show it"
    age = log_age(state)
    if age is None:
        yield "whether trx.log still grew when the facts were collected"
    elif age > FRESH:
        yield f"what happened in the last {age} seconds, for which nothing was written to trx.log"


def log_age(state: HostState) -> int | None:
    """Return the seconds between the last line of trx.log and the facts; None if not known."""
    if state.collected_at is None or state.trx_log is None or state.trx_log.modified is None:
        return None
    try:
        modified = datetime.fromtimestamp(state.trx_log.modified, UTC)
    except (ValueError, OverflowError, OSError):
        return None
    return max(0, int((state.collected_at - modified).total_seconds()))


def _shown(state: HostState, settings: ConfState, log: LogResult | None) -> Iterator[str]:
    if state.time.service.is_running:
        yield "the PTP service runs"
    if state.time.is_synchronised:
        yield "the host says that its time is synchronised"
    if settings is ConfState.AS_BUILT:
        yield "/etc/vmware/trx.conf is the one that was built"
    for clock in log.clocks if log else ():
        if clock.is_locked:
            yield f"{clock.program} {clock.clock} is locked at the end of the log"
    for limit in log.limits if log else ():
        if limit.verdict == Holding.KEPT:
            yield f"the log keeps the limit {limit.name}"


def _unchecked(settings: ConfState, log: LogResult | None) -> Iterator[str]:
    if settings is ConfState.NOT_ASKED:
        yield "whether trx.conf is the one that was built: no VIB with a trx.conf was given"
    if log is not None and not log.limits:
        yield "how exact the time is: no --limit was given"


def read_log_result(
    document: bytes, host_name: str | None = None, where: str = "log.json"
) -> LogResult:
    """Read what `vibforge trx log --json` printed, for one host.

    Args:
        document: the JSON.
        host_name: the host that is meant, if the logs of several were read.
        where: what errors call the document.

    Raises:
        ModelError: it is not such JSON, or it is about several hosts and none has this name.
    """
    try:
        given = json.loads(document.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise ModelError(f"not JSON: {error}", where=where, remedy=_MAKE_LOG) from error
    if not isinstance(given, dict) or given.get("format") != RESULT_FORMAT:
        raise ModelError(
            f"this is no result of a clock log: its format is not {RESULT_FORMAT!r}",
            where=where,
            remedy=_MAKE_LOG,
        )
    clocks, verdicts = (_tables(given.get(name)) for name in ("clocks", "verdicts"))
    host = _meant({str(each.get("host_name")) for each in (*clocks, *verdicts)}, host_name, where)
    return LogResult(
        clocks=tuple(
            LoggedClock(
                program=str(each.get("program")),
                clock=str(each.get("clock")),
                is_locked=each.get("locked_at_end") is True,
            )
            for each in clocks
            if str(each.get("host_name")) == host
        ),
        limits=tuple(
            LoggedLimit(name=str(each.get("limit")), verdict=str(each.get("verdict")))
            for each in verdicts
            if str(each.get("host_name")) == host
        ),
    )


def _tables(value: object) -> list[dict[str, Any]]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def _meant(hosts: set[str], host_name: str | None, where: str) -> str:
    """Return the host of a log that is meant: the only one, or the one of this name."""
    if len(hosts) <= 1:
        return next(iter(hosts), "")
    wanted = (host_name or "").lower()
    named = [host for host in sorted(hosts) if host.lower() in {wanted, wanted.split(".")[0]}]
    if not named or not wanted:
        raise ModelError(
            f"the clock logs of {len(hosts)} hosts, and none is called {host_name or '?'!r:.80}",
            where=where,
            remedy="read the log of this host alone",
        )
    return named[0]
