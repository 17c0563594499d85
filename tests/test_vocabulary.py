"""One word for one thing: what the options of all commands have in common."""

import re
from itertools import groupby

import pytest

from docs.vocabulary import Use, commands, uses

OPTIONS = sorted((use for use in uses() if use.is_option), key=lambda use: use.name)
BY_NAME = {name: list(same) for name, same in groupby(OPTIONS, lambda use: use.name)}
VALUES = {
    *("ADDRESS", "CODE", "DIR", "DIR|FILE", "FILE", "FLAGS", "KEY", "KEY=VALUE", "LAYOUT", "LEVEL"),
    *(
        "N",
        "NAME",
        "NEW",
        "OLD",
        "PATH",
        "PROJECT",
        "RELEASE",
        "ROUTE",
        "RULE",
        "TEXT",
        "TIME",
        "URL",
    ),
    *("VENDOR:DEVICE", "VERSION", "WHY", "WORD"),
}
OF_TWO_KINDS = {"--output", "--as", "--previous"}
"""Options that take a file or a folder, or another choice of words, by what is made."""
SAID_FOR_EACH_COMMAND = {
    "--acceptance-level": "one cannot sign for community",
    "--all": "findings of a file, or options of linuxptp",
    "--as": "the forms differ",
    "--attestation": "verify fails files by it, a change record adds it",
    "--cert": "a chain in several files, or one file",
    "--interface": "of this machine, of a file, or of what is written",
    "--key": "a server's key is a file",
    "--name": "of a VIB or of a PtpConfig",
    "--output": "what is written differs",
    "--previous": "one release, or all that was published",
    "--seconds": "of a rehearsal or of listening",
    "--version": "a build can take it from git",
}
"""Options whose help tells what the one word is here, and why."""


@pytest.mark.parametrize("name", BY_NAME)
def test_an_option_is_the_same_in_every_command(name: str) -> None:
    same = BY_NAME[name]
    assert len({use.short for use in same}) == 1
    if name not in OF_TWO_KINDS:
        assert len({use.value for use in same}) == 1
    if name not in SAID_FOR_EACH_COMMAND:
        assert len({use.help for use in same}) == 1


def test_the_exceptions_are_some() -> None:
    assert {name for name, same in BY_NAME.items() if len({use.help for use in same}) > 1} == set(
        SAID_FOR_EACH_COMMAND
    )


@pytest.mark.parametrize("use", OPTIONS, ids=lambda use: f"{use.command} {use.name}")
def test_an_option_says_what_it_takes_and_does(use: Use) -> None:
    is_choice = re.fullmatch(r"<[a-z0-9.-]+(\|[a-z0-9.-]+)+>", use.value) is not None
    assert is_choice or not use.value or use.value in VALUES
    assert use.help.endswith((".", "…"))


def test_a_short_form_stands_for_one_option() -> None:
    short = {(use.short, use.name) for use in OPTIONS if use.short}
    assert short == {
        ("-o", "--output"),
        ("-C", "--directory"),
        ("-v", "--verbose"),
        ("-q", "--quiet"),
    }


def test_an_argument_has_its_kind_of_value() -> None:
    for use in uses():
        if not use.is_option:
            word = use.value.strip("[]{}").removesuffix("…")
            assert set(word.split("|")) <= VALUES | {"BUNDLE", "PCAP", "TARGET", "VIB"}, use


def test_every_command_says_what_it_does() -> None:
    for name, command in commands().items():
        assert command.help, name
        assert command.help.splitlines()[0].endswith("."), name
