"""Statistics of a stream of whole numbers, in flat memory.

Count, least, greatest, mean and root mean square are exact: sums of whole numbers are. Percentiles
and histograms are exact too as long as there are few distinct values; after that values count at
the middle of bins that are at most 1/128 of the value wide.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from math import sqrt
from operator import mul

from msgspec import Struct

DISTINCT = 32_768
"""Distinct values that are counted apart, about 3 MB. A locked clock has a few thousand."""

_BITS = 8
"""Leading binary digits of a value that are kept when there are more."""

RELATIVE_ERROR = 2.0**-_BITS
"""The most by which a value differs from the middle of its bin, as a part of the value."""

BINS = 32
"""Bars of a histogram between its ends."""


class Bin(Struct, frozen=True):
    """A bar of a histogram: values from `low` up to `high`, without `high`."""

    low: int
    high: int
    count: int


class Summary(Struct, frozen=True):
    """What a stream of numbers came to."""

    count: int
    minimum: int
    maximum: int
    mean: float
    rms: float
    p99: int
    """99 of 100 values are no further from zero."""
    error: float
    """The most by which `p99` is wrong, as a part of it; 0 where it is exact."""
    histogram: tuple[Bin, ...]

    @property
    def largest(self) -> int:
        """How far from zero a value was at most."""
        return max(abs(self.minimum), abs(self.maximum))


class Distribution:
    """Takes whole numbers in."""

    def __init__(self) -> None:
        self.count = 0
        self._sum = 0
        self._squares = 0
        self._minimum = 0
        self._maximum = 0
        self._values: Counter[int] = Counter()
        self._is_exact = True

    def add(self, values: Sequence[int]) -> None:
        """Take more numbers."""
        if not values:
            return
        low, high = min(values), max(values)
        self._minimum = min(self._minimum, low) if self.count else low
        self._maximum = max(self._maximum, high) if self.count else high
        self.count += len(values)
        self._sum += sum(values)
        self._squares += sum(map(mul, values, values))
        if self._is_exact:
            self._values.update(values)
            if len(self._values) > DISTINCT:
                self._is_exact = False
                self._values = _binned(self._values.items())
        else:
            self._values.update(_binned(Counter(values).items()))

    def summary(self) -> Summary | None:
        """Return what the numbers came to; None where there are none."""
        if not self.count:
            return None
        return Summary(
            count=self.count,
            minimum=self._minimum,
            maximum=self._maximum,
            mean=self._sum / self.count,
            rms=sqrt(self._squares / self.count),
            p99=self._percentile_from_zero(0.99),
            error=0.0 if self._is_exact else RELATIVE_ERROR,
            histogram=_histogram(sorted(self._values.items()), self.count),
        )

    def _percentile_from_zero(self, part: float) -> int:
        distances: Counter[int] = Counter()
        for value, count in self._values.items():
            distances[abs(value)] += count
        return _at_rank(sorted(distances.items()), part * self.count)


def _binned(counts: Iterable[tuple[int, int]]) -> Counter[int]:
    """Count values at the middle of their bins."""
    binned: Counter[int] = Counter()
    for value, count in counts:
        size = abs(value)
        shift = max(0, size.bit_length() - _BITS)
        middle = (size >> shift << shift) + (1 << shift >> 1)
        binned[middle if value >= 0 else -middle] += count
    return binned


def _at_rank(counts: Sequence[tuple[int, int]], rank: float) -> int:
    """Return the value below which, itself included, `rank` of the values are."""
    seen = 0
    for value, count in counts:
        seen += count
        if seen >= rank:
            return value
    return counts[-1][0]


def _histogram(counts: Sequence[tuple[int, int]], total: int) -> tuple[Bin, ...]:
    """Return bars of one round width for the middle 99.8 %; the outer two take in the rest."""
    low, high = _at_rank(counts, 0.001 * total), _at_rank(counts, 0.999 * total)
    width = _round_width((high - low) // BINS + 1)
    first, last = low // width, high // width
    bars: Counter[int] = Counter()
    for value, count in counts:
        bars[min(max(value // width, first), last)] += count
    return tuple(Bin(n * width, (n + 1) * width, bars[n]) for n in range(first, last + 1))


def _round_width(least: int) -> int:
    """Return the next of 1, 2, 5, 10, 20 … that is not below `least`."""
    power = 1
    while power * 10 <= least:
        power *= 10
    return next(power * digit for digit in (1, 2, 5, 10) if power * digit >= least)
