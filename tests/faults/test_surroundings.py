"""The same answers wherever a command runs: without a home, far from any locale, in any year."""

import fcntl
import hashlib
import os
import pty
import shutil
import struct
import subprocess
import sys
import tempfile
import termios
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

import pytest

from tests import bundles, vibs
from tests.conftest import CHECKOUT
from tests.trees import trx_tree
from vibforge.cli import main
from vibforge.formats.zip_archive import zip_bytes

CHAIN = """
import sys
from vibforge.cli import main
from vibforge.cli.streams import prepare_streams
prepare_streams()
sys.exit(max(main(words.split("|")) for words in sys.argv[1:]))
"""
WORDS = (
    "build|p|-o|d",
    "verify|d/custom_bootbank_p_1.0.0-1.vib",
    "inspect|--json|d/custom_bootbank_p_1.0.0-1.vib",
    "plan|--json|d/custom_bootbank_p_1.0.0-1.vib",
    "trx|check|p/etc/vmware/trx.conf",
    "init|new",
)


def answers(  # noqa: PLR0913 - each is one thing that surrounds a command
    folder: Path,
    *,
    wrap: tuple[str, ...] = (),
    options: tuple[str, ...] = (),
    without: tuple[str, ...] = (),
    words: tuple[str, ...] = WORDS,
    umask: int = -1,
    environment: Mapping[str, str] = MappingProxyType({}),
) -> tuple[int, str, str]:
    """Run commands one after the other in one process; return code, stdout and the VIB's digest."""
    folder.mkdir()
    trx_tree(folder / "p")
    kept = {name: value for name, value in os.environ.items() if name not in without}
    done = subprocess.run(
        [*wrap, sys.executable, *options, "-c", CHAIN, *words],
        cwd=folder,
        env=kept
        | {"COLUMNS": "100", "SOURCE_DATE_EPOCH": "0", "PYTHONPATH": str(CHECKOUT)}
        | dict(environment),
        capture_output=True,
        check=False,
        umask=umask,
    )
    assert b"Traceback" not in done.stderr, done.stderr.decode()
    vib = folder / "d/custom_bootbank_p_1.0.0-1.vib"
    return done.returncode, done.stdout.decode(), hashlib.sha256(vib.read_bytes()).hexdigest()


@pytest.fixture(scope="module")
def usual(tmp_path_factory: pytest.TempPathFactory) -> tuple[int, str, str]:
    found = answers(tmp_path_factory.mktemp("usual") / "w")
    assert found[0] == 1, "a stock host refuses the VIB without -f"
    return found


ODD: dict[str, dict[str, str]] = {
    "no home": {"HOME": ""},
    "a home that is nowhere": {"HOME": "/nowhere/at/all"},
    "a temporary folder that is nowhere": {"TMPDIR": "/nowhere/at/all"},
    "LANG=C": {"LANG": "C", "LC_ALL": "C"},
    "without assertions and docstrings": {"PYTHONOPTIMIZE": "2"},
}


@pytest.mark.parametrize("name", ODD)
def test_environments(tmp_path: Path, usual: tuple[int, str, str], name: str) -> None:
    assert answers(tmp_path / "w", without=("HOME",), environment=ODD[name]) == usual


def test_a_narrow_window(tmp_path: Path, usual: tuple[int, str, str]) -> None:
    code, text, digest = answers(tmp_path / "w", environment={"COLUMNS": "40"})
    assert (code, "".join(text.split()), digest) == (usual[0], "".join(usual[1].split()), usual[2])


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_encodings(tmp_path: Path, usual: tuple[int, str, str], encoding: str) -> None:
    code, _, digest = answers(tmp_path / "w", environment={"PYTHONIOENCODING": encoding})
    assert (code, digest) == (usual[0], usual[2])


@pytest.mark.parametrize("umask", [0, 0o077, 0o277])
def test_umasks(tmp_path: Path, usual: tuple[int, str, str], umask: int) -> None:
    assert answers(tmp_path / "w", umask=umask) == usual
    mode = (tmp_path / "w/d/descriptor.xml").stat().st_mode & 0o777
    assert mode == 0o666 & ~umask


@pytest.mark.parametrize("year", [1970, 2099])
def test_clocks(
    tmp_path: Path, usual: tuple[int, str, str], tool: Callable[[str], str], year: int
) -> None:
    faketime = (tool("faketime"), "-f", f"@{year}-01-02 00:00:00")
    assert answers(tmp_path / "w", wrap=faketime) == usual


def test_few_open_files(tmp_path: Path, usual: tuple[int, str, str]) -> None:
    few = ("sh", "-c", 'ulimit -n 64; exec "$@"', "sh")
    assert answers(tmp_path / "w", wrap=few) == usual


def test_a_package_in_a_zip(tmp_path: Path, usual: tuple[int, str, str]) -> None:
    packed = tmp_path / "vibforge.zip"
    with zipfile.ZipFile(packed, "w") as archive:
        for top, below in (("vibforge", ""), ("templates", "vibforge/"), ("payloads", "vibforge/")):
            for path in sorted((CHECKOUT / top).rglob("*")):
                if path.is_file() and path.suffix != ".pyc":
                    archive.write(path, f"{below}{path.relative_to(CHECKOUT)}")
    assert answers(tmp_path / "w", environment={"PYTHONPATH": str(packed)}) == usual


def test_a_current_folder_that_is_gone(tmp_path: Path) -> None:
    script = 'cd "$1" && rmdir "$1" && shift && exec "$@"'
    (tmp_path / "gone").mkdir()
    command = (sys.executable, "-m", "vibforge", "init", "x")
    done = subprocess.run(
        ["sh", "-c", script, "sh", tmp_path / "gone", *command],
        env=os.environ | {"PYTHONPATH": str(CHECKOUT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2, done.stderr
    assert "x: cannot be written: No such file or directory" in done.stderr


@pytest.mark.parametrize("name", ["with blanks", "with\nnewline", "caf\udce9", "-x", "l" * 250])
def test_odd_names_of_folders(tmp_path: Path, name: str) -> None:
    odd = tmp_path / name
    trx_tree(odd / "p")
    assert main(["build", str(odd / "p"), "--name", "p", "-o", str(odd / "d")]) == 0
    vib = str(odd / "d/custom_bootbank_p_1.0.0-1.vib")
    assert main(["verify", vib]) == 0
    assert main(["extract", vib, "-C", str(odd / "x")]) == 0
    assert main(["init", str(odd / "new")]) == 0


def test_links_that_lead_round_in_a_circle(tmp_path: Path) -> None:
    loop = str(tmp_path / "loop")
    Path(loop).symlink_to("loop")
    good = tmp_path / "x.vib"
    good.write_bytes(vibs.vib())
    for words in (
        ["build", loop],
        ["verify", loop],
        ["lint", loop],
        ["extract", str(good), "-C", loop],
        ["trx", "check", loop],
        ["verify", str(good), "--trust", loop],
        ["plan", str(good), "--host", loop],
    ):
        assert main(words) == 2, words


def test_no_temporary_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def none() -> str:
        raise FileNotFoundError(2, "No usable temporary directory found")

    monkeypatch.setattr(tempfile, "gettempdir", none)
    monkeypatch.setattr(tempfile, "_gettempdir", none)
    (tmp_path / "a.zip").write_bytes(zip_bytes([("inner.zip", bundles.bundle())], 0))
    trx_tree(tmp_path / "p")
    for words in (["verify", str(tmp_path / "a.zip")], ["lint", str(tmp_path / "p")]):
        assert main(words) == 2
        assert "a temporary file: cannot be written: No usable" in capsys.readouterr().err


READ_ONLY = (
    *("setpriv", "--bounding-set=-dac_override,-dac_read_search"),
    "--inh-caps=-dac_override,-dac_read_search",
)


@pytest.mark.parametrize(
    "words",
    [
        "build|p|-o|shut",
        "extract|x.vib|-C|shut",
        "init|shut/n",
        "pki|init|shut/lab|--key-type|p-256",
    ],
)
def test_a_folder_that_may_not_be_written(tmp_path: Path, words: str) -> None:
    trx_tree(tmp_path / "p")
    (tmp_path / "x.vib").write_bytes(vibs.vib())
    shut = tmp_path / "shut"
    shut.mkdir(mode=0o555)
    ordinary = READ_ONLY if os.geteuid() == 0 else ()
    if ordinary and shutil.which("setpriv") is None:
        pytest.skip("setpriv is missing; Debian's util-linux has it")
    done = subprocess.run(
        [*ordinary, sys.executable, "-c", CHAIN, words],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(CHECKOUT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2, done.stderr
    assert "cannot be written: Permission denied" in done.stderr
    assert list(shut.iterdir()) == []


@pytest.mark.parametrize("words", [["verify"], ["inspect"], ["lint", "--select", "VF2"], ["plan"]])
def test_a_terminal_40_columns_wide(tmp_path: Path, words: list[str]) -> None:
    (tmp_path / "x.vib").write_bytes(vibs.vib())
    leader, follower = pty.openpty()
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 40, 0, 0))
    command = [sys.executable, "-m", "vibforge", *words, "x.vib"]
    environment = {n: v for n, v in os.environ.items() if n not in {"COLUMNS", "LINES"}}
    with subprocess.Popen(
        command,
        cwd=tmp_path,
        stdin=follower,
        stdout=follower,
        stderr=follower,
        env=environment | {"PYTHONPATH": str(CHECKOUT), "TERM": "xterm"},
    ) as running:
        os.close(follower)
        shown = b""
        try:
            while part := os.read(leader, 65536):
                shown += part
        except OSError:  # what Linux says when the other end is closed
            pass
        os.close(leader)
    assert running.returncode in {0, 1}
    assert b"Traceback" not in shown
    assert shown
