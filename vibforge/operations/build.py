"""Build a VIB from a project: plan it, pack the payloads, describe them, publish all together."""

import hashlib
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from vibforge.errors import ModelError, OutputError, PayloadError, Problem
from vibforge.formats import ar, gzip_member
from vibforge.formats.gzip_member import Level, Member
from vibforge.formats.spool import Spool
from vibforge.formats.tar_header import EntryKind
from vibforge.host.install_needs import InstallNeeds, Outlook, install_needs, outlook
from vibforge.host.package import Package, Signature
from vibforge.model.descriptor import Descriptor
from vibforge.model.descriptor_writing import serialise
from vibforge.model.recipe import Layout, Recipe
from vibforge.model.recipe_rules import broken_rules, dotted
from vibforge.operations.boot_copy import boot_copied
from vibforge.operations.build_signature import BuildSigner, BuiltSignature, build_signer
from vibforge.operations.collect import PayloadTree, collect
from vibforge.operations.date import DatedBy, release_date
from vibforge.operations.describe import describe
from vibforge.operations.instruct import instructions
from vibforge.operations.pack import pack
from vibforge.operations.publish import Publication, explained
from vibforge.operations.read_project import Project, ProjectKind, read_project

Progress = Callable[[int, int], None]
"""Is told the bytes that were packed, and how many there are in all."""


@dataclass(frozen=True, kw_only=True, slots=True)
class BuildPlan:
    """All that is known before a byte is packed; the payloads stand in the order of their names."""

    project: Project
    dated: DatedBy
    trees: tuple[PayloadTree, ...]
    needs: InstallNeeds
    outlook: tuple[Outlook, ...]
    """What a stock host of each release will say."""
    environment: Mapping[str, str] = field(repr=False)
    """May hold the key and its passphrase."""

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
        """The names of all files that a build writes."""
        return (
            self.vib_name,
            "descriptor.xml",
            "sig.pkcs7",
            "INSTALL.md",
            "install.sh",
            "remove.sh",
        )

    @property
    def files(self) -> tuple[str, ...]:
        """The file list, sorted."""
        return tuple(sorted(path for tree in self.trees for path in tree.files()))

    @property
    def image_size(self) -> int:
        """Bytes of all payloads unpacked."""
        return sum(tree.image_size for tree in self.trees)


@dataclass(frozen=True, kw_only=True, slots=True)
class Built:
    """A VIB that was built; sizes in bytes, digest in hex."""

    plan: BuildPlan
    folder: Path
    descriptor: Descriptor
    members: tuple[Member, ...]
    """The payloads as packed, in the order of `plan.trees`."""
    size: int
    sha256: str
    signature: BuiltSignature | None = None
    """None where the recipe names no key."""

    @property
    def vib_path(self) -> Path:
        return self.folder / self.plan.vib_name


def build(  # noqa: PLR0913 - each one is a thing that a caller decides
    project: Path | str | Recipe,
    output: Path | str = "dist",
    *,
    root: Path | str = ".",
    settings: Mapping[str, str] | None = None,
    environment: Mapping[str, str] | None = None,
    level: Level = Level.BEST,
    threads: int | None = None,
    on_progress: Progress | None = None,
    ask_passphrase: Callable[[], bytes] | None = None,
) -> Built:
    """Build a VIB, its descriptor, signature slot and instructions into a folder.

    Args:
        project: a recipe file, a folder (see `read_project`), or a recipe.
        output: the folder; it is made if it is missing.
        root: the folder that the trees of a recipe given as a value are relative to.
        settings: values that go over the project's, by key: `{"version": "1.2.0-1"}`.
        environment: for `${NAME}` in recipes and SOURCE_DATE_EPOCH; the process's if None.
        level: how hard to compress.
        threads: compressing threads; the number does not change the bytes.
        on_progress: is told how far packing is.
        ask_passphrase: is called where a key is encrypted and the recipe names no source.

    Raises:
        VibforgeError: one of its children says what keeps the VIB from being built; the folder is
            as it was.
    """
    plan = plan_build(project, root=root, settings=settings, environment=environment)
    return build_plan(
        plan,
        Path(output),
        level=level,
        threads=threads,
        on_progress=on_progress,
        ask_passphrase=ask_passphrase,
    )


def plan_build(
    project: Path | str | Recipe,
    *,
    root: Path | str = ".",
    settings: Mapping[str, str] | None = None,
    environment: Mapping[str, str] | None = None,
) -> BuildPlan:
    """Read a project and list its trees; the arguments are those of `build`.

    Raises:
        ModelError: the recipe breaks rules.
        PayloadError: a tree cannot become a payload.
    """
    variables = os.environ if environment is None else environment
    if isinstance(project, Recipe):
        _check_recipe(project)
        found = Project(recipe=project, root=Path(root), kind=ProjectKind.RECIPE)
    else:
        found = read_project(Path(project), settings=settings, environment=variables)
    dated = release_date(found.recipe.release_date, found.root, variables)
    trees = _collect_all(found, dated)
    if found.recipe.layout is Layout.BOOT_COPY:
        trees = boot_copied(trees, found.recipe)
    _check_paths(trees)
    files = tuple(path for tree in trees for path in tree.files())
    package = _package(found.recipe, dated, files)
    needs = install_needs(package)
    return BuildPlan(
        project=found,
        dated=dated,
        trees=trees,
        needs=needs,
        outlook=outlook(package, needs),
        environment=variables,
    )


def build_plan(  # noqa: PLR0913 - each one is a thing that a caller decides
    plan: BuildPlan,
    folder: Path,
    *,
    level: Level = Level.BEST,
    threads: int | None = None,
    on_progress: Progress | None = None,
    ask_passphrase: Callable[[], bytes] | None = None,
) -> Built:
    """Carry out a plan; arguments and errors are those of `build`."""
    signer = _signer(plan, ask_passphrase)
    _check_folder(folder, plan)
    with ExitStack() as stack:
        publication = stack.enter_context(Publication(folder))
        packed = []
        for tree, report in zip(plan.trees, _shares(plan, on_progress), strict=True):
            spool = stack.enter_context(Spool(folder))
            with explained(folder / plan.vib_name):
                member = pack(tree, spool.write, level=level, threads=threads, on_progress=report)
            packed.append((tree, member, spool))
        descriptor = describe(
            plan.recipe,
            plan.dated.date,
            plan.files,
            [(tree.recipe, member) for tree, member, _ in packed],
        )
        text = serialise(descriptor)
        signature = signer.sign(text, plan.recipe.acceptance_level) if signer else None
        block = signature.block if signature else b""
        with publication.create(plan.vib_name) as file:
            output = _Counted(file)
            _write_archive(output, text, block, [(t.recipe.name, m, s) for t, m, s in packed])
        built = Built(
            plan=plan,
            folder=folder,
            descriptor=descriptor,
            members=tuple(member for _, member, _ in packed),
            size=output.size,
            sha256=output.sha256.hexdigest(),
            signature=signature,
        )
        publication.write("descriptor.xml", text)
        publication.write("sig.pkcs7", block)
        for guide in instructions(descriptor, plan.vib_name, built.sha256, plan.needs):
            publication.write(guide.name, guide.text.encode("utf-8"), executable=guide.executable)
        publication.publish()
    return built


def _package(recipe: Recipe, dated: DatedBy, files: tuple[str, ...]) -> Package:
    """Return the VIB as hosts will see it; its digests are not known yet, and always complete.

    Who signs is taken for one whom the hosts trust.
    """
    descriptor = describe(recipe, dated.date, files, ())
    signature = Signature.TRUSTED if recipe.signing else Signature.MISSING
    return Package(descriptor=descriptor, signature=signature, payloads_known=False)


def _signer(plan: BuildPlan, ask: Callable[[], bytes] | None) -> BuildSigner | None:
    """Open the key before anything is packed."""
    recipe = plan.recipe.signing
    if recipe is None:
        return None
    return build_signer(recipe, plan.project.root, plan.dated.date, plan.environment, ask)


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


def _check_folder(folder: Path, plan: BuildPlan) -> None:
    """Keep the instructions of another package from being overwritten."""
    of = plan.recipe
    own = f"{of.vendor}_{of.type}_{of.name}_"
    others = [file.name for file in folder.glob("*.vib") if not file.name.startswith(own)]
    if others:
        raise OutputError(
            f"the folder holds another package, {min(others)}, and its instructions",
            where=str(folder),
            remedy=f"give each package a folder of its own: -o {folder / of.name}",
        )


def _shares(
    plan: BuildPlan, on_progress: Progress | None
) -> Iterator[Callable[[int], None] | None]:
    """Yield for each tree what turns its own progress into that of the whole."""
    before = 0
    for tree in plan.trees:
        yield None if on_progress is None else _share(on_progress, before, plan.image_size)
        before += tree.image_size


def _share(on_progress: Progress, before: int, size: int) -> Callable[[int], None]:
    return lambda done: on_progress(before + done, size)


class _Counted:
    """A file that is hashed and counted while it is written."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.size = 0
        self.sha256 = hashlib.sha256()

    def write(self, data: bytes) -> None:
        self._file.write(data)
        self.sha256.update(data)
        self.size += len(data)


def _write_archive(
    output: _Counted,
    descriptor: bytes,
    signature: bytes,
    payloads: list[tuple[str, Member, Spool]],
) -> None:
    output.write(ar.MAGIC)
    for name, data in (("descriptor.xml", descriptor), ("sig.pkcs7", signature)):
        output.write(ar.member_header(name, len(data)))
        output.write(data)
        output.write(ar.member_padding(len(data)))
    for name, member, spool in payloads:
        output.write(ar.member_header(name, member.size))
        for chunk in spool.chunks():
            output.write(chunk)
        output.write(ar.member_padding(member.size))


def codec_release() -> str:
    """Return the release of the library that decides the compressed bytes."""
    return gzip_member.codec_release()
