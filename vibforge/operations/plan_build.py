"""Plan a build: read the project, list and judge its trees, and tell what hosts will say."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from vibforge.errors import ModelError, PayloadError, Problem
from vibforge.formats.tar_header import EntryKind
from vibforge.host.install_needs import (
    InstallNeeds,
    Outlook,
    install_needs,
    outcomes_of,
    outlook,
)
from vibforge.host.package import Package
from vibforge.host.prediction import Outcome
from vibforge.model.allowance import Allowance
from vibforge.model.recipe import Layout, Recipe
from vibforge.model.recipe_key import dotted
from vibforge.model.recipe_rules import broken_rules
from vibforge.operations.boot_copy import boot_copied
from vibforge.operations.collect import PayloadTree, collect
from vibforge.operations.date import DatedBy, release_date
from vibforge.operations.describe import describe
from vibforge.operations.instruct import GUIDES
from vibforge.operations.judge_trx import judge_trx
from vibforge.operations.read_project import Project, ProjectKind, read_project
from vibforge.scan.signature import Signature
from vibforge.scan.vib import ChangedMode
from vibforge.trx.check import CheckResult


@dataclass(frozen=True, kw_only=True, slots=True)
class BuildPlan:
    """All that is known before a byte is packed; the payloads stand in the order of their names."""

    project: Project
    dated: DatedBy
    trees: tuple[PayloadTree, ...]
    package: Package
    """The VIB as hosts will see it."""
    trx: CheckResult | None
    """The verdict on a payload's trx.conf; None where there is none."""
    instructions: bool
    """Whether INSTALL.md and the scripts for the host are written as well."""
    environment: Mapping[str, str] = field(repr=False)
    """May hold the key and its passphrase."""

    @property
    def needs(self) -> InstallNeeds:
        """What an install takes; predicted when it is first asked for."""
        return install_needs(self.package)

    @property
    def outlook(self) -> tuple[Outlook, ...]:
        """What a stock host of each release will say; predicted when it is asked for."""
        return outlook(self.package, self.needs)

    @property
    def no_host_takes_it(self) -> bool:
        """Whether every stock host refuses the VIB, with whatever its install takes."""
        then = [outcome for each in self.outlook for outcome in outcomes_of(each.then)]
        return all(outcome is Outcome.REFUSED for outcome in then)

    @property
    def recipe(self) -> Recipe:
        return self.project.recipe

    @property
    def vib_id(self) -> str:
        """`<vendor>_<type>_<name>_<version>`."""
        of = self.recipe
        return f"{of.vendor}_{of.type}_{of.name}_{of.version}"

    @property
    def vib_name(self) -> str:
        """The name of the VIB's file."""
        return f"{self.vib_id}.vib"

    @property
    def bundle_name(self) -> str:
        """The name of the offline bundle's file, empty where the recipe wants none."""
        of = self.recipe
        return f"{of.name}-{of.version}-offline-bundle.zip" if of.bundle else ""

    @property
    def output_names(self) -> tuple[str, ...]:
        """The names of all files that a build writes, but for a bundle."""
        guides = tuple(GUIDES) if self.instructions else ()
        return (self.vib_name, "descriptor.xml", "sig.pkcs7", "build.json", *guides)

    @property
    def recorded_names(self) -> tuple[str, ...]:
        """The names of all files that build.json lists, but for a bundle."""
        return tuple(name for name in self.output_names if name != "build.json")

    @property
    def files(self) -> tuple[str, ...]:
        """The file list, sorted."""
        return tuple(sorted(path for tree in self.trees for path in tree.files()))

    @property
    def changed_modes(self) -> dict[str, ChangedMode]:
        """The modes of the trees that the build changes, by path."""
        return {path: mode for tree in self.trees for path, mode in tree.changed_modes.items()}

    @property
    def image_size(self) -> int:
        """Bytes of all payloads unpacked."""
        return sum(tree.image_size for tree in self.trees)


def plan_build(  # noqa: PLR0913 - each one is a thing that a caller decides
    project: Path | str | Recipe,
    *,
    root: Path | str = ".",
    settings: Mapping[str, str] | None = None,
    environment: Mapping[str, str] | None = None,
    allow: Sequence[Allowance] = (),
    instructions: bool = True,
    signed: bool = False,
) -> BuildPlan:
    """Read a project and list its trees; the arguments are those of `build`.

    `signed` says that it will be signed although its recipe names no key.

    Raises:
        ModelError: the recipe breaks rules.
        PayloadError: a tree cannot become a payload.
        TrxError: a payload's trx.conf has errors.
    """
    variables = os.environ if environment is None else environment
    if isinstance(project, Recipe):
        _check_recipe(project)
        found = Project(recipe=project, root=Path(root), kind=ProjectKind.RECIPE)
    else:
        found = read_project(Path(project), settings=settings, environment=variables)
    dated = release_date(found.recipe.release_date, found.root, variables)
    trees = _collect_all(found, dated)
    trx = judge_trx(trees, of_recipe=found.recipe.allow, allow=allow)
    if found.recipe.layout is Layout.BOOT_COPY:
        trees = boot_copied(trees, found.recipe)
    _check_paths(trees)
    files = tuple(path for tree in trees for path in tree.files())
    package = _package(
        found.recipe, dated, files, signed=signed or found.recipe.signing is not None
    )
    return BuildPlan(
        project=found,
        dated=dated,
        trees=trees,
        package=package,
        trx=trx,
        instructions=instructions,
        environment=variables,
    )


def _package(recipe: Recipe, dated: DatedBy, files: tuple[str, ...], *, signed: bool) -> Package:
    """Return the VIB as hosts will see it; its digests are not known yet, and always complete.

    Who signs is taken for one whom the hosts trust.
    """
    descriptor = describe(recipe, dated.date, files, ())
    signature = Signature.TRUSTED if signed else Signature.MISSING
    return Package(descriptor=descriptor, signature=signature, payloads_known=False)


def _check_recipe(recipe: Recipe) -> None:
    problems = [
        Problem(what=problem.what, where=dotted(path), remedy=problem.remedy)
        for path, error in broken_rules(recipe)
        for problem in error.problems
    ]
    if problems:
        raise ModelError.of(problems)


def _collect_all(project: Project, dated: DatedBy) -> tuple[PayloadTree, ...]:
    """Collect every tree, by payload name: readers of a stream need that order."""
    trees: list[PayloadTree] = []
    problems: list[Problem] = []
    for payload in sorted(project.recipe.payloads, key=lambda payload: payload.name):
        try:
            trees.append(collect(payload, project.root, dated.date.epoch))
        except PayloadError as error:
            problems += error.problems
    if problems:
        raise PayloadError.of(problems)
    return tuple(trees)


def _check_paths(trees: tuple[PayloadTree, ...]) -> None:
    """Refuse a path that two payloads carry, unless it is a folder in both."""
    seen: dict[str, tuple[str, bool]] = {}
    problems = []
    for tree in trees if len(trees) > 1 else ():
        for entry in tree.entries:
            is_folder = entry.kind is EntryKind.DIRECTORY
            other, both_folders = seen.setdefault(entry.path, (tree.recipe.name, is_folder))
            if other != tree.recipe.name and not (is_folder and both_folders):
                problems.append(
                    Problem(
                        what=f"payloads {other} and {tree.recipe.name} both have this path",
                        where=f"/{entry.path}",
                        remedy="leave it in one of the trees",
                    )
                )
    if problems:
        raise PayloadError.of(problems)
