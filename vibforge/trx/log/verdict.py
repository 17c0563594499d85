"""Hold what logs say against limits, and say what they cannot prove."""

from collections.abc import Iterable, Iterator, Sequence
from enum import StrEnum

from msgspec import Struct

from vibforge.trx.log.clock import ClockLog
from vibforge.trx.log.limits import TimeLimit
from vibforge.trx.log.moments import Moment
from vibforge.trx.log.reading import LogReading

RESULT_FORMAT = "vibforge/trx-log/1"
"""The `format` of what `vibforge trx log --json` prints."""


class Holding(StrEnum):
    """Whether a host kept a limit."""

    KEPT = "kept"
    EXCEEDED = "exceeded"
    NOT_SHOWN = "not shown"


class ErrorBudget(Struct, frozen=True):
    """Errors that no log shows, in nanoseconds; None where nobody named one."""

    reference_error: float | None = None
    """How far the grandmaster itself may be off."""
    asymmetry: float | None = None
    """Half of the difference between the delays of both directions, over the whole path."""

    @property
    def ns(self) -> float:
        """All of them together."""
        return (self.reference_error or 0.0) + (self.asymmetry or 0.0)


class LimitVerdict(Struct, frozen=True):
    """Whether a host kept a limit, and how near it came."""

    limit: TimeLimit
    host: str
    holding: Holding
    measured: float | None
    """The worst of ptp4l and the worst of phc2sys together, in nanoseconds."""
    worst_at: Moment | None
    """When the larger of both was."""
    total: float | None
    """With the budget added."""
    reasons: tuple[str, ...]
    """Why it is not shown, or what is not covered."""

    @property
    def good(self) -> bool:
        """Whether it was kept."""
        return self.holding is Holding.KEPT


class Judgement(Struct, frozen=True):
    """The verdicts of all hosts on all limits."""

    budget: ErrorBudget
    verdicts: tuple[LimitVerdict, ...]

    @property
    def good(self) -> bool:
        """Whether every limit was kept by every host; so too where there is none."""
        return all(verdict.good for verdict in self.verdicts)


def judge(reading: LogReading, limits: Iterable[TimeLimit], budget: ErrorBudget) -> Judgement:
    """Hold every host against every limit."""
    hosts: dict[str, list[ClockLog]] = {host: [] for host in reading.hosts}
    for clock in reading.clocks:
        hosts[clock.key.host].append(clock)
    return Judgement(
        budget,
        tuple(
            _verdict(limit, host, clocks, budget)
            for limit in limits
            for host, clocks in sorted(hosts.items())
        ),
    )


def _verdict(
    limit: TimeLimit, host: str, clocks: Sequence[ClockLog], budget: ErrorBudget
) -> LimitVerdict:
    worst = _worst_of_programs(clocks)
    missing = tuple(_not_shown(clocks))
    measured = float(sum(ns for ns, _ in worst)) if worst else None
    total = None if measured is None else measured + budget.ns
    if total is not None and total > limit.ns:
        holding = Holding.EXCEEDED
    else:
        holding = Holding.NOT_SHOWN if missing else Holding.KEPT
    return LimitVerdict(
        limit=limit,
        host=host,
        holding=holding,
        measured=measured,
        worst_at=max(worst, key=lambda pair: pair[0])[1] if worst else None,
        total=total,
        reasons=missing or tuple(_not_covered(clocks)),
    )


def _worst_of_programs(clocks: Sequence[ClockLog]) -> list[tuple[int, Moment]]:
    """Return the worst of each program: phc2sys follows the clock that ptp4l sets, so both add."""
    worst: dict[str, tuple[int, Moment]] = {}
    for clock in clocks:
        found = clock.worst
        if found and found.nanoseconds > worst.get(clock.key.program, (-1,))[0]:
            worst[clock.key.program] = (found.nanoseconds, found.at)
    return list(worst.values())


def _not_shown(clocks: Sequence[ClockLog]) -> Iterator[str]:
    """Yield why nothing is shown, even if all that was measured is within the limit."""
    if not any(clock.key.program == "ptp4l" for clock in clocks):
        yield "no measurement of ptp4l is in the log: nothing compares this host with a grandmaster"
    for clock in clocks:
        name = f"{clock.key.program} {clock.key.clock}"
        if clock.first_lock is None:
            yield f"{name} was never locked"
        elif not clock.locked_at_end:
            yield f"{name} is not locked at the end of the log"


def _not_covered(clocks: Sequence[ClockLog]) -> Iterator[str]:
    for clock in clocks:
        if clock.gap_seconds:
            yield (
                f"{clock.key.program} {clock.key.clock}: nothing was measured for"
                f" {clock.gap_seconds:.0f} s in {clock.gaps} gaps"
            )


def cannot_prove(budget: ErrorBudget) -> tuple[str, ...]:
    """Say what no log of these programs proves."""
    asymmetry = _budgeted(budget.asymmetry, "--asymmetry")
    reference = _budgeted(budget.reference_error, "--reference-error")
    return (
        f"The offset is the client's own estimate: {_PATH} ({asymmetry}).",
        f"It is the offset from the grandmaster, not from UTC: {_REFERENCE} ({reference}).",
        "Between two lines, and in gaps, nobody measured.",
        f"On ESXi {_HAND_OVER}.",
    )


_PATH = "a difference between the delays of both directions is not in it"
_REFERENCE = "the grandmaster's own error is not in it"
_HAND_OVER = (
    "a third program, sys2vmw, hands the time to the host; its error is in no line that is"
    " publicly known"
)


def _budgeted(ns: float | None, option: str) -> str:
    return f"0 here; {option} adds it" if ns is None else f"{ns:g} ns by {option}"
