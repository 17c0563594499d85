import pytest

from vibforge.errors import TrxError
from vibforge.trx.catalogue import catalogue, shipped_table
from vibforge.trx.option import Kind, default_of
from vibforge.trx.release import CANDIDATES, ESXI, RANK, RELEASES, chosen, span
from vibforge.trx.value import number_of

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
        assert (option.kind is Kind.WORDS) is bool(view.words)
        numeric = option.kind in {Kind.INT, Kind.UINT, Kind.DOUBLE}
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
    assert chosen(esxi=["8.0 u3"]) == ESXI["8.0U3"]
    with pytest.raises(TrxError) as caught:
        chosen(["3.1.2", "x"], ["6.7"])
    assert len(caught.value.problems) == 3
