import builtins
import math
import random
import sys
from typing import Any

import pytest

from tests.trx.log.making import reading_of, steady
from vibforge.errors import NotPossibleHereError
from vibforge.trx.log import clock as clock_module
from vibforge.trx.log.clock import Stretch
from vibforge.trx.log.series import Curve
from vibforge.trx.log.stability import stability

pytest.importorskip("allantools", reason="the extra `stability` is not installed")


def noise(count: int) -> list[int]:
    chance = random.Random(2)
    value, found = 0.0, []
    for _ in range(count):
        value = 0.9 * value + chance.gauss(0, 20)
        found.append(round(value))
    return found


def stretch_of(values: list[int]) -> Stretch:
    (clock,) = reading_of(steady(100, values)).clocks
    assert clock.stretch is not None
    return clock.stretch


def mtie(values: list[int], count: int) -> int:
    windows = (values[n : n + count + 1] for n in range(len(values) - count))
    return max(max(window) - min(window) for window in windows)


def tdev(values: list[int], count: int) -> float:
    """TDEV by its definition in ITU-T G.810: the mean over all positions, of second differences."""
    total = 0.0
    positions = len(values) - 3 * count + 1
    for start in range(positions):
        inner = sum(
            values[start + n + 2 * count] - 2 * values[start + n + count] + values[start + n]
            for n in range(count)
        )
        total += inner * inner
    return math.sqrt(total / (6 * positions * count * count))


def test_it_is_what_the_definitions_say() -> None:
    values = noise(300)
    points = stability(stretch_of(values))
    assert [round(point.tau) for point in points] == [1, 2, 4, 8, 16, 32, 64, 128, 256]
    for point in points:
        count = round(point.tau)
        assert point.mtie == point.mtie_at_most == mtie(values, count)
        if point.tdev is not None:
            assert point.tdev == pytest.approx(tdev(values, count), rel=1e-9)
    assert points[4].tdev is not None


def test_many_samples_are_bounded_by_what_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock_module, "Curve", lambda: Curve(most=64))
    values = noise(1500)
    stretch = stretch_of(values)
    assert stretch.samples_per_point == 32
    kept = values[: len(stretch.points) * 32]
    points = stability(stretch)
    assert [round(point.tau) for point in points] == [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024]
    for point in points[:5]:
        assert point.samples == 64
        assert point.mtie == point.mtie_at_most == mtie(values[:64], round(point.tau))
    for point in points[5:]:
        assert point.samples == len(kept)
        count = round(point.tau)
        assert point.mtie <= mtie(kept, count) <= point.mtie_at_most
    assert points[5].tdev == pytest.approx(tdev(kept, 32), rel=0.25)


def test_too_few_samples_make_no_curve() -> None:
    assert stability(stretch_of(noise(10))) == ()
    assert stability(None) == ()


def test_without_the_library_it_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    load = builtins.__import__

    def refuse(name: str, *rest: Any) -> Any:  # noqa: ANN401 - as __import__ is
        if name == "allantools":
            raise ImportError(name)
        return load(name, *rest)

    monkeypatch.delitem(sys.modules, "allantools", raising=False)
    monkeypatch.setattr(builtins, "__import__", refuse)
    with pytest.raises(NotPossibleHereError, match=r"vibforge\[stability\]"):
        stability(stretch_of(noise(50)))
