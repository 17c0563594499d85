"""What happened to the clocks of a log, in order; of very many, the first and the last are kept."""

from collections import deque
from enum import StrEnum

from msgspec import Struct

from vibforge.trx.log.moments import Moment

KEPT = 500
"""Events that are kept of the beginning, and as many of the end."""


class EventKind(StrEnum):
    """What an event is about."""

    PORT = "port"
    GRANDMASTER = "grandmaster"
    SERVO = "servo"
    GAP = "gap"
    RESTART = "restart"
    CLOCK_STEP = "clock step"
    UTC = "utc offset"


class ClockEvent(Struct, frozen=True):
    """Something that happened."""

    at: Moment
    host: str
    program: str
    kind: EventKind
    what: str


class Events:
    """Takes events in."""

    def __init__(self, most: int = KEPT) -> None:
        self._first: list[ClockEvent] = []
        self._last: deque[ClockEvent] = deque(maxlen=most)
        self._most = most
        self.count = 0

    def add(self, event: ClockEvent) -> None:
        """Take an event."""
        self.count += 1
        if len(self._first) < self._most:
            self._first.append(event)
        else:
            self._last.append(event)

    def kept(self) -> tuple[ClockEvent, ...]:
        """Return those that were kept, host by host; `count` says how many there were."""
        return tuple(
            sorted(
                (*self._first, *self._last),
                key=lambda event: (event.host, event.at.restarts, event.at.seconds),
            )
        )
