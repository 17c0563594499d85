import os
import shutil
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.trx.rehearsal.conftest import Traces
from tests.trx.rehearsal.matrix import MATCHES
from vibforge.errors import NotPossibleHereError, TrxError
from vibforge.trx.rehearsal import linuxptp as module
from vibforge.trx.rehearsal import linuxptp as tools
from vibforge.trx.rehearsal.grandmaster import of_conf
from vibforge.trx.rehearsal.linuxptp import Programs, find_programs, installed_linuxptp, linuxptp_of
from vibforge.trx.rehearsal.rehearse import Rehearsal, RehearsalOptions, rehearse_privately
from vibforge.trx.rehearsal.sandbox import private_world
from vibforge.trx.rehearsal.verdict import Code

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
    assert find_programs().client.release == release


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("echo 2.0", "too old"),
        ("echo 1.9.2", "too old"),
        ("echo hello", "not a linuxptp version"),
        ("exit 1", "-v failed: exit 1"),
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
    with pytest.raises(NotPossibleHereError, match="did not answer"):
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


SAYS = {"ptp4l": "echo 4.2", "pmc": "echo 4.2", "phc2sys": "echo 4.2"}


def folder_of(top: Path, place: str = ".", **scripts: str) -> Path:
    """A folder with programs that are scripts."""
    (top / place).mkdir(parents=True, exist_ok=True)
    for name, script in {**SAYS, **scripts}.items():
        put(top / place, name, script)
    return top


@pytest.mark.parametrize("place", [".", "bin", "usr/sbin", "usr/local/sbin"])
def test_each_side_may_have_its_own_linuxptp(place: str, tmp_path: Path) -> None:
    own = find_programs().grandmaster
    found = find_programs(client=folder_of(tmp_path, place))
    assert (found.client.release, found.client.version) == ("4.2", "4.2")
    assert found.client.command("pmc") == (str(tmp_path / place / "pmc"),)
    assert found.grandmaster == own
    other = find_programs(grandmaster=tmp_path)
    assert (other.client, other.grandmaster.release) == (own, "4.2")


def test_a_grandmaster_needs_no_phc2sys(tmp_path: Path) -> None:
    folder_of(tmp_path)
    (tmp_path / "phc2sys").unlink()
    assert find_programs(grandmaster=tmp_path).grandmaster.release == "4.2"
    with pytest.raises(TrxError, match="phc2sys is missing"):
        find_programs(client=tmp_path)


def test_folders_with_all_programs_need_no_installed_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tools, "installed_linuxptp", lambda: pytest.fail("it was asked"))
    folder_of(tmp_path)
    assert find_programs(tmp_path, tmp_path).client.release == "4.2"


def test_every_program_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(TrxError) as caught:
        find_programs(client=tmp_path)
    assert [problem.what.split()[0] for problem in caught.value.problems] == [*SAYS]
    assert {problem.where for problem in caught.value.problems} == {str(tmp_path)}
    assert all(problem.remedy for problem in caught.value.problems)


def test_what_is_no_folder_is_refused(tmp_path: Path) -> None:
    for path in (tmp_path / "nothing", Path("/dev/null")):
        with pytest.raises(TrxError, match="not a folder"):
            find_programs(grandmaster=path)


def test_programs_of_two_releases_are_refused(tmp_path: Path) -> None:
    folder_of(tmp_path, pmc="echo 3.1.1")
    with pytest.raises(TrxError, match=r"ptp4l is 4\.2, pmc is 3\.1\.1"):
        find_programs(client=tmp_path)


def test_a_program_of_another_machine_is_named(tmp_path: Path) -> None:
    folder_of(tmp_path)
    elf = bytearray(Path(sys.executable).resolve().read_bytes()[:64])
    elf[18:20] = (0xF3).to_bytes(2, "little")  # RISC-V
    (tmp_path / "ptp4l").write_bytes(bytes(elf))
    with pytest.raises(NotPossibleHereError, match="not a program for this machine") as caught:
        find_programs(client=tmp_path)
    assert str(tmp_path / "ptp4l") in str(caught.value)
    assert caught.value.problems[0].remedy


@pytest.mark.parametrize(
    ("script", "mode", "words"),
    [
        ("#!/no/such/interpreter\n", 0o755, "interpreter that is missing"),
        ("#!/bin/sh\necho 4.2\n", 0o644, "is not executable"),
        (
            "#!/bin/sh\necho 'libx.so: not\033 found' >&2; exit 127\n",
            0o755,
            r"libx.so: not\? found",
        ),
        ("#!/bin/sh\necho 2.0\n", 0o755, "different releases"),
    ],
)
def test_a_program_that_does_not_run_is_named(
    script: str, mode: int, words: str, tmp_path: Path
) -> None:
    folder_of(tmp_path)
    (tmp_path / "ptp4l").write_text(script, encoding="utf-8")
    (tmp_path / "ptp4l").chmod(mode)
    with pytest.raises((NotPossibleHereError, TrxError), match=words):
        find_programs(client=tmp_path)


def test_an_extracted_package_starts_through_its_own_loader(
    tmp_path: Path, tool: Callable[[str], str]
) -> None:
    """The machine's own linuxptp with the libraries that it needs, copied into a folder."""
    own = installed_linuxptp()
    listed = subprocess.run(
        [tool("ldd"), own.command("ptp4l")[0]], capture_output=True, text=True, check=True
    ).stdout
    libraries = [Path(word) for word in listed.split() if word.startswith("/")]
    for path in libraries:
        place = "usr/lib64" if path.name.startswith("ld-") else "usr/lib/x-linux-gnu"
        (tmp_path / place).mkdir(parents=True, exist_ok=True)
        shutil.copy(path, tmp_path / place)
    (tmp_path / "usr/sbin").mkdir()
    for name in SAYS:
        shutil.copy(own.command(name)[0], tmp_path / "usr/sbin")
    found = find_programs(client=tmp_path).client
    assert found.version == own.version
    assert found.command("ptp4l")[1] == "--library-path"
    assert Path(found.command("ptp4l")[0]).parent == tmp_path / "usr/lib64"
    awkward = tmp_path.parent / "a:b"
    tmp_path.rename(awkward)
    with pytest.raises(TrxError, match="does not support a `:`"):
        find_programs(client=awkward)


def test_a_loader_that_leads_out_of_the_folder_is_not_taken(tmp_path: Path) -> None:
    folder_of(tmp_path)
    (tmp_path / "lib64").mkdir()
    (tmp_path / "lib64/ld-linux-x86-64.so.2").symlink_to(sys.executable)
    shutil.copy(installed_linuxptp().command("ptp4l")[0], tmp_path / "ptp4l")
    assert len(linuxptp_of(tmp_path, ["ptp4l"]).command("ptp4l")) == 1


def played(bin_folder: Path, script: str, seconds: float = 2.0) -> Rehearsal:
    """A rehearsal in which the client is a script and the grandmaster is not."""
    real = shutil.which("ptp4l", path="/usr/local/sbin:/usr/sbin:/usr/bin")
    put(
        bin_folder, "ptp4l", f'case "$2$4" in *client.confclient) {script};; esac; exec {real} "$@"'
    )
    case = MATCHES[0]
    wish = RehearsalOptions(seconds=seconds, watch=0)
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
        rehearse_privately(b"", master, programs, wish=RehearsalOptions())
    assert "gm.conf" in str(caught.value)


def test_seconds_are_bounded(programs: Programs) -> None:
    with pytest.raises(TrxError, match="1 to 600"):
        rehearse_privately(b"", MATCHES[0].master(), programs, wish=RehearsalOptions(seconds=0))
