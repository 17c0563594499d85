"""`vibforge inspect`."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vibforge.cli.arguments import Json, columns, paint, print_json, print_report, print_text
from vibforge.files import inputs
from vibforge.packages import inspect as packages_inspect
from vibforge.packages import subjects as packages_subjects
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
            help="List all entries, and only them: mode, owner, group, bytes, path, link.",
        ),
    ] = False,
    cat: Annotated[
        str | None, typer.Option(metavar="PATH", help="Print one file of the payload.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Show what is in VIBs, bundles, payloads or stage folders."""
    if cat is not None:
        _cat(files, cat)
        return

    looked = inputs.each_file(files, lambda path: _look(path, whole=only_files))
    if as_json:
        print_json(documents.inspect.Inspect.of(looked))
    else:
        found = [each for _path, all_in_it in looked.found for each in all_in_it]
        _show(found, only_files=only_files)
    inputs.require_readable(looked.unreadable)


def _look(path: Path, *, whole: bool) -> "tuple[Inspection, ...]":
    with packages_subjects.opened(path) as subjects:
        return tuple(packages_inspect.inspect(subject, whole=whole) for subject in subjects)


def _show(found: "list[Inspection]", *, only_files: bool) -> None:
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
    with packages_subjects.opened(files[0]) as subjects:
        packages_inspect.print_file(subjects, wanted, sys.stdout.buffer.write)
    sys.stdout.buffer.flush()
