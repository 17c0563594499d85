"""`vibforge lint`."""

from contextlib import ExitStack
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

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
from vibforge.report import documents

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from vibforge.bundle.scan import BundleScan
    from vibforge.files.inputs import Unreadable
    from vibforge.findings.check import Allowance
    from vibforge.packages.lint import Choice, LintResult
    from vibforge.project.build import Built
    from vibforge.vib.scan import VibScan


class Form(StrEnum):
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
    form: Annotated[Form, typer.Option("--as", help="In which form.")] = Form.TEXT,
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
    from vibforge.esxi.release import parse_releases  # noqa: PLC0415 - `--version` judges nothing
    from vibforge.esxi.table import STOCK_TARGETS  # noqa: PLC0415 - the same
    from vibforge.files.inputs import each_file, require_readable  # noqa: PLC0415 - the same
    from vibforge.packages.lint import Choice, LintResult  # noqa: PLC0415 - the same

    choice = Choice(
        select=words_of(select),
        ignore=words_of(ignore),
        targets=parse_releases(words_of(esxi)) or STOCK_TARGETS,
    )
    looked = each_file(files, lambda path: _look(path, choice))
    result = LintResult.of(found for _path, found in looked.found)
    if as_json:
        print_json(documents.lint.Lint.of(result, looked.unreadable))
    else:
        _print(result, looked.unreadable, form, every_one=every_one)
    require_readable(looked.unreadable)
    exit_unless(good=result.good)


def _print(
    result: "LintResult", unreadable: "Sequence[Unreadable]", form: Form, *, every_one: bool
) -> None:
    from vibforge.report import lint as report  # noqa: PLC0415 - `--version` reports nothing

    match form:
        case Form.TEXT:
            print_report(report.lint_text(result, paint(), every_one=every_one))
        case Form.SARIF:
            print_json(report.sarif(result, unreadable))
        case Form.GITHUB:
            print_text(report.github(result), end="")
        case Form.GITLAB:
            print_text(report.gitlab(result))


def _look(path: Path, choice: "Choice") -> "LintResult":
    """Hold one file against the rules; what a recipe allows, it allows its own VIB alone."""
    from vibforge.packages.lint import lint as run_lint  # noqa: PLC0415 - the same

    with ExitStack() as stack:
        allowances: list[Allowance] = []
        subjects = tuple(_subjects(path, stack, allowances))
        return run_lint(subjects, replace(choice, allowances=tuple(allowances)))


def _subjects(
    path: Path, stack: ExitStack, allowances: "list[Allowance]"
) -> "Iterator[VibScan | BundleScan]":
    from vibforge.errors import is_folder  # noqa: PLC0415 - the same
    from vibforge.vib.archive import Vib  # noqa: PLC0415 - the same
    from vibforge.vib.scan import VibScan  # noqa: PLC0415 - the same

    if is_folder(path) or path.suffix == ".toml":
        built = _built(path, stack)
        allowances += built.plan.recipe.allow
        vib = Vib.from_path(built.vib_path)
        yield VibScan(vib, str(path), changed_modes=built.plan.changed_modes)
    elif _is_archive(path):
        yield VibScan(Vib.from_path(path), str(path))
    else:
        yield from _bundles(path, stack)


def _is_archive(path: Path) -> bool:
    """Whether it is a VIB by its first bytes: then zip and bundles need not be loaded."""
    from vibforge.formats.ar import MAGIC  # noqa: PLC0415 - the same

    try:
        if not path.is_file():  # reading a pipe would wait for a writer
            return False
        with path.open("rb") as file:
            return file.read(len(MAGIC)) == MAGIC
    except OSError:
        return False


def _bundles(path: Path, stack: ExitStack) -> "Iterator[BundleScan]":
    from vibforge.bundle.opening import OpenBundle  # noqa: PLC0415 - the same
    from vibforge.bundle.scan import bundle_scan  # noqa: PLC0415 - the same
    from vibforge.errors import FormatError  # noqa: PLC0415 - only for bundles
    from vibforge.packages.subjects import opened  # noqa: PLC0415 - the same

    for subject in stack.enter_context(opened(path)):
        if not isinstance(subject, OpenBundle):
            raise FormatError("neither a VIB, a bundle nor a project", where=str(path))
        inside = subject.bundle.name != str(path)
        yield bundle_scan(subject.bundle, subject.sources, inside=inside)


def _built(path: Path, stack: ExitStack) -> "Built":
    from tempfile import TemporaryDirectory  # noqa: PLC0415 - only for projects

    from vibforge.files.publication import TEMPORARY, explained  # noqa: PLC0415 - the same
    from vibforge.formats.deflating import Level  # noqa: PLC0415 - the same
    from vibforge.project.build import build  # noqa: PLC0415 - the same

    with explained(TEMPORARY):
        folder = stack.enter_context(TemporaryDirectory(prefix="vibforge-"))
    return build(path, folder, level=Level.FAST)
