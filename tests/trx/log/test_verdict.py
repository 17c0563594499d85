import pytest

from tests.trx.log.making import phc_sample, reading_of, sample, steady, text
from vibforge.errors import ModelError
from vibforge.esxi.release import Certainty
from vibforge.trx.log.limits import known_limits, limit_of, limits_of
from vibforge.trx.log.verdict import ErrorBudget, Holding, LimitVerdict, cannot_prove, judge


def verdict_on(data: bytes, limit: str, budget: ErrorBudget | None = None) -> LimitVerdict:
    (verdict,) = judge(reading_of(data), [limit_of(limit)], budget or ErrorBudget()).verdicts
    return verdict


@pytest.mark.parametrize(
    ("text", "ns"),
    [
        ("1500", 1500), ("1.5us", 1500), ("1.5 µs", 1500), ("100 μs", 100_000), ("2ms", 2_000_000),
        ("1s", 1e9), ("0.5", 0.5), ("g8271-4", 1500), ("G.8271-4", 1500), ("G.8271.1-4", 1500),
        ("G8271 class 6A".replace(" ", "-"), 260), ("RTS25-HFT", 100_000), ("finra", 50_000_000),
    ],
)  # fmt: skip
def test_limits_by_name_and_number(text: str, ns: float) -> None:
    assert limit_of(text).ns == ns


@pytest.mark.parametrize("text", ["", "-5", "g8271-9", "1e9", "5 min", "nan", "9" * 13])
def test_what_is_no_limit_names_those_that_are(text: str) -> None:
    with pytest.raises(ModelError, match="g8271-4"):
        limit_of(text)


def test_the_table_is_whole() -> None:
    assert {limit.name: limit.ns for limit in known_limits()} == {
        "rts25-hft": 1e5, "rts25": 1e6, "rts25-voice": 1e9, "finra": 5e7, "g8271-4": 1500,
        "g8271-5": 1000, "g8271-6a": 260, "g8271-6b": 130, "g8271-6c": 65, "st2059-2": 500,
        "power": 1000,
    }  # fmt: skip
    for limit in known_limits():
        assert limit.of
        assert limit.source
        assert limit.certainty is Certainty.INFERRED


def test_a_limit_that_is_named_twice_is_held_once() -> None:
    assert [limit.name for limit in limits_of(["g8271-4", "100", "G.8271-4"])] == ["g8271-4", "100"]


def test_kept_and_exceeded() -> None:
    data = steady(1, [100, -1500, 7])
    assert verdict_on(data, "1500").holding is Holding.KEPT
    verdict = verdict_on(data, "1499")
    assert verdict.holding is Holding.EXCEEDED
    assert verdict.measured == 1500
    assert verdict.worst_at is not None
    assert verdict.worst_at.seconds == 2
    assert not verdict.good


def test_the_budget_counts() -> None:
    data = steady(1, [100, -1500, 7])
    assert verdict_on(data, "1600", ErrorBudget(60, 40)).holding is Holding.KEPT
    verdict = verdict_on(data, "1600", ErrorBudget(60, 41))
    assert (verdict.holding, verdict.total) == (Holding.EXCEEDED, 1601)
    assert "60 ns" in " ".join(cannot_prove(ErrorBudget(60, 41)))
    assert "--asymmetry adds it" in " ".join(cannot_prove(ErrorBudget(60)))


def test_both_programs_of_a_host_add() -> None:
    data = steady(1, [100, 100]) + phc_sample(1, -60) + phc_sample(2, 40)
    assert verdict_on(data, "160").holding is Holding.KEPT
    assert verdict_on(data, "159").measured == 160


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (sample(1, 5, 0) + sample(2, 5, 0), "never locked"),
        (steady(1, range(9)) + sample(10, 5, 0), "not locked at the end"),
        (steady(1, range(9)) + text(99, "x"), "not locked at the end"),
        (phc_sample(1, 5), "no measurement of ptp4l"),
        (text(1, "port 1: assuming the grand master role"), "no measurement of ptp4l"),
    ],
)
def test_what_is_not_shown(data: bytes, why: str) -> None:
    verdict = verdict_on(data, "1ms")
    assert verdict.holding is Holding.NOT_SHOWN
    assert not verdict.good
    assert why in " ".join(verdict.reasons)


def test_a_gap_is_named_beside_the_verdict() -> None:
    verdict = verdict_on(steady(1, range(9)) + steady(50, range(9)), "1us")
    assert verdict.holding is Holding.KEPT
    assert "nothing was measured for 41 s in 1 gaps" in verdict.reasons[0]


def test_no_limit_is_a_good_verdict() -> None:
    assert judge(reading_of(sample(1, 9, 0)), [], ErrorBudget()).good
