"""Turn a VIB back into a project: a recipe, and a tree for each payload.

`build` makes a VIB of the same meaning of it, and the same bytes where the VIB was built here. What
a recipe cannot say is told: a signature, parts of seconds in the date, zstd.
"""

import os
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

from msgspec.structs import replace

from vibforge.bundle.opening import file_digests
from vibforge.errors import FormatError, ModelError, Problem
from vibforge.files.unpack_folder import UnpackFolder
from vibforge.formats.gnu_tar import ArchiveEntry, EntryKind
from vibforge.formats.sniffing import HEAD_SIZE
from vibforge.formats.tar_reading import TarReader, starts_tar
from vibforge.formats.toml_keys import dotted
from vibforge.packages.extract import Extracted, ExtractOptions, Unpacking, leads_out
from vibforge.packages.subjects import Subject
from vibforge.project.read_project import (
    COMPUTED_ELEMENTS,
    PAYLOADS_FOLDER,
    RECIPE_NAME,
    tag_of,
)
from vibforge.project.recipe import Mode, Origin, PathRule, PayloadType, Recipe
from vibforge.project.recipe_reading import read_table
from vibforge.project.recipe_writing import serialise, table_of
from vibforge.vib.archive import StoredPayload, Vib
from vibforge.vib.identity import check_version

_PROGRAM, _PLAIN, _LINK = 0o755, 0o644, 0o777
_BUILT_TYPES = frozenset(PayloadType) | {"vzstd"}
_PATTERN_CHARACTERS = frozenset("*?[")


def extract_stage(
    subject: Subject, folder: Path, *, force: bool = False, outside_links: bool = False
) -> Extracted:
    """Write a project from which `build` makes this VIB again.

    Args:
        subject: the VIB; a bundle has no recipe.
        folder: gets a vibforge.toml and the trees in `payloads/`.
        force: whether files may be replaced.
        outside_links: whether links that lead out of their tree are made.

    Raises:
        FormatError: it is not a VIB, is damaged, or holds what cannot be built.
        ModelError: the descriptor holds values that no recipe may have.
        OutputError: something is there already, or cannot be written.
    """
    if not isinstance(subject, Vib):
        raise FormatError(
            "only a VIB becomes a project", remedy="extract the bundle, then stage its VIBs"
        )
    vib, done = subject, Extracted(folder=folder)
    recipe = _recipe(vib)
    with UnpackFolder(folder, force=force) as target:
        payloads = {}
        for payload in vib.payloads:
            prefix = f"{PAYLOADS_FOLDER}/{payload.name}/"
            unpacking = _Tree(target, prefix, done, outside_links=outside_links)
            unpacking.run_payload(vib, payload)
            payloads[payload.name] = unpacking.taken
        text = serialise(replace(_with_rules(recipe, payloads), origin=_origin(vib)))
        target.write(RECIPE_NAME, [_encoded(text)], _PLAIN)
        target.keep()
    done.paths.append(RECIPE_NAME)
    done.left_out += _not_said(vib)
    return done


class _Tree(Unpacking):
    """The tree of one payload, with default modes; the recipe has a rule for each other mode."""

    def __init__(
        self, target: UnpackFolder, prefix: str, done: Extracted, *, outside_links: bool
    ) -> None:
        super().__init__(target, prefix, ExtractOptions(outside_links=outside_links), done)

    def mode(self, entry: ArchiveEntry) -> int:
        return _default_mode(entry)

    def run_payload(self, vib: Vib, payload: StoredPayload) -> None:
        """Unpack a whole payload.

        Raises:
            FormatError: it is missing, damaged, or not a tar.
        """
        with vib.unpacked(payload) as unpacked:
            if not starts_tar(unpacked.content.peek(HEAD_SIZE)):
                raise FormatError("not a tar, so there is no tree", where=payload.name)
            budget = vib.source.budget
            self.run(TarReader(unpacked.content, budget).contents(), budget)
        self.make_links()


def _encoded(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        name = text[text.rfind("\n", 0, error.start) + 1 :].partition("\n")[0].strip()
        raise FormatError(
            "the name of a file is not UTF-8, so no rule of a recipe can match it",
            where=f"{name!r:.200}",
            remedy="extract without --stage",
        ) from error


def _recipe(vib: Vib) -> Recipe:
    where = vib.source.name
    problems = [
        Problem(
            what=f"a payload of type {payload.type} cannot be built",
            where=f"{where}:{payload.name}",
        )
        for payload in vib.descriptor.payloads
        if payload.type not in _BUILT_TYPES
    ]
    if problems:
        raise FormatError.from_problems(problems)
    payloads = tuple(
        replace(payload, type=PayloadType.VGZ) if payload.type == "vzstd" else payload
        for payload in vib.descriptor.payloads
    )
    table = table_of(replace(vib.descriptor, payloads=payloads))
    table["version-as-is"] = not _has_form_of_template(vib.descriptor.version)
    return read_table(table, lambda path: f"{where}: {dotted(path)}")


def _has_form_of_template(version: str) -> bool:
    try:
        check_version(version)
    except ModelError:
        return False
    return True


def _origin(vib: Vib) -> Origin:
    return Origin(vib_id=vib.descriptor.vib_id, sha256=file_digests(vib.source)[0])


def _with_rules(recipe: Recipe, taken: dict[str, list[ArchiveEntry]]) -> Recipe:
    payloads = tuple(
        replace(
            payload,
            rules=tuple(_rules(taken[payload.name])),
            outside_links=tuple(_outside_links(taken[payload.name])),
        )
        for payload in recipe.payloads
    )
    return replace(recipe, payloads=payloads)


def _rules(entries: Iterable[ArchiveEntry]) -> Iterator[PathRule]:
    """Yield a rule for each set of paths whose mode or owner is not the default of a build."""
    odd: dict[tuple[int | None, int | None, int | None], list[str]] = {}
    for entry in entries:
        mode = None if entry.mode == _default_mode(entry) else entry.mode
        key = (mode, entry.uid or None, entry.gid or None)
        if any(value is not None for value in key):
            odd.setdefault(key, []).append(_pattern(entry.path))
    for (mode, owner, group), paths in odd.items():
        yield PathRule(
            paths=tuple(sorted(paths)),
            mode=None if mode is None else Mode(mode),
            owner=owner,
            group=group,
        )


def _outside_links(entries: list[ArchiveEntry]) -> Iterator[str]:
    """Yield the links that a build refuses by default: those to targets not in the tree."""
    paths = {entry.path for entry in entries}
    links = {entry.path: entry.link for entry in entries if entry.kind is EntryKind.SYMLINK}
    for path, link in links.items():
        within = os.path.normpath(os.path.join("/", os.path.dirname(path), link)).lstrip("/")  # noqa: PTH118, PTH120 - text, not files
        if link.startswith("/") or leads_out(path, links) or within not in paths:
            yield _pattern(path)


def _default_mode(entry: ArchiveEntry) -> int:
    if entry.kind is EntryKind.SYMLINK:
        return _LINK
    if entry.kind is EntryKind.DIRECTORY:
        return _PROGRAM
    return _PROGRAM if entry.mode & 0o100 else _PLAIN


def _pattern(path: str) -> str:
    """Return the shell pattern that matches this path alone."""
    return "".join(f"[{char}]" if char in _PATTERN_CHARACTERS else char for char in path)


def _not_said(vib: Vib) -> Iterator[Problem]:
    """Yield the properties of the VIB that the project loses."""
    of = vib.descriptor
    if vib.is_signed:
        yield Problem(what="the signature: it is only valid for the old VIB; sign the new one")
    if any(payload.type == "vzstd" for payload in of.payloads):
        yield Problem(what="zstd: the payload will be a vgz, which every ESXi reads")
    if "." in (of.release_date or ""):
        yield Problem(what="the fraction of a second in the release date")
    dropped = [tag for tag in map(tag_of, of.unknown) if tag not in COMPUTED_ELEMENTS]
    for tag, count in Counter(dropped).items():
        times = f", {count} times" if count > 1 else ""
        yield Problem(what=f"<{tag}>{times}: no recipe has a key for this element")
