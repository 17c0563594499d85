"""All that is found out about clock logs, in one value: for reports, pages and programs."""

from collections.abc import Sequence

from msgspec import Struct

from vibforge.trx.log.clock import ClockKey
from vibforge.trx.log.limits import TimeLimit
from vibforge.trx.log.reading import LogReading
from vibforge.trx.log.stability import StabilityPoint, stability
from vibforge.trx.log.verdict import ErrorBudget, Judgement, cannot_prove, judge


class Assessment(Struct, frozen=True):
    """What logs say, how it compares with limits, and how stable the clocks are."""

    reading: LogReading
    judgement: Judgement
    stability: dict[ClockKey, tuple[StabilityPoint, ...]] | None
    """MTIE and TDEV of each clock; None where nobody asked."""
    unproven: tuple[str, ...]
    """What such logs cannot prove."""

    @property
    def good(self) -> bool:
        """Whether every limit was kept."""
        return self.judgement.good


def assess(
    reading: LogReading,
    limits: Sequence[TimeLimit],
    budget: ErrorBudget,
    *,
    with_stability: bool = False,
) -> Assessment:
    """Hold what was read against limits.

    Raises:
        NotPossibleHereError: MTIE and TDEV are asked for, and allantools is not installed.
    """
    stable = None
    if with_stability:
        stable = {clock.key: stability(clock.stretch) for clock in reading.clocks}
    return Assessment(reading, judge(reading, limits, budget), stable, cannot_prove(budget))
