"""Lay a VIB out so that every path is allowed: files below opt/, and a script that copies them.

Files that are on no list of the acceptance level move to opt/NAME/boot-copy/files; an init script
of ours puts them in place at boot and takes them back at the removal.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath

from msgspec import Struct, field
from msgspec.structs import replace

from vibforge.errors import PayloadError, Problem
from vibforge.formats.gnu_tar import ArchiveEntry, EntryKind
from vibforge.host.rebuild import MANIFEST, moved_paths, script_path, store_path, stored_at
from vibforge.project.instruct import render
from vibforge.project.pack import FileState, PayloadTree
from vibforge.project.recipe import Recipe

_FOLDER_MODE = _SCRIPT_MODE = 0o755
_FILE_MODE = 0o644


def boot_copied(trees: Sequence[PayloadTree], recipe: Recipe) -> tuple[PayloadTree, ...]:
    """Return the trees in the layout `boot-copy`; the same trees where every path is allowed.

    Raises:
        PayloadError: something that cannot be copied at boot stands outside the lists.
    """
    files = [path for tree in trees for path in tree.files()]
    moved = frozenset(moved_paths(recipe.acceptance_level, files))
    if not moved:
        return tuple(trees)
    _refuse_links(trees, moved)
    laid_out = [_LaidOut.of(tree, moved, recipe.name) for tree in trees]
    first = laid_out[0]
    mtime = trees[0].entries[0].mtime
    manifest = _manifest(trees, moved).encode("ascii")
    script = render("boot-copy/init.sh.j2", {"name": recipe.name}).encode("ascii")
    first.add_file(f"{store_path(recipe.name)}/{MANIFEST}", manifest, _FILE_MODE, mtime)
    first.add_file(script_path(recipe.name), script, _SCRIPT_MODE, mtime)
    return tuple(each.tree() for each in laid_out)


def _refuse_links(trees: Sequence[PayloadTree], moved: frozenset[str]) -> None:
    problems = [
        Problem(
            what="the layout boot-copy copies regular files only, with names that do not end in a "
            "blank",
            where=f"/{entry.path}",
            remedy="put the file itself there, or below opt/",
        )
        for tree in trees
        for entry in tree.entries
        if entry.path in moved and (entry.kind.is_link or entry.path != entry.path.strip())
    ]
    if problems:
        raise PayloadError.from_problems(problems)


def _manifest(trees: Sequence[PayloadTree], moved: frozenset[str]) -> str:
    """Return the list that the script reads: mode and path, one file per line."""
    lines = sorted(
        (entry.path, f"{entry.mode:04o} {entry.path}\n")
        for tree in trees
        for entry in tree.entries
        if entry.path in moved
    )
    return "".join(line for _, line in lines)


class _LaidOut(Struct):
    """A tree with entries at their new paths."""

    old: PayloadTree
    entries: dict[str, tuple[ArchiveEntry, FileState | None]] = field(default_factory=dict)
    origins: dict[str, Path | bytes] = field(default_factory=dict)

    @classmethod
    def of(cls, old: PayloadTree, moved: frozenset[str], name: str) -> "_LaidOut":
        new = cls(old, origins=dict(old.origins))
        deserted = {parent for path in moved for parent in _parents(path)}
        kept_files = [e.path for e in old.entries if not _is_folder(e) and e.path not in moved]
        needed = {parent for path in kept_files for parent in _parents(path)}
        for entry, state in zip(old.entries, old.states, strict=True):
            if entry.path in moved:
                new.move(entry, state, stored_at(name, entry.path))
            elif not (_is_folder(entry) and entry.path in deserted - needed):
                new.entries[entry.path] = (entry, state)
        return new

    def move(self, entry: ArchiveEntry, state: FileState | None, path: str) -> None:
        self.origins[path] = self.old.source_of(entry.path)
        self.entries[path] = (replace(entry, path=path), state)
        self._add_folders(path, entry.mtime)

    def add_file(self, path: str, content: bytes, mode: int, mtime: int) -> None:
        """Add a generated file to the tree.

        Raises:
            PayloadError: the tree has that path already.
        """
        if path in self.entries:
            raise PayloadError(
                "the layout boot-copy needs this path for itself",
                where=f"/{path}",
                remedy="give the VIB or the file another name",
            )
        entry = ArchiveEntry(path, EntryKind.FILE, mode, size=len(content), mtime=mtime)
        self.entries[path] = (entry, None)
        self.origins[path] = content
        self._add_folders(path, mtime)

    def _add_folders(self, path: str, mtime: int) -> None:
        for parent in _parents(path):
            folder = ArchiveEntry(parent, EntryKind.DIRECTORY, _FOLDER_MODE, mtime=mtime)
            self.entries.setdefault(parent, (folder, None))

    def tree(self) -> PayloadTree:
        """Return the tree, its entries in the order in which trees are walked."""
        ordered = [self.entries[path] for path in sorted(self.entries, key=lambda p: p.split("/"))]
        return replace(
            self.old,
            entries=tuple(entry for entry, _ in ordered),
            states=tuple(state for _, state in ordered),
            origins=self.origins,
        )


def _is_folder(entry: ArchiveEntry) -> bool:
    return entry.kind is EntryKind.DIRECTORY


def _parents(path: str) -> Iterator[str]:
    return (str(parent) for parent in PurePosixPath(path).parents if str(parent) != ".")
