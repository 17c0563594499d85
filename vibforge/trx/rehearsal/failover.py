"""Change between two grandmasters and record what the client does.

The second grandmaster takes over after its own announce timeout, on the same link as the first.
With end-to-end delay, both run at the same time and the client chooses. Peer delay allows one peer:
the grandmaster with the lower rank stops when the other starts, so the time without a grandmaster
is the longest that a real network would show.
"""

import time
from collections.abc import Callable
from enum import StrEnum

from msgspec import Struct, field
from msgspec.structs import replace

from vibforge.trx.network.message import HeaderFlags
from vibforge.trx.network.settings import ClockSettings
from vibforge.trx.rehearsal.client import values_of
from vibforge.trx.rehearsal.data_sets import DataSets
from vibforge.trx.rehearsal.grandmaster import Announced, Grandmaster
from vibforge.trx.rehearsal.verdict import Sample, Trace, on_one_scale

_POOR_CLASSES = (187, 248)
"""Clock classes of a grandmaster that has lost its reference (7.6.2.5, table 4): degraded, and the
default."""

_SETTLING = 4
"""Announce intervals after which a client has chosen: it needs two within four (9.3.2.4.4)."""

_MARGIN = 12.0
"""Seconds added to all timeouts, for a busy machine."""


_LONGEST = 240.0
"""The most seconds to watch one event: enough for one Announce message a minute."""


class Event(StrEnum):
    """The events of a failover, in their order."""

    LOSS = "the first grandmaster is lost"
    RETURN = "the first grandmaster returns"
    WORSE = "the clock class of the active grandmaster gets worse"
    BETTER = "its clock class gets better again"
    UTC_OFFSET = "the active grandmaster announces another UTC offset"
    LEAP = "the active grandmaster announces a leap second"


class EventResponse(Struct, frozen=True, kw_only=True):
    """One event and what the client did.

    `at` is in seconds since the client started. `without_time` is the longest time in seconds
    without an offset from a running grandmaster, None if it had no offset at the end. `followed` is
    `first`, `second` or `none`, and `parent` is the port of that grandmaster. `utc_offset` and
    `flags` are the client's time properties at the end.
    """

    event: Event
    at: float
    without_time: float | None
    followed: str
    parent: str
    states: tuple[str, ...]
    utc_offset: int | None
    flags: tuple[str, ...]


class PlayedGrandmaster(Struct):
    """One grandmaster of the rehearsal: its port, and functions to start, stop and change it.

    `start` does not wait: ptp4l becomes master after its announce timeout. `stop` kills it, so that
    it sends no last message. `tell` changes what it announces; `announced` is the current value.
    """

    name: str
    played: Grandmaster
    start: Callable[[], None]
    stop: Callable[[], None]
    tell: Callable[[Announced], None]
    announced: Announced
    port: str
    alive: bool = False

    @property
    def rank(self) -> tuple[int, ...]:
        """The values that best-master selection compares; the lowest rank wins."""
        values = values_of(self.played.options)
        announced = self.announced
        quality = (announced.clock_class, announced.accuracy, announced.variance)
        second = _whole(values.get("priority2"))
        if values.get("dataset_comparison") == "G.8275.x":
            return (*quality, second)
        return (self.played.settings.priority1, *quality, second)


def announced_by(grandmaster: Grandmaster) -> Announced:
    """Return the time properties that a grandmaster announces when it starts."""
    if grandmaster.announced:
        return grandmaster.announced
    values = values_of(grandmaster.options)
    plain = Announced()
    return Announced(
        clock_class=grandmaster.settings.clock_class,
        accuracy=_whole(values.get("clockAccuracy"), plain.accuracy),
        variance=_whole(values.get("offsetScaledLogVariance"), plain.variance),
        utc_offset=_whole(values.get("utc_offset"), plain.utc_offset),
        time_source=_whole(values.get("timeSource"), plain.time_source),
    )


def _whole(text: str | None, default: int = 128) -> int:
    try:
        return int(text, 0) if text else default
    except ValueError:
        return default


class Failover(Struct):
    """Runs the events in order. `ask` reads the client, `now` returns seconds since its start."""

    scene: Trace
    client: ClockSettings
    first: PlayedGrandmaster
    second: PlayedGrandmaster
    ask: Callable[[], DataSets | None]
    now: Callable[[], float]
    pause: float
    watch: float
    changes: list[EventResponse] = field(default_factory=list)

    def run(self) -> tuple[EventResponse, ...]:
        """Return what the client did at each event; stop after the first that leaves no time."""
        steps = {
            Event.LOSS: self._lose,
            Event.RETURN: self._return,
            Event.WORSE: self._worsen,
            Event.BETTER: self._improve,
            Event.UTC_OFFSET: self._shift,
            Event.LEAP: self._leap,
        }
        for event, step in steps.items():
            at = self.now()
            starts = step()
            self.changes.append(self._watched(event, at, starts=starts))
            if self.changes[-1].without_time is None:
                break
            self._silence_others()
        return tuple(self.changes)

    def _lose(self) -> bool:
        self.first.stop()
        self.second.start()
        return True

    def _return(self) -> bool:
        return self._join(self.first)

    def _worsen(self) -> bool:
        active = self._active()
        other = self.second if active is self.first else self.first
        poor = next((each for each in _POOR_CLASSES if each > other.announced.clock_class), 255)
        self._tell(active, replace(active.announced, clock_class=poor))
        return self._join(other)

    def _improve(self) -> bool:
        for speaker in (self.first, self.second):
            own = announced_by(speaker.played)
            if speaker.announced.clock_class != own.clock_class:
                speaker.announced = own
                if speaker.alive:
                    speaker.tell(own)
                    return False
                return self._join(speaker)
        return False

    def _shift(self) -> bool:
        active = self._active()
        announced = active.announced
        flags = HeaderFlags(bits=announced.flags.bits | HeaderFlags.UTC_OFFSET_VALID)
        self._tell(active, replace(announced, utc_offset=announced.utc_offset + 1, flags=flags))
        return False

    def _leap(self) -> bool:
        active = self._active()
        flags = HeaderFlags(bits=active.announced.flags.bits | HeaderFlags.LEAP_61)
        self._tell(active, replace(active.announced, flags=flags))
        return False

    def _tell(self, speaker: PlayedGrandmaster, announced: Announced) -> None:
        speaker.announced = announced
        speaker.tell(announced)

    def _join(self, speaker: PlayedGrandmaster) -> bool:
        """Start a grandmaster; with peer delay, it replaces the other one if it ranks higher."""
        if speaker.alive:
            return False
        other = self.second if speaker is self.first else self.first
        if self.client.delay.of_peers:
            if other.alive and other.rank <= speaker.rank:
                return False
            other.stop()
        speaker.start()
        return True

    def _active(self) -> PlayedGrandmaster:
        parent = self.scene.samples[-1].data.parent
        for speaker in (self.first, self.second):
            if speaker.alive and speaker.port == parent:
                return speaker
        return self.first if self.first.alive else self.second

    def _silence_others(self) -> None:
        """Stop the grandmaster that the client did not choose, as best-master selection would."""
        active = self._active()
        for speaker in (self.first, self.second):
            if speaker is not active and speaker.alive:
                speaker.stop()

    def _watched(self, event: Event, at: float, *, starts: bool) -> EventResponse:
        slowest = max(each.played.settings.announce_seconds for each in (self.first, self.second))
        timeouts = max(each.played.settings.patience for each in (self.first, self.second))
        settle = at + _SETTLING * slowest + self.watch + (timeouts + slowest if starts else 0.0)
        limit = settle + self.client.patience + _SETTLING * slowest + _MARGIN
        limit = min(limit, at + _LONGEST)
        track = _Track(since=at)
        while (now := self.now()) < limit:
            data = self.ask()
            if data:
                data = on_one_scale(data, self._active().announced.utc_offset)
                self.scene.samples.append(Sample(round(now, 2), data))
                track.take(now, data, has_time=self._has_time(data, track))
                if now >= min(settle, at + _LONGEST) and track.has_time:
                    break
            time.sleep(self.pause)
        return track.change(event, self._followed())

    def _has_time(self, data: DataSets, track: "_Track") -> bool:
        alive = {each.port for each in (self.first, self.second) if each.alive}
        if data.parent not in alive or not self.scene.follows(data):
            return False
        return track.is_fresh(data) and data.offset != 0 and self.scene.has_delay(data)

    def _followed(self) -> str:
        data = self.scene.samples[-1].data
        for speaker in (self.first, self.second):
            if self.scene.follows(data) and speaker.alive and data.parent == speaker.port:
                return speaker.name
        return "none"


class _Track(Struct):
    """Summary of the samples since an event."""

    since: float
    has_time: bool = False
    _lost_at: float | None = None
    _longest: float = 0.0
    _states: list[str] = field(default_factory=list)
    _last: DataSets | None = None
    _stale: tuple[str, float] = ("", 0.0)

    def is_fresh(self, data: DataSets) -> bool:
        """True if the offset is from this parent; ptp4l keeps the old offset after a change."""
        if self._last is None:
            return True
        if data.parent != self._last.parent:
            self._stale = (data.parent, self._last.offset)
        return self._stale != (data.parent, data.offset)

    def take(self, now: float, data: DataSets, *, has_time: bool) -> None:
        if self._last is None and not has_time:
            self._lost_at = self.since
        if not self._states or self._states[-1] != data.state:
            self._states.append(data.state)
        if has_time and self._lost_at is not None:
            self._longest = max(self._longest, now - self._lost_at)
            self._lost_at = None
        elif not has_time and self._lost_at is None:
            self._lost_at = now
        self.has_time = has_time
        self._last = data

    def change(self, event: Event, followed: str) -> EventResponse:
        data = self._last
        return EventResponse(
            event=event,
            at=round(self.since, 2),
            without_time=round(self._longest, 1) if self.has_time else None,
            followed=followed,
            parent=data.parent if data else "",
            states=tuple(self._states),
            utc_offset=data.utc_offset if data else None,
            flags=data.time_flags if data else (),
        )
