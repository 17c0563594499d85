"""A folder belongs to one package, also when two builds write into it at once."""

import fcntl
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.trees import trx_tree
from vibforge.errors import OutputError, PayloadError
from vibforge.project.build import build, build_plan
from vibforge.project.plan_build import plan_build

ENVIRONMENT = {"SOURCE_DATE_EPOCH": "0"}


def refuse_locks(*_: object) -> None:
    raise OSError


@pytest.mark.parametrize("locks", [True, False])
def test_a_package_that_came_meanwhile_keeps_the_folder(
    locks: bool,  # noqa: FBT001 - the parameter of the test
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As on a file system without locks, too."""
    if not locks:
        monkeypatch.setattr(fcntl, "flock", refuse_locks)
    tree, out = trx_tree(tmp_path / "tree"), tmp_path / "out"
    second = plan_build(tree, settings={"name": "second"}, environment=ENVIRONMENT)
    before: dict[str, bytes] = {}

    def meanwhile(_done: int, _size: int) -> None:
        if not before:
            build(tree, out, settings={"name": "first"}, environment=ENVIRONMENT)
            before.update({path.name: path.read_bytes() for path in out.iterdir()})

    with pytest.raises(OutputError, match="holds another package, custom_bootbank_first"):
        build_plan(second, out, on_progress=meanwhile)
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before


def test_another_version_that_came_meanwhile_may_stay(tmp_path: Path) -> None:
    tree, out = trx_tree(tmp_path / "tree"), tmp_path / "out"
    newer = plan_build(tree, settings={"version": "2-1"}, environment=ENVIRONMENT)

    def meanwhile(_done: int, _size: int) -> None:
        build(tree, out, environment=ENVIRONMENT)

    build_plan(newer, out, on_progress=meanwhile)
    assert len(list(out.glob("*.vib"))) == 2
    assert "2-1" in (out / "build.json").read_text()


def started(tree: Path, name: str, out: Path) -> subprocess.Popen[bytes]:
    words = [sys.executable, "-m", "vibforge", "build", str(tree), "--name", name, "-o", str(out)]
    return subprocess.Popen(
        words,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env=os.environ | ENVIRONMENT,
    )


@pytest.mark.slow
def test_of_two_processes_one_has_the_folder(tmp_path: Path) -> None:
    tree = trx_tree(tmp_path / "tree")
    for turn in range(5):
        out = tmp_path / f"out{turn}"
        running = [started(tree, name, out) for name in ("one", "two")]
        said = [process.communicate(timeout=60)[1].decode() for process in running]
        assert sorted(process.returncode for process in running) == [0, 2], said
        won = "one" if running[0].returncode == 0 else "two"
        assert [path.name for path in out.glob("*.vib")] == [f"custom_bootbank_{won}_1.0.0-1.vib"]
        assert f'"custom_bootbank_{won}_1.0.0-1.vib"' in (out / "build.json").read_text()
        assert "holds another package" in "".join(said)


@pytest.mark.slow
def test_who_was_killed_while_it_had_the_folder_blocks_nobody(tmp_path: Path) -> None:
    tree, out = trx_tree(tmp_path / "tree"), tmp_path / "out"
    out.mkdir()
    script = (
        "import sys, time, pathlib\n"
        "from vibforge.files.folder_handle import FolderHandle\n"
        "with FolderHandle.open(pathlib.Path(sys.argv[1])).held():\n"
        "    print('held', flush=True)\n"
        "    time.sleep(600)"
    )
    holder = subprocess.Popen([sys.executable, "-c", script, out], stdout=subprocess.PIPE)
    assert holder.stdout is not None
    assert holder.stdout.readline() == b"held\n"
    waiting = started(tree, "one", out)
    time.sleep(1)  # whether it waits or has not come so far, what follows is the same
    assert list(out.glob("*.vib")) == []
    holder.send_signal(signal.SIGKILL)
    holder.communicate()
    assert (waiting.communicate(timeout=60)[1], waiting.returncode) == (b"", 0)


def overwritten(path: Path, data: bytes) -> None:
    """Write into a file in place, and set its times back."""
    before = path.stat()
    with path.open("r+b") as file:
        file.write(data)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    after = path.stat()
    assert (after.st_ino, after.st_size, after.st_mtime_ns) == (
        before.st_ino,
        before.st_size,
        before.st_mtime_ns,
    )


@pytest.mark.parametrize("path", ["etc/vmware/trx.conf", "opt/other"])
def test_a_file_that_changed_in_place_with_its_time_set_back_is_noticed(
    tmp_path: Path, path: str
) -> None:
    tree = trx_tree(tmp_path / "tree")
    (tree / "opt").mkdir()
    (tree / "opt/other").write_bytes(b"1" * 100)
    time.sleep(0.02)  # a clock of a file system ticks every 10 ms at the slowest
    plan = plan_build(tree, environment=ENVIRONMENT)
    size = (tree / path).stat().st_size
    overwritten(tree / path, b"2" * size)
    with pytest.raises(PayloadError, match="the file changed while it was read"):
        build_plan(plan, tmp_path / "out")
    assert not (tmp_path / "out").exists()
