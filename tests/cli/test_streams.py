"""Whoever reads: pipes that end, closed streams, full disks, any encoding, colour and width."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.desk import COMMANDS, words_of
from tests.cli.test_reading import run

COMMAND = f"{sys.executable} -m vibforge"
READING = (
    "build --dry-run",
    "lint",
    "plan",
    "explain a message",
    "inspect",
    "verify",
    "bundle inspect",
    "bundle verify",
    "trx check",
    "trx show",
    "trx profiles",
    "trx options",
    "trx host",
    "trx sniff",
)
"""Commands that show something and write nothing."""
OTHERS = ("--help", "--version", "schema", "host-facts", "inspect --cat etc/x/x.conf good.vib")
TO_COPY = re.compile(r"\b(esxcli|configstorecli|govc|sh|vibforge) ")
NARROW = 40


def shell(line: str, folder: Path, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["/bin/bash", "-c", line.replace("vibforge", COMMAND, 1)],
        cwd=folder,
        env=os.environ | env,
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )


@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize("words", [COMMANDS["inspect"], COMMANDS["lint"] + " --json", *OTHERS])
def test_a_reader_that_is_gone_ends_a_command_quietly(
    full_desk: Path, words: str, unbuffered: str
) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [sys.executable, "-m", "vibforge", *words.split()],
        cwd=full_desk,
        env=os.environ | {"PYTHONUNBUFFERED": unbuffered},
        stdout=writer,
        stderr=subprocess.PIPE,
        check=False,
    )
    os.close(writer)
    assert (done.returncode, done.stderr) == (141, b"")


def test_a_reader_that_goes_away_in_the_middle(full_desk: Path) -> None:
    line = "vibforge trx options --json | head -1; echo ${PIPESTATUS[0]}"
    done = shell(line, full_desk)
    assert done.stdout.splitlines() == ["{", "141"]
    assert done.stderr == ""


def test_a_build_is_whole_though_nobody_reads_of_it(full_desk: Path) -> None:
    shell("vibforge build tree -o unread | true", full_desk)
    assert len(list((full_desk / "unread").glob("*.vib"))) == 1


def test_a_closed_stream_is_one_that_nobody_reads(full_desk: Path) -> None:
    assert shell("vibforge verify good.vib >&-", full_desk).returncode == 0
    assert shell("vibforge verify bad.vib >&-", full_desk).returncode == 1
    assert shell("vibforge verify bad.vib --json >&- 2>&- <&-", full_desk).returncode == 1
    assert shell("vibforge verify page.vib 2>&-", full_desk).returncode == 2
    done = shell("vibforge trx check - <&-", full_desk)
    assert (done.returncode, done.stderr) == (0, "")
    assert "the file sets nothing" in done.stdout


def test_no_file_takes_the_place_of_a_closed_stream(full_desk: Path) -> None:
    shell("vibforge build tree -o closed >&- 2>&-", full_desk)
    assert shell("vibforge verify closed/*.vib", full_desk).returncode == 0


@pytest.mark.parametrize(
    "words", [COMMANDS["inspect"], "--help", "trx show trx.conf --as trx.conf"]
)
def test_an_output_that_cannot_be_written_is_an_error(full_desk: Path, words: str) -> None:
    done = shell(f"vibforge {words} >/dev/full", full_desk)
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1] == "error: standard output: No space left on device"
    assert "Traceback" not in done.stderr


def test_a_full_disk_behind_stderr_does_not_stop_the_work(full_desk: Path) -> None:
    assert shell("vibforge verify page.vib 2>/dev/full", full_desk).returncode == 2
    assert shell("vibforge trx check trx.conf --esxi 8.0U3 2>/dev/full", full_desk).returncode == 0


@pytest.mark.parametrize("words", ["trx check bad.conf", "trx new --profile x", "build tree"])
def test_no_encoding_stops_a_command(full_desk: Path, words: str) -> None:
    line = f"vibforge {words} 2>&1"
    done = shell(line, full_desk, LC_ALL="C", PYTHONIOENCODING="ascii", PYTHONUTF8="0")
    assert done.returncode in {0, 1, 2}
    assert done.stdout.isascii()
    assert "Traceback" not in done.stdout
    if "check" in words:
        assert "  -> Write `ptp4l:delay_mechanism P2P`." in done.stdout
    assert shell(line, full_desk, LC_ALL="C").returncode == done.returncode


@pytest.mark.parametrize("name", READING)
def test_colour_is_honoured_by_every_command(
    full_desk: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = words_of(name)
    for variable in ("NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(variable, raising=False)
    plain = run(*words, folder=full_desk).stdout
    assert "\x1b" not in plain
    monkeypatch.setenv("FORCE_COLOR", "1")
    coloured = run(*words, folder=full_desk).stdout
    assert "\x1b[" in coloured
    assert re.sub(r"\x1b\[[0-9;]*m", "", coloured) == plain
    monkeypatch.setenv("NO_COLOR", "1")
    assert run(*words, folder=full_desk).stdout == plain


def test_colour_of_stderr(full_desk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("FORCE_COLOR", "1")
    for words in ("verify page.vib", "pki init warned", "trx export bad.conf --as phc2sys"):
        assert "\x1b[" in run(*words.split(), folder=full_desk).stderr
    monkeypatch.setenv("NO_COLOR", "1")
    for words in ("verify page.vib", "pki export warned -o s", "trx export bad.conf --as phc2sys"):
        assert "\x1b[" not in run(*words.split(), folder=full_desk).stderr


@pytest.mark.parametrize("name", READING)
def test_narrow_windows_break_lines_between_words(
    full_desk: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = words_of(name)
    wide = run(*words, folder=full_desk).stdout
    monkeypatch.setenv("COLUMNS", str(NARROW))
    narrow = run(*words, folder=full_desk).stdout
    for line in narrow.splitlines():
        if len(line) > NARROW and not TO_COPY.search(line):
            assert len(line.split()) == 1, line
    assert narrow.split() == wide.split()
