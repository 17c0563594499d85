"""`vibforge lint`."""

from contextlib import ExitStack
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from msgspec.structs import replace

from vibforge import errors
from vibforge.bundle import opening, scan
from vibforge.cli.arguments import (
    Esxi,
    Json,
    exit_unless,
    paint,
    print_json,
    print_report,
    print_text,
    words_of,
)
from vibforge.esxi import release, table
from vibforge.files import inputs, publication
from vibforge.formats import ar, deflating
from vibforge.packages import lint as packages_lint
from vibforge.packages import subjects as packages_subjects
from vibforge.project import build as project_build
from vibforge.report import documents
from vibforge.report import lint as report
from vibforge.vib import archive
from vibforge.vib import scan as vib_scan

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from vibforge.bundle.scan import BundleScan
    from vibforge.files.inputs import Unreadable
    from vibforge.findings.check import Allowance
    from vibforge.packages.lint import CheckSelection, LintResult
    from vibforge.project.build import Built
    from vibforge.vib.scan import VibScan


class FindingsFormat(StrEnum):
    """How findings are printed."""

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
        typer.Option(metavar="RULE", help="Only these rules: VF3, VF501; may be repeated."),
    ] = None,
    ignore: Annotated[
        list[str] | None, typer.Option(metavar="RULE", help="Not these rules; may be repeated.")
    ] = None,
    form: Annotated[
        FindingsFormat, typer.Option("--as", help="In which form.")
    ] = FindingsFormat.TEXT,
    every_one: Annotated[
        bool, typer.Option("--all", help="One line for each finding, also of the same check.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Find what is wrong with VIBs, bundles and projects before a host does.

    They are held against the releases of --esxi, or against 6.5 to 9.0. A project is built in a
    temporary folder, and the rules that its recipe allows are left out of the verdict. Exit code 1
    means that there are errors.
    """
    choice = packages_lint.CheckSelection(
        select=words_of(select),
        ignore=words_of(ignore),
        targets=release.parse_releases(words_of(esxi)) or table.STOCK_TARGETS,
    )
    looked = inputs.each_file(files, lambda path: _look(path, choice))
    result = packages_lint.LintResult.of(found for _path, found in looked.found)
    if as_json:
        print_json(documents.lint.Lint.of(result, looked.unreadable))
    else:
        _print(result, looked.unreadable, form, every_one=every_one)
    inputs.require_readable(looked.unreadable)
    exit_unless(good=result.good)


def _print(
    result: "LintResult",
    unreadable: "Sequence[Unreadable]",
    form: FindingsFormat,
    *,
    every_one: bool,
) -> None:

    match form:
        case FindingsFormat.TEXT:
            print_report(report.lint_text(result, paint(), every_one=every_one))
        case FindingsFormat.SARIF:
            print_json(report.sarif(result, unreadable))
        case FindingsFormat.GITHUB:
            print_text(report.github(result), end="")
        case FindingsFormat.GITLAB:
            print_text(report.gitlab(result))


def _look(path: Path, choice: "CheckSelection") -> "LintResult":
    """Hold one file against the rules; what a recipe allows, it allows its own VIB alone."""
    with ExitStack() as stack:
        allowances: list[Allowance] = []
        subjects = tuple(_subjects(path, stack, allowances))
        return packages_lint.lint(subjects, replace(choice, allowances=tuple(allowances)))


def _subjects(
    path: Path, stack: ExitStack, allowances: "list[Allowance]"
) -> "Iterator[VibScan | BundleScan]":

    if errors.is_folder(path) or path.suffix == ".toml":
        built = _built(path, stack)
        allowances += built.plan.recipe.allow
        vib = archive.Vib.from_path(built.vib_path)
        yield vib_scan.VibScan(vib, str(path), changed_modes=built.plan.changed_modes)
    elif _is_archive(path):
        yield vib_scan.VibScan(archive.Vib.from_path(path), str(path))
    else:
        yield from _bundles(path, stack)


def _is_archive(path: Path) -> bool:
    """Whether it is a VIB by its first bytes: then zip and bundles need not be loaded."""
    try:
        if not path.is_file():  # reading a pipe would wait for a writer
            return False
        with path.open("rb") as file:
            return file.read(len(ar.MAGIC)) == ar.MAGIC
    except OSError:
        return False


def _bundles(path: Path, stack: ExitStack) -> "Iterator[BundleScan]":
    for subject in stack.enter_context(packages_subjects.opened(path)):
        if not isinstance(subject, opening.OpenBundle):
            raise errors.FormatError("neither a VIB, a bundle nor a project", where=str(path))
        inside = subject.bundle.name != str(path)
        yield scan.bundle_scan(subject.bundle, subject.sources, inside=inside)


def _built(path: Path, stack: ExitStack) -> "Built":
    from tempfile import TemporaryDirectory  # noqa: PLC0415 - only for projects

    with publication.explained(publication.TEMPORARY):
        folder = stack.enter_context(TemporaryDirectory(prefix="vibforge-"))
    return project_build.build(path, folder, level=deflating.CompressionLevel.FAST)
