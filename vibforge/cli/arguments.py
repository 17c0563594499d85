"""What several commands read from their arguments, and how they print."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

import typer

from vibforge.errors import ModelError


def settings_of(texts: Iterable[str]) -> dict[str, str]:
    """Read `KEY=VALUE` texts.

    Raises:
        ModelError: a text has no `=`.
    """
    settings = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not (equals and name.strip()):
            raise ModelError(f"--set {text}: there is no KEY=VALUE")
        settings[name.strip()] = value
    return settings


def print_text(text: str) -> None:
    """Print a report; whether it is in colour was decided when it was written."""
    typer.echo(text, color=True)


def print_json(facts: Mapping[str, Any]) -> None:
    """Print the facts of a command as JSON."""
    typer.echo(json.dumps(facts, indent=2))
