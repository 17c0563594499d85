"""Plan a build: its date, its trees, its descriptor, and the outcome on hosts."""

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import StrEnum
from functools import cache, partial
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from vibforge.errors import ModelError, PayloadError, Problem, TrxError
from vibforge.esxi.paths import TRX_CONF, TRX_CONF_LIMIT
from vibforge.files.inputs import read_file
from vibforge.findings.check import Allowance
from vibforge.formats.deflating import GzipMember
from vibforge.formats.gnu_tar import EntryKind
from vibforge.formats.toml_keys import Path as KeyPath
from vibforge.formats.toml_keys import dotted
from vibforge.host.install_needs import InstallNeeds, Outlook, install_needs, outcomes_of, outlook
from vibforge.host.package import Package
from vibforge.host.prediction import InstallOutcome
from vibforge.project.boot_copy import boot_copied
from vibforge.project.git import Changes, Checkout
from vibforge.project.instruct import GUIDES
from vibforge.project.pack import PayloadTree, collect
from vibforge.project.read_project import Project, ProjectKind, read_project
from vibforge.project.recipe import Layout, PayloadRecipe, Recipe, is_from_git
from vibforge.project.recipe_reading import broken_rules
from vibforge.project.versioning import (
    NO_VERSION,
    BuildVersion,
    build_version,
    packed_changes,
)
from vibforge.trx.check import CheckResult, check
from vibforge.trx.rules import BY_NAME
from vibforge.vib.descriptor import (
    GUNZIP,
    Checksum,
    Descriptor,
    MaintenanceMode,
    Payload,
    SystemRequires,
)
from vibforge.vib.identity import ReleaseDate
from vibforge.vib.scan import ChangedMode
from vibforge.vib.signature import Signature

FIXED = ReleaseDate.parse("2000-01-01")


class DateSource(StrEnum):
    """Sources of the release date; the first that has one is used."""

    RECIPE = "the recipe"
    ENVIRONMENT = "SOURCE_DATE_EPOCH"
    COMMIT = "the last commit that touched the project"
    FIXED = "a fixed date, since nothing else names one"


class DatedBy(Struct, frozen=True):
    """A release date and where it comes from."""

    date: ReleaseDate
    source: DateSource
    changes: Changes = Changes()
    """The files that differ from the commit, if a commit is the source."""


def release_date(
    of_recipe: ReleaseDate | None,
    checkout: Checkout,
    environment: Mapping[str, str],
    *,
    required: bool = True,
) -> DatedBy:
    """Return the release date for a VIB that is built from a project.

    Args:
        of_recipe: the date in the recipe.
        checkout: the project in git.
        environment: may have SOURCE_DATE_EPOCH.
        required: whether a date that git cannot tell is an error; if not, it is the fixed date.

    Raises:
        ModelError: SOURCE_DATE_EPOCH is not a number of seconds, or git cannot tell the date.
    """
    if of_recipe:
        return DatedBy(of_recipe, DateSource.RECIPE)
    if text := environment.get("SOURCE_DATE_EPOCH"):
        try:
            return DatedBy(ReleaseDate.parse(text), DateSource.ENVIRONMENT)
        except ModelError as error:
            raise ModelError(
                f"SOURCE_DATE_EPOCH is {text!r}", remedy="set it to seconds since 1970, or unset it"
            ) from error
    try:
        committed = checkout.date()
    except ModelError:
        if required:
            raise
        committed = None
    if committed:
        return DatedBy(committed, DateSource.COMMIT)
    return DatedBy(FIXED, DateSource.FIXED)


def describe(
    recipe: Recipe,
    date: ReleaseDate,
    files: Iterable[str],
    payloads: Iterable[tuple[PayloadRecipe, GzipMember]],
) -> Descriptor:
    """Return the descriptor; payloads and file list are put into the order that readers expect."""
    return Descriptor(
        type=recipe.type,
        name=recipe.name,
        version=recipe.version,
        vendor=recipe.vendor,
        summary=recipe.summary or recipe.name,
        description=recipe.description or recipe.summary or recipe.name,
        release_date=str(date),
        urls=recipe.urls,
        relationships=recipe.relationships,
        software_tags=recipe.software_tags,
        system_requires=SystemRequires(
            maintenance_mode=recipe.system_requires.maintenance_mode or MaintenanceMode(),
            hardware_platforms=recipe.system_requires.hardware_platforms,
            software_platforms=recipe.system_requires.software_platforms,
        ),
        file_list=tuple(sorted(files)),
        acceptance_level=recipe.acceptance_level,
        live_install_allowed=recipe.live_install_allowed,
        live_remove_allowed=recipe.live_remove_allowed,
        cimom_restart=recipe.cimom_restart,
        stateless_ready=recipe.stateless_ready,
        overlay=recipe.overlay,
        payloads=tuple(_payload(payload, member) for payload, member in payloads),
    )


def _payload(recipe: PayloadRecipe, member: GzipMember) -> Payload:
    """Declare a payload with its digests in VMware's order.

    ESXi 6.5 takes the last sha-256 it meets for the stored bytes, whatever it is of, 8.0 insists
    on the one of the unpacked bytes, and Secure Boot of 6.7 looks for the sha-1
    (format.md#which-checksum-counts).
    """
    return Payload(
        name=recipe.name,
        type=recipe.type,
        size=member.size,
        uncompressed_size=member.content_size,
        boot_order=recipe.boot_order,
        vfat_name=recipe.vfat_name,
        checksums=(
            Checksum(checksum_type="sha-256", digest=member.content_sha256, verify_process=GUNZIP),
            Checksum(checksum_type="sha-256", digest=member.sha256),
            Checksum(checksum_type="sha-1", digest=member.content_sha1, verify_process=GUNZIP),
        ),
    )


def judge_trx(
    trees: Iterable[PayloadTree],
    *,
    of_recipe: Sequence[Allowance],
    allow: Sequence[Allowance],
) -> CheckResult | None:
    """Return the result of checking the trx.conf of a VIB; None if no payload has one.

    Args:
        trees: the payloads.
        of_recipe: what the recipe allows; rules of lint are ignored.
        allow: what the command line allows.

    Raises:
        TrxError: the file has errors that no allowance excuses, or is larger than any trx.conf.
    """
    excused = [*allow, *(each for each in of_recipe if each.rule in BY_NAME)]
    for tree in trees:
        source = tree.source_of(TRX_CONF)
        # A link of the recipe has no file here.
        if TRX_CONF in tree.files() and isinstance(source, Path) and os.path.lexists(source):
            result = check(read_file(source, TRX_CONF_LIMIT, TrxError), allow=excused)
            result.require(str(source))
            return result
    return None


class BuildPlan(Struct, frozen=True, kw_only=True):
    """All that is known before packing; the payloads are in the order of their names."""

    project: Project
    version: BuildVersion
    dated: DatedBy
    trees: tuple[PayloadTree, ...]
    package: Package
    """The VIB as prediction reads it."""
    trx: CheckResult | None
    """The result of checking a payload's trx.conf; None if there is none."""
    instructions: bool
    """Whether to write INSTALL.md and the scripts for the host."""
    environment: Mapping[str, str]
    """May hold the key and its passphrase."""
    left_out_key: str = ""
    """The key that the recipe names and the build does not use; see `without_key`."""

    def __repr__(self) -> str:
        # Without the environment, for tracebacks that show values.
        return f"{type(self).__name__}({self.package!r})"

    @property
    def needs(self) -> InstallNeeds:
        """The requirements of an install; predicted at the first access."""
        return install_needs(self.package)

    @property
    def outlook(self) -> tuple[Outlook, ...]:
        """The outcome on a stock host of each release; predicted at the first access."""
        return outlook(self.package, self.needs)

    @property
    def no_host_takes_it(self) -> bool:
        """Whether every stock host refuses the VIB, even with all requirements met."""
        then = [outcome for each in self.outlook for outcome in outcomes_of(each.then)]
        return all(outcome is InstallOutcome.REFUSED for outcome in then)

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
        """The name of the offline bundle's file, empty if the build makes none."""
        return self.usual_bundle_name if self.recipe.bundle else ""

    @property
    def usual_bundle_name(self) -> str:
        """The name that the offline bundle's file has if the build makes one."""
        return f"{self.recipe.name}-{self.recipe.version}-offline-bundle.zip"

    @property
    def output_names(self) -> tuple[str, ...]:
        """The names of all files that a build writes, except a bundle."""
        guides = tuple(GUIDES) if self.instructions else ()
        return (self.vib_name, "descriptor.xml", "sig.pkcs7", "build.json", *guides)

    @property
    def recorded_names(self) -> tuple[str, ...]:
        """The names of all files that build.json lists, except a bundle."""
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
    keyless: bool = False,
    to_be_released: bool = True,
) -> BuildPlan:
    """Read a project and list its trees; the arguments are those of `build`.

    `signed` says that it will be signed although its recipe names no key, `keyless` that the key of
    the recipe will not be opened. If it is not `to_be_released`, nobody gets the VIB: a date or a
    version that git cannot tell is no error then, and stands as 2000-01-01 or 0-0.

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
        found = read_project(
            Path(project), settings=settings, environment=variables, keyless=keyless
        )
    checkout = Checkout(found.root, found.parts)
    dated = release_date(found.recipe.release_date, checkout, variables, required=to_be_released)
    trees = _collect_all(found, dated)
    changes = cache(partial(packed_changes, checkout, found.files, trees))
    if dated.source is DateSource.COMMIT and to_be_released:
        dated = replace(dated, changes=changes())
    version = (
        _version(found, checkout, trees, changes, settings or {})
        if to_be_released or not is_from_git(found.recipe.version)
        else NO_VERSION
    )
    found = replace(found, recipe=replace(found.recipe, version=version.version))
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
        version=version,
        dated=dated,
        trees=trees,
        package=package,
        trx=trx,
        instructions=instructions,
        environment=variables,
    )


def without_key(plan: BuildPlan) -> BuildPlan:
    """Return a plan that does not sign, whatever key the recipe names."""
    if plan.recipe.signing is None:
        return plan
    return replace(
        plan,
        project=replace(plan.project, recipe=replace(plan.recipe, signing=None)),
        package=replace(plan.package, signature=Signature.MISSING),
        left_out_key=plan.recipe.signing.key,
    )


def _version(
    project: Project,
    checkout: Checkout,
    trees: Sequence[PayloadTree],
    changes: Callable[[], Changes],
    settings: Mapping[str, str],
) -> BuildVersion:
    """Return the version; an error names the option or the line that asks for it."""
    try:
        return build_version(project.recipe, checkout, trees, changes)
    except ModelError as error:
        place = project.place_of(("version",), settings)
        problems = (each if each.where else replace(each, where=place) for each in error.problems)
        raise ModelError.from_problems(problems) from error


def _package(recipe: Recipe, dated: DatedBy, files: tuple[str, ...], *, signed: bool) -> Package:
    """Return the VIB as prediction reads it; its digests are not known yet and assumed complete.

    The signer is assumed to be one that the hosts trust.
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
        raise ModelError.from_problems(problems)


def _collect_all(project: Project, dated: DatedBy) -> tuple[PayloadTree, ...]:
    """Collect every tree, by payload name: readers of a stream need that order."""
    trees: list[PayloadTree] = []
    problems: list[Problem] = []
    payloads = enumerate(project.recipe.payloads)
    for index, payload in sorted(payloads, key=lambda numbered: numbered[1].name):
        place = partial(_place_in_payload, project, index)
        try:
            trees.append(collect(payload, project.root, dated.date.epoch, place))
        except PayloadError as error:
            problems += error.problems
    if problems:
        raise PayloadError.from_problems(problems)
    return tuple(trees)


def _place_in_payload(project: Project, index: int, key: KeyPath) -> str:
    return project.place(("payloads", index, *key))


def _check_paths(trees: tuple[PayloadTree, ...]) -> None:
    """Raise an error for a path that two payloads have, unless it is a folder in both."""
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
                        remedy="remove it from all trees but one",
                    )
                )
    if problems:
        raise PayloadError.from_problems(problems)
