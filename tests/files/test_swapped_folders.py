"""Root writes into a folder of somebody who swaps folders for links all the time."""

import os
import pwd
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from tests import vibs
from tests.files import attacker as attacker_script
from tests.trees import trx_tree
from vibforge.bundle.create import create_bundle
from vibforge.bundle.opening import unpack
from vibforge.bundle.recipe import BundleRecipe
from vibforge.errors import VibforgeError
from vibforge.formats.gnu_tar import EntryKind
from vibforge.packages.extract import ExtractOptions, extract
from vibforge.project.build import build
from vibforge.project.initialise import initialise
from vibforge.project.stage import extract_stage
from vibforge.vib.archive import Vib

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        sys.platform != "linux" or os.geteuid() != 0, reason="needs Linux, root and another user"
    ),
]

FOLDERS = [f"d{number}/sub/deep" for number in range(20)]
RUNS = int(os.environ.get("VIBFORGE_RACES", "2"))

Write = Callable[[Path, Path], object]
"""Takes a folder with inputs, and the folder to write into."""


@contextmanager
def scratch() -> Iterator[Path]:
    """Give a folder that every user can reach; those of pytest are closed to others."""
    folder = Path(tempfile.mkdtemp(prefix="vibforge-swaps-"))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


def owned_by_nobody(folder: Path) -> None:
    user = pwd.getpwnam("nobody")
    os.chown(folder, user.pw_uid, user.pw_gid)


@contextmanager
def attacked(folder: Path, outside: Path) -> Iterator[None]:
    """Swap what is in the folder as the user nobody, from before the body to its end."""
    attacker = subprocess.Popen(
        [sys.executable, "-I", "-S", attacker_script.__file__, str(folder), str(outside)],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert attacker.stdout is not None
    assert attacker.stdout.readline() == "swapping\n"
    try:
        yield
    finally:
        attacker.terminate()
        attacker.communicate()


def seen(folder: Path) -> list[tuple[str, int, int]]:
    return [
        (str(path.relative_to(folder)), path.lstat().st_mode, path.lstat().st_uid)
        for path in (folder, *sorted(folder.rglob("*")))
    ]


def _vib(folder: Path) -> Vib:
    del folder
    files = [vibs.File(path=f"{FOLDERS[number % 20]}/f{number}") for number in range(400)]
    hard = [
        vibs.File(path=f"d{n}/hard", kind=EntryKind.HARD_LINK, link=files[n].path)
        for n in range(20)
    ]
    return vibs.make((*files, *hard))


def _unpack(inputs: Path, folder: Path) -> object:
    made = create_bundle(
        [vibs.write(inputs, f"v{n}") for n in range(20)],
        inputs / "x.zip",
        BundleRecipe(vendor_code="ABC", platforms=("8.0",)),
    )
    return unpack(made.path, folder / "new")


def _build(inputs: Path, folder: Path) -> object:
    return build(trx_tree(inputs / "p"), folder)


INTO_FOLDERS_OF_OTHERS: dict[str, Write] = {
    "extract": lambda i, to: extract([_vib(i)], to, ExtractOptions()),
    "extract --owners --force": lambda i, to: extract(
        [_vib(i)], to, ExtractOptions(owners=True, force=True)
    ),
    "extract into a folder of theirs": lambda i, to: extract(
        [_vib(i)], to / "d1/sub", ExtractOptions(force=True)
    ),
    "build": lambda i, to: _build(i, to / "d1/sub"),
}
INTO_NEW_FOLDERS: dict[str, Write] = {
    "extract": lambda i, to: extract([_vib(i)], to / "new", ExtractOptions()),
    "extract --stage": lambda i, to: extract_stage(_vib(i), to / "new"),
    "bundle unpack": _unpack,
    "build": lambda i, to: _build(i, to / "new"),
    "init": lambda _, to: initialise(to / "new", "trx-conf", "x"),
}


def _run(write: Write, *, folders: bool) -> None:
    """Write under attack; whether it ends well or is refused, nothing changes outside."""
    with scratch() as home:
        inputs, target, outside = home / "inputs", home / "target", home / "outside"
        for name in ("", "new/", "etc/"):
            for folder in FOLDERS:
                (outside / name / folder).mkdir(parents=True)
        inputs.mkdir()
        target.mkdir()
        if folders:
            for folder in FOLDERS:
                (target / folder).mkdir(parents=True)
                for path in ((target / folder), *(target / folder).parents[:2]):
                    owned_by_nobody(path)
        owned_by_nobody(target)
        before = seen(outside)
        if not folders:
            (target / "bait").mkdir()
            owned_by_nobody(target / "bait")
        with attacked(target, outside), suppress(VibforgeError):
            write(inputs, target)
        assert seen(outside) == before


@pytest.mark.parametrize("run", range(RUNS))
@pytest.mark.parametrize("name", INTO_FOLDERS_OF_OTHERS)
def test_nothing_gets_out_of_folders_of_others(name: str, run: int) -> None:
    del run
    _run(INTO_FOLDERS_OF_OTHERS[name], folders=True)


@pytest.mark.parametrize("run", range(RUNS))
@pytest.mark.parametrize("name", INTO_NEW_FOLDERS)
def test_nothing_gets_out_of_new_folders(name: str, run: int) -> None:
    del run
    _run(INTO_NEW_FOLDERS[name], folders=False)
