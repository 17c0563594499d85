import pytest
from hypothesis import given
from hypothesis import strategies as st

from vibforge.errors import ModelError
from vibforge.esxi.release import Release, parse_releases

releases = st.builds(Release, st.integers(5, 20), st.integers(0, 9), st.integers(0, 9))


@pytest.mark.parametrize(
    ("text", "release"),
    [
        ("6.7", Release(6, 7)),
        ("6.7.0", Release(6, 7)),
        ("7.0U3", Release(7, 0, 3)),
        ("7.0 u3c", Release(7, 0, 3)),
        ("8.0.3", Release(8, 0, 3)),
        ("8.0 Update 3", Release(8, 0, 3)),
        ("ESXi 9.0", Release(9, 0)),
        ("8.0.3-24022510", Release(8, 0, 3)),
        ("9.0.2.0.25148076", Release(9, 0, 2)),
        ("10.0", Release(10, 0)),
        (" 6.5 ", Release(6, 5)),
    ],
)
def test_the_ways_people_write_it(text: str, release: Release) -> None:
    assert Release.parse(text) == release


@pytest.mark.parametrize("text", ["", "6", "4.1", "eight", "8,0", "-1.0", "6.7x"])
def test_what_is_no_release(text: str) -> None:
    with pytest.raises(ModelError, match="is not a release of ESXi"):
        Release.parse(text)


@given(releases)
def test_it_reads_what_it_writes(release: Release) -> None:
    assert Release.parse(str(release)) == release


def test_releases_are_sorted_and_distinct() -> None:
    assert parse_releases(["8.0", "6.7", " 8.0"]) == (Release(6, 7), Release(8, 0))
    assert parse_releases([]) == ()


def test_every_wrong_release_is_named() -> None:
    with pytest.raises(ModelError) as caught:
        parse_releases(["8.0", "eight", "4.1"])
    assert [problem.what for problem in caught.value.problems] == [
        "'eight' is not a release of ESXi",
        "'4.1' is not a release of ESXi",
    ]


def test_updates_are_named_as_the_vendor_names_them() -> None:
    named = [str(Release(*numbers)) for numbers in ((8, 0, 3), (9, 0, 1), (9, 1, 0), (10, 0, 2))]
    assert named == ["8.0 U3", "9.0.1", "9.1", "10.0.2"]
