"""MTIE and TDEV of a clock, by allantools, which is an extra.

Both need equally spaced samples. They are taken from the longest time in which the clock was
locked and no sample was missing. Of very many samples each `samples_per_point` make one point.
TDEV is of the means of points: means of means are means, so it is that of all samples, from fewer
positions. MTIE is of one sample a point; `mtie_at_most` is what it can be at most with the
samples in between, from the extremes of all points. Times shorter than a point are looked at in
the first samples alone.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from vibforge.errors import NotPossibleHereError

if TYPE_CHECKING:
    from vibforge.trx.log.clock import Stretch
    from vibforge.trx.log.series import Point

_FEWEST = 16
"""Points below which no curve is worth looking at."""


class StabilityPoint(Struct, frozen=True):
    """How a clock moved within times of one length, in nanoseconds."""

    tau: float
    """Seconds."""
    mtie: float
    mtie_at_most: float
    tdev: float | None
    samples: int
    """Samples that were looked at, from the start of the stretch."""


def stability(stretch: "Stretch | None") -> tuple[StabilityPoint, ...]:
    """Return MTIE and TDEV for 1, 2, 4 … intervals; nothing where there are too few samples.

    Raises:
        NotPossibleHereError: allantools is not installed.
    """
    if stretch is None or len(stretch.points) < _FEWEST:
        return ()
    long = _of_points(stretch.points, stretch.samples_per_point, stretch.interval)
    short = _of_points(stretch.beginning, 1, stretch.interval) if stretch.beginning else ()
    return (*(point for point in short if point.tau < long[0].tau * 0.99), *long)


def _of_points(points: "Sequence[Point]", each: int, interval: float) -> tuple[StabilityPoint, ...]:
    """Return MTIE and TDEV of points that stand for `each` samples."""
    tools = require_allantools()
    firsts = [float(point.first) for point in points]
    means = [point.total / each for point in points]
    # A rate of 1 makes the times counts of points.
    counts, mties, _, _ = tools.mtie(firsts, rate=1, data_type="phase", taus="octave")
    tdev_counts, tdevs, _, _ = tools.tdev(means, rate=1, data_type="phase", taus="octave")
    tdev_of = dict(zip(map(round, tdev_counts), map(float, tdevs), strict=True))
    lows, highs = [point.low for point in points], [point.high for point in points]
    return tuple(
        StabilityPoint(
            tau=count * each * interval,
            mtie=float(mtie),
            mtie_at_most=_range(lows, highs, count + 1),
            tdev=tdev_of.get(count),
            samples=len(points) * each,
        )
        for count, mtie in zip(map(round, counts), mties, strict=True)
    )


def _range(lows: Sequence[int], highs: Sequence[int], width: int) -> float:
    """Return the largest difference of extremes among `width` neighbours."""
    from numpy import array  # noqa: PLC0415 - comes with allantools
    from numpy.lib.stride_tricks import sliding_window_view  # noqa: PLC0415 - the same

    most = sliding_window_view(array(highs), width).max(axis=1)
    least = sliding_window_view(array(lows), width).min(axis=1)
    return float((most - least).max())


def require_allantools() -> Any:  # noqa: ANN401 - it has no types
    """Return allantools.

    Raises:
        NotPossibleHereError: it is not installed.
    """
    try:
        import allantools  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise NotPossibleHereError(
            "MTIE and TDEV need allantools, which is not installed",
            remedy="pip install 'vibforge[stability]', or leave --stability out",
        ) from error
    return allantools
