"""A curve in flat memory: points that stand for ever more samples each, with their extremes."""

from collections.abc import Sequence

from msgspec import Struct

MOST_POINTS = 4096
"""Points that are kept; when there are as many, each two become one."""


class Point(Struct, frozen=True, gc=False):
    """Samples that follow each other: when the first was taken, its value, and what all were."""

    seconds: float
    first: int
    low: int
    high: int
    total: int


class Curve:
    """Takes samples in and keeps at most `MOST_POINTS` points, each of `per_point` samples."""

    def __init__(self, most: int = MOST_POINTS) -> None:
        self._most = most
        self._points: list[Point] = []
        self._seconds: list[float] = []
        self._values: list[int] = []
        self.beginning: tuple[Point, ...] = ()
        """The first points of one sample each, once they were merged."""
        self.per_point = 1
        self.count = 0
        self.start = 0.0
        self.end = 0.0

    def add(self, seconds: Sequence[float], values: Sequence[int]) -> None:
        """Take more samples, later than those before."""
        if not values:
            return
        if not self.count:
            self.start = seconds[0]
        self.end = seconds[-1]
        self.count += len(values)
        self._seconds += seconds
        self._values += values
        self._take_full_points()

    def points(self) -> tuple[Point, ...]:
        """Return the points, the last of which may stand for fewer samples than the others."""
        rest = [_point(self._seconds, self._values)] if self._values else []
        return (*self._points, *rest)

    def full_points(self) -> tuple[Point, ...]:
        """Return the points that stand for `per_point` samples each."""
        return tuple(self._points)

    def _take_full_points(self) -> None:
        start = 0
        while len(self._values) - start >= self.per_point:
            end = start + self.per_point
            self._points.append(_point(self._seconds[start:end], self._values[start:end]))
            start = end
            if len(self._points) == self._most:
                self.beginning = self.beginning or tuple(self._points)
                self._points = list(map(_merged, self._points[::2], self._points[1::2]))
                self.per_point *= 2
        del self._seconds[:start]
        del self._values[:start]


def _point(seconds: Sequence[float], values: Sequence[int]) -> Point:
    return Point(seconds[0], values[0], min(values), max(values), sum(values))


def _merged(one: Point, other: Point) -> Point:
    return Point(
        one.seconds,
        one.first,
        min(one.low, other.low),
        max(one.high, other.high),
        one.total + other.total,
    )
