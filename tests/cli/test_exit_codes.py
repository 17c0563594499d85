"""One table of exit codes for code, help, README and vocabulary; one bad file among good ones."""

import errno
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import pytest

from tests import vibs
from tests.budgets import limit
from tests.cli.test_help import COMMANDS
from tests.cli.test_reading import run
from tests.conftest import CHECKOUT
from tests.report.schemas import require_valid
from tests.trees import make_tree, trx_tree
from vibforge.cli import main
from vibforge.cli.exit_codes import TABLE, ExitCode, markdown
from vibforge.formats.budget import Work


def test_the_table_has_every_code() -> None:
    assert [row.code for row in TABLE] == [*(str(int(code)) for code in ExitCode), "141", "128 + N"]


@pytest.mark.parametrize("page", ["README.md", "docs/reference/vocabulary.md"])
def test_documents_show_the_table_of_the_code(page: str) -> None:
    assert markdown() in (CHECKOUT / page).read_text(encoding="utf-8")


@pytest.mark.parametrize("words", ["", *COMMANDS])
def test_every_help_shows_the_table_of_the_code(
    words: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setenv("TERMINAL_WIDTH", "200")
    assert main([*words.split(), "--help"]) == ExitCode.GOOD
    shown = " ".join(capsys.readouterr().out.partition("Exit codes:")[2].split())
    for row in TABLE:
        assert f"{row.code} {' '.join(row.meaning.split())}" in shown


BAD_FILES: dict[str, Callable[[Path], object]] = {
    "missing": lambda _path: None,
    "empty": lambda path: path.write_bytes(b""),
    "a page": lambda path: path.write_bytes(b"<!DOCTYPE html>"),
    "cut": lambda path: path.write_bytes(vibs.vib()[:200]),
    "a folder": lambda path: path.mkdir(),
    "a pipe": os.mkfifo,
    "a dangling link": lambda path: path.symlink_to("nowhere"),
}
SEVERAL = ("verify", "inspect", "lint", "bundle lint", "plan")
LISTED = {
    *(("verify", kind) for kind in BAD_FILES),
    *(("plan", kind) for kind in ("empty", "a page", "cut")),
}
"""Where an unreadable file has a verdict too: it does not verify, and hosts refuse to read it."""


@pytest.mark.parametrize("kind", BAD_FILES)
@pytest.mark.parametrize("command", SEVERAL)
def test_one_unreadable_file_does_not_hide_the_others(
    command: str, kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good = [tmp_path / "first.vib", tmp_path / "last.vib"]
    for path in good:
        path.write_bytes(vibs.vib())
    bad = tmp_path / "bad.vib"
    BAD_FILES[kind](bad)
    words = [*command.split(), str(good[0]), str(bad), str(good[1])]

    assert main(words) == ExitCode.COULD_NOT
    told = capsys.readouterr()
    assert "bad.vib" in told.err
    is_listed = (command, kind) in LISTED
    assert ("bad.vib" in told.out) is (is_listed and command == "plan")

    assert main([*words, "--json"]) == ExitCode.COULD_NOT
    told = capsys.readouterr()
    facts = json.loads(told.out)
    require_valid(facts)
    assert facts.get("good") is (None if command == "inspect" else False)
    listed = [Path(each["path"]).name for each in facts["files"]]
    assert sorted(listed) == sorted(["first.vib", "last.vib", *(["bad.vib"] if is_listed else [])])
    ((unreadable),) = facts["unreadable"]
    assert unreadable["path"] == str(bad)
    assert unreadable["faults"]
    assert all(fault["what"] in told.err for fault in unreadable["faults"])


TOO_LONG = "x" * 300
COMMANDS_WITH_A_PATH = (
    *("build", "build --dry-run", "lint", "plan", "verify", "inspect", "init --name n"),
    *("host-facts", "pki init", "trx check", "bundle verify", "bundle serve"),
    *("extract -C new", "build tree --output", "extract good.vib -C", "bundle unpack -o new"),
    *("verify good.vib --trust", "sign --key k --cert c", "pki issue --level partner n"),
    *("bump", "repro", "repro --build", "diff good.vib", "build tree --previous"),
    *("evidence sbom", "evidence attest --key k --cert c", "evidence change-record -o new"),
    *("verify good.vib --sbom", "verify good.vib --trust good.vib --attestation"),
)


@pytest.mark.parametrize("command", COMMANDS_WITH_A_PATH)
@pytest.mark.parametrize("path", [TOO_LONG, f"good.vib/{TOO_LONG}", "loop/x", "good.vib/x"])
def test_a_path_that_the_system_refuses_is_no_bug(
    command: str,
    path: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    trx_tree(tmp_path / "tree")
    (tmp_path / "good.vib").write_bytes(vibs.vib())
    (tmp_path / "loop").symlink_to("loop")
    assert main([*command.split(), path]) == ExitCode.COULD_NOT
    assert "Traceback" not in capsys.readouterr().err


def test_a_folder_that_may_not_be_listed_is_no_bug(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Root may list every folder, so the refusal is the system's in form only."""
    trx_tree(tmp_path / "tree")

    def refuse(self: Path) -> NoReturn:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(self))

    monkeypatch.setattr(Path, "iterdir", refuse)
    assert main(["build", "--dry-run", str(tmp_path / "tree")]) == ExitCode.COULD_NOT
    assert "Permission denied" in capsys.readouterr().err


@pytest.mark.skipif(not Path("/proc/self/mem").exists(), reason="a file whose reading fails")
@pytest.mark.parametrize("command", ["verify", "inspect", "lint", "plan"])
def test_a_read_that_fails_is_no_bug(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([command, "/proc/self/mem"]) == ExitCode.COULD_NOT
    assert "/proc/self/mem" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["verify", "inspect --files", "lint", "bundle lint"])
def test_a_file_beyond_its_budget_does_not_hide_the_others(
    command: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bomb = vibs.packed(vibs.GNU_IMAGE + bytes(300_000))
    for name, vib in {"a": vibs.vib(), "bad": vibs.vib(stored=bomb), "c": vibs.vib()}.items():
        (tmp_path / f"{name}.vib").write_bytes(vib)
    limit(monkeypatch, Work.UNPACKED, 200_000)
    words = [*command.split(), *(str(tmp_path / f"{name}.vib") for name in ("a", "bad", "c"))]

    assert main([*words, "--json"]) == ExitCode.COULD_NOT
    told = capsys.readouterr()
    facts = json.loads(told.out)
    listed = [Path(each["path"]).name for each in facts["files"]]
    assert listed == ["a.vib", "c.vib", *(["bad.vib"] if command == "verify" else [])]
    assert [Path(each["path"]).name for each in facts["unreadable"]] == ["bad.vib"]
    assert "more than 200000 bytes unpacked" in told.err


def test_what_a_recipe_allows_it_allows_its_own_vib(tmp_path: Path) -> None:
    tree: dict[str, bytes | str] = {"tree/opt/acme/x": "", "tree/usr/share/acme/x": ""}
    allow = '[[allow]]\nrule = "VF218"\nbecause = "hosts are installed with -f"\n'
    for name, more in {"one": allow, "two": ""}.items():
        make_tree(tmp_path / name, tree)
        (tmp_path / name / "vibforge.toml").write_text(
            f'name = "{name}"\nversion = "1.0-1"\n[[payloads]]\nname = "a"\ntree = "tree"\n{more}'
        )
    done = run("lint", "one", "two", "--select", "VF218", "--json", folder=tmp_path)
    findings = json.loads(done.stdout)["findings"]
    allowed = {(found["path"], found["because"] is not None) for found in findings}
    assert allowed == {("one", True), ("two", False)}


def test_a_project_that_cannot_be_built_does_not_hide_the_others(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "good.vib").write_bytes(vibs.vib())
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad/vibforge.toml").write_text("name =")
    words = ["lint", str(tmp_path / "bad"), str(tmp_path / "good.vib")]
    assert main([*words, "--json"]) == ExitCode.COULD_NOT
    facts = json.loads(capsys.readouterr().out)
    assert [each["path"] for each in facts["unreadable"]] == [str(tmp_path / "bad")]
    assert main([*words, "--as", "sarif"]) == ExitCode.COULD_NOT
    (log,) = json.loads(capsys.readouterr().out)["runs"]
    assert log["invocations"][0]["executionSuccessful"] is False
    assert log["invocations"][0]["toolExecutionNotifications"][0]["level"] == "error"


def test_a_bad_verdict_counts_less_than_an_unreadable_file(tmp_path: Path) -> None:
    (tmp_path / "bad.vib").write_bytes(vibs.vib(file_list=["etc/gone"]))
    assert run("verify", "bad.vib", folder=tmp_path).returncode == ExitCode.BAD_VERDICT
    assert run("verify", "bad.vib", "no.vib", folder=tmp_path).returncode == ExitCode.COULD_NOT


def test_a_reader_that_goes_away_is_141(tmp_path: Path) -> None:
    trx_tree(tmp_path / "tree")
    shell = f"{sys.executable} -m vibforge schema | : ; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(
        ["/bin/bash", "-c", f"sleep 0; {shell}"],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ,
    )
    assert done.stdout.strip() == "141"
