"""`vibforge diff`."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from vibforge.api import compare as api
from vibforge.cli.arguments import Json, Settings, exit_unless, print_text, settings_of, show
from vibforge.report import diff as report
from vibforge.report import documents


class DiffFormat(StrEnum):
    """Format of the printed differences."""

    TEXT = "text"
    MARKDOWN = "markdown"


def diff(
    old: Annotated[
        Path, typer.Argument(metavar="OLD", help="VIB, bundle, project, trx.conf or host facts.")
    ],
    new: Annotated[Path, typer.Argument(metavar="NEW", help="Another one of the same kind.")],
    *,
    settings: Settings = None,
    form: Annotated[
        DiffFormat, typer.Option("--format", metavar="WORD", help="text or markdown.")
    ] = DiffFormat.TEXT,
    as_json: Json = False,
) -> None:
    """Show the differences in meaning between two packages, projects, trx.conf files or hosts.

    A project is compared as the unsigned VIB that it builds; nothing is written. Exit code 1 means
    that a host would get something else. The same content in other bytes (for example compressed
    otherwise) is reported with exit code 0.
    """
    found = api.compare(old, new, settings=settings_of(settings or []))
    if form is DiffFormat.MARKDOWN and not as_json:
        print_text(report.diff_markdown(found), end="")
    else:
        show(
            as_json,
            lambda: documents.diff.Diff.of(found),
            lambda paint: report.diff_text(found, paint),
        )
    exit_unless(good=found.same_content)
