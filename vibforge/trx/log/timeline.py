"""The two clocks of a log, brought together: the monotonic one, and the time of day."""

from vibforge.trx.log.events import ClockEvent, EventKind, Events
from vibforge.trx.log.lines import Wall, wall_of, wall_text
from vibforge.trx.log.moments import Moment

STEP = 2.5
"""Seconds by which both clocks may drift apart before it is a step: syslog writes whole seconds,
and a busy host writes late."""

_HALF_A_YEAR = 183 * 86400.0
_YEAR = 366 * 86400.0
_LEAP_DAY = 86400.0


class Timeline:
    """Tells the moments of one program, and when one of its two clocks jumps."""

    def __init__(self, host: str, program: str, events: Events) -> None:
        self._host = host
        self._program = program
        self._restarts = 0
        self._events = events
        self._ahead: float | None = None
        self._has_year = True
        self.unread = b""
        """A time of day that was not understood: another language, or no date of any calendar."""

    def moment(self, seconds: float) -> Moment:
        """Return the moment of a second of the monotonic clock."""
        wall = ""
        if self._ahead is not None:
            wall = wall_text(seconds + self._ahead, has_year=self._has_year)
        return Moment(seconds, wall, self._restarts)

    def meet(self, seconds: float, text: bytes) -> None:
        """Take the time of day of a line."""
        wall = self._read(text)
        if wall is None:
            return
        before, self._ahead, self._has_year = self._ahead, wall.seconds - seconds, wall.has_year
        if before is not None and (step := _step(self._ahead - before, wall)):
            what = f"the time of day steps by {step:+.1f} s against the monotonic clock"
            self.tell(self.moment(seconds), EventKind.CLOCK_STEP, what)

    def restart(self, last: float, seconds: float, text: bytes) -> float | None:
        """Take note that the monotonic clock starts anew.

        Args:
            last: its second before.
            seconds: its second now.
            text: the time of day now.

        Returns:
            The seconds that passed by the time of day, None where it does not say.
        """
        wall, before = self._read(text), self._ahead
        self._ahead = None if wall is None else wall.seconds - seconds
        what = "the monotonic clock starts anew: the host was started, or the log of another begins"
        self._restarts += 1
        self.tell(self.moment(seconds), EventKind.RESTART, what)
        if wall is None or before is None:
            return None
        passed = wall.seconds - (last + before)
        if not wall.has_year and passed < -_HALF_A_YEAR:
            passed += _YEAR
        return passed if passed >= 0 else None

    def tell(self, at: Moment, kind: EventKind, what: str) -> None:
        """Add an event of the program."""
        self._events.add(ClockEvent(at, self._host, self._program, kind, what))

    def _read(self, text: bytes) -> Wall | None:
        wall = wall_of(text) if text else None
        if wall is None and text:
            self.unread = text
        return wall


def _step(apart: float, wall: Wall) -> float:
    if not wall.has_year:
        if apart < -_HALF_A_YEAR:
            apart += _YEAR  # a new year
        if abs(abs(apart) - _LEAP_DAY) < STEP:
            return 0.0  # the 29 February that most years lack
    return apart if abs(apart) > STEP else 0.0
