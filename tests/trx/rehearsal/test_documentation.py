import re

import pytest
from typer.testing import CliRunner

from tests.conftest import CHECKOUT
from vibforge.cli import application

PAGE = CHECKOUT / "docs" / "how-to" / "rehearse-the-clock.md"


def options_of(command: str) -> set[str]:
    words = ["trx", command, "--help"]
    help_text = CliRunner().invoke(application(words), words, env={"COLUMNS": "200"}).output
    return set(re.findall(r"--[a-z][a-z-]+", help_text))


def test_the_page_names_options_that_there_are() -> None:
    known = options_of("rehearse") | options_of("sniff")
    assert set(re.findall(r"--[a-z][a-z-]+", PAGE.read_text(encoding="utf-8"))) - known == set()


@pytest.mark.parametrize("command", ["rehearse"])
def test_the_page_names_every_option(command: str) -> None:
    page = PAGE.read_text(encoding="utf-8")
    told_elsewhere = {"--help", "--stability", "--vary"}  # the last two by the table of exit codes
    assert {option for option in options_of(command) if option not in page} <= told_elsewhere
