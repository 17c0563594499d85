"""MTIE and TDEV of a clock, by allantools, which is an extra.

Both need equally spaced samples. They are taken from the longest time in which the clock was locked
and no sample was missing; of very many, each `samples_per_point` make one point. TDEV is of the
means of points: means of means are means, so it is that of all samples, from fewer positions. MTIE
is of one sample a point; `mtie_at_most` is what it can be at most with the samples in between, from
the extremes of all points.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from vibforge.errors import NotPossibleHereError

if TYPE_CHECKING:
    from vibforge.trx.log.clock import Stretch

_FEWEST = 16
"""Points below which no curve is worth looking at."""


class StabilityPoint(Struct, frozen=True):
    """How a clock moved within times of one length, in nanoseconds."""

    tau: float
    """Seconds."""
    mtie: float
    mtie_at_most: float
    tdev: float | None


def stability(stretch: "Stretch | None") -> tuple[StabilityPoint, ...]:
    """Return MTIE and TDEV for 1, 2, 4 … intervals; nothing where there are too few samples.

    Raises:
        NotPossibleHereError: allantools is not installed.
    """
    if stretch is None or len(stretch.points) < _FEWEST:
        return ()
    tools = _allantools()
    spacing = stretch.interval * stretch.samples_per_point
    points = stretch.points
    firsts = [float(point.first) for point in points]
    means = [point.total / stretch.samples_per_point for point in points]
    taus, mties, _, _ = tools.mtie(firsts, rate=1 / spacing, data_type="phase", taus="octave")
    tdev_taus, tdevs, _, _ = tools.tdev(means, rate=1 / spacing, data_type="phase", taus="octave")
    tdev_of = {
        round(tau / spacing): float(tdev) for tau, tdev in zip(tdev_taus, tdevs, strict=True)
    }
    found = []
    for tau, mtie in zip(taus, mties, strict=True):
        count = round(tau / spacing)
        at_most = _range([p.low for p in points], [p.high for p in points], count + 1)
        found.append(StabilityPoint(count * spacing, float(mtie), at_most, tdev_of.get(count)))
    return tuple(found)


def _range(lows: Sequence[int], highs: Sequence[int], width: int) -> float:
    """Return the largest difference of extremes among `width` neighbours."""
    from numpy import array  # noqa: PLC0415 - comes with allantools
    from numpy.lib.stride_tricks import sliding_window_view  # noqa: PLC0415 - the same

    most = sliding_window_view(array(highs), width).max(axis=1)
    least = sliding_window_view(array(lows), width).min(axis=1)
    return float((most - least).max())


def _allantools() -> Any:  # noqa: ANN401 - it has no types
    try:
        import allantools  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise NotPossibleHereError(
            "MTIE and TDEV need allantools, which is not installed",
            remedy="pip install 'vibforge[stability]', or leave --stability out",
        ) from error
    return allantools
