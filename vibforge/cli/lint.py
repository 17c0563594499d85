"""`vibforge lint`."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vibforge.api import lint as api
from vibforge.cli.arguments import (
    Esxi,
    Json,
    Settings,
    exit_unless,
    paint,
    print_json,
    print_report,
    print_text,
    settings_of,
    words_of,
)
from vibforge.files import inputs
from vibforge.report import annotations, documents
from vibforge.report import lint as report

if TYPE_CHECKING:
    from vibforge.packages.lint import LintResult


class FindingsFormat(StrEnum):
    """Format of the printed findings."""

    TEXT = "text"
    SARIF = "sarif"
    GITHUB = "github"
    GITLAB = "gitlab"


def lint(  # noqa: PLR0913 - the options of the command
    files: Annotated[
        list[Path], typer.Argument(help="VIBs, bundles, projects.", metavar="FILE|PROJECT…")
    ],
    *,
    esxi: Esxi = None,
    select: Annotated[
        list[str] | None,
        typer.Option(metavar="RULE", help="Check only these rules: VF3, VF501; may be repeated."),
    ] = None,
    ignore: Annotated[
        list[str] | None, typer.Option(metavar="RULE", help="Skip these rules; may be repeated.")
    ] = None,
    form: Annotated[
        FindingsFormat, typer.Option("--as", help="Format of the output.")
    ] = FindingsFormat.TEXT,
    every_one: Annotated[
        bool,
        typer.Option("--all", help="Print each finding on its own line, also of the same check."),
    ] = False,
    settings: Settings = None,
    as_json: Json = False,
) -> None:
    """Check VIBs, bundles and projects for what hosts refuse or what fails on them.

    The checks are those for the releases given with --esxi, or for 6.5 to 9.0. A project is built
    in a temporary folder; findings that its recipe allows do not change the exit code. Exit code 1
    means that there are errors.
    """
    result = api.lint(
        files,
        esxi=words_of(esxi),
        select=words_of(select),
        ignore=words_of(ignore),
        settings=settings_of(settings or []),
    )
    if as_json:
        print_json(documents.lint.Lint.of(result))
    else:
        _print(result, form, every_one=every_one)
    inputs.require_readable(result.unreadable)
    exit_unless(good=result.good)


def _print(result: "LintResult", form: FindingsFormat, *, every_one: bool) -> None:
    match form:
        case FindingsFormat.TEXT:
            print_report(report.lint_text(result, paint(), every_one=every_one))
        case FindingsFormat.SARIF:
            print_json(annotations.sarif(result))
        case FindingsFormat.GITHUB:
            print_text(annotations.github(result), end="")
        case FindingsFormat.GITLAB:
            print_text(annotations.gitlab(result))
