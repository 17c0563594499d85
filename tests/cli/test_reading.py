"""`inspect`, `verify` and `extract` as a user meets them: output, JSON, exit codes."""

import contextlib
import io
import json
import os
import pty
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest
from msgspec import Struct

from tests import bundles, vibs
from tests.conftest import CHECKOUT
from vibforge.cli import main

READING = ("inspect", "verify", "extract")


class Done(Struct, frozen=True):
    """What a command left behind."""

    returncode: int
    stdout: str
    stderr: str


def run(*arguments: str | Path, folder: Path) -> Done:
    """Run a command in this process, which starts quicker."""
    taken = io.BytesIO(), io.BytesIO()
    out, err = (io.TextIOWrapper(stream, "utf-8", write_through=True) for stream in taken)
    with contextlib.chdir(folder), redirect_stdout(out), redirect_stderr(err):
        code = main(list(map(str, arguments)))
    stdout, stderr = (stream.getvalue().decode() for stream in taken)
    return Done(code, stdout, stderr)


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    (tmp_path / "good.vib").write_bytes(vibs.MIXED_VIB)
    (tmp_path / "signed.vib").write_bytes(vibs.signed_vib())
    (tmp_path / "bad.vib").write_bytes(vibs.vib(vibs.MIXED, file_list=["etc/gone"]))
    (tmp_path / "page.vib").write_bytes(b"<!DOCTYPE html>")
    (tmp_path / "bundle.zip").write_bytes(bundles.bundle())
    return tmp_path


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ("inspect good.vib", 0),
        ("inspect bad.vib", 0),
        ("inspect page.vib", 2),
        ("inspect good.vib page.vib", 2),
        ("inspect nothing.vib", 2),
        ("inspect --cat etc/x/x.conf good.vib", 0),
        ("inspect --cat etc/gone good.vib", 2),
        ("inspect --cat etc/x/x.conf good.vib bad.vib", 2),
        ("verify good.vib", 0),
        ("verify good.vib bundle.zip", 0),
        ("verify good.vib bad.vib", 1),
        ("verify bad.vib page.vib", 2),
        ("verify --json bad.vib", 1),
        ("verify", 2),
        ("extract good.vib -C out", 0),
        ("extract good.vib -C .", 0),
        ("extract page.vib -C out", 2),
        ("extract good.vib", 2),
        ("extract good.vib etc --stage -C out", 2),
        ("extract bundle.zip --stage -C out", 2),
    ],
)
def test_exit_codes(desk: Path, arguments: str, code: int) -> None:
    done = run(*arguments.split(), folder=desk)
    assert done.returncode == code, done.stderr
    assert bool(done.stderr) is (code == 2)
    assert "Traceback" not in done.stderr


def test_good_files_are_shown_beside_bad_ones(desk: Path) -> None:
    done = run("inspect", "page.vib", "good.vib", folder=desk)
    assert "ACME_bootbank_acme_1.0.0-1" in done.stdout
    assert "page.vib: an HTML page" in done.stderr
    found = json.loads(run("verify", "--json", "page.vib", "good.vib", folder=desk).stdout)
    assert [(each["path"], each["held"]) for each in found["files"]] == [
        ("good.vib", True),
        ("page.vib", False),
    ]


def test_files_and_cat_give_nothing_but_what_was_asked(desk: Path) -> None:
    listed = run("inspect", "--files", "good.vib", folder=desk).stdout.splitlines()
    assert listed[2] == "1644 0 0 6 etc/x/x.conf"
    assert run("inspect", "--cat", "/etc/x/x.conf", "good.vib", folder=desk).stdout == "a = b\n"


def test_verify_says_the_verdict_last(desk: Path) -> None:
    lines = run("verify", "bad.vib", folder=desk).stdout.splitlines()
    assert lines[-1] == "  bad: 22 held, 4 failed"
    assert any(line.startswith("  failed       files       ") for line in lines)
    lines = run("verify", "bundle.zip", folder=desk).stdout.splitlines()
    assert lines[-2:] == ["bundle.zip", "  good: 31 held"]


def test_extract_says_where_and_how_much(desk: Path) -> None:
    assert run("extract", "good.vib", "-C", "out", folder=desk).stdout == "5 paths in out\n"
    again = run("extract", "good.vib", "-C", "out", folder=desk)
    assert "--force" in again.stderr
    assert run("extract", "good.vib", "-C", "out", "--force", folder=desk).returncode == 0
    done = json.loads(run("extract", "good.vib", "etc", "-C", "o", "--json", folder=desk).stdout)
    assert done["format"] == "vibforge/extract/1"
    assert done["folder"] == "o"
    assert done["left_out"] == []


def test_colour_only_on_a_terminal(desk: Path) -> None:
    assert "\x1b" not in run("verify", "bad.vib", folder=desk).stdout
    leader, follower = pty.openpty()
    with os.fdopen(leader, "rb", buffering=0) as terminal:
        done = subprocess.run(
            [sys.executable, "-m", "vibforge", "verify", "bad.vib"],
            cwd=desk,
            env={"PATH": os.environ["PATH"], "TERM": "xterm", "PYTHONPATH": str(CHECKOUT)},
            stdout=follower,
            check=False,
        )
        assert done.returncode == 1
        assert b"\x1b[" in terminal.read(4096)
    os.close(follower)


@pytest.mark.parametrize("command", READING)
def test_help_tells_each_option(desk: Path, command: str) -> None:
    done = run(command, "--help", folder=desk)
    assert done.returncode == 0
    assert "--json" in done.stdout
