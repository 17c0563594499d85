"""What reads a project without building it for good needs no key, as pull requests have none."""

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from docs.vocabulary import commands
from tests import vibs
from tests.cli.desk import PROJECT
from tests.cli.test_reading import run
from tests.conftest import CHECKOUT
from tests.signing.lab import Lab
from tests.trees import trx_tree

CERTIFICATE = 'certificates = ["me.pem"]\n'
KEYS = {
    "a file": 'key = "me.key"\n' + CERTIFICATE,
    "certificates": 'key = "me.key"\ncertificates = ["absent.pem"]\n',
    "a variable": 'key = "env:ABSENT_KEY"\n' + CERTIFICATE,
    "a name": 'key = "${ABSENT_KEY}"\n' + CERTIFICATE,
    "a token": 'key = "pkcs11:token=absent;object=me?module-path=/absent.so"\n',
    "a passphrase": 'key = "locked.key"\npassphrase-env = "ABSENT_PASSPHRASE"\n' + CERTIFICATE,
    "a passphrase file": 'key = "locked.key"\npassphrase-file = "absent"\n' + CERTIFICATE,
    "a key": 'key = "vibforge.toml"\n' + CERTIFICATE,
}
"""What is missing, or is none."""
LEVELS = ("community", "partner")
BUNDLE = "--platform 8.0 --set vendor-code=ABC --json"
READING = (
    "lint project --json",
    "build project --dry-run --json",
    "diff project project --json",
    "bundle lint project --json",
    "repro project --vary threads --json",
    f"bundle create one.vib --recipe project -o one.zip {BUNDLE}",
    f"bundle add one.zip two.vib --recipe project -o two.zip {BUNDLE}",
    "bump project --json",
)


@pytest.fixture(params=LEVELS)
def level(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def folder(tmp_path: Path, lab: Lab, level: str) -> Path:
    """A project that can be signed, by a key beside it."""
    root = tmp_path / "project"
    trx_tree(root / "tree")
    issued = lab.issued()
    (root / "me.pem").write_bytes(issued.certificate_path.read_bytes())
    (root / "me.key").write_bytes(issued.key_path.read_bytes())
    (root / "vibforge.toml").write_text(recipe(level, KEYS["a file"]))
    for name in ("one", "two"):
        vibs.write(tmp_path, name, system_requires=vibs.requires("8.0"))
    return tmp_path


def recipe(level: str, signing: str) -> str:
    head, payloads = PROJECT.split("[relationships]")
    return f'{head}acceptance-level = "{level}"\n[relationships]{payloads}[signing]\n{signing}'


def without(folder: Path, level: str, what: str, lab: Lab) -> None:
    """Take the key of the project away."""
    root = folder / "project"
    (root / "me.key").unlink()
    (root / "vibforge.toml").write_text(recipe(level, KEYS[what]))
    if "locked" in KEYS[what]:
        words = ("-topk8", "-passout", "pass:secret", "-out", root / "locked.key")
        subprocess.run(
            ["openssl", "pkcs8", *words, "-in", lab.issued().key_path],
            check=True,
            capture_output=True,
        )


def answer(folder: Path, words: str) -> tuple[int, dict[str, object]]:
    """Return the exit code and the JSON of a command, without what tells of the key itself."""
    done = run(*words.split(), folder=folder)
    facts: dict[str, object] = json.loads(done.stdout)
    for name in ("recipe", "key_not_opened", "elapsed"):
        facts.pop(name, None)
    return done.returncode, facts


@pytest.mark.parametrize("what", KEYS)
def test_the_findings_are_those_with_the_key(
    what: str, folder: Path, level: str, lab: Lab, tool: Callable[[str], str]
) -> None:
    tool("openssl")
    before = [answer(folder, words) for words in READING]
    without(folder, level, what, lab)
    assert [answer(folder, words) for words in READING] == before
    assert {code for code, _facts in before} == {0}


def test_the_findings_are_those_of_the_signed_vib(folder: Path) -> None:
    """Lint of the project takes the VIB for signed: what it says is true of what is built."""
    assert run("build", "project", "-o", "out", folder=folder).returncode == 0
    (vib,) = (folder / "out").glob("*.vib")
    (folder / "signed.vib").write_bytes(vib.read_bytes())
    found = {
        name: {
            (each["rule"], each["where"], each["severity"], each["what"])
            for each in json.loads(run("lint", name, "--json", folder=folder).stdout)["findings"]
        }
        for name in ("project", "signed.vib")
    }
    assert found["project"] == found["signed.vib"]


def test_what_was_not_looked_at_is_said(folder: Path) -> None:
    linted = run("lint", "project", folder=folder)
    assert "project: the key of [signing] was not opened" in linted.stdout
    assert json.loads(run("lint", "project", "--json", folder=folder).stdout)[
        "keys_not_opened"
    ] == ["project"]
    log = json.loads(run("lint", "project", "--as", "sarif", folder=folder).stdout)
    (note,) = log["runs"][0]["invocations"][0]["toolExecutionNotifications"]
    assert (note["level"], note["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]) == (
        "note",
        "project/vibforge.toml",
    )
    dry = run("build", "project", "--dry-run", folder=folder)
    assert "me.key was not opened" in dry.stdout
    facts = json.loads(run("build", "project", "--dry-run", "--json", folder=folder).stdout)
    assert (facts["signed"], facts["key_not_opened"]) == (True, "me.key")


@pytest.mark.parametrize("what", KEYS)
def test_a_build_without_its_key_names_the_key_and_the_ways_out(
    what: str, folder: Path, level: str, lab: Lab, tool: Callable[[str], str]
) -> None:
    tool("openssl")
    without(folder, level, what, lab)
    done = run("build", "project", "-o", "out", folder=folder)
    assert done.returncode == 2
    assert "\n  → " in done.stderr
    if what != "a name":  # the recipe itself cannot be read
        assert "--unsigned builds without a signature" in done.stderr
    assert not (folder / "out").exists()


@pytest.mark.parametrize("what", KEYS)
def test_unsigned_leaves_the_key_out_and_says_so(
    what: str, folder: Path, level: str, lab: Lab, tool: Callable[[str], str]
) -> None:
    tool("openssl")
    without(folder, level, what, lab)
    done = run("build", "project", "-o", "out", "--unsigned", folder=folder)
    assert done.returncode == 0
    assert "unsigned: --unsigned left out the key " in done.stdout
    again = run("build", "project", "-o", "out", "--unsigned", "--json", folder=folder)
    facts = json.loads(again.stdout)
    assert (facts["signed"], facts["trust"]) == (False, None)
    assert facts["key_not_opened"]
    rules = {each["rule"] for each in facts["findings"]}
    assert ("VF501" in rules) is (level == "partner")
    assert (folder / "out/sig.pkcs7").read_bytes() == b""
    dry = json.loads(
        run("build", "project", "--dry-run", "--unsigned", "--json", folder=folder).stdout
    )
    assert dry["install"] == facts["install"]
    assert {each["rule"] for each in dry["findings"]} == rules


def test_a_signed_and_an_unsigned_build_are_two(folder: Path) -> None:
    """--if-changed does not take the one for the other, and neither replaces the other silently."""
    made = ("build", "project", "-o", "out", "--if-changed", "--json")
    for unchanged in (False, True):
        assert json.loads(run(*made, folder=folder).stdout)["unchanged"] is unchanged
    assert run(*made, "--unsigned", folder=folder).returncode == 2
    for unchanged in (False, True):
        done = run(*made, "--unsigned", "--overwrite", folder=folder)
        assert json.loads(done.stdout)["unchanged"] is unchanged


@pytest.mark.parametrize("target", ["check", "lint"])
def test_the_targets_of_a_pull_request_need_no_key(
    target: str, folder: Path, level: str, lab: Lab, tool: Callable[[str], str]
) -> None:
    tool("openssl")
    without(folder, level, "a variable", lab)
    (folder / "Makefile").write_text(f"PROJECT := project\ninclude {CHECKOUT}/vibforge.mk\n")
    program = shutil.which("vibforge") or str(CHECKOUT / ".venv/bin/vibforge")
    words = [tool("make"), target, f"VIBFORGE={program}"]
    done = subprocess.run(
        words, cwd=folder, capture_output=True, text=True, check=False, env=dict(os.environ)
    )
    assert done.returncode == 0, done.stderr


def test_every_command_that_takes_a_project_is_tried_here() -> None:
    """A new one belongs into `READING`, unless it writes what was built."""
    taking = {
        name
        for name, command in commands().items()
        if any("PROJECT" in str(each.metavar) for each in command.params)
    }
    tried = {" ".join(words.split()[:2]) for words in READING}
    assert taking <= {name for words in tried for name in (words, words.split()[0])}
