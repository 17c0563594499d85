import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from vibforge.cli import application, main
from vibforge.cli.examples import EXAMPLES


def commands(of: Any, *words: str) -> Iterator[tuple[str, Any]]:  # noqa: ANN401 - click's own types are typer's secret
    """Yield each command that can be carried out, with the words by which it is called."""
    if hasattr(of, "commands"):
        for name, command in of.commands.items():
            yield from commands(command, *words, name)
    else:
        yield " ".join(words), of


COMMANDS = dict(commands(get_command(application([]))))


def calls(example: str) -> Iterator[list[str]]:
    """Yield the words of each call of vibforge in an example, without what the shell takes."""
    for line in example.splitlines():
        for part in line.split(" | "):
            words = shlex.split(re.split(r" [<>]", part)[0])
            while "=" in words[0]:
                del words[0]
            if words[0] == "vibforge":
                yield words[1:]


def test_every_command_has_an_example_and_no_example_is_left_over() -> None:
    assert sorted(EXAMPLES) == sorted(COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_examples_can_be_read(name: str) -> None:
    found = list(calls(EXAMPLES[name]))
    assert found
    for words in found:
        length = len(name.split())
        assert " ".join(words[:length]) == name
        COMMANDS[name].make_context(name, words[length:])


@pytest.mark.parametrize("name", ["build", "bundle create", "trx new"])
def test_examples_are_shown_whole(
    name: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    assert main([*name.split(), "--help"]) == 0
    shown = capsys.readouterr().out.partition("Examples:")[2]
    assert [line.strip() for line in shown.strip().splitlines()] == EXAMPLES[name].splitlines()


@pytest.mark.parametrize("width", ["40", "80"])
@pytest.mark.parametrize("group", [[], ["bundle"], ["trx"], ["pki"]])
def test_lists_of_commands_cut_nothing_short(
    group: list[str],
    width: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("COLUMNS", width)
    assert main([*group, "--help"]) == 0
    shown = " ".join(capsys.readouterr().out.partition("Commands:")[2].split())
    assert "..." not in shown
    for name, command in COMMANDS.items():
        if name.split()[:-1] == group:
            assert command.get_short_help_str(1000) in shown


def test_the_shell_completes_commands_and_options() -> None:
    def offered(words: str, count: int) -> list[str]:
        asked = {"_VIBFORGE_COMPLETE": "complete_bash", "COMP_WORDS": words, "COMP_CWORD": count}
        done = subprocess.run(
            [Path(sys.executable).with_name("vibforge")],
            env=os.environ | {name: str(value) for name, value in asked.items()},
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout.split()

    assert offered("vibforge bu", 1) == ["build", "bump", "bundle"]
    assert "--acceptance-level" in offered("vibforge build --acc", 2)
    assert offered("vibforge trx reh", 2) == ["rehearse"]
