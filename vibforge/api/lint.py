"""Find what is wrong with VIBs, bundles and projects before a host does."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

from msgspec.structs import replace

from vibforge import errors
from vibforge.api.arguments import paths_of, targets_of, typed_errors, words_of
from vibforge.bundle import opening, scan
from vibforge.files import inputs, publication
from vibforge.formats import ar, deflating
from vibforge.packages import lint as packages_lint
from vibforge.packages import subjects as packages_subjects
from vibforge.project import build as project_build
from vibforge.project import plan_build, source_places
from vibforge.vib import archive
from vibforge.vib import scan as vib_scan

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from pathlib import Path

    from vibforge.bundle.scan import BundleScan
    from vibforge.packages.lint import CheckSelection, LintResult
    from vibforge.project.build import Built
    from vibforge.project.plan_build import BuildPlan
    from vibforge.vib.scan import VibScan


@typed_errors
def lint(  # noqa: PLR0913 - each one is a thing that a caller decides
    files: str | Path | Iterable[str | Path],
    *,
    esxi: str | Iterable[str] = (),
    select: str | Iterable[str] = (),
    ignore: str | Iterable[str] = (),
    settings: Mapping[str, str] | None = None,
    environment: Mapping[str, str] | None = None,
) -> LintResult:
    """Find what is wrong with VIBs, bundles and projects before a host does.

    A project is built in a temporary folder, and the rules that its recipe allows do not count. Its
    key is not opened: the VIB is taken for signed if the recipe names one.

    Args:
        files: VIBs, offline bundles and projects; a file that cannot be read is listed in
            `unreadable` of the result, and the others are checked.
        esxi: the ESXi releases to check for: `8.0U3`; 6.5 to 9.0 if none is named.
        select: only these rules: ids, names or beginnings of ids (`VF3`); all if none is named.
        ignore: not these rules.
        settings: recipe keys of the projects to override: `{"version": "1.2.0-1"}` fills in the
            template of a stage directory.
        environment: the variables for recipes; those of the process if None.

    Raises:
        ModelError: no file is named, a word is no rule or no release, or there are settings but no
            project.

    Examples:
        >>> from vibforge import Finding, LintResult, Severity, lint
        >>> result: LintResult = lint(["acme.vib", "fleet.zip"], esxi="8.0")
        >>> result.good
        False
        >>> finding: Finding = result.findings[0]
        >>> finding.rule, finding.severity is Severity.ERROR
        ('VF218', True)
    """
    choice = packages_lint.CheckSelection(
        select=words_of(select), ignore=words_of(ignore), targets=targets_of(esxi)
    )
    paths = paths_of(files)
    if settings and not any(map(_is_project, paths)):
        raise errors.ModelError(
            "no project is named to which the settings apply", remedy="leave them out"
        )

    def plan(path: Path) -> BuildPlan:  # a function, so that a VIB does not load the module
        return plan_build.plan_build(
            path,
            settings=settings,
            environment=environment,
            keyless=True,
            to_be_released=False,
        )

    looked = inputs.each_file(paths, lambda path: _look(path, choice, plan))
    result = packages_lint.LintResult.of(found for _path, found in looked.found)
    return replace(result, unreadable=looked.unreadable)


def _look(path: Path, choice: CheckSelection, plan: Callable[[Path], BuildPlan]) -> LintResult:
    """Check one file; what a recipe allows, it allows its own VIB alone."""
    with ExitStack() as stack:
        if _is_project(path):
            return _look_at_project(_built(plan(path), stack), str(path), choice)
        found = packages_lint.lint(tuple(_subjects(path, stack)), choice)
        return packages_lint.with_file(found, path)


def _look_at_project(built: Built, name: str, choice: CheckSelection) -> LintResult:
    keyless = bool(built.plan.left_out_key)
    scan = vib_scan.VibScan(
        archive.Vib.from_path(built.vib_path),
        name,
        changed_modes=built.plan.changed_modes,
        to_be_signed=keyless,
    )
    found = packages_lint.lint([scan], replace(choice, allowances=built.plan.recipe.allow))
    found = source_places.with_sources(found, built.plan)
    return replace(found, keys_not_opened=(name,) if keyless else ())


def _subjects(path: Path, stack: ExitStack) -> Iterator[VibScan | BundleScan]:
    if _is_archive(path):
        yield vib_scan.VibScan(archive.Vib.from_path(path), str(path))
    else:
        yield from _bundles(path, stack)


def _is_project(path: Path) -> bool:
    return errors.is_folder(path) or path.suffix == ".toml"


def _is_archive(path: Path) -> bool:
    """Whether it is a VIB by its first bytes: then zip and bundles need not be loaded."""
    try:
        if not path.is_file():  # reading a pipe would wait for a writer
            return False
        with path.open("rb") as file:
            return file.read(len(ar.MAGIC)) == ar.MAGIC
    except OSError:
        return False


def _bundles(path: Path, stack: ExitStack) -> Iterator[BundleScan]:
    for subject in stack.enter_context(packages_subjects.opened(path)):
        if not isinstance(subject, opening.OpenBundle):
            raise errors.FormatError("neither a VIB, a bundle nor a project", where=str(path))
        inside = subject.bundle.name != str(path)
        yield scan.bundle_scan(subject.bundle, subject.sources, inside=inside)


def _built(plan: BuildPlan, stack: ExitStack) -> Built:
    folder = stack.enter_context(publication.temporary_folder())
    return project_build.build_plan(
        plan_build.without_key(plan), folder, level=deflating.CompressionLevel.FAST
    )
