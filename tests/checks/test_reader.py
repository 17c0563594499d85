"""What ESXi's reader refuses and what it takes, by rules that were tried on 6.7 and 6.5."""

import pytest

from tests.vibs import make, swap
from vibforge.checks.reader import refused_by_reader, refused_file, unreadable_text
from vibforge.files.inputs import BytesSource
from vibforge.host.candidate import candidate_from_vib
from vibforge.vib.scan import VibScan, release_date_fault

LIVE = "<live-install-allowed>true</live-install-allowed>"


def refused(old: str, new: str) -> str:
    faults = list(refused_by_reader.faults(VibScan(make(text=swap(old, new)), "acme.vib")))
    return faults[0].values["reason"] if faults else ""


@pytest.mark.parametrize("word", ["true", "FALSE", " 1 ", "0\n", ""])
def test_words_of_a_switch_that_are_taken(word: str) -> None:
    assert not refused(LIVE, f"<live-install-allowed>{word}</live-install-allowed>")


@pytest.mark.parametrize("word", ["maybe", " ", "y", "10"])
def test_other_words_are_refused_and_repeated(word: str) -> None:
    reason = refused(LIVE, f"<live-install-allowed>{word}</live-install-allowed>")
    assert reason.endswith(f"has invalid live-install-allowed value '{word}'.")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("2031-05-06T07:08:09", ""),
        ("2031-05-06 07:08:09.25-03:30", ""),
        ("2031-05-06", " string."),
        ("2031-05-06T07:08:09+0330", " string."),
        ("2031-14-06T07:08:09", ": month must be in 1..12."),
        ("2031-04-31T07:08:09", ": day is out of range for month."),
        ("2031-04-30T27:08:09", ": hour must be in 0..23."),
    ],
)
def test_dates(text: str, why: str) -> None:
    assert release_date_fault(text) == why


@pytest.mark.parametrize(
    ("added", "reason"),
    [
        ("<urls><url>http://a/</url></urls>", "has missing or invalid key"),
        ("<packed-size>many</packed-size>", "invalid literal for int()"),
        ("<checksum>ab</checksum>", "checksum-type attribute was not found"),
        ("<overlay>perhaps</overlay>", "has invalid overlay value 'perhaps'."),
    ],
)
def test_other_elements(added: str, reason: str) -> None:
    assert reason in refused(LIVE, LIVE + added)


def test_a_comment_hides_the_name() -> None:
    assert refused("<name>", "<name><!-- c -->") == "Missing VIB name."


def test_a_reader_stops_whatever_the_flags_and_says_where() -> None:
    candidate = candidate_from_vib(
        make(text=swap(LIVE, "<live-install-allowed>x</live-install-allowed>")), "a"
    )
    (refusal,) = candidate.refusals
    assert refusal.message.error == "VibDownloadError"
    assert refusal.message.text.startswith('(None, "VIB ')
    assert refusal.message.attributes == (("url", "<path>"),)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"PK\x03\x04", "Bad VIB archive header"),
        (b"!<arch>\n", "VIB archive is too short"),
        (b"!<arch>\nshort", "Bad VIB archive header"),
    ],
)
def test_files_that_are_no_vib(data: bytes, reason: str) -> None:
    found = refused_file(BytesSource.from_bytes(data, "acme.vib"))
    assert found is not None
    assert found.values["reason"] == reason


def test_what_is_not_read_here_on_purpose_is_no_verdict_of_a_host() -> None:
    assert unreadable_text(b"<!DOCTYPE vib><vib/>") is None
    assert unreadable_text(b"<vib") is not None
