import math
import random
import statistics
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vibforge.trx.log.statistics import DISTINCT, RELATIVE_ERROR, Distribution, Summary

numbers = st.lists(st.integers(-(10**18), 10**18), min_size=1, max_size=300)


def summary_of(values: list[int], batch: int = 97) -> Summary:
    distribution = Distribution()
    for start in range(0, len(values), batch):
        distribution.add(values[start : start + batch])
    found = distribution.summary()
    assert found is not None
    return found


def percentile_from_zero(values: list[int], part: float) -> int:
    """The nearest rank: the least distance that `part` of the values do not exceed."""
    distances = sorted(map(abs, values))
    return distances[math.ceil(part * len(distances)) - 1]


@given(numbers)
def test_it_agrees_with_the_standard_library(values: list[int]) -> None:
    found = summary_of(values)
    assert (found.count, found.minimum, found.maximum) == (len(values), min(values), max(values))
    assert found.mean == float(Fraction(sum(values), len(values)))
    squares = statistics.fmean(value * value for value in values)
    assert found.rms == pytest.approx(math.sqrt(squares), rel=1e-12)
    assert found.p99 == percentile_from_zero(values, 0.99)
    assert found.error == 0.0
    assert sum(bar.count for bar in found.histogram) == len(values)
    assert len(found.histogram) <= 34


def test_many_distinct_values_cost_no_more_than_the_error_that_is_told() -> None:
    chance = random.Random(4)
    values = [round(chance.gauss(0, 1e7)) for _ in range(3 * DISTINCT)]
    found = summary_of(values, 5000)
    assert found.error == RELATIVE_ERROR
    exact = percentile_from_zero(values, 0.99)
    assert abs(found.p99 - exact) <= RELATIVE_ERROR * exact
    assert (found.minimum, found.maximum) == (min(values), max(values))
    assert found.mean == pytest.approx(statistics.fmean(values), rel=1e-12)
    assert found.largest == max(map(abs, values))
    assert sum(bar.count for bar in found.histogram) == len(values)


def test_bars_count_what_lies_in_them() -> None:
    chance = random.Random(5)
    values = [round(chance.gauss(0, 50)) for _ in range(20_000)]
    bars = summary_of(values).histogram
    for bar in bars[1:-1]:
        assert bar.count == sum(bar.low <= value < bar.high for value in values)
    assert bars[0].count == sum(value < bars[0].high for value in values)
    assert bars[-1].count == sum(value >= bars[-1].low for value in values)


def test_nothing_is_nothing() -> None:
    distribution = Distribution()
    distribution.add([])
    assert distribution.summary() is None
