"""What several commands read from their arguments, and how they print."""

import json
import sys
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

import typer

from vibforge.errors import ModelError
from vibforge.report.paint import Paint, wants_colour

_BAD_VERDICT = 1


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


def paint() -> Paint:
    """Return colour for stdout, where it is wanted."""
    return Paint(wants_colour(sys.stdout))


def exit_unless(*, good: bool) -> None:
    """Exit with 1 where the verdict is bad."""
    if not good:
        raise typer.Exit(_BAD_VERDICT)


def print_text(text: str) -> None:
    """Print a report; whether it is in colour was decided when it was written."""
    typer.echo(text, color=True)


def print_json(facts: Mapping[str, Any]) -> None:
    """Print the facts of a command as JSON."""
    typer.echo(json.dumps(facts, indent=2))


def show(
    as_json: bool,  # noqa: FBT001 - the flag of the command
    facts: Callable[[], Mapping[str, Any]],
    text: Callable[[Paint], str],
) -> None:
    """Print a result: for programs, or for people."""
    print_json(facts()) if as_json else typer.echo(text(paint()))


def moment_of(text: str | None, option: str) -> datetime | None:
    """Read a moment as a release date is read; None where none is given.

    Raises:
        ModelError: it is none.
    """
    from vibforge.model.release_date import ReleaseDate  # noqa: PLC0415 - few commands need it

    if text is None:
        return None
    try:
        return datetime.fromtimestamp(ReleaseDate.parse(text).epoch, UTC)
    except ModelError as error:
        raise ModelError(
            f"{option}: {text!r} is no time", remedy=error.problems[0].remedy
        ) from error
