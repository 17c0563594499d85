import random

from hypothesis import given
from hypothesis import strategies as st

from vibforge.trx.log.series import Curve


@given(st.lists(st.integers(-1000, 1000), max_size=400), st.integers(1, 50))
def test_a_point_stands_for_its_samples(values: list[int], batch: int) -> None:
    curve = Curve(most=16)
    times = [float(number) for number in range(len(values))]
    for start in range(0, len(values), batch):
        curve.add(times[start : start + batch], values[start : start + batch])
    points, each = curve.points(), curve.per_point
    assert len(points) <= 16
    assert curve.count == len(values)
    assert len(curve.full_points()) == len(values) // each
    for number, point in enumerate(points):
        mine = values[number * each : (number + 1) * each]
        assert (point.seconds, point.first) == (times[number * each], mine[0])
        assert (point.low, point.high, point.total) == (min(mine), max(mine), sum(mine))


def test_extremes_survive() -> None:
    chance = random.Random(1)
    curve = Curve(most=64)
    values = [chance.randint(-50, 50) for _ in range(100_000)]
    values[31_415] = 9999
    curve.add([float(n) for n in range(len(values))], values)
    assert max(point.high for point in curve.points()) == 9999
    assert curve.per_point == 2048
