"""What the lines of trx.log among a host's facts say, by the reader of `vibforge trx log`."""

from collections.abc import Sequence

from vibforge.host.host_state import HostState
from vibforge.host.timekeeping import LoggedClock, LoggedLimit, LogResult
from vibforge.trx.log.limits import TimeLimit
from vibforge.trx.log.lines import Lines
from vibforge.trx.log.reading import LogReader
from vibforge.trx.log.verdict import ErrorBudget, judge


def read_own_log(state: HostState, limits: Sequence[TimeLimit] = ()) -> LogResult | None:
    """Return what the end of trx.log says; None if no line of ptp4l or phc2sys is among the facts.

    Args:
        state: the facts.
        limits: limits that the clocks must have kept in it.
    """
    lines = state.trx_log.lines if state.trx_log else ()
    text = "".join(f"{line}\n" for line in lines).encode("utf-8", "surrogatepass")
    reader, host = LogReader(), state.host_name or "host"
    for block in Lines().blocks([text]):
        reader.take(block, host)
    reading = reader.result()
    if not reading.known_lines:
        return None
    return LogResult(
        clocks=tuple(
            LoggedClock(
                program=clock.key.program, clock=clock.key.clock, is_locked=clock.locked_at_end
            )
            for clock in reading.clocks
        ),
        limits=tuple(
            LoggedLimit(name=each.limit.name, verdict=each.holding)
            for each in judge(reading, limits, ErrorBudget()).verdicts
        ),
    )
