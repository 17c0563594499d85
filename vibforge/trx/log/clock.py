"""One clock in a log: how far it was off, when it was locked, and when nothing was heard of it."""

from collections import deque
from collections.abc import Sequence
from itertools import groupby, pairwise
from math import sqrt
from operator import sub
from statistics import median

from msgspec import Struct

from vibforge.trx.log import lines
from vibforge.trx.log.events import EventKind
from vibforge.trx.log.lines import RawRow
from vibforge.trx.log.moments import Moment
from vibforge.trx.log.series import Curve, Point
from vibforge.trx.log.statistics import Distribution, Summary
from vibforge.trx.log.timeline import Timeline

GAP_FACTOR = 3.0
SHORTEST_GAP = 1.0
"""A gap is longer than `GAP_FACTOR` usual intervals, and than so many seconds."""

_RECENT = 64
"""Intervals whose median is the usual one."""
_LONGEST_GAPS = 10

_FOLLOWING, _OTHERWISE, _SILENT = "rms", "rms, not SLAVE", ""
"""States of a clock whose lines tell no servo's, and of one that nothing is heard of."""
_STATES = {b"0": "s0", b"1": "s1", b"2": "s2", b"3": "s3"}
_LOCKED = frozenset({"s2", "s3", _FOLLOWING})


class ClockKey(Struct, frozen=True, order=True):
    """Which clock it is: the host or log, the program, and the clock that the program compares."""

    host: str
    program: str
    clock: str


class Gap(Struct, frozen=True):
    """A time without a sample."""

    start: Moment
    seconds: float


class Worst(Struct, frozen=True):
    """The largest distance from zero, and when it was."""

    nanoseconds: int
    at: Moment


class Summaries(Struct, frozen=True):
    """What the lines `rms … max …` of a locked clock came to; each stands for a second or more."""

    lines: int
    largest: int
    rms: float
    """Root of the mean of their squares; each line counts alike."""


class Stretch(Struct, frozen=True):
    """The longest time of locked samples without a gap, in points of as many samples each."""

    start: Moment
    seconds: float
    samples: int
    samples_per_point: int
    points: tuple[Point, ...]
    beginning: tuple[Point, ...]
    """Its first samples, one a point, where a point stands for several."""

    @property
    def interval(self) -> float:
        """Seconds between two samples, on average."""
        return self.seconds / (self.samples - 1)


class ClockLog(Struct, frozen=True):
    """What a log says of one clock. Offsets and delays are in nanoseconds, frequencies in ppb."""

    key: ClockKey
    start: Moment
    end: Moment
    seconds: float
    locked_seconds: float
    first_lock: Moment | None
    locked_at_end: bool
    last: int | None
    """The last offset, or the largest one of the last summary."""
    states: dict[str, int]
    """Lines in each state of the servo."""
    offset: Summary | None
    """Samples while locked, as are `freq` and `delay`."""
    freq: Summary | None
    delay: Summary | None
    summaries: Summaries | None
    worst: Worst | None
    """Of all lines since the first lock, locked or not; after a restart, since the next one."""
    gaps: int
    gap_seconds: float
    longest_gaps: tuple[Gap, ...]
    interval: float | None
    """Usual seconds between lines."""
    curve: tuple[Point, ...]
    """Of all lines since the first lock; of all if it was never locked."""
    samples_per_point: int
    stretch: Stretch | None

    @property
    def unlocked_seconds(self) -> float:
        """How long it was not locked, or nothing was heard of it."""
        return max(0.0, self.seconds - self.locked_seconds)


class _Run(Struct):
    """Lines that follow each other without a gap, in one state."""

    rows: Sequence[RawRow]
    times: list[float]
    values: list[int]
    state: str


class Clock:
    """Takes the lines of one clock in, in their order, and keeps little of them."""

    def __init__(self, key: ClockKey, timeline: Timeline) -> None:
        self.key = key
        self.state = _SILENT
        self.last_offset: int | None = None
        self._timeline = timeline
        self._recent: deque[float] = deque(maxlen=_RECENT)
        self._start: Moment | None = None
        self._last = self._latest = 0.0
        self._seconds = self._locked_seconds = 0.0
        self._first_lock: Moment | None = None
        self._was_locked = False
        self._states: dict[str, int] = {}
        self._offset, self._freq, self._delay = Distribution(), Distribution(), Distribution()
        self._summary_lines = self._summary_largest = self._summary_squares = 0
        self._worst: Worst | None = None
        self._gaps: list[Gap] = []
        self._gap_count, self._gap_seconds = 0, 0.0
        self._curve, self._stretch = Curve(), Curve()
        self._best: Stretch | None = None

    @property
    def is_locked(self) -> bool:
        """Whether the last line was one of a locked clock, and nothing speaks against it since."""
        return self.state in _LOCKED

    def take(self, rows: Sequence[RawRow], *, port_is_slave: bool) -> None:
        """Take lines about this clock.

        Args:
            rows: samples and summaries, in their order.
            port_is_slave: whether the port is in the state SLAVE, or nobody knows its state.
        """
        unsaid = _FOLLOWING if port_is_slave else _OTHERWISE
        for is_sample, group in groupby(rows, key=_is_sample):
            same = list(group)
            times = [float(row[lines.SECONDS]) for row in same]
            if is_sample:
                values = [int(row[lines.OFFSET]) for row in same]
                states = [_STATES[row[lines.SERVO]] for row in same]
            else:
                values = [int(row[lines.LARGEST]) for row in same]
                states = [unsaid] * len(same)
            self._take(same, times, values, states)

    def pass_to(self, seconds: float) -> None:
        """Take note that the log goes on until `seconds`, with lines about something else."""
        self._latest = max(self._latest, seconds)
        if self._start is not None and seconds - self._last > self._limit():
            self.state = _SILENT

    def idle(self, seconds: float) -> None:
        """Take note that nothing was written for so long."""
        self.pass_to(self._last + seconds)

    def lose_port(self) -> None:
        """Take note that no port follows a master any more: what was locked is not now."""
        self.state = _SILENT

    def restart(self, before: Moment, seconds: float, passed: float | None) -> None:
        """Take note that the monotonic clock starts anew.

        Args:
            before: the last moment before.
            seconds: its second now.
            passed: the seconds between them, if anybody knows.
        """
        self._end_stretch()
        self.state, self._was_locked = _SILENT, False
        if passed is not None:
            self._add_gap(before, passed)
        self._last = self._latest = seconds

    def result(self) -> ClockLog:
        """Return what was found so far."""
        tail = max(0.0, self._latest - self._last)
        end = self._timeline.moment(self._latest)
        return ClockLog(
            key=self.key,
            start=self._start or end,
            end=end,
            seconds=self._seconds + tail,
            locked_seconds=self._locked_seconds,
            first_lock=self._first_lock,
            locked_at_end=self.is_locked,
            last=self.last_offset,
            states=dict(sorted(self._states.items())),
            offset=self._offset.summary(),
            freq=self._freq.summary(),
            delay=self._delay.summary(),
            summaries=self._summaries(),
            worst=self._worst,
            gaps=self._gap_count,
            gap_seconds=self._gap_seconds,
            longest_gaps=tuple(self._gaps),
            interval=median(self._recent) if self._recent else None,
            curve=self._curve.points(),
            samples_per_point=self._curve.per_point,
            stretch=self._longest(),
        )

    def _take(
        self,
        rows: Sequence[RawRow],
        times: list[float],
        values: list[int],
        states: list[str],
    ) -> None:
        first = self._last if self._start else times[0]
        steps = list(map(sub, times, [first, *times]))
        self._recent.extend([step for step in steps if step > 0][-_RECENT:])
        limit = self._limit()
        cuts = [
            index
            for index, (step, now, before) in enumerate(
                zip(steps, states, [self.state, *states], strict=False)
            )
            if now != before or step > limit
        ]
        for start, end in pairwise(sorted({0, *cuts, len(rows)})):
            run = _Run(rows[start:end], times[start:end], values[start:end], states[start])
            self._meet(run, steps[start])
            self._count(run)
        self.last_offset = values[-1]

    def _limit(self) -> float:
        """Return the seconds between lines from which on it is a gap."""
        if len(self._recent) < 2:  # noqa: PLR2004 - one interval is no habit
            return float("inf")
        return max(SHORTEST_GAP, GAP_FACTOR * median(self._recent))

    def _meet(self, run: _Run, step: float) -> None:
        """Take note of what lies before a run: an interval or a gap."""
        time = run.times[0]
        if self._start is None:
            self._start = self._timeline.moment(time)
        elif step > self._limit():
            self._add_gap(self._timeline.moment(self._last), step)
            self._timeline.meet(time, run.rows[0][lines.WALL])
        else:
            self._seconds += max(0.0, step)
            if self.is_locked and run.state in _LOCKED:
                self._locked_seconds += max(0.0, step)
        if run.state != self.state:
            self._change(run.state, self._timeline.moment(time))

    def _add_gap(self, start: Moment, seconds: float) -> None:
        self._end_stretch()
        self._seconds += seconds
        self._gap_count += 1
        self._gap_seconds += seconds
        self._gaps = sorted([*self._gaps, Gap(start, seconds)], key=lambda gap: -gap.seconds)
        del self._gaps[_LONGEST_GAPS:]
        self._timeline.tell(start, EventKind.GAP, f"{self.key.clock}: no line for {seconds:.1f} s")
        self.state = _SILENT

    def _change(self, state: str, now: Moment) -> None:
        if state not in _LOCKED or not self.is_locked:
            self._end_stretch()
        was = f"{self.state} to " if self.state else ""
        self._timeline.tell(now, EventKind.SERVO, f"{self.key.clock}: {was}{state}")
        if state in _LOCKED and self._first_lock is None:
            self._first_lock, self._curve = now, Curve()
        self._was_locked = self._was_locked or state in _LOCKED
        self.state = state

    def _count(self, run: _Run) -> None:
        self._last = run.times[-1]
        self._latest = max(self._latest, self._last)
        self._states[run.state] = self._states.get(run.state, 0) + len(run.rows)
        span = run.times[-1] - run.times[0]
        self._seconds += span
        self._curve.add(run.times, run.values)
        if self._was_locked:
            self._look_for_worst(run)
        is_sample = _is_sample(run.rows[0])
        if self.is_locked:
            self._locked_seconds += span
            freq, delay = _COLUMNS[is_sample]
            self._freq.add([int(row[freq]) for row in run.rows])
            self._delay.add([int(row[delay]) for row in run.rows if row[delay]])
            self._count_offsets(run, is_sample=is_sample)

    def _count_offsets(self, run: _Run, *, is_sample: bool) -> None:
        if is_sample:
            self._offset.add(run.values)
            self._stretch.add(run.times, run.values)
            return
        self._summary_lines += len(run.rows)
        self._summary_largest = max(self._summary_largest, *run.values)
        self._summary_squares += sum(int(row[lines.RMS]) ** 2 for row in run.rows)

    def _summaries(self) -> Summaries | None:
        if not self._summary_lines:
            return None
        rms = sqrt(self._summary_squares / self._summary_lines)
        return Summaries(self._summary_lines, self._summary_largest, rms)

    def _look_for_worst(self, run: _Run) -> None:
        for extreme in (max(run.values), min(run.values)):
            if self._worst is None or abs(extreme) > self._worst.nanoseconds:
                at = self._timeline.moment(run.times[run.values.index(extreme)])
                self._worst = Worst(abs(extreme), at)

    def _end_stretch(self) -> None:
        self._best, self._stretch = self._longest(), Curve()

    def _longest(self) -> Stretch | None:
        """Return the longest stretch so far, the one that goes on included."""
        now = self._stretch
        if now.count <= (self._best.samples if self._best else 1):
            return self._best
        return Stretch(
            start=self._timeline.moment(now.start),
            seconds=now.end - now.start,
            samples=now.count,
            samples_per_point=now.per_point,
            points=now.full_points(),
            beginning=now.beginning,
        )


def _is_sample(row: RawRow) -> bool:
    return bool(row[lines.SERVO])


_COLUMNS = {
    True: (lines.FREQ, lines.DELAY),
    False: (lines.SUMMARY_FREQ, lines.SUMMARY_DELAY),
}
"""Where samples and summaries have their frequency and delay."""
