"""Build a VIB from a project: pack and sign it, and publish all files together."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from msgspec import Struct
from msgspec.structs import replace

from vibforge.errors import OutputError, PayloadError, Problem, SigningError, shell_line
from vibforge.files.publication import Publication, explained
from vibforge.formats import ar, pkcs7
from vibforge.formats.budget import LIMITS, Budget, Work
from vibforge.formats.deflating import DEFAULT_LEVEL, CompressionLevel, GzipMember
from vibforge.formats.gnu_tar import BLOCK, ArchiveEntry, EntryKind, header_count
from vibforge.formats.streams import Spool
from vibforge.project.instruct import instructions as instruct
from vibforge.project.ledger import (
    RECORD_NAME,
    Facts,
    WrittenFile,
    WrittenKind,
    inputs,
    record,
    serialise_record,
)
from vibforge.project.mapped_files import takes
from vibforge.project.pack import pack
from vibforge.project.plan_build import BuildPlan, describe, plan_build
from vibforge.project.version_lock import FolderLock, VersionConflict, VersionLock
from vibforge.signing import judging, key_source, passphrase, stated_time
from vibforge.signing import signer as signing_making
from vibforge.vib.descriptor import Descriptor, serialise
from vibforge.vib.identity import ENVIRONMENT_SCHEME, TOKEN_SCHEME

if TYPE_CHECKING:
    from vibforge.esxi.acceptance import AcceptanceLevel
    from vibforge.findings.check import Allowance
    from vibforge.project.pack import PayloadTree
    from vibforge.project.recipe import PayloadRecipe, Recipe, SigningRecipe
    from vibforge.signing.host_rules import TrustJudgement
    from vibforge.signing.passphrase import Passphrase
    from vibforge.signing.signer import Signer
    from vibforge.signing.stated_time import SigningTime
    from vibforge.vib.identity import ReleaseDate


_SCHEMES = (ENVIRONMENT_SCHEME, TOKEN_SCHEME)
"""Prefixes of keys that are not files."""


class BuiltSignature(Struct, frozen=True, kw_only=True):
    """The content of `sig.pkcs7`, and its verification as far as possible without a trust store."""

    block: bytes
    judgement: TrustJudgement
    stated: SigningTime


class BuildSigner(Struct, frozen=True, kw_only=True):
    """A key that is opened before packing, so that a wrong passphrase is reported at once."""

    signer: Signer
    stated: SigningTime

    def sign(self, descriptor: bytes, level: AcceptanceLevel) -> BuiltSignature:
        """Sign a descriptor.

        Raises:
            SigningError: the key or its certificate cannot sign.
        """
        block = signing_making.make_block(descriptor, self.signer, self.stated.moment)
        budget = Budget("descriptor.xml", len(descriptor))
        judgement = judging.judge(pkcs7.parse_blocks(block), descriptor, level, None, budget=budget)
        return BuiltSignature(block=block, judgement=judgement, stated=self.stated)


def signer_of_recipe(
    recipe: SigningRecipe,
    root: Path,
    environment: Mapping[str, str],
    ask: Callable[[], bytes] | None,
) -> Signer:
    """Open the key of a recipe; call `ask` if the recipe names no source of its passphrase.

    Raises:
        SigningError: key, certificate or passphrase cannot be used.
    """
    source = key_source.KeySource(
        key=recipe.key if recipe.key.startswith(_SCHEMES) else str(root / recipe.key),
        certificates=tuple(root / name for name in recipe.certificates),
        of_recipe=True,
    )
    return key_source.open_signer(source, _passphrase(recipe, root, environment, ask), environment)


def build_signer(signer: Signer, recipe: SigningRecipe | None, date: ReleaseDate) -> BuildSigner:
    """Return a signer with the time that its signature will state.

    The recipe's time goes first; else it is what `signing.making.signing_time` makes of the release
    date.
    """
    if recipe and recipe.signing_time:
        named = datetime.fromtimestamp(recipe.signing_time.epoch, UTC)
        return BuildSigner(
            signer=signer, stated=stated_time.SigningTime(named, stated_time.TimeSource.NAMED)
        )
    released = datetime.fromtimestamp(date.epoch, UTC)
    return BuildSigner(
        signer=signer, stated=signing_making.signing_time(released, signer.certificates[0])
    )


def _passphrase(
    recipe: SigningRecipe,
    root: Path,
    environment: Mapping[str, str],
    ask: Callable[[], bytes] | None,
) -> Passphrase:

    if recipe.passphrase_file:
        return passphrase.from_file(root / recipe.passphrase_file)
    if recipe.passphrase_env:
        return passphrase.from_environment(recipe.passphrase_env, environment)
    return ask or passphrase.no_passphrase


_REMEDY = {
    Work.UNPACKED: "leave out large files of zeros or of repeated bytes, and make them on the host",
    Work.ENTRIES: "put small files into fewer, larger ones, or spread them over several packages",
    Work.NAMES: "shorten the paths, or spread the files over several packages",
}


def check_readable(name: str, size: int, trees: Sequence[PayloadTree]) -> None:
    """Raise an error if commands such as `verify` would refuse to read the VIB.

    Args:
        name: the file name of the VIB.
        size: its bytes.
        trees: what its payloads were made of.

    Raises:
        PayloadError: reading it once would be beyond the budget of a file of this size.
    """
    if problems := list(_problems(name, size, trees)):
        raise PayloadError.from_problems(problems)


def amounts(trees: Sequence[PayloadTree]) -> dict[Work, int]:
    """Return the work of reading the payloads of these trees once."""
    entries = [entry for tree in trees for entry in tree.entries]
    return {
        Work.UNPACKED: sum(tree.image_size for tree in trees),
        Work.ENTRIES: len(entries),
        Work.NAMES: sum(map(_name_size, entries)),
    }


def _name_size(entry: ArchiveEntry) -> int:
    slash = entry.kind is EntryKind.DIRECTORY
    long_names = (header_count(entry) - 1) // 2
    return len(entry.path) + slash + len(entry.link) + long_names * BLOCK


def _problems(name: str, size: int, trees: Sequence[PayloadTree]) -> Iterator[Problem]:
    for work, amount in amounts(trees).items():
        limit = LIMITS[work].of(size)
        if amount > limit:
            yield Problem(
                what=f"`vibforge verify` would refuse the VIB: {amount} {work}, and the limit for "
                f"a file of {size} bytes is {limit}",
                where=name,
                remedy=_REMEDY[work],
            )


Progress = Callable[[int, int], None]
"""Callback with the bytes packed so far and the bytes in total."""


class Built(Struct, frozen=True, kw_only=True):
    """A VIB that was built; sizes in bytes, digest in hex."""

    plan: BuildPlan
    folder: Path
    descriptor: Descriptor
    members: tuple[GzipMember, ...]
    """The payloads as packed, in the order of `plan.trees`."""
    size: int
    sha256: str
    signature: BuiltSignature | None = None
    """None if the recipe names no key."""
    conflicts: tuple[VersionConflict, ...] = ()
    """What would have refused the build without leave to overwrite."""
    removed: tuple[Path, ...] = ()
    """Bundles that held the VIB that was replaced."""

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
    level: CompressionLevel = DEFAULT_LEVEL,
    threads: int | None = None,
    on_progress: Progress | None = None,
    ask_passphrase: Callable[[], bytes] | None = None,
    allow: Sequence[Allowance] = (),
    instructions: bool = True,
    signer: Signer | None = None,
    lock: VersionLock | None = None,
) -> Built:
    """Build a VIB, its descriptor, signature slot and instructions into a folder.

    Args:
        project: a recipe file, a folder (see `read_project`), or a recipe.
        output: the folder; it is made if it is missing.
        root: the folder that the trees of a recipe given as a value are relative to.
        settings: values that override the project's, by key: `{"version": "1.2.0-1"}`.
        environment: for `${NAME}` in recipes, SOURCE_DATE_EPOCH, keys and PKCS11_MODULE_PATH, the
            only PKCS#11 library that a recipe may use; the process's if None.
        level: effort of the compression.
        threads: compressing threads; the number does not change the bytes.
        on_progress: called with the progress of packing.
        ask_passphrase: called if a key is encrypted and the recipe names no source.
        allow: rules that the trx.conf may break, with the reasons.
        instructions: whether to write INSTALL.md and the scripts for the host.
        signer: signs in place of the key that the recipe names: `open_signer` opens a key once for
            however many packages. It stays the caller's.
        lock: what the build may not contradict; the output folder alone if None.

    Raises:
        VibforgeError: one of its children says what keeps the VIB from being built; the folder is
            as it was.
    """
    plan = plan_build(
        project,
        root=root,
        settings=settings,
        environment=environment,
        allow=allow,
        instructions=instructions,
        signed=signer is not None,
    )
    return build_plan(
        plan,
        Path(output),
        level=level,
        threads=threads,
        on_progress=on_progress,
        ask_passphrase=ask_passphrase,
        signer=signer,
        lock=lock,
    )


def build_plan(  # noqa: PLR0913 - each one is a thing that a caller decides
    plan: BuildPlan,
    folder: Path,
    *,
    level: CompressionLevel = DEFAULT_LEVEL,
    threads: int | None = None,
    on_progress: Progress | None = None,
    ask_passphrase: Callable[[], bytes] | None = None,
    signer: Signer | None = None,
    lock: VersionLock | None = None,
) -> Built:
    """Carry out a plan; arguments and errors are those of `build`."""
    lock = lock or VersionLock()
    lock.check_plan(plan)
    signing = _signing(plan, signer, ask_passphrase)
    _check_folder(folder, plan)
    with ExitStack() as stack:
        publication = stack.enter_context(Publication(folder))
        packed = []
        for tree, report in zip(plan.trees, _shares(plan, on_progress), strict=True):
            spool = stack.enter_context(Spool(publication.scratch_file))
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
        signature = signing.sign(text, plan.recipe.acceptance_level) if signing else None
        block = signature.block if signature else b""
        with publication.create(plan.vib_name) as file:
            output = _Counted(file)
            _write_archive(output, text, block, [(t.recipe.name, m, s) for t, m, s in packed])
        check_readable(plan.vib_name, output.size, plan.trees)
        built = Built(
            plan=plan,
            folder=folder,
            descriptor=descriptor,
            members=tuple(member for _, member, _ in packed),
            size=output.size,
            sha256=output.sha256.hexdigest(),
            signature=signature,
        )
        beside = [
            (WrittenKind.DESCRIPTOR, "descriptor.xml", text),
            (WrittenKind.SIGNATURE, "sig.pkcs7", block),
            *_guides(built),
        ]
        for kind, name, data in beside:
            publication.write(name, data, executable=kind is WrittenKind.SCRIPT)
        given = inputs(plan, level, signing.signer if signing else None)
        signed_at = signature.stated.moment if signature else None
        facts = record(given, plan.trees, built.members, signed_at)
        publication.write(RECORD_NAME, serialise_record(facts, _files(built, beside)))
        return _published(publication, built, facts, lock)


def _published(publication: Publication, built: Built, facts: Facts, lock: VersionLock) -> Built:
    """Publish what was built, unless it contradicts an older build.

    Raises:
        OutputError: it does, and the lock does not let it overwrite; or it cannot be written.
    """
    plan, folder = built.plan, built.folder
    before = lock.published(plan, built.sha256)
    in_folder = FolderLock(lock, plan, publication)

    def check() -> None:
        # What was checked before may have changed while the payloads were packed.
        _check_others(folder, plan.recipe)
        in_folder.check(folder, built.sha256)

    def refused(conflicts: Sequence[VersionConflict]) -> OutputError:
        return lock.refusal(plan, conflicts, (publication.readable(plan.vib_name), facts))

    if before and not lock.overwrite:
        raise refused(before)
    try:
        publication.publish(check)
    except OutputError as error:
        if in_folder.conflicts and not lock.overwrite:
            raise refused(in_folder.conflicts) from error
        raise
    removed = tuple(Path(bundle.where) for bundle in in_folder.bundles)
    return replace(built, conflicts=(*before, *in_folder.conflicts), removed=removed)


def _files(built: Built, beside: list[tuple[WrittenKind, str, bytes]]) -> list[WrittenFile]:
    vib = WrittenFile(
        kind=WrittenKind.VIB, name=built.plan.vib_name, size=built.size, sha256=built.sha256
    )
    return [vib, *(WrittenFile.of(kind, name, data) for kind, name, data in beside)]


def _guides(built: Built) -> Iterator[tuple[WrittenKind, str, bytes]]:
    if not built.plan.instructions:
        return
    plan = built.plan
    for guide in instruct(built.descriptor, plan.vib_name, built.sha256, plan.needs, plan.outlook):
        kind = WrittenKind.SCRIPT if guide.executable else WrittenKind.INSTRUCTIONS
        yield kind, guide.name, guide.text.encode("utf-8")


def open_key(plan: BuildPlan, ask_passphrase: Callable[[], bytes] | None = None) -> Signer | None:
    """Open the key that the recipe names; return None if it names none.

    Raises:
        SigningError: key, certificate or passphrase cannot be used.
    """
    recipe = plan.recipe.signing
    if recipe is None:
        return None
    try:
        return signer_of_recipe(recipe, plan.project.root, plan.environment, ask_passphrase)
    except SigningError as error:
        raise SigningError.from_problems(map(_of_signing, error.problems)) from error


def _of_signing(problem: Problem) -> Problem:
    """Add to a problem with a recipe's key what the user can do without the key."""
    other = "--unsigned builds without a signature; lint and --dry-run need no key"
    remedy = "; ".join(filter(None, (problem.remedy, other)))
    return Problem(what=problem.what, where=problem.where or "signing", remedy=remedy)


def _signing(
    plan: BuildPlan, signer: Signer | None, ask: Callable[[], bytes] | None
) -> BuildSigner | None:
    """Open the key of a plan before anything is packed."""
    signer = signer or open_key(plan, ask)
    if signer is None:
        return None
    return build_signer(signer, plan.recipe.signing, plan.dated.date)


def _check_folder(folder: Path, plan: BuildPlan) -> None:
    """Raise an error if the output folder is in a payload tree or holds another package."""
    for tree in plan.trees:
        real_folder = Path(os.path.realpath(folder))
        if tree.recipe.tree and _would_be_packed(real_folder, tree):
            raise OutputError(
                "the output folder is in the payload tree, so the next build would pack it",
                where=str(folder),
                remedy="choose a folder beside the tree: "
                + shell_line("-o", tree.root.resolve().parent / "dist"),
            )
        if name := _mapped_output(real_folder, tree.recipe, plan):
            raise OutputError(
                f"`files` of payload {tree.recipe.name} take {name} from the output folder, so the "
                "next build would pack it",
                where=str(folder),
                remedy="choose a folder that they do not take",
            )
    _check_others(folder, plan.recipe)


def _check_others(folder: Path, of: Recipe) -> None:
    """Raise an error if the folder holds another package."""
    own = f"{of.vendor}_{of.type}_{of.name}_"
    with explained(folder):
        others = [file.name for file in folder.glob("*.vib") if not file.name.startswith(own)]
    if others:
        raise OutputError(
            f"the folder holds another package, {min(others)}, and its instructions",
            where=str(folder),
            remedy="give each package a folder of its own: " + shell_line("-o", folder / of.name),
        )


def _mapped_output(folder: Path, payload: PayloadRecipe, plan: BuildPlan) -> str:
    """Return a file of the output that the payload's `files` take; empty if they take none."""
    project = Path(os.path.realpath(plan.project.root))
    if not folder.is_relative_to(project):
        return ""
    parts = folder.relative_to(project).parts
    names = (*plan.output_names, *filter(None, [plan.bundle_name]))
    return next((name for name in names if takes(payload, (*parts, name))), "")


def _would_be_packed(folder: Path, tree: PayloadTree) -> bool:
    root = tree.root.resolve()
    if not folder.is_relative_to(root):
        return False
    within = folder.relative_to(root)
    steps = [step.as_posix() for step in (within, *within.parents)]
    return not any(fnmatchcase(step, pattern) for pattern in tree.recipe.exclude for step in steps)


def _shares(
    plan: BuildPlan, on_progress: Progress | None
) -> Iterator[Callable[[int], None] | None]:
    """Yield for each tree a callback that reports its progress as part of the whole."""
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
    payloads: list[tuple[str, GzipMember, Spool]],
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
