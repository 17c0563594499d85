import pytest

from vibforge.errors import TrxError
from vibforge.esxi.release import Release
from vibforge.trx.conf import number_of
from vibforge.trx.option import (
    CANDIDATES,
    RANK,
    RELEASES,
    ValueKind,
    carried_by,
    catalogue,
    chosen,
    default_of,
    release_of,
    shipped_table,
    span,
)

TABLE = catalogue()


def test_table_names_the_releases_that_the_code_knows() -> None:
    assert tuple(shipped_table("options")["releases"]) == RELEASES


@pytest.mark.parametrize("name", TABLE.options)
def test_option_is_whole(name: str) -> None:
    option = TABLE.options[name]
    assert option.does
    assert option.since in RANK
    assert TABLE.reason(option)
    assert not option.now or option.now in TABLE.options
    for release in RELEASES:
        view = option.view(release)
        assert (option.kind is ValueKind.WORDS) is bool(view.words)
        numeric = option.kind in {ValueKind.INT, ValueKind.UINT, ValueKind.DOUBLE}
        assert numeric is (view.minimum is not None and view.maximum is not None)
        default = option.default.at(release)
        if numeric:
            assert number_of(option.kind, str(default)) == default


def test_facts_change_with_the_release() -> None:
    assert TABLE.options["domainNumber"].view("3.1.1").maximum == 127
    assert TABLE.options["domainNumber"].view("4.0").maximum == 255
    wait = TABLE.options["tx_timestamp_timeout"]
    assert default_of(wait, ("3.1", "3.1.1", "4.0")) == "1 (3.1 to 3.1.1), 10 (4.0)"
    assert default_of(wait, ("4.0", "4.2")) == "10"


def test_phc2sys_and_the_letters_speak_of_known_options() -> None:
    letters = [*TABLE.ptp4l_letters.values(), *TABLE.phc2sys_letters.values()]
    assert {letter.key for letter in letters if letter.key} <= set(TABLE.options)
    assert set(TABLE.phc2sys) <= set(TABLE.options)
    assert all(letter.key or letter.does for letter in letters)


def test_spans_are_short() -> None:
    assert span(("3.0", "3.1", "3.1.1", "4.3")) == "3.0 to 3.1.1, 4.3"
    assert span(CANDIDATES) == "3.0 to 4.4"


def test_releases_can_be_chosen_by_linuxptp_and_by_esxi() -> None:
    assert chosen() == CANDIDATES
    assert chosen(["4.2", "3.1.1"]) == ("3.1.1", "4.2")
    assert chosen(esxi=[Release(8, 0, 3)]) == carried_by(Release(8, 0, 3)) == ("4.0", "4.2")
    with pytest.raises(TrxError) as caught:
        chosen(["5.2", "x", "v4", "4.4 ", "٣.1", ""], [Release(6, 7)])
    assert len(caught.value.problems) == 7


@pytest.mark.parametrize(
    ("version", "release"),
    [
        ("2.0.1", "2.0"),
        ("v4.4", "4.4"),
        ("v4.4-00012-g0123abc", "4.4"),
        ("3.1.1-4+b2", "3.1.1"),
        ("3.1", "3.1"),
        ("1.9.3", "1.9.2"),
        ("unreleased", "unreleased"),
        ("4.9", None),
        ("1.9", None),
    ],
)
def test_a_version_has_the_options_of_its_release(version: str, release: str | None) -> None:
    assert release_of(version) == release
    assert release is None or chosen([version]) == (release,)


def test_every_candidate_counts_where_nobody_knows_what_a_release_carries() -> None:
    assert carried_by(Release(10, 0)) is None
    assert chosen(esxi=[Release(10, 0)]) == CANDIDATES
    assert chosen(["2.0"], [Release(8, 0, 3)]) == ("2.0", "4.0", "4.2")


def test_the_nearest_names_are_those_that_were_meant() -> None:
    assert TABLE.nearest("DOMAINNUMBER") == ("domainNumber",)
    assert TABLE.nearest("delay_mechanisms")[0] == "delay_mechanism"
    assert TABLE.nearest("nothing-of-the-kind") == ()
    assert TABLE.nearest("delay_mechanism".ljust(64, "m")) == TABLE.nearest("x" * 64) == ()
    assert TABLE.nearest("delay_mechanism" * 1000) == ()


def test_the_options_count_their_old_names() -> None:
    assert len(TABLE.options) == len(list(TABLE.options))
    old = TABLE.options["slaveOnly"]
    assert (old.name, old.now) == ("slaveOnly", "clientOnly")
    assert "nothing" not in TABLE.options
    assert TABLE.options["domainNumber"].now == ""


def test_a_search_wants_all_words_in_any_case() -> None:
    found = [option.name for option in TABLE.search(["DOMAIN", "number"])]
    assert "domainNumber" in found
    assert "delay_mechanism" not in found
    assert len(TABLE.search([])) == len(TABLE.options)
    assert TABLE.search(["domain", "no such word"]) == []
