import os
import shutil
import stat
import time
from pathlib import Path

import pytest

from tests.rehearsal.conftest import Traces
from tests.rehearsal.matrix import MATCHES
from vibforge.errors import NotPossibleHereError, TrxError
from vibforge.operations.trx_rehearse import Rehearsal, Wish, rehearse_privately
from vibforge.rehearsal import programs as module
from vibforge.rehearsal.grandmaster import of_conf
from vibforge.rehearsal.programs import Programs, find_programs
from vibforge.rehearsal.verdict import Code
from vibforge.rehearsal.world import private_world

pytestmark = pytest.mark.usefixtures("programs")


@pytest.fixture
def bin_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder in front of PATH."""
    folder = tmp_path / "bin"
    folder.mkdir(mode=0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    return folder


def put(folder: Path, name: str, script: str) -> None:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    path.chmod(path.stat().st_mode | stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH)


@pytest.mark.parametrize(
    ("version", "release"),
    [
        ("3.1.1", "3.1.1"),
        ("3.1", "3.1"),
        ("4.2", "4.2"),
        ("v4.4-00012-g0123abc", "4.4"),
        ("3.1.1-4+b2", "3.1.1"),
        ("5.0", "4.4"),
    ],
)
def test_the_release_is_told(version: str, release: str, bin_folder: Path) -> None:
    put(bin_folder, "ptp4l", f"echo {version}")
    assert find_programs().release == release


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("echo 2.0", "too old"),
        ("echo 1.9.2", "too old"),
        ("echo hello", "no version"),
        ("exit 1", "no version"),
    ],
)
def test_what_is_too_old_or_strange_is_refused(script: str, words: str, bin_folder: Path) -> None:
    put(bin_folder, "ptp4l", script)
    with pytest.raises(NotPossibleHereError, match=words):
        find_programs()


def test_a_ptp4l_that_does_not_say_its_version(
    bin_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_VERSION_SECONDS", 0.2)
    put(bin_folder, "ptp4l", "exec sleep 100")
    with pytest.raises(NotPossibleHereError, match="does not say"):
        find_programs()


def test_what_is_missing_is_named_with_its_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(module, "_ALSO_IN", ())
    with pytest.raises(NotPossibleHereError) as caught:
        find_programs()
    said = str(caught.value)
    assert "ptp4l is missing" in said
    assert "apt install linuxptp" in said
    assert "apt install iproute2" in said


def test_no_namespaces_as_in_a_container(bin_folder: Path) -> None:
    put(bin_folder, "unshare", "echo 'unshare failed: Operation not permitted' >&2; exit 1")
    with (
        pytest.raises(NotPossibleHereError, match="Operation not permitted"),
        private_world(find_programs()),
    ):
        pass


def test_namespaces_without_links(bin_folder: Path) -> None:
    put(bin_folder, "ip", "echo 'RTNETLINK answers: Operation not supported' >&2; exit 2")
    with pytest.raises(NotPossibleHereError, match="not supported"), private_world(find_programs()):
        pass


def played(bin_folder: Path, script: str, seconds: float = 2.0) -> Rehearsal:
    """A rehearsal in which the client is a script and the grandmaster is not."""
    real = shutil.which("ptp4l", path="/usr/local/sbin:/usr/sbin:/usr/bin")
    put(
        bin_folder, "ptp4l", f'case "$2$4" in *client.confclient) {script};; esac; exec {real} "$@"'
    )
    case = MATCHES[0]
    wish = Wish(seconds=seconds, watch=0)
    return rehearse_privately(case.trx_conf(), case.master(), find_programs(), wish=wish)


@pytest.mark.slow
def test_a_ptp4l_that_hangs(bin_folder: Path, traces: Traces) -> None:
    begin = time.monotonic()
    found = played(bin_folder, "exec sleep 1000")
    assert found.code is Code.SILENT
    assert time.monotonic() - begin < 15
    assert traces.processes() == []


def test_a_ptp4l_that_dies_at_once(bin_folder: Path) -> None:
    found = played(bin_folder, "echo 'ptp4l[1.0]: the disk is on fire' >&2; exit 255")
    assert found.code is Code.REFUSED
    assert found.play
    assert found.play.words == "the disk is on fire"


def test_a_ptp4l_that_is_killed(bin_folder: Path) -> None:
    found = played(bin_folder, "kill -SEGV $$")
    assert found.code is Code.DIED


def test_a_log_without_end_is_bounded(bin_folder: Path) -> None:
    found = played(bin_folder, "exec yes 'port 1: noise'", seconds=1.0)
    assert found.code is Code.SILENT
    assert found.play
    assert len(found.play.log) <= 201


def test_a_grandmaster_that_does_not_start_is_an_error(programs: Programs) -> None:
    master = of_conf("[global]\nclock_type BC\n", "gm.conf")
    with pytest.raises(TrxError, match="BC needs at least two") as caught:
        rehearse_privately(b"", master, programs, wish=Wish())
    assert "gm.conf" in str(caught.value)


def test_seconds_are_bounded(programs: Programs) -> None:
    with pytest.raises(TrxError, match="1 to 600"):
        rehearse_privately(b"", MATCHES[0].master(), programs, wish=Wish(seconds=0))
