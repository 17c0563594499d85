"""Check a host by its facts: whether it is as its VIBs were built, and keeps time as intended."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from msgspec import Struct

from vibforge.errors import FormatError
from vibforge.host.facts import read_facts
from vibforge.host.host import Host
from vibforge.host.host_state import HostState, read_state
from vibforge.host.own_log import read_own_log
from vibforge.host.timekeeping import (
    ConfState,
    Timekeeping,
    TimeVerdict,
    judge_time,
    read_log_result,
)
from vibforge.packages.drift import Drift, find_drift
from vibforge.packages.subjects import opened
from vibforge.trx.log.limits import TimeLimit
from vibforge.vib.archive import Vib


class HostCheck(Struct, frozen=True, kw_only=True):
    """What the facts of a host say, compared with VIBs and with the result of a clock log."""

    where: str
    host: Host
    state: HostState
    drifts: tuple[Drift, ...]
    time: TimeVerdict

    @property
    def good(self) -> bool:
        """Whether no VIB has drifted, and time is kept if PTP is intended."""
        return all(drift.good for drift in self.drifts) and (
            self.time.verdict is Timekeeping.YES or not self.time.is_intended
        )


def check_host(  # noqa: PLR0913 - each is one thing that is compared
    facts: bytes,
    vibs: Iterable[Path] = (),
    log_result: bytes | None = None,
    *,
    limits: Sequence[TimeLimit] = (),
    where: str = "facts.json",
    log_where: str = "log.json",
) -> HostCheck:
    """Check a host.

    Args:
        facts: what the host script wrote.
        vibs: VIBs that should be installed as they were built.
        log_result: what `vibforge trx log --json` printed of the host's log; if None, the lines of
            trx.log among the facts are read.
        limits: limits that these lines must show as kept.
        where: what errors call the facts.
        log_where: what errors call the result of the log.

    Raises:
        ModelError: the facts or the result of the log cannot be read.
        FormatError: a VIB cannot be read.
    """
    host, state = read_facts(facts, where), read_state(facts, where)
    drifts = tuple(_drift(path, host, state) for path in vibs)
    if log_result is None:
        log = read_own_log(state, limits)
    else:
        log = read_log_result(log_result, state.host_name, log_where)
    return HostCheck(
        where=where,
        host=host,
        state=state,
        drifts=drifts,
        time=judge_time(state, _settings(drifts), log),
    )


def _drift(path: Path, host: Host, state: HostState) -> Drift:
    with opened(path) as subjects:
        subject = subjects[0] if len(subjects) == 1 else None
        if not isinstance(subject, Vib):
            raise FormatError(
                "this is not a VIB",
                where=str(path),
                remedy="give the VIB itself, or the build.json beside it",
            )
        return find_drift(subject, host, state)


def _settings(drifts: Sequence[Drift]) -> ConfState:
    """Return the worst that VIBs say of trx.conf."""
    found = {drift.settings for drift in drifts}
    order = (ConfState.CHANGED, ConfState.NOT_KNOWN, ConfState.AS_BUILT)
    return next((each for each in order if each in found), ConfState.NOT_ASKED)
