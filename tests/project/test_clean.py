"""`clean` removes what a build wrote, whatever a list says."""

import hashlib
import json
import os
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from tests.trees import trx_tree
from vibforge.errors import FormatError, OutputError
from vibforge.files.folder_handle import FolderHandle
from vibforge.project.build import build
from vibforge.project.clean import clean, write_checksums
from vibforge.project.ledger import FILE_LIMIT, RECORD_LIMIT, keeping_ledgers

SECRET = b"not yours"


def entry(name: str, data: bytes = SECRET, **changes: Any) -> dict[str, Any]:  # noqa: ANN401 - any JSON
    digest = hashlib.sha256(data).hexdigest()
    return {"kind": "vib", "name": name, "size": len(data), "sha256": digest} | changes


@pytest.fixture
def forged(tmp_path: Path) -> Callable[[object], Path]:
    """Make a folder with a list of files, beside a file that must stay."""
    (tmp_path / "victim").write_bytes(SECRET)
    (tmp_path / "out/sub").mkdir(parents=True)
    (tmp_path / "out/sub/victim").write_bytes(SECRET)

    def write(files: object) -> Path:
        facts = {"format": "vibforge/record/2", "files": files}
        (tmp_path / "out/build.json").write_text(json.dumps(facts))
        return tmp_path / "out"

    return write


@pytest.mark.parametrize(
    "name",
    [
        *("../victim", "sub/victim", "sub/../../victim", "..", ".", "", "/etc/passwd", "//victim"),
        *("..\\victim", "./sub/victim", "sub", "a\0b", "\ud800", "x" * 5000),
    ],
    ids=lambda name: ascii(name)[:20],
)
def test_no_name_leads_out_of_the_folder(
    tmp_path: Path, forged: Callable[[object], Path], name: str
) -> None:
    out = forged([entry(name), entry(str(tmp_path / "victim"))])
    cleaned = clean(out)
    assert cleaned.removed == ()
    assert cleaned.kept
    assert (tmp_path / "victim").read_bytes() == SECRET
    assert (out / "sub/victim").read_bytes() == SECRET
    assert (out / "build.json").exists()


def test_no_link_is_followed_and_none_removed(
    tmp_path: Path, forged: Callable[[object], Path]
) -> None:
    out = forged([entry("link"), entry("hard"), entry("pipe")])
    (out / "link").symlink_to("../victim")
    os.mkfifo(out / "pipe")
    os.link(tmp_path / "victim", out / "hard")
    cleaned = clean(out)
    assert [path.name for path in cleaned.removed] == ["hard"], "one name of it, in the folder"
    assert (tmp_path / "victim").read_bytes() == SECRET
    assert (out / "link").is_symlink()
    assert len(cleaned.kept) == 2


@pytest.mark.parametrize("changes", [{"size": 8}, {"sha256": "0" * 64}])
def test_what_differs_stays(forged: Callable[[object], Path], changes: dict[str, Any]) -> None:
    out = forged([entry("file", **changes), entry("other")])
    (out / "file").write_bytes(SECRET)
    (out / "other").write_bytes(b"yours now")
    cleaned = clean(out)
    assert cleaned.removed == ()
    assert [problem.what for problem in cleaned.kept] == [
        "kept: was changed after it was written"
    ] * 2


def test_an_entry_may_come_twice_or_be_gone(forged: Callable[[object], Path]) -> None:
    out = forged([entry("file"), entry("file"), entry("file", size=1), entry("gone")])
    (out / "file").write_bytes(SECRET)
    cleaned = clean(out)
    assert [path.name for path in cleaned.removed] == ["file", "build.json"]
    assert cleaned.kept == ()
    assert out.is_dir(), "nobody knows who made it"


@pytest.mark.parametrize(
    "files",
    [
        *(None, {}, "x", [1], [None], [[]], [{"name": "victim"}]),
        *([entry("a", size="1")], [entry("a", sha256="A" * 64)], [entry("a", kind="other")]),
        [entry("a")] * (FILE_LIMIT + 1),
    ],
    ids=lambda files: ascii(files)[:30],
)
def test_a_malformed_list_removes_nothing(forged: Callable[[object], Path], files: object) -> None:
    out = forged(files)
    (out / "a").write_bytes(SECRET)
    with pytest.raises(FormatError, match="not a file that this vibforge wrote"):
        clean(out)
    assert (out / "a").exists()


def test_a_list_that_is_too_long_or_no_file_is_refused(forged: Callable[[object], Path]) -> None:
    out = forged([])
    with (out / "build.json").open("wb") as file:
        file.truncate(RECORD_LIMIT + 1)
    with pytest.raises(OutputError, match="has more than"):
        clean(out)
    (out / "build.json").rename(out / "elsewhere")
    (out / "build.json").symlink_to("elsewhere")
    with pytest.raises(OutputError, match="is a link"):
        clean(out)
    (out / "build.json").unlink()
    os.mkfifo(out / "build.json")
    with pytest.raises(OutputError, match="not a regular file"):
        clean(out)


def test_a_folder_that_is_a_link_is_refused(tmp_path: Path) -> None:
    built = build(trx_tree(tmp_path / "p"), tmp_path / "out", environment={})
    (tmp_path / "link").symlink_to("out")
    (tmp_path / "all").mkdir()
    (tmp_path / "all/p").symlink_to("../out")
    for output, folders in ((tmp_path / "link", []), (tmp_path / "all", [tmp_path / "all/p"])):
        with pytest.raises(OutputError, match="removes nothing through a link"):
            clean(output, folders)
    assert built.vib_path.exists()


def test_a_build_is_removed_whole(tmp_path: Path) -> None:
    out = tmp_path / "out"
    build(trx_tree(tmp_path / "p"), out, environment={})
    (out / "mine").touch()
    listed = {file["name"] for file in json.loads((out / "build.json").read_text())["files"]}
    assert listed | {"mine", "build.json"} == {path.name for path in out.iterdir()}
    assert {path.name for path in clean(out).removed} == listed | {"build.json"}
    assert [path.name for path in out.iterdir()] == ["mine"]
    assert clean(out).removed == ()
    assert clean(tmp_path / "nowhere").removed == ()


def test_a_forged_ledger_removes_no_folder_with_files(forged: Callable[[object], Path]) -> None:
    out = forged([])
    (out / ".vibforge.json").write_text(
        '{"format": "vibforge/ledger/1", "made_folder": true, "files": []}'
    )
    clean(out)
    assert (out / "sub/victim").exists()


def test_checksums_of_any_name_are_read_by_sha256sum(
    tmp_path: Path, tool: Callable[[str], str]
) -> None:
    names = ["plain", "a\\b", "a\nb", "a  b", "-rf", "*", "é", os.fsdecode(b"\xff")]
    for name in names:
        build(trx_tree(tmp_path / "p"), tmp_path / "out" / name, environment={})
    folders = [tmp_path / "out" / name for name in names]
    write_checksums(tmp_path / "out", folders)
    again = (tmp_path / "out/SHA256SUMS").read_bytes()
    done = subprocess.run(
        [tool("sha256sum"), "--check", "--strict", "SHA256SUMS"],
        cwd=tmp_path / "out",
        check=True,
        capture_output=True,
    )
    assert done.stdout.count(b"OK") == len(names)
    write_checksums(tmp_path / "out", folders[::-1])
    assert (tmp_path / "out/SHA256SUMS").read_bytes() == again
    next((tmp_path / "out/plain").glob("*.vib")).write_bytes(b"x")
    with pytest.raises(OutputError, match="was changed"):
        write_checksums(tmp_path / "out", folders)


@pytest.fixture
def compared(forged: Callable[[object], Path]) -> Path:
    out = forged([entry("file")])
    (out / "file").write_bytes(SECRET)
    (out / "mine").write_bytes(b"mine")
    return out


def test_a_file_swapped_in_after_it_was_compared_stays(
    compared: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rename = FolderHandle.rename

    def late(self: FolderHandle, name: str, target: str) -> None:
        if name == "file":
            (compared / "mine").replace(compared / "file")
        rename(self, name, target)

    monkeypatch.setattr(FolderHandle, "rename", late)
    cleaned = clean(compared)
    assert [problem.what for problem in cleaned.kept] == [
        "kept: was replaced while it was compared"
    ]
    assert (compared / "file").read_bytes() == b"mine"


def test_a_file_written_after_it_was_compared_stays(
    compared: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rename = FolderHandle.rename

    def late(self: FolderHandle, name: str, target: str) -> None:
        if name == "file":
            (compared / "file").write_bytes(b"mine")
        rename(self, name, target)

    monkeypatch.setattr(FolderHandle, "rename", late)
    assert clean(compared).removed == ()
    assert (compared / "file").read_bytes() == b"mine"


@pytest.mark.parametrize("replaced", [False, True])
def test_a_file_that_takes_the_name_at_the_last_moment_stays(
    compared: Path,
    monkeypatch: pytest.MonkeyPatch,
    replaced: bool,  # noqa: FBT001 - the parameter of the test
) -> None:
    rename = FolderHandle.rename

    def late(self: FolderHandle, name: str, target: str) -> None:
        if name == "file" and replaced:
            (compared / "file").unlink()
            (compared / "file").write_bytes(b"other")
        rename(self, name, target)
        if name == "file":
            (compared / "mine").rename(compared / "file")

    monkeypatch.setattr(FolderHandle, "rename", late)
    cleaned = clean(compared)
    assert (compared / "file").read_bytes() == b"mine"
    left = [path for path in compared.iterdir() if path.name.endswith(".partial")]
    assert [path.read_bytes() for path in left] == ([b"other"] if replaced else [])
    assert [path.name in problem.what for path in left for problem in cleaned.kept] == [
        True for _ in left
    ]


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such lock")
def test_clean_waits_for_a_build_that_publishes(compared: Path) -> None:
    with ThreadPoolExecutor(1) as pool, FolderHandle.open(compared) as handle:
        with handle.held():
            cleaning = pool.submit(clean, compared)
            assert not wait([cleaning], timeout=0.2).done
            assert (compared / "file").exists()
        assert [path.name for path in cleaning.result(timeout=30).removed] == ["file", "build.json"]


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such lock")
def test_of_versions_that_are_packaged_at_once_none_is_forgotten(tmp_path: Path) -> None:
    tree, out = trx_tree(tmp_path / "p"), tmp_path / "out"
    begun, go_on = Event(), Event()

    def package(version: str) -> None:
        with keeping_ledgers(out, out):
            begun.set()
            assert go_on.wait(30)
            build(tree, out, settings={"version": version}, environment={})

    with ThreadPoolExecutor(2) as pool:
        running = [pool.submit(package, "1-1")]
        assert begun.wait(30)
        running.append(pool.submit(package, "2-1"))
        assert not wait(running, timeout=0.2).done
        go_on.set()
        for each in running:
            each.result(timeout=30)
    assert len(list(out.glob("*.vib"))) == 2
    clean(out)
    assert not out.exists()


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such lock")
def test_a_folder_that_clean_removed_meanwhile_is_made_again(tmp_path: Path) -> None:
    tree, out = trx_tree(tmp_path / "p"), tmp_path / "out"

    def package() -> None:
        with keeping_ledgers(out, out):
            build(tree, out, environment={})

    package()
    with ThreadPoolExecutor(1) as pool, FolderHandle.open(out) as handle:
        with handle.held():
            waiting = pool.submit(package)
            assert not wait([waiting], timeout=0.2).done
            clean(out)
            assert not out.exists()
        waiting.result(timeout=30)
    assert (out / "build.json").exists()
    clean(out)
    assert not out.exists(), "whoever made it again noted that"


def test_a_target_that_fails_leaves_no_folder(tmp_path: Path) -> None:
    with pytest.raises(OutputError), keeping_ledgers(tmp_path / "out", tmp_path / "out/p"):
        raise OutputError("no")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such lock")
def test_checksums_and_a_package_do_not_forget_each_others_files(tmp_path: Path) -> None:
    tree, out = trx_tree(tmp_path / "p"), tmp_path / "out"
    with keeping_ledgers(out, out):
        build(tree, out, environment={})
    with ThreadPoolExecutor(1) as pool:
        with keeping_ledgers(out, out):
            summing = pool.submit(write_checksums, out, [out])
            assert not wait([summing], timeout=0.2).done
            build(tree, out, settings={"version": "2-1"}, environment={})
        summing.result(timeout=30)
    assert b"2-1.vib" in (out / "SHA256SUMS").read_bytes()
    clean(out)
    assert not out.exists()


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such lock")
def test_a_folder_goes_before_a_waiting_target_can_have_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fcntl = pytest.importorskip("fcntl")
    out = tmp_path / "out"
    free: list[bool] = []
    with keeping_ledgers(out, out):
        build(trx_tree(tmp_path / "p"), out, environment={})

    def judged(path: Path) -> None:
        number = os.open(path, os.O_RDONLY)
        try:
            fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
            free.append(True)
        except BlockingIOError:
            free.append(False)
        finally:
            os.close(number)
        os.rmdir(path)  # noqa: PTH106 - Path.rmdir is replaced here

    monkeypatch.setattr(Path, "rmdir", judged)
    clean(out)
    assert free == [False]
    assert not out.exists()
