import base64
import contextlib
import hashlib
import json
import os
import shutil
import string
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from msgspec import Struct

from tests.conftest import CHECKOUT
from tests.trees import make_tree, trx_tree
from vibforge.bundle.opening import OpenBundle
from vibforge.cli import main
from vibforge.packages.subjects import opened

TARGETS = (
    *("package", "bundle", "check", "sbom", "attest", "repro", "bump"),
    *("lint", "dist", "clean"),
)
VARIABLES = (
    *("PROJECT", "PROJECTS", "OUT", "ACCEPTANCE", "VERSION", "PREVIOUS", "OVERWRITE"),
    "VIBFORGE_FLAGS",
    *("VIBFORGE_ATTEST_FLAGS", "VIBFORGE_LINT_FLAGS"),
)


class Make(Struct, frozen=True):
    """Runs make in another repository that includes the targets."""

    program: str
    folder: Path
    vibforge: str

    def __call__(self, *words: str) -> str:
        done = self.run(*words)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def run(
        self, *words: str, env: Mapping[str, str] | None = None
    ) -> "subprocess.CompletedProcess[str]":
        ours = {"MAKEFLAGS", "MAKELEVEL", "MFLAGS", "VIBFORGE", "V", *VARIABLES}
        inherited: dict[str, str] = {
            name: value for name, value in os.environ.items() if name not in ours
        }
        return subprocess.run(
            [self.program, f"VIBFORGE={self.vibforge}", *words],
            cwd=self.folder,
            capture_output=True,
            text=True,
            check=False,
            env={**inherited, "SOURCE_DATE_EPOCH": "0", **(env or {})},
        )


@pytest.fixture
def make(tmp_path: Path, tool: Callable[[str], str]) -> Make:
    shutil.copy(CHECKOUT / "vibforge.mk", tmp_path)
    (tmp_path / "Makefile").write_text("include vibforge.mk\n")
    return Make(tool("make"), tmp_path, f"{sys.executable} -m vibforge")


def test_package_is_quiet_and_complete(tmp_path: Path, make: Make) -> None:
    trx_tree(tmp_path / "trx-conf")
    words = ("PROJECT=trx-conf", "ACCEPTANCE=partner", "VERSION=1.2.0-1", "OUT=out")
    assert make("package", *words) == ""
    assert (tmp_path / "out/custom_bootbank_trx-conf_1.2.0-1.vib").is_file()
    assert "<acceptance-level>partner<" in (tmp_path / "out/descriptor.xml").read_text()


@pytest.mark.slow
def test_nothing_is_rebuilt_that_has_not_changed(tmp_path: Path, make: Make) -> None:
    tree = trx_tree(tmp_path / "trx-conf")
    unchanged = "has not changed"
    words = ("package", "PROJECT=trx-conf", "V=1")
    assert unchanged not in make(*words)
    assert unchanged in make(*words)
    os.utime(tree / "etc/vmware/trx.conf")
    assert unchanged in make(*words), "the same content with another time"
    assert unchanged not in make(*words, "VERSION=2-1"), "another version"
    assert unchanged not in make(*words), "the version from before"
    (tree / "etc/vmware/with a space").touch()
    assert "version 1.0.0-1 exists with other content" in make.run(*words).stderr
    assert unchanged not in make(*words, "OVERWRITE=1"), "a new file"
    (tmp_path / "dist/INSTALL.md").unlink()
    assert unchanged not in make(*words), "an output less"
    assert unchanged in make(*words)


@pytest.mark.slow
def test_what_was_published_is_compared(tmp_path: Path, make: Make) -> None:
    tree = trx_tree(tmp_path / "trx-conf")
    words = ("package", "PROJECT=trx-conf", "PREVIOUS='last releases' lists/SHA256SUMS", "V=1")
    make("dist", "PROJECT=trx-conf")
    (tmp_path / "dist").rename(tmp_path / "last releases")
    (tmp_path / "lists").mkdir()
    (tmp_path / "last releases/SHA256SUMS").rename(tmp_path / "lists/SHA256SUMS")
    assert "Compared with 1 published version" in make(*words)
    (tree / "etc/vmware/more").touch()
    for target in ("package", "dist", "bundle"):
        refused = make.run(target, *words[1:])
        assert refused.returncode == 2
        assert "+ /etc/vmware/more" in refused.stderr
    assert "is lower" in make.run("check", *words[1:], "VERSION=0.9-1").stderr
    assert "had other bytes" in make(*words, "OVERWRITE=1")
    assert "neither 1 nor 0" in make.run(*words, "OVERWRITE=yes").stderr


@pytest.mark.slow
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


@pytest.mark.slow
def test_bundles_beside_the_packages(tmp_path: Path, make: Make) -> None:
    for name in ("one", "two"):
        trx_tree(tmp_path / "packages" / name)
    words = ("bundle", "dist", "PROJECTS=packages/one packages/two")
    make("-j2", *words)
    sums = (tmp_path / "dist/SHA256SUMS").read_text()
    assert "./one/one-1.0.0-1-offline-bundle.zip" in sums
    assert "./two/two-1.0.0-1-offline-bundle.zip" in sums
    again = make(*words, "V=1")
    assert again.count("has not changed") == 4
    assert "offline-bundle" not in again


@pytest.mark.slow
def test_clean_removes_what_was_built_and_nothing_else(tmp_path: Path, make: Make) -> None:
    trx_tree(tmp_path / "p")
    (tmp_path / "mine").mkdir()
    make("clean", "PROJECT=p", "OUT=mine")
    assert (tmp_path / "mine").is_dir()
    make("package", "PROJECT=p")
    make("clean", "PROJECT=p")
    assert not (tmp_path / "dist").exists()


@pytest.mark.slow
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
    assert {path.name for path in (tmp_path / "dist").iterdir()} == {"two", ".vibforge.json"}


@pytest.mark.slow
def test_evidence_stands_beside_each_vib(tmp_path: Path, make: Make) -> None:
    for name in ("one", "two"):
        trx_tree(tmp_path / "packages" / name)
    assert main(["pki", "init", str(tmp_path / "ca")]) == 0
    assert main(["pki", "issue", str(tmp_path / "ca"), "me"]) == 0
    projects = "PROJECTS=packages/one packages/two"
    flags = "VIBFORGE_ATTEST_FLAGS=--key ca/signers/me.key --cert ca/signers/me.pem"
    make("-j2", "bundle", "sbom", "attest", projects, flags)
    for name in ("one", "two"):
        folder = tmp_path / "dist" / name
        vib = str(next(folder.glob("*.vib")))
        assert json.loads((folder / "sbom.cdx.json").read_text())["bomFormat"] == "CycloneDX"
        assert main(["verify", vib, "--sbom", str(folder / "sbom.cdx.json")]) == 0
        envelope = json.loads((folder / "provenance.dsse.json").read_text())
        subjects = json.loads(base64.b64decode(envelope["payload"]))["subject"]
        for file in (vib, next(folder.glob("*.zip"))):
            digest = hashlib.sha256(Path(file).read_bytes()).hexdigest()
            assert digest in {subject["digest"]["sha256"] for subject in subjects}
    refused = make.run("attest", projects, "VIBFORGE_ATTEST_FLAGS=--output=x")
    assert "--output is not allowed here: use OUT" in refused.stderr


def test_evidence_needs_a_build(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("VIBFORGE_MAKE_PROJECT", ".")
    monkeypatch.setenv("VIBFORGE_MAKE_OUT", "dist")
    assert main(["make", "sbom"]) == 2


def test_bump_raises_the_release_of_each_recipe(tmp_path: Path, make: Make) -> None:
    recipe = 'name = "one"\nversion = "1.0-4"\n[[payloads]]\nname = "p"\ntree = "tree"\n'
    make_tree(tmp_path / "one", {"vibforge.toml": recipe, "tree/opt/one/x": "x"})
    make("bump", "PROJECT=one")
    assert 'version = "1.0-5"' in (tmp_path / "one/vibforge.toml").read_text()


def test_lint_says_what_is_wrong(tmp_path: Path, make: Make) -> None:
    make_tree(tmp_path / "p", {"opt/p/x": ""})
    assert "0 errors" in make("lint", "PROJECT=p", "VIBFORGE_LINT_FLAGS=--ignore VF221")


@pytest.mark.slow
def test_a_project_that_is_the_repository_itself(tmp_path: Path, make: Make) -> None:
    trx_tree(tmp_path / "payloads/p")
    (tmp_path / "vibforge.toml").write_text(
        'name = "x"\nversion = "1-1"\n[[payloads]]\nname = "p"\ntree = "payloads/p"\n'
    )
    assert "has not changed" not in make("package", "V=1")
    assert "has not changed" in make("package", "V=1"), "its own output is no input"


HOSTILE = (
    "$(shell touch PWN)",
    "$(shell\ttouch\tPWN)",
    "${shell touch PWN}",
    "`touch PWN`",
    "$$(touch PWN)",
    "$(touch PWN)",
    ";touch PWN",
    "& touch PWN &",
    "|touch PWN",
    ">PWN",
    "x'; touch PWN; '",
    'x"; touch PWN; "',
    "x\ntouch PWN",
    "x\n\ttouch PWN",
    "$(eval x:;touch PWN)",
    "--help",
    "-rf",
    "#",
    "%",
    "a:b",
    "a=b",
    "a:=$(shell touch PWN)",
    "~",
    "*",
    "a b",
    "\\",
    "a\\",
    "$",
    "$$",
    "!",
    "(",
    ")",
    "é\udcff",
    "x" * 300,
    "/dev/null/x",
)
"""What strangers name their tags, branches and folders."""


@pytest.fixture
def spy(make: Make) -> Callable[..., list[dict[str, Any]]]:
    """Run make with a program that notes its words and make's variables, as they reach it."""
    notes, program = make.folder / "notes", make.folder / "spy"
    program.write_text(
        f"#!{sys.executable}\n"
        "import json, os, sys\n"
        "given = {k: v for k, v in os.environ.items() if k.startswith('VIBFORGE_MAKE_')}\n"
        f"with open({str(notes)!r}, 'a') as file:\n"
        "    file.write(json.dumps([sys.argv[1:], given]) + chr(10))\n"
    )
    program.chmod(0o755)
    spying = Make(make.program, make.folder, str(program))

    def run(*words: str, env: Mapping[str, str] | None = None) -> list[dict[str, Any]]:
        notes.unlink(missing_ok=True)
        done = spying.run(*words, env=env)
        assert done.returncode == 0, done.stderr
        assert not list(make.folder.rglob("PWN*"))
        lines = notes.read_text().splitlines() if notes.exists() else []
        return [json.loads(line) for line in lines]

    return run


@pytest.mark.parametrize("value", HOSTILE, ids=ascii)
def test_values_reach_the_program_as_they_are(spy: Callable[..., list[Any]], value: str) -> None:
    values = dict.fromkeys(VARIABLES, value)
    given = [f"{name}={value}" for name in VARIABLES]
    assert spy("-n", *TARGETS, *given) == []
    for calls in (
        spy(*TARGETS, *given),
        spy(*TARGETS, *given, "-j4"),
        spy(*TARGETS, env=values),
        spy("-e", *TARGETS, env=values),
    ):
        targets = {words[1] for words, _variables in calls}
        assert targets == set(TARGETS)
        for words, variables in calls:
            assert words[0] == "make"
            assert all(word.isalnum() for word in words[1:])
            assert {name: variables[f"VIBFORGE_MAKE_{name}"] for name in VARIABLES} == values


def test_make_does_not_call_itself(make: Make) -> None:
    done = make.run("clean", "VIBFORGE=")
    assert done.returncode == 2
    assert "VIBFORGE is empty: name the command" in done.stderr


def test_v_is_a_text_too(spy: Callable[..., list[Any]]) -> None:
    assert spy("check", "V=$(shell touch PWN)")
    assert spy("check", env={"V": "$(shell touch PWN)"})


def test_a_makefile_still_computes_its_values(make: Make, spy: Callable[..., list[Any]]) -> None:
    (make.folder / "Makefile").write_text(
        "VERSION = $(shell echo 1-1)\ninclude vibforge.mk\nOUT = $(VERSION)/late\n"
        "ACCEPTANCE ?= later\n"
    )
    ((_words, variables),) = spy("check", env={"OUT": "$(shell touch PWN)"})
    assert variables["VIBFORGE_MAKE_VERSION"] == "1-1"
    assert variables["VIBFORGE_MAKE_OUT"] == "1-1/late"
    assert variables["VIBFORGE_MAKE_ACCEPTANCE"] == "later"


@pytest.mark.parametrize("variable", VARIABLES[:-2])
@pytest.mark.parametrize("value", HOSTILE, ids=ascii)
def test_the_program_does_it_or_refuses_by_name(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    variable: str,
    value: str,
) -> None:
    """The values as make hands them over: the test above shows that these are the same."""
    work = tmp_path / "work"
    trx_tree(work / "p")
    monkeypatch.chdir(work)
    values = {"PROJECT": "p", "OUT": "dist", variable: value}
    made = False
    if variable == "PROJECT":
        if value != "~":
            with contextlib.suppress(OSError):  # no file system has such a name
                trx_tree(work / value)
                made = True
        values["VIBFORGE_FLAGS"] = "--name p"
    for name, each in values.items():
        monkeypatch.setenv(f"VIBFORGE_MAKE_{name}", each)
    code = main(["make", "package"])
    shown = capfd.readouterr()
    assert not list(tmp_path.rglob("PWN*"))
    built = list(work.rglob("*.vib"))
    if code == 0:
        (vib,) = built
        assert vib.parent.relative_to(work) == Path(values["OUT"])
        assert main(["make", "dist"]) == main(["make", "clean"]) == 0
        assert not (work / values["OUT"]).exists()
    else:
        assert code == 2
        assert not built
        assert "error" in shown.err.lower()
        assert len(list(work.iterdir())) == 1 + made


PRINTABLE = "".join(sorted(set(string.printable) - set(string.whitespace) - set("/\\"))) + " "


@pytest.mark.slow
def test_names_may_hold_every_printable_character(tmp_path: Path, make: Make) -> None:
    files = {f"opt/{number}{char}{number}": char for number, char in enumerate(PRINTABLE)}
    make_tree(tmp_path / "p", {**files, "opt/$(shell touch PWN)": "", "opt/`touch PWN`": ""})
    make("-n", *TARGETS, "PROJECT=p")
    make("check", "lint", "dist", "PROJECT=p", "VIBFORGE_LINT_FLAGS=--select VF201")
    assert "has not changed" in make("package", "PROJECT=p", "V=1")
    (tmp_path / 'p/opt/1"1').unlink()
    assert "has not changed" not in make("package", "PROJECT=p", "V=1", "VERSION=2-1")
    make("clean", "PROJECT=p")
    assert not list(tmp_path.glob("PWN*"))


@pytest.mark.parametrize("char", ["\n", "\t"], ids=ascii)
def test_other_characters_are_refused_by_name(tmp_path: Path, make: Make, char: str) -> None:
    make_tree(tmp_path / "p", {f"opt/$(shell{char}touch{char}PWN)": "x"})
    done = make.run("-k", "check", "dist", "clean", "PROJECT=p")
    assert done.returncode == 2
    assert "touch" in done.stderr
    assert done.stderr.count("rename it") == 2
    assert not (tmp_path / "dist").exists()
    assert not (tmp_path / "PWN").exists()


@pytest.mark.slow
def test_a_newline_in_what_is_no_part_of_a_payload_is_no_matter(tmp_path: Path, make: Make) -> None:
    trx_tree(tmp_path / "p/tree")
    make_tree(tmp_path / "p", {"a\nb: c\n\ttouch PWN": "", "$(shell touch PWN)\\": ""})
    (tmp_path / "p/vibforge.toml").write_text(
        'name = "x"\nversion = "1-1"\n[[payloads]]\nname = "p"\ntree = "tree"\n'
    )
    make("check", "package", "bundle", "dist", "PROJECT=p")
    make("clean", "PROJECT=p")
    assert not (tmp_path / "PWN").exists()


@pytest.mark.slow
def test_blanks_in_project_and_output(tmp_path: Path, make: Make) -> None:
    trx_tree(tmp_path / "my agent")
    words = (
        "PROJECT=my agent",
        "OUT=out put/a  b",
        "VIBFORGE_FLAGS=--name 'agent' --set summary='a  b'",
    )
    make("package", "dist", *words)
    assert (tmp_path / "out put/a  b/custom_bootbank_agent_1.0.0-1.vib").is_file()
    assert "<summary>a  b<" in (tmp_path / "out put/a  b/descriptor.xml").read_text()
    assert not (tmp_path / "dist").exists()
    make("clean", *words)
    assert list((tmp_path / "out put").iterdir()) == []


@pytest.mark.slow
def test_blanks_in_one_of_several_projects(tmp_path: Path, make: Make) -> None:
    for name in ("my agent", "it's"):
        trx_tree(tmp_path / name / "tree")
        (tmp_path / name / "vibforge.toml").write_text(
            'name = "x"\nversion = "1-1"\n[[payloads]]\nname = "p"\ntree = "tree"\n'
        )
    words = ("PROJECTS='my agent' \"it's\"",)
    make("-j4", "package", "dist", *words)
    sums = (tmp_path / "dist/SHA256SUMS").read_text()
    assert "./it's/custom" in sums
    assert "./my agent/custom" in sums
    make("clean", *words)
    assert not (tmp_path / "dist").exists()
    done = make.run("package", "PROJECTS=my agent")
    assert done.returncode == 2
    assert "my: there is no such project" in done.stderr
    done = make.run("package", "PROJECTS=a it's")
    assert "PROJECTS: a closing quote is missing" in done.stderr


@pytest.mark.slow
def test_errors_name_the_variables_that_were_set(tmp_path: Path, make: Make) -> None:
    trx_tree(tmp_path / "p")
    done = make.run("package", "PROJECT=p", "VERSION=one", "ACCEPTANCE=high")
    assert "error: VERSION: 'one' is not a VIB version" in done.stderr
    assert "error: ACCEPTANCE: 'high' is not an acceptance level" in done.stderr


@pytest.mark.slow
def test_two_projects_of_one_name_are_refused(tmp_path: Path, make: Make) -> None:
    for folder in ("a", "b"):
        trx_tree(tmp_path / folder / "agent")
    done = make.run("-k", "-j2", *TARGETS, "PROJECTS=a/agent b/agent")
    assert done.returncode == 2
    assert "a/agent and b/agent would all be built into dist/agent" in done.stderr
    assert not (tmp_path / "dist").exists()
    make("package", "PROJECTS=a/agent ./a/agent b/../a/agent")
    assert (tmp_path / "dist/build.json").is_file(), "it is one project"


@pytest.mark.slow
def test_options_that_a_target_sets_are_refused(tmp_path: Path, make: Make) -> None:
    trx_tree(tmp_path / "p")
    done = make.run(
        "-k", "package", "lint", "PROJECT=p", "VIBFORGE_FLAGS=-oelsewhere", "VIBFORGE_LINT_FLAGS=-h"
    )
    assert done.returncode == 2
    assert "VIBFORGE_FLAGS: --output is not allowed here: use OUT" in done.stderr
    assert "VIBFORGE_LINT_FLAGS: --help is not allowed here" in done.stderr
    assert {path.name for path in tmp_path.iterdir()} == {"p", "Makefile", "vibforge.mk"}


@pytest.mark.parametrize(
    "flags", ["--help", "-h", "-oelsewhere", "--output=x", "--dry-run", "--", "other", "--set"]
)
def test_flags_that_do_not_belong_there_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, flags: str
) -> None:
    trx_tree(tmp_path / "p")
    monkeypatch.chdir(tmp_path)
    for name, value in {"PROJECT": "p", "OUT": "dist", "VIBFORGE_FLAGS": flags}.items():
        monkeypatch.setenv(f"VIBFORGE_MAKE_{name}", value)
    assert main(["make", "package"]) == 2
    assert list(tmp_path.iterdir()) == [tmp_path / "p"]


@pytest.mark.slow
def test_clean_leaves_what_it_did_not_write(tmp_path: Path, make: Make) -> None:
    trx_tree(tmp_path / "p")
    make_tree(tmp_path / "dist", {"mine": "x", "sub/mine": "x"})
    make("bundle", "dist", "PROJECT=p", "VERSION=1-1")
    make("package", "PROJECT=p", "VERSION=2-1")
    assert len(list((tmp_path / "dist").glob("*.vib"))) == 2
    make("clean", "PROJECT=p")
    assert {path.name for path in (tmp_path / "dist").rglob("*")} == {"mine", "sub"}


def test_clean_keeps_a_folder_that_was_there(tmp_path: Path, make: Make) -> None:
    trx_tree(tmp_path / "p")
    (tmp_path / "dist").mkdir()
    make("package", "PROJECT=p")
    make("clean", "PROJECT=p")
    assert list((tmp_path / "dist").iterdir()) == []


@pytest.mark.slow
def test_clean_reports_what_was_changed(tmp_path: Path, make: Make) -> None:
    trx_tree(tmp_path / "p")
    make("package", "PROJECT=p")
    guide = tmp_path / "dist/INSTALL.md"
    guide.write_text("mine now")
    done = make.run("clean", "PROJECT=p")
    assert done.returncode == 2, "make's own code where a command fails"
    assert "dist/INSTALL.md: kept: was changed after it was written" in done.stderr
    assert {path.name for path in guide.parent.iterdir()} == {
        "INSTALL.md",
        "build.json",
        ".vibforge.json",
    }
    guide.unlink()
    make("clean", "PROJECT=p")
    assert not guide.parent.exists()


@pytest.mark.slow
def test_clean_goes_through_no_link(tmp_path: Path, make: Make) -> None:
    trx_tree(tmp_path / "p")
    make("package", "PROJECT=p", "OUT=release")
    before = sorted((tmp_path / "release").iterdir())
    (tmp_path / "dist").symlink_to("release")
    assert make.run("clean", "PROJECT=p").returncode == 2
    (tmp_path / "dist").unlink()
    (tmp_path / "dist").mkdir()
    (tmp_path / "dist/p").symlink_to("../release")
    assert make.run("clean", "PROJECTS=p q").returncode == 2
    assert sorted((tmp_path / "release").iterdir()) == before


def test_the_demo_is_a_package_and_a_component(tmp_path: Path, tool: Callable[[str], str]) -> None:
    for name in ("Makefile", "vibforge.mk", "pyproject.toml", "requirements.lock"):
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
