"""Builds under other circumstances, each in a real process."""

import hashlib
import json
import os
import shlex
import shutil
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.cli.test_reading import run
from tests.conftest import CHECKOUT
from tests.report.schemas import require_valid
from tests.signing.lab import Lab
from tests.trees import make_tree, trx_tree
from vibforge import Reproduction, build, repro, sign
from vibforge.errors import ModelError, NotPossibleHereError, VibforgeError
from vibforge.formats.deflating import BLOCK_SIZE
from vibforge.project.plan_build import plan_build
from vibforge.reproduction import rebuilding
from vibforge.reproduction.project_copy import copy_project
from vibforge.reproduction.pythons import found_pythons
from vibforge.reproduction.rebuilding import RebuildState
from vibforge.reproduction.variations import Circumstance
from vibforge.signing.pki import KeyKind

posix = pytest.mark.skipif(os.name != "posix", reason="the interpreters are shell scripts")

RECIPE = """\
name = "agent"
version = "1.0.0-1"
layout = "boot-copy"
[[payloads]]
name = "agent"
tree = "files"
exclude = ["*.orig"]
[[payloads]]
name = "more"
tree = "payloads/more"
type = "vgz"
[[payloads]]
name = "picked"
files = [
    { src = "built/**/*.so", dst = "opt/lib" },
    { src = "whole", dst = "opt/whole", type = "tree" },
    { dst = "opt/logs", type = "dir" },
    { src = "../lib/a/b.so", dst = "opt/current/b.so", type = "symlink" },
]
"""


def python_script(path: Path, *lines: str) -> str:
    """Write an interpreter that does something else first."""
    path.write_text("\n".join(["#!/bin/sh", *lines, f'exec {shlex.quote(sys.executable)} "$@"']))
    path.chmod(0o755)
    return str(path)


def one_of(project: Path, python: str) -> Reproduction:
    return repro(project, vary="python", pythons=python, environment=without_path())


def without_path() -> dict[str, str]:
    return os.environ | {"PATH": ""}


def recipe_project(root: Path) -> Path:
    """A recipe with two trees, a program, a link to an excluded file, and several blocks."""
    noise = bytes(range(256)) * (2 * BLOCK_SIZE // 256)
    files = {"etc/init.d/other": "#!/bin/sh\n", "etc/a.conf": "a\n", "opt/x/kept.orig": "x"}
    make_tree(root / "files", {**files, "opt/x/link": "-> kept.orig", "opt/x/blob": noise})
    make_tree(root / "payloads/more", {"opt/y/z": "z\n", "opt/y/a": "a\n"})
    make_tree(root, {"built/a/b.so": "so", "built/left": "out", "whole/x": "x"})
    (root / "whole/empty/deep").mkdir(parents=True)
    (root / "files/etc/init.d/other").chmod(0o755)
    (root / "vibforge.toml").write_text(RECIPE)
    return root


def test_two_circumstances_give_the_same_bytes(tmp_path: Path) -> None:
    tree = trx_tree(tmp_path / "my-trx")
    found = repro(tree, vary=["time-zone", "order"])
    assert found.good
    assert [each.circumstance for each in found.rebuilds] == ["time-zone", "order"]
    assert {each.sha256 for each in found.rebuilds} == {found.reference.sha256}
    assert found.reference.sha256 == build(tree, tmp_path / "out").sha256
    assert found.reference.python.endswith(sys.version.split()[0])


@pytest.mark.circumstances
@pytest.mark.slow
def test_every_circumstance_gives_the_same_bytes(tmp_path: Path) -> None:
    project = recipe_project(tmp_path / "agent")
    before = {path: path.lstat().st_mtime_ns for path in project.rglob("*")}
    found = repro(project)
    wrong = [each for each in found.rebuilds if each.state is not RebuildState.SAME]
    assert not [each for each in wrong if each.state is not RebuildState.NOT_TRIED]
    assert {each.circumstance for each in wrong} <= {"user", "python"}
    assert {each.circumstance for each in found.rebuilds} | {"python"} == set(Circumstance)
    assert len(found.rebuilds) - len(wrong) >= 8
    assert {path: path.lstat().st_mtime_ns for path in project.rglob("*")} == before


@posix
def test_the_first_difference_is_shown_by_meaning(tmp_path: Path) -> None:
    tree = trx_tree(tmp_path / "my-trx")
    (difference,) = one_of(
        tree, python_script(tmp_path / "python", "export SOURCE_DATE_EPOCH=1714564800")
    ).rebuilds
    assert difference.state is RebuildState.DIFFERENT
    assert difference.difference is not None
    assert difference.difference.name == "release-date"
    assert difference.difference.new == "2024-05-01T12:00:00+00:00"
    assert difference.sha256 != ""


@posix
def test_a_build_that_fails_under_a_circumstance_is_a_bad_verdict(tmp_path: Path) -> None:
    tree = make_tree(tmp_path / "p", {"etc/x": "x", "etc/gone": "y"})
    python = python_script(tmp_path / "python", f": >'{tree}/etc/a\\b'")
    found = one_of(tree, python)
    assert not found.good
    assert found.rebuilds[0].state is RebuildState.FAILED
    assert "backslash" in found.rebuilds[0].reason


@posix
@pytest.mark.parametrize(
    ("line", "words"),
    [
        ('exec "$0-gone"', "not found"),
        ("echo no reply; exit 3", "it ended with code 3"),
        ("echo Traceback >&2; echo last words >&2; exit 1", "last words"),
        (f'exec {shlex.quote(sys.executable)} -S "$@"', "lacks msgspec"),
    ],
)
def test_a_named_python_that_cannot_run_vibforge_is_an_error(
    tmp_path: Path, line: str, words: str
) -> None:
    tree = trx_tree(tmp_path / "my-trx")
    python = python_script(tmp_path / "python", line)
    with pytest.raises(ModelError, match=words) as caught:
        one_of(tree, python)
    assert caught.value.problems[0].where == python
    assert "--python" in caught.value.problems[0].remedy


@posix
def test_a_found_python_without_the_libraries_is_skipped_and_said(tmp_path: Path) -> None:
    tree = trx_tree(tmp_path / "my-trx")
    (tmp_path / "bin").mkdir()
    bare = python_script(tmp_path / "bin/python3.99", f'exec {shlex.quote(sys.executable)} -S "$@"')
    environment = os.environ | {"PATH": str(tmp_path / "bin")}
    found = repro(tree, vary=["python", "hash-seed"], environment=environment)
    assert found.good
    assert [each.state for each in found.rebuilds] == [RebuildState.SAME, RebuildState.NOT_TRIED]
    assert (found.rebuilds[1].what, found.rebuilds[1].reason) == (bare, "lacks msgspec")
    with pytest.raises(NotPossibleHereError, match="lacks msgspec"):
        repro(tree, vary="python", environment=environment)


def test_a_python_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="cannot be run"):
        one_of(trx_tree(tmp_path / "my-trx"), str(tmp_path / "nothing"))


def test_pythons_are_found_once_and_only_on_whole_paths(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for folder in ("a", "b", "."):
        (tmp_path / folder).mkdir(exist_ok=True)
        for name in ("python3.10", "python3.11", "python3.99", "python3", "python3.99-config"):
            (tmp_path / folder / name).write_text("")
            (tmp_path / folder / name).chmod(0o755)
    (tmp_path / "b/python3.98").symlink_to("../a/python3.99")
    (tmp_path / "b/python3.97").symlink_to(sys.executable)
    (tmp_path / "b/python3.11").chmod(0o644)
    path = os.pathsep.join(["", ".", str(tmp_path / "a"), str(tmp_path / "b"), "/nowhere"])
    names = [str(Path(each).relative_to(tmp_path)) for each in found_pythons(path)]
    expected = ["a/python3.11", "a/python3.99", "b/python3.99"]
    assert names == ([*expected[:2], "b/python3.11", expected[2]] if os.name == "nt" else expected)


def test_an_unknown_variation_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="not a variation") as caught:
        repro(trx_tree(tmp_path / "my-trx"), vary="moon")
    assert "time-zone" in caught.value.problems[0].remedy


def test_a_project_that_cannot_be_built_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(VibforgeError, match="no such project"):
        repro(tmp_path / "nothing")


def test_a_tree_beside_the_project_cannot_be_copied(tmp_path: Path) -> None:
    make_tree(tmp_path / "beside", {"etc/x": "x"})
    (tmp_path / "p").mkdir()
    recipe = (
        RECIPE.split("[[payloads]]", maxsplit=1)[0]
        + '[[payloads]]\nname = "a"\ntree = "../beside"\n'
    )
    (tmp_path / "p/vibforge.toml").write_text(recipe)
    found = repro(tmp_path / "p", vary=["copy", "time-zone"])
    assert [each.state for each in found.rebuilds] == [RebuildState.SAME, RebuildState.NOT_TRIED]
    assert "outside of the project's folder" in found.rebuilds[1].reason


@posix
@pytest.mark.parametrize("kind", ["recipe", "recipe file", "tree", "stage"])
def test_a_copy_builds_the_same_package(tmp_path: Path, kind: str) -> None:
    project = recipe_project(tmp_path / "agent")
    if kind == "tree":
        project = project / "payloads/more"
    elif kind == "recipe file":
        project = (project / "vibforge.toml").rename(project / "other.toml")
    elif kind == "stage":
        project = tmp_path / "stage"
        make_tree(project / "payloads/one", {"etc/x": "x"})
        build(project / "payloads/one", tmp_path / "one")
        text = (tmp_path / "one/descriptor.xml").read_text().replace('"payload1"', '"one"')
        (project / "descriptor.xml").write_text(text)
    target = tmp_path / "target"
    target.mkdir()
    copied = copy_project(project, plan_build(project), target, umask=0o077)
    assert build(copied, tmp_path / "b").sha256 == build(project, tmp_path / "a").sha256
    modes = {stat.S_IMODE(p.stat().st_mode) for p in target.rglob("*") if not p.is_symlink()}
    assert not any(mode & 0o077 for mode in modes)


def test_the_published_vib_is_compared_without_its_key(tmp_path: Path) -> None:
    tree = trx_tree(tmp_path / "my-trx")
    built = build(tree, tmp_path / "out")
    found = repro(tree, vary="hash-seed", against=built.vib_path)
    assert found.good
    other = build(tree, tmp_path / "new", settings={"summary": "new"}).vib_path
    found = repro(tree, vary="hash-seed", against=other)
    assert [each.state for each in found.rebuilds] == [RebuildState.SAME, RebuildState.DIFFERENT]
    assert found.rebuilds[1].difference is not None
    assert found.rebuilds[1].difference.name == "summary"


def test_a_signed_vib_is_compared_with_its_signature(tmp_path: Path, lab: Lab) -> None:
    issued = lab.issued(kind=KeyKind.RSA_2048)
    tree = trx_tree(tmp_path / "my-trx")
    settings = {"acceptance-level": "partner"}
    built = build(tree, tmp_path / "out", settings=settings)
    sign(built.vib_path, key=str(issued.key_path), certificates=issued.certificate_path)
    found = repro(tree, settings=settings, vary="hash-seed", against=built.vib_path)
    assert found.good
    assert found.rebuilds[1].sha256 == hashlib.sha256(built.vib_path.read_bytes()).hexdigest()
    assert found.rebuilds[1].sha256 != found.reference.sha256


@posix
def test_a_build_that_hangs_is_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rebuilding, "_LEAST_SECONDS", 0.2)
    monkeypatch.setattr(rebuilding, "_TIMES_AS_LONG", 0)
    python = python_script(tmp_path / "python", "while :; do :; done")
    with pytest.raises(ModelError, match="did not end within"):
        one_of(trx_tree(tmp_path / "my-trx"), python)


def test_settings_are_no_arguments(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Anybody on the machine can read the arguments of a process."""
    started = []
    run_process = subprocess.run

    def spied(command: list[str], **named: Any) -> Any:  # noqa: ANN401 - as subprocess.run
        started.append(command)
        return run_process(command, **named)

    monkeypatch.setattr(subprocess, "run", spied)
    tree = trx_tree(tmp_path / "my-trx")
    assert repro(tree, vary="hash-seed", settings={"summary": "hunter2"}).good
    assert len(started) == 2
    assert "hunter2" not in str(started)


def test_the_command_shows_a_table_and_its_json_is_valid(tmp_path: Path) -> None:
    trx_tree(tmp_path / "my-trx")
    done = run("repro", "my-trx", "--vary", "hash-seed,threads", folder=tmp_path)
    assert done.returncode == 0
    lines = done.stdout.splitlines()
    assert lines[2].split() == ["same", "bytes", "hash-seed", "PYTHONHASHSEED=1"]
    assert lines[-1] == "All 3 builds gave the same bytes."
    assert max(map(len, lines)) <= 80
    done = run("repro", "my-trx", "--vary", "hash-seed", "--json", folder=tmp_path)
    facts = json.loads(done.stdout)
    require_valid(facts)
    assert facts["good"] is True


@posix
def test_the_command_fails_where_bytes_differ(tmp_path: Path) -> None:
    trx_tree(tmp_path / "my-trx")
    python = python_script(tmp_path / "python", "export SOURCE_DATE_EPOCH=5")
    words = ("repro", "my-trx", "--vary", "python", "--python", python)
    done = run(*words, folder=tmp_path)
    assert done.returncode == 1
    assert "descriptor: ~ release-date: 2000-01-01T00:00:00+00:00 → 1970" in done.stdout
    done = run(*words, "--json", folder=tmp_path)
    require_valid(json.loads(done.stdout))
    assert done.returncode == 1


@posix
@pytest.mark.skipif(os.name == "nt" or os.geteuid() != 0, reason="only root can become nobody")
def test_nobody_builds_the_same(tmp_path: Path) -> None:
    tree = trx_tree(tmp_path / "my-trx")
    (tree / "etc/vmware/trx.conf").chmod(0o600)
    tmp_path.chmod(0o700)
    try:
        found = repro(tree, vary="user")
    except NotPossibleHereError as error:
        pytest.skip(f"nobody cannot run this Python: {error}")
    assert found.rebuilds[0].state is RebuildState.SAME


@pytest.mark.circumstances
@pytest.mark.slow
def test_it_runs_from_a_folder_that_another_vibforge_is_in(tmp_path: Path) -> None:
    """The builds use this vibforge, whatever package of that name the interpreter finds."""
    trap = make_tree(tmp_path / "trap", {"vibforge/__init__.py": "raise SystemExit(9)"})
    tree = trx_tree(tmp_path / "my-trx")
    environment = os.environ | {"PYTHONPATH": str(trap)}
    assert repro(tree, vary="hash-seed", environment=environment).good
    shutil.rmtree(trap)


FAULTS = {
    "time-zone": (
        "vib/identity.py",
        "fromtimestamp(self.epoch, UTC).strf",
        "fromtimestamp(self.epoch).strf",
    ),
    "order": (
        "project/pack.py",
        "sorted(found, key=lambda child: os.fsencode(child.name), reverse=True)",
        "list(found)",
    ),
    "copy": ("project/pack.py", "mtime=self._mtime", "mtime=int(os.stat(source).st_mtime)"),
    "hash-seed": (
        "project/plan_build.py",
        "file_list=tuple(sorted(files))",
        "file_list=tuple(set(files))",
    ),
    "umask": (
        "project/pack.py",
        "mode = _PROGRAM_MODE if found & stat.S_IXUSR else _FILE_MODE",
        "mode = stat.S_IMODE(found)",
    ),
    "directory": (
        "project/plan_build.py",
        "summary=recipe.summary or",
        "summary=recipe.summary + os.getcwd() or",
    ),
}
"""A fault of vibforge for each circumstance that finds it: file, text, and what stands there."""


@posix
@pytest.mark.circumstances
@pytest.mark.slow
@pytest.mark.parametrize("circumstance", FAULTS)
def test_a_fault_is_found_under_its_circumstance(circumstance: str, tmp_path: Path) -> None:
    file, right, wrong = FAULTS[circumstance]
    for folder in ("vibforge", "templates", "payloads"):
        shutil.copytree(CHECKOUT / folder, tmp_path / "faulty" / folder)
    module = tmp_path / "faulty/vibforge" / file
    text = module.read_text()
    assert text.count(right) == 1, "the test has to follow the code"
    module.write_text(text.replace(right, wrong))
    project = make_tree(tmp_path / "p", {f"opt/{name}": name for name in "abcdefgh"})
    words = ["repro", str(project), "--json"]
    for each in FAULTS:
        words += ["--vary", each]
    done = subprocess.run(
        [sys.executable, "-m", "vibforge", *words],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(tmp_path / "faulty")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1, done.stderr
    rebuilds = json.loads(done.stdout)["rebuilds"]
    differing = {each["circumstance"] for each in rebuilds if each["state"] == "other bytes"}
    assert differing == {circumstance} | ({"umask"} if circumstance == "copy" else set())
