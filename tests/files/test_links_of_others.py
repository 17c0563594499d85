"""On the way to an output folder, a link of another user is refused, and no other link."""

import os
import sys
from pathlib import Path

import pytest

from tests.signing.lab import Lab, vib
from tests.trees import trx_tree
from vibforge.errors import OutputError
from vibforge.files.folder_handle import FolderHandle
from vibforge.packages.sign import Existing, sign_vib
from vibforge.project.build import build
from vibforge.project.clean import clean
from vibforge.project.initialise import initialise
from vibforge.project.ledger import keeping_ledgers

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="promised on Linux alone")

OTHER = 65534


@pytest.fixture
def others(tmp_path: Path) -> Path:
    """Make a folder with a link `link` of another user to the folder `outside` beside it."""
    if os.geteuid() != 0:
        pytest.skip("needs root, to give a link to another user")
    folder = tmp_path / "others"
    folder.mkdir()
    (tmp_path / "outside/sub").mkdir(parents=True)
    (folder / "link").symlink_to("../outside")
    for path in (folder, folder / "link"):
        os.chown(path, OTHER, OTHER, follow_symlinks=False)
    return folder


@pytest.mark.parametrize("end", ["", "sub", "new", "new/newer", "sub/../sub"])
def test_nothing_is_written_beyond_a_link_of_another_user(others: Path, end: str) -> None:
    tree, output = trx_tree(others.parent / "tree"), others / "link" / end
    with pytest.raises(
        OutputError, match=f"link in this path is a link of another user .uid {OTHER}"
    ):
        build(tree, output, environment={})
    with pytest.raises(OutputError, match="of another user"):
        initialise(output / "made", "trx-conf", "x")
    with pytest.raises(OutputError, match="of another user"), keeping_ledgers(output, output / "p"):
        pass
    assert [path.name for path in (others.parent / "outside").rglob("*")] == ["sub"]


def test_nothing_is_removed_beyond_a_link_of_another_user(others: Path) -> None:
    tree, outside = trx_tree(others.parent / "tree"), others.parent / "outside"
    build(tree, outside / "sub", environment={})
    before = sorted(outside.rglob("*"))
    with pytest.raises(OutputError, match="of another user"):
        clean(others / "link/sub")
    assert sorted(outside.rglob("*")) == before


def test_links_of_the_user_are_followed_whatever_they_look_like(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    place = tmp_path / "a/b"
    place.mkdir(parents=True)
    (tmp_path / "relative").symlink_to("a/../a/./b")
    (tmp_path / "absolute").symlink_to(tmp_path / "relative")
    (tmp_path / "a/up").symlink_to("..")
    for name in (".", "relative", "absolute", "a/up/absolute", "a/up/../" + tmp_path.name):
        with FolderHandle.open(Path(name)) as handle:
            handle.new_file("mark", 0o600).close()
        assert (Path(name) / "mark").is_file()
        (Path(name) / "mark").unlink()


@pytest.mark.parametrize("name", ["loop", "dangling", "file", "file/x", "none", "link to file"])
def test_what_is_no_folder_is_told_as_the_system_tells_it(tmp_path: Path, name: str) -> None:
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "dangling").symlink_to("nowhere")
    (tmp_path / "file").touch()
    (tmp_path / "link to file").symlink_to("file")
    with pytest.raises(OSError) as own:  # noqa: PT011 - the same as the system, whatever it is
        os.open(tmp_path / name, os.O_RDONLY | os.O_DIRECTORY)
    with pytest.raises(type(own.value)) as found:
        FolderHandle.open(tmp_path / name)
    assert found.value.errno == own.value.errno


def test_folders_that_may_only_be_searched_are_no_hindrance(tmp_path: Path) -> None:
    (tmp_path / "search/dist").mkdir(parents=True)
    (tmp_path / "search").chmod(0o311)
    try:
        FolderHandle.open(tmp_path / "search/dist").close()
    finally:
        (tmp_path / "search").chmod(0o755)


def test_no_file_is_replaced_behind_a_link_of_another_user(others: Path, lab: Lab) -> None:
    source, victim = others.parent / "demo.vib", others.parent / "outside/victim"
    source.write_bytes(vib())
    victim.write_bytes(b"not yours")
    (others / "x.vib").symlink_to("../outside/victim")
    os.chown(others / "x.vib", OTHER, OTHER, follow_symlinks=False)
    (others.parent / "mine.vib").symlink_to("others/x.vib")
    for output in (others / "x.vib", others.parent / "mine.vib", others / "link/victim"):
        with pytest.raises(OutputError, match="of another user"):
            sign_vib(source, lab.signer(), output=output)
    assert victim.read_bytes() == b"not yours"


def test_the_file_behind_links_of_the_user_is_replaced(tmp_path: Path, lab: Lab) -> None:
    (tmp_path / "real/sub").mkdir(parents=True)
    (tmp_path / "real/demo.vib").write_bytes(vib())
    (tmp_path / "real/sub/up.vib").symlink_to("../demo.vib")
    (tmp_path / "first.vib").symlink_to(tmp_path / "real/sub/up.vib")
    sign_vib(tmp_path / "first.vib", lab.signer())
    assert (tmp_path / "real/demo.vib").read_bytes() != vib()
    assert (tmp_path / "first.vib").is_symlink()
    assert (tmp_path / "real/sub/up.vib").is_symlink()
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(OutputError, match=r"(?i)too many"):
        sign_vib(
            tmp_path / "real/demo.vib",
            lab.signer(),
            output=tmp_path / "loop",
            existing=Existing.REPLACE,
        )
