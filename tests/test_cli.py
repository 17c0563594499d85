import json
import os
import pty
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import jsonschema
import pytest

from tests.trees import make_tree, sparse, trx_tree
from vibforge import __version__
from vibforge.cli import application, main

ENV = {"SOURCE_DATE_EPOCH": "1714564800", "NO_COLOR": "1"}


def run(*words: str | Path, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "vibforge", *map(str, words)],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | ENV | env,
    )


def test_version() -> None:
    done = run("--version")
    assert (done.returncode, done.stdout) == (0, f"vibforge {__version__}\n")


def test_build_says_what_it_made(tmp_path: Path, golden: Callable[[str, str], None]) -> None:
    tree = trx_tree(tmp_path / "trx-conf")
    done = run("build", tree, "--acceptance-level", "PartnerSupported", "-o", tmp_path / "dist")
    assert (done.returncode, done.stderr) == (0, "")
    text = done.stdout.replace(str(tmp_path), "…")
    golden("build.txt", text)


def test_dry_run_shows_all_and_writes_nothing(
    tmp_path: Path, golden: Callable[[str, str], None]
) -> None:
    tree = make_tree(tmp_path / "trx-conf", {"etc/a": "a", "opt/b": "-> /etc/a"})
    done = run("build", tree, "--dry-run", "-o", tmp_path / "dist")
    assert done.returncode == 0
    golden("build-dry-run.txt", done.stdout.replace(f"{tmp_path}/", ""))
    assert not (tmp_path / "dist").exists()


@pytest.mark.parametrize("dry", [[], ["--dry-run"]])
def test_json_has_all_facts(tmp_path: Path, dry: list[str]) -> None:
    tree = trx_tree(tmp_path / "trx-conf")
    done = run("build", tree, "--json", *dry, "-o", tmp_path / "dist")
    facts = json.loads(done.stdout)
    assert facts["format"] == "vibforge/build/1"
    assert facts["dry_run"] is bool(dry)
    assert facts["payloads"][0]["entries"][-1] == {
        "path": "etc/vmware/trx.conf",
        "kind": "file",
        "mode": "0644",
        "owner": 0,
        "group": 0,
        "size": 26,
        "link": None,
        "mtime": "2024-05-01T12:00:00Z",
    }
    assert facts["recipe"]["name"] == "trx-conf"
    assert facts["install"]["flags"] == ["-f"]
    assert (facts["vib"] is None) is bool(dry)
    assert (facts["payloads"][0]["sha256"] is None) is bool(dry)


def test_the_options_of_a_build(tmp_path: Path) -> None:
    done = run(
        "build", trx_tree(tmp_path / "t"), "-o", tmp_path / "dist", "--name", "n", "--version",
        "2.0-7", "--vendor", "V", "--set", "payloads[0].type=vgz", "--set", "urls.a=http://x",
        "--compression", "fast", "--json",
    )  # fmt: skip
    facts = json.loads(done.stdout)
    assert facts["vib_id"] == "V_bootbank_n_2.0-7"
    assert facts["recipe"]["urls"] == {"a": "http://x"}
    assert facts["payloads"][0]["type"] == "vgz"


def test_a_reason_lets_a_trx_conf_with_errors_through(tmp_path: Path) -> None:
    tree = make_tree(tmp_path / "t", {"etc/vmware/trx.conf": "ptp4l:port0:delay_mechanism P2P\n"})
    done = run("build", tree, "-o", tmp_path / "dist")
    assert done.returncode == 2
    assert "[port-section]" in done.stderr
    done = run("build", tree, "-o", tmp_path / "dist", "--allow", "port-section")
    assert "1 rules allowed and 0 reasons given" in done.stderr
    words = ("--allow", "port-section", "--because", "tried here", "--no-instructions", "-v")
    done = run("build", tree, "-o", tmp_path / "dist", *words)
    assert done.returncode == 0
    assert "port-section is allowed: tried here" in done.stdout
    assert not (tmp_path / "dist/INSTALL.md").exists()


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (["build", "nothing"], "nothing: there is no such project"),
        (["build", ".", "--acceptance-level", "trusted"], "is not an acceptance level"),
        (
            ["build", ".", "--set", "version"],
            "--set needs KEY=VALUE; number 1 has no key or no `=`",
        ),
        (["build", ".", "--compression", "most"], "Invalid value"),
        (["init", ".", "--template", "x"], "there is no template 'x'"),
        (["dance"], "No such command"),
    ],
)
def test_what_cannot_be_done_exits_with_2(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], part: str
) -> None:
    monkeypatch.chdir(trx_tree(tmp_path / "p"))
    done = run(*words)
    assert done.returncode == 2
    assert part in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_a_bug_exits_with_3(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vibforge.resources.shipped", lambda _: 1 / 0)
    monkeypatch.setattr("vibforge.project.initialise.shipped", lambda _: 1 / 0)
    assert main(["init", "x"]) == 3
    assert "ZeroDivisionError" in capsys.readouterr().err


def test_schema_is_one(tmp_path: Path) -> None:
    done = run("schema")
    jsonschema.Draft202012Validator.check_schema(json.loads(done.stdout))
    assert not list(tmp_path.iterdir())


def test_init_then_build(tmp_path: Path) -> None:
    done = run("init", tmp_path / "x", "--template", "files")
    assert done.returncode == 0
    assert str(tmp_path / "x/vibforge.toml") in done.stdout
    assert run("build", tmp_path / "x", "-o", tmp_path / "dist").returncode == 0


def test_no_colour_but_on_a_terminal(tmp_path: Path) -> None:
    tree = trx_tree(tmp_path / "p")
    assert "\x1b" not in run("build", tree, "--dry-run", NO_COLOR="").stdout
    assert "\x1b" in run("build", tree, "--dry-run", NO_COLOR="", FORCE_COLOR="1").stdout
    assert "\x1b" not in run("build", tree, "--dry-run", FORCE_COLOR="1").stdout


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_stopped_build_leaves_nothing(tmp_path: Path, number: signal.Signals) -> None:
    sparse(tmp_path / "p/opt/big", 2_000_000_000)
    build = subprocess.Popen(
        [sys.executable, "-m", "vibforge", "build", tmp_path / "p", "-o", tmp_path / "dist"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=os.environ | ENV,
    )
    with build:
        time.sleep(1.2)
        build.send_signal(number)
        _, errors = build.communicate(timeout=30)
    assert build.returncode == (-9 if number is signal.SIGKILL else 128 + number)
    assert b"Traceback" not in errors
    assert [path.name for path in (tmp_path / "dist").glob("*")] == []


@pytest.mark.long
@pytest.mark.slow
def test_a_bar_on_a_terminal_only(tmp_path: Path) -> None:
    big = sparse(tmp_path / "p/opt/big", 1_500_000_000)
    with big.open("r+b") as file:  # enough that the file carries what it unpacks to
        file.write(random.Random(3).randbytes(24 << 20))
    folders = [str(tmp_path / "p"), "-o", str(tmp_path / "dist")]
    words = [sys.executable, "-m", "vibforge", "build", *folders, "--compression", "fast"]
    leader, follower = pty.openpty()
    done = subprocess.run(words, stdout=subprocess.DEVNULL, stderr=follower, check=True)
    os.close(follower)
    shown = b""
    while True:
        try:
            part = os.read(leader, 65536)
        except OSError:
            break
        if not part:
            break
        shown += part
    os.close(leader)
    assert done.returncode == 0
    assert b"packing" in shown
    assert b"100%" in shown


def test_every_command_has_a_help() -> None:
    commands = application([]).registered_commands
    assert len(commands) > 10
    for command in commands:
        assert command.callback is not None
        assert command.callback.__doc__


def test_the_help_lists_what_is_loaded_when_asked_for() -> None:
    listed = run("--help").stdout
    for group in application([]).registered_groups:
        assert f"\n  {group.name} " in listed
        assert run(str(group.name), "--help").returncode == 0
    for command in application([]).registered_commands:
        assert f"\n  {command.name} " in listed
