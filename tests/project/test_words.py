from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vibforge.errors import ModelError
from vibforge.esxi.acceptance import AcceptanceLevel
from vibforge.vib.identity import ReleaseDate
from vibforge.vib.relationships import Constraint, Provide


@pytest.mark.parametrize("level", list(AcceptanceLevel))
def test_both_names_of_a_level_are_read(level: AcceptanceLevel) -> None:
    assert AcceptanceLevel.parse(level.value) is level
    assert AcceptanceLevel.parse(level.esxcli_name) is level
    assert AcceptanceLevel.parse(f" {level.esxcli_name.lower()} ") is level


def test_old_names_of_levels_are_read() -> None:
    assert AcceptanceLevel.parse("signed") is AcceptanceLevel.PARTNER
    assert AcceptanceLevel.parse("unsigned") is AcceptanceLevel.COMMUNITY


def test_levels_rank_as_on_a_host() -> None:
    assert [level.rank for level in AcceptanceLevel] == [15, 10, 5, 0]


def test_another_level_is_refused() -> None:
    with pytest.raises(ModelError, match="not an acceptance level") as caught:
        AcceptanceLevel.parse("trusted")
    for level in AcceptanceLevel:
        assert level.value in caught.value.problems[0].remedy


@pytest.mark.parametrize("text", ["vmkapi_2_6_0_0", "esx-version >= 7.0.2", "a << 1-1", "a = 1"])
def test_constraints_round_trip(text: str) -> None:
    assert str(Constraint.parse(text)) == text


@pytest.mark.parametrize("text", ["", "a b", "a > 1", "a < 1", "a == 1", "a >= 1 2", ">= 1"])
def test_other_constraints_are_refused(text: str) -> None:
    with pytest.raises(ModelError, match="is not a constraint"):
        Constraint.parse(text)


def test_provides_round_trip() -> None:
    assert str(Provide.parse("com.example.x = 1.0")) == "com.example.x = 1.0"
    assert Provide.parse("com.example.x") == Provide(name="com.example.x")
    with pytest.raises(ModelError, match="is not a provide"):
        Provide.parse("a >= 1")


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("2024-05-01T12:30:59Z", "2024-05-01T12:30:59+00:00"),
        ("2024-05-01 12:30:59", "2024-05-01T12:30:59+00:00"),
        ("2025-05-03T20:00:00+08:00", "2025-05-03T12:00:00+00:00"),
        ("2015-11-07T12:17:15.851716+00:00", "2015-11-07T12:17:15+00:00"),
        ("2024-05-01", "2024-05-01T00:00:00+00:00"),
        ("86400", "1970-01-02T00:00:00+00:00"),
    ],
)
def test_dates_are_written_in_one_form(text: str, written: str) -> None:
    assert str(ReleaseDate.parse(text)) == written


@given(st.datetimes(datetime(1970, 1, 1), datetime(2199, 12, 31), timezones=st.just(UTC)))  # noqa: DTZ001
def test_dates_round_trip_to_the_second(moment: datetime) -> None:
    date = ReleaseDate.from_datetime(moment)
    assert ReleaseDate.parse(str(date)) == date
    assert str(date) == moment.strftime("%Y-%m-%dT%H:%M:%S+00:00")


@pytest.mark.parametrize(
    "text", ["", "yesterday", "1969-12-31", "2200-01-01", "-1", "$DATE", "2024-13-01"]
)
def test_other_dates_are_refused(text: str) -> None:
    with pytest.raises(ModelError, match="is not a release date"):
        ReleaseDate.parse(text)
