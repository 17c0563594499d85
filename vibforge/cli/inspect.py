"""`vibforge inspect`."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vibforge.api import inspect as api
from vibforge.cli.arguments import Json, columns, paint, print_json, print_report, print_text
from vibforge.files import inputs
from vibforge.report import documents
from vibforge.report import inspect as report_inspect

if TYPE_CHECKING:
    from vibforge.packages.inspect import Inspection

_NARROW = 80


def inspect(
    files: Annotated[
        list[Path],
        typer.Argument(metavar="FILE…", help="VIBs, bundles, loose payloads or stage folders."),
    ],
    *,
    only_files: Annotated[
        bool,
        typer.Option(
            "--files",
            help="List only the entries, all of them: mode, owner, group, bytes, path, link.",
        ),
    ] = False,
    cat: Annotated[
        str | None, typer.Option(metavar="PATH", help="Print one file of the payload.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Show the contents of VIBs, bundles, payloads or stage folders."""
    if cat is not None:
        _cat(files, cat)
        return

    inspected = api.inspect(files, whole=only_files)
    if as_json:
        print_json(documents.inspect.Inspect.of(inspected))
    else:
        _show(inspected.inspections, only_files=only_files)
    inputs.require_readable(inspected.unreadable)


def _show(found: "tuple[Inspection, ...]", *, only_files: bool) -> None:
    if only_files:
        for each in found:
            for line in report_inspect.listing(each):
                print_text(line)
        return
    width = columns(_NARROW)
    colours = paint()
    for index, each in enumerate(found):
        print_report(("\n" if index else "") + report_inspect.inspection_text(each, colours, width))


def _cat(files: list[Path], wanted: str) -> None:
    if len(files) != 1:
        raise typer.BadParameter("--cat takes exactly one FILE")
    api.cat(files[0], wanted, sys.stdout.buffer.write)
    sys.stdout.buffer.flush()
