import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import CHECKOUT
from tests.trees import make_tree, trx_tree
from vibforge.operations.subjects import OpenBundle, opened

Make = Callable[..., str]


@pytest.fixture
def make(tmp_path: Path, tool: Callable[[str], str]) -> Make:
    """Run make in another repository that includes the targets."""
    program = tool("make")
    shutil.copy(CHECKOUT / "vibforge.mk", tmp_path)
    (tmp_path / "Makefile").write_text("include vibforge.mk\n")
    environment = os.environ | {"SOURCE_DATE_EPOCH": "0"}
    for variable in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS", "VIBFORGE", "PROJECT", "OUT", "V"):
        environment.pop(variable, None)

    def run(*words: str) -> str:
        done = subprocess.run(
            [program, f"VIBFORGE={sys.executable} -m vibforge", *words],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
            env=environment,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


def test_package_is_quiet_and_complete(tmp_path: Path, make: Make) -> None:
    trx_tree(tmp_path / "trx-conf")
    words = ("PROJECT=trx-conf", "ACCEPTANCE=partner", "VERSION=1.2.0-1", "OUT=out")
    assert make("package", *words) == ""
    assert (tmp_path / "out/custom_bootbank_trx-conf_1.2.0-1.vib").is_file()
    assert "<acceptance-level>partner<" in (tmp_path / "out/descriptor.xml").read_text()


CLOCK_TICK = 0.02
"""File systems stamp with the kernel's tick; a change within one is not newer."""


def test_nothing_is_rebuilt_that_has_not_changed(tmp_path: Path, make: Make) -> None:
    tree = trx_tree(tmp_path / "trx-conf")
    built = "-m vibforge build trx-conf"
    assert built in make("package", "PROJECT=trx-conf", "V=1")
    assert built not in make("package", "PROJECT=trx-conf", "V=1")
    os.utime(tree / "etc/vmware/trx.conf")
    assert built in make("package", "PROJECT=trx-conf", "V=1"), "a file is newer"
    assert built in make("package", "PROJECT=trx-conf", "V=1", "VERSION=2-1"), "another option"
    time.sleep(CLOCK_TICK)
    (tree / "etc/vmware/with a space").touch()
    assert built in make("package", "PROJECT=trx-conf", "V=1", "VERSION=2-1"), "a new file"
    time.sleep(CLOCK_TICK)
    (tree / "etc/vmware/with a space").unlink()
    assert built in make("package", "PROJECT=trx-conf", "V=1", "VERSION=2-1"), "a file less"
    assert built not in make("package", "PROJECT=trx-conf", "V=1", "VERSION=2-1")


def test_several_projects_side_by_side(tmp_path: Path, make: Make) -> None:
    names = ["one", "two", "three"]
    for name in names:
        trx_tree(tmp_path / "packages" / name)
    projects = f"PROJECTS={' '.join(f'packages/{name}' for name in names)}"
    make("-j3", "check", "dist", projects)
    sums = (tmp_path / "dist/SHA256SUMS").read_text()
    assert [f"./{name}/custom_bootbank_{name}_1.0.0-1.vib" in sums for name in names] == [True] * 3
    subprocess.run(
        ["sha256sum", "--check", "--quiet", "SHA256SUMS"], cwd=tmp_path / "dist", check=True
    )


def test_bundles_beside_the_packages(tmp_path: Path, make: Make) -> None:
    for name in ("one", "two"):
        trx_tree(tmp_path / "packages" / name)
    words = ("bundle", "dist", "PROJECTS=packages/one packages/two")
    make("-j2", *words)
    sums = (tmp_path / "dist/SHA256SUMS").read_text()
    assert "./one/one-1.0.0-1-offline-bundle.zip" in sums
    assert "./two/two-1.0.0-1-offline-bundle.zip" in sums
    assert "--bundle" not in make(*words, "V=1")


def test_clean_removes_what_was_built_and_nothing_else(tmp_path: Path, make: Make) -> None:
    trx_tree(tmp_path / "p")
    (tmp_path / "mine").mkdir()
    make("clean", "PROJECT=p", "OUT=mine")
    assert (tmp_path / "mine").is_dir()
    make("package", "PROJECT=p")
    make("clean", "PROJECT=p")
    assert not (tmp_path / "dist").exists()


def test_clean_after_several_projects(tmp_path: Path, make: Make) -> None:
    for name in ("one", "two"):
        trx_tree(tmp_path / "packages" / name)
    projects = "PROJECTS=packages/one packages/two"
    make("dist", projects)
    assert (tmp_path / "dist/SHA256SUMS").is_file()
    make("clean", projects)
    assert not (tmp_path / "dist").exists()
    (tmp_path / "dist").mkdir()
    (tmp_path / "dist/SHA256SUMS").touch()
    make("clean", projects)
    assert (tmp_path / "dist/SHA256SUMS").is_file(), "nobody knows who made it"


def test_one_of_several_projects(tmp_path: Path, make: Make) -> None:
    for name in ("one", "two"):
        trx_tree(tmp_path / "packages" / name)
    (tmp_path / "Makefile").write_text(
        "PROJECTS := packages/one packages/two\ninclude vibforge.mk\n"
    )
    make("package", "PROJECT=packages/two")
    assert [path.name for path in (tmp_path / "dist").iterdir()] == ["two"]


def test_lint_says_what_is_wrong(tmp_path: Path, make: Make) -> None:
    make_tree(tmp_path / "p", {"opt/p/x": ""})
    assert "0 errors" in make("lint", "PROJECT=p", "VIBFORGE_LINT_FLAGS=--ignore VF221")


def test_a_project_that_is_the_repository_itself(tmp_path: Path, make: Make) -> None:
    trx_tree(tmp_path / "payloads/p")
    (tmp_path / "vibforge.toml").write_text(
        'name = "x"\nversion = "1-1"\n[[payloads]]\nname = "p"\ntree = "payloads/p"\n'
    )
    assert "vibforge build ." in make("package", "V=1")
    assert "vibforge build ." not in make("package", "V=1"), "its own output is no input"


def test_the_demo_is_a_package_and_a_component(tmp_path: Path, tool: Callable[[str], str]) -> None:
    for name in ("Makefile", "vibforge.mk", "pyproject.toml"):
        shutil.copy(CHECKOUT / name, tmp_path)
    shutil.copytree(CHECKOUT / "payloads", tmp_path / "payloads")
    program = tmp_path / "v/bin/vibforge"
    program.parent.mkdir(parents=True)
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m vibforge "$@"\n')
    program.chmod(0o755)
    (tmp_path / "v/ready").touch()
    environment = {n: v for n, v in os.environ.items() if not n.startswith(("MAKE", "MFLAGS"))}
    subprocess.run(
        [tool("make"), "demo", "VENV=v"],
        cwd=tmp_path,
        env=environment | {"PYTHONPATH": str(CHECKOUT)},
        capture_output=True,
        check=True,
    )
    (vib,) = (tmp_path / "dist").glob("*.vib")
    (bundle,) = (tmp_path / "dist").glob("*.zip")
    assert vib.read_bytes().startswith(b"!<arch>\n")
    with opened(bundle) as (found,):
        assert isinstance(found, OpenBundle)
        assert [each.is_component for each in found.bundle.bulletins] == [True]
