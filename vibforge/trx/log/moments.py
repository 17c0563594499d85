"""When something happened: by the monotonic clock, and by the time of day where a log has it."""

from msgspec import Struct


class Moment(Struct, frozen=True):
    """A moment of a log."""

    seconds: float
    """Of the monotonic clock, which starts anew with the host."""
    wall: str = ""
    """The time of day, empty where the log has none."""
    restarts: int = 0
    """How often the monotonic clock had started anew in the log by then."""

    def __str__(self) -> str:
        return self.wall or f"{self.seconds:.3f} s"
