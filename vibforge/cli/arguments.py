"""What several commands read from their arguments, and how they print."""

import os
import sys
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from shutil import get_terminal_size
from typing import TYPE_CHECKING, Annotated, Any, TextIO

import typer

from vibforge.cli.exit_codes import ExitCode
from vibforge.errors import ModelError
from vibforge.report import documents
from vibforge.report.paint import Paint, wants_colour

if TYPE_CHECKING:
    from vibforge.report.documents.shape import Document

Json = Annotated[bool, typer.Option("--json", help="Print the facts as JSON.")]
Folder = Annotated[
    Path, typer.Option("--directory", "-C", metavar="DIR", help="Folder to write into.")
]
Settings = Annotated[
    list[str] | None,
    typer.Option(
        "--set", metavar="KEY=VALUE", help="A value on top of what is there; may be repeated."
    ),
]
Allow = Annotated[
    list[str] | None,
    typer.Option(metavar="RULE", help="A rule for trx.conf that may be broken; may be repeated."),
]
Because = Annotated[
    list[str] | None,
    typer.Option(metavar="WHY", help="The reason: one for each --allow, or one for all."),
]
Esxi = Annotated[
    list[str] | None,
    typer.Option(metavar="RELEASE", help="For ESXi 6.7, 8.0U3, …; may be repeated."),
]
VendorCode = Annotated[str | None, typer.Option(metavar="CODE", help="Three letters or digits.")]
Domain = Annotated[int | None, typer.Option(metavar="N", help="The PTP domain.")]


def settings_of(texts: Iterable[str], option: str = "--set") -> dict[str, str]:
    """Read the `KEY=VALUE` texts of an option.

    Raises:
        ModelError: a text has no `=`; its number is named and not the text, which may be a secret.
    """
    settings = {}
    for number, text in enumerate(texts, start=1):
        name, equals, value = text.partition("=")
        if not (equals and name.strip()):
            raise ModelError(
                f"{option} needs KEY=VALUE; number {number} of them has no key or no `=`"
            )
        settings[name.strip()] = value
    return settings


def words_of(texts: Iterable[str] | None) -> tuple[str, ...]:
    """Read words of an option that may be repeated: `8.0,9.0` is two of them."""
    return tuple(word.strip() for text in texts or () for word in text.split(",") if word.strip())


def paint(stream: TextIO | None = None) -> Paint:
    """Return colour for a stream, stdout if none is named, where it is wanted."""
    return Paint(wants_colour(stream or sys.stdout))


def columns(otherwise: int) -> int:
    """Return how wide the terminal is, or COLUMNS says; `otherwise` where nobody says."""
    return get_terminal_size((otherwise, 24)).columns


def exit_unless(*, good: bool) -> None:
    """Exit with 1 where the verdict is bad."""
    if not good:
        raise typer.Exit(ExitCode.BAD_VERDICT)


def print_text(text: str, *, end: str = "\n") -> None:
    """Print a report; whether it is in colour was decided when it was written."""
    sys.stdout.write(text + end)
    sys.stdout.flush()


def print_report(text: str) -> None:
    """Print a report for people, in lines that fit their terminal, or COLUMNS where that is set."""
    if sys.stdout.isatty() or os.environ.get("COLUMNS"):
        from vibforge.report.folding import fold  # noqa: PLC0415 - only where somebody looks

        text = fold(text, columns(sys.maxsize))
    print_text(text)


def tell(text: str, *, end: str = "\n") -> None:
    """Say something on stderr, if there is anything to say."""
    if text:
        sys.stderr.write(text + end)
        sys.stderr.flush()


def print_json(document: "Document | Mapping[str, Any]") -> None:
    """Print what a command tells programs, or a schema."""
    print_text(documents.shape.json_text(document))


def show(
    as_json: bool,  # noqa: FBT001 - the flag of the command
    document: "Callable[[], Document | Mapping[str, Any]]",
    text: Callable[[Paint], str],
) -> None:
    """Print a result: for programs, or for people."""
    print_json(document()) if as_json else print_report(text(paint()))


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
