import pytest
from hypothesis import given
from hypothesis import strategies as st

from vibforge.errors import ModelError
from vibforge.vib.identity import LENGTH_LIMIT, Version, check_version, next_version

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
    assert not Version("01") != Version("1")  # noqa: SIM202 - the operator is tried
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


@pytest.mark.parametrize(
    ("version", "following"),
    [
        ("1.2.0-1", "1.2.0-2"),
        ("1.2.0-9", "1.2.0-10"),
        ("1.2.0-0.0.27", "1.2.0-0.0.28"),
        ("1.2.0-1.5.g0a1b2c3", "1.2.0-1.6"),
        ("1.2.0-007", "1.2.0-008"),
        ("2.6.1-1OEM.700.1.0.15843807", "2.6.1-2OEM.700.1.0.15843807"),
        ("1.2.0", "1.2.0-1"),
        ("1.2.0-", "1.2.0-1"),
        ("1.2.0-rc1", "1.2.0-1rc1"),
    ],
)
def test_the_next_version_is_the_next_release(version: str, following: str) -> None:
    assert next_version(Version(version)).text == following
    assert next_version(Version(version)) > Version(version)


@given(versions)
def test_a_host_compares_the_next_version_as_higher(version: Version) -> None:
    assert next_version(version) > version


@given(st.from_regex(r"[0-9][0-9A-Za-z.]{0,10}-[0-9][0-9A-Za-z.]{0,10}", fullmatch=True))
def test_the_next_of_a_valid_version_is_valid(text: str) -> None:
    check_version(next_version(Version(text)).text)


@pytest.mark.parametrize("digits", ["9" * 64, "9" * 70, "1" * 70])
def test_the_next_version_is_higher_beyond_the_digits_that_are_compared(digits: str) -> None:
    version = Version(f"1-{digits}")
    assert len(version.text) > LENGTH_LIMIT
    assert next_version(version) > version
