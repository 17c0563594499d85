"""A folder that strangers' files are written into: never outside it, never half-way.

Everything is made and changed by way of open folders, so that nobody who swaps a folder for a link
makes a file land elsewhere; `folder_handle` says where the system cannot do that. What was made is
removed again unless `keep` is called, and what replaces a file waits for it under a hidden name: an
unpacking that fails leaves the folder as it was. SIGKILL leaves whole files.
"""

import contextlib
import errno
import os
import stat
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from collections.abc import Set as AbstractSet
from pathlib import Path, PurePosixPath
from typing import Self

from msgspec import Struct

from vibforge.errors import FormatError, OutputError
from vibforge.files.folder_handle import FolderHandle, OutputFolder
from vibforge.files.publication import WholeFile, explained, undisturbed

DEPTH_LIMIT = 100
"""Folders within folders; what is built here keeps the same limit, vendors need a dozen."""
_HANDLES = 16
"""Folders kept open at once: some shells allow 64 open files, and vendors nest a dozen folders."""

Owner = tuple[int, int]
"""User and group."""

_OWNER_ONLY = 0o700
_FILLABLE = 0o300
"""What an owner needs to replace a file in a folder."""
_PRIVATE = 0o600
_DRIVE_OR_STREAM = ":"
"""On Windows a colon names a drive or a stream."""
_NO_HARD_LINKS = frozenset({errno.EPERM, errno.ENOTSUP, errno.ENOSYS, errno.EMLINK})


class UnpackFolder:
    """Files, folders and links below one folder, each named by its path in it."""

    def __init__(self, root: Path, *, force: bool = False) -> None:
        self._root = root
        self._force = force
        self._output = OutputFolder(root)
        self._top: FolderHandle
        self._open: OrderedDict[str, FolderHandle] = OrderedDict()
        """The folders that were used last."""
        self._opened = 0
        """What folders took since `folder_work` was asked: `_HANDLES` for one that was made."""
        self._made: dict[str, bool] = {}
        """What was made here, and whether it is a folder."""
        self._folders: set[str] = set()
        self._settled: dict[str, tuple[int, Owner | None]] = {}
        """The folders that get these permissions, and this owner, in the end."""
        self._waiting: dict[str, str] = {}
        """What is to be replaced, and the hidden path of what replaces it."""
        self._kept = False

    def __enter__(self) -> Self:
        with self._explained(""):
            self._top = self._output.open()
        return self

    def __exit__(self, *_: object) -> None:
        if not self._kept:
            for path, is_folder in reversed(self._made.items()):
                with contextlib.suppress(OSError):  # it must not hide the cause
                    above, name = _split(path)
                    folder = self._folder(above)
                    folder.remove_folder(name) if is_folder else folder.remove_file(name)
        for handle in self._open.values():
            handle.close()
        self._output.close(keep=self._kept)

    def keep(self) -> None:
        """Replace what is to be replaced, give folders their modes, and keep all that was made."""
        closed = {
            path for path, (mode, _) in self._settled.items() if mode & _FILLABLE != _FILLABLE
        }
        with undisturbed():
            self._settle(self._settled.keys() - closed)
            for path, hidden in self._waiting.items():
                above, name = _split(path)
                with self._explained(path):
                    self._folder(above).rename(_split(hidden)[1], name)
            self._settle(closed)
            self._kept = True

    def _settle(self, paths: AbstractSet[str]) -> None:
        """Give folders their owners and modes, the deepest first: a closed one hides the others."""
        for path in sorted(paths, reverse=True):
            with self._explained(path):
                self._folder(path).settle(*self._settled[path])

    def folder_work(self) -> int:
        """Return what folders took since this was last asked: one for each that was made.

        As many as may be open at once, opened again because others were used, count as one.
        """
        work, self._opened = divmod(self._opened, _HANDLES)
        return work

    def make_folder(self, path: str, mode: int, owner: Owner | None = None) -> None:
        """Make a folder; its owner and mode are set when all is done.

        Raises:
            FormatError: the path leads out of the folder, or cannot name a file.
            OutputError: something else has the name, or the folder cannot be made.
        """
        path = _checked(path)
        with self._explained(path):
            self._folder(path)
        self._settled[path] = mode, owner

    def write(
        self,
        path: str,
        pieces: Iterable[bytes | memoryview],
        mode: int,
        owner: Owner | None = None,
    ) -> None:
        """Write a new file; set-id bits in `mode` hold for the new owner.

        Raises:
            FormatError: the path leads out of the folder, or cannot name a file.
            OutputError: it is there already and may not be replaced, or cannot be written.
        """
        with self._place(path) as place:
            whole = WholeFile(place.folder, _PRIVATE)
            try:
                for piece in pieces:
                    whole.file.write(piece)
                whole.settle(mode, owner)
                with self._making(place.path):
                    whole.take_name(place.name)
            finally:
                whole.discard()

    def make_hard_link(self, path: str, original: str) -> None:
        """Make one more name of a file that was written here.

        Raises:
            FormatError: the path leads out of the folder, or cannot name a file.
            OutputError: as `write` has them, or the file system has no hard links.
        """
        original = _checked(original)
        above, name = _split(self._waiting.get(original, original))
        with (
            self._explained(path),
            self._folder(above).again() as there,
            self._place(path) as place,
            _explained_link(self._root / path, original),
            self._making(place.path),
        ):
            place.folder.link(there, name, place.name)

    def make_link(self, path: str, target: str, owner: Owner | None = None) -> None:
        """Make a symbolic link; where it leads is for the caller to judge. Errors as in `write`."""
        with self._place(path) as place:
            with self._making(place.path):
                place.folder.symlink(target, place.name)
            if owner is not None:
                place.folder.give(place.name, owner)

    def make_device(
        self, path: str, mode: int, device: tuple[int, int], owner: Owner | None = None
    ) -> None:
        """Make a device or pipe of the type and mode in `mode`. Errors as in `write`."""
        with self._place(path) as place:
            with self._making(place.path):
                place.folder.make_device(place.name, mode, device)
            if owner is not None:
                place.folder.give(place.name, owner)

    @contextlib.contextmanager
    def _place(self, path: str) -> Iterator["_Place"]:
        """Give the place that something new gets for now, and explain what goes wrong there."""
        path = _checked(path)
        above, name = _split(path)
        with self._explained(path):
            folder = self._folder(above)
            for_now = self._free_place(folder, path, name)
            yield _Place(folder=folder, name=_split(for_now)[1], path=for_now)

    def _free_place(self, folder: FolderHandle, path: str, name: str) -> str:
        """Return where to make what belongs at `path`: there, or where it waits to replace it.

        Raises:
            OutputError: what is there may not be replaced.
        """
        mode = folder.mode_of(name)
        if mode is None:
            return path
        where = str(self._root / path)
        if path in self._made or path in self._waiting:
            raise OutputError("the payloads hold this path twice", where=where)
        if not self._force or stat.S_ISDIR(mode):
            raise OutputError(
                "something is there already",
                where=where,
                remedy="choose an empty folder, or use --force to replace files",
            )
        hidden = str(PurePosixPath(path).with_name(folder.free_name()))
        self._waiting[path] = hidden
        return hidden

    @contextlib.contextmanager
    def _making(self, path: str, *, is_folder: bool = False) -> Iterator[None]:
        """Note what is made before it is, for a signal can stop the command right after."""
        self._made[path] = is_folder
        try:
            yield
        except OSError:
            del self._made[path]
            raise

    def _folder(self, path: str) -> FolderHandle:
        """Return a folder, open until others were used; it and those above it are made if missing.

        Raises:
            OSError: it cannot be made or opened, or is a link or a file.
        """
        if not path:
            return self._top
        handle = self._open.get(path)
        if handle is not None:
            self._open.move_to_end(path)
            return handle
        above, name = _split(path)
        parent = self._folder(above)
        if path not in self._folders:
            self._make_missing(parent, path, name)
        self._opened += 1
        handle = self._open[path] = parent.enter(name)
        if len(self._open) > _HANDLES:
            self._open.popitem(last=False)[1].close()
        return handle

    def _make_missing(self, parent: FolderHandle, path: str, name: str) -> None:
        if parent.mode_of(name) is None:
            with self._making(path, is_folder=True):
                parent.make_folder(name, _OWNER_ONLY)
            self._opened += _HANDLES - 1  # to open it is a part of this
            self._settled.setdefault(path, (0o755, None))
        self._folders.add(path)

    @contextlib.contextmanager
    def _explained(self, path: str) -> Iterator[None]:
        where = self._root / path
        with explained(where):
            try:
                yield
            except NotADirectoryError as error:
                found = error.filename if isinstance(error.filename, str) else str(where)
                raise OutputError("not a folder, but a folder belongs here", where=found) from error


class _Place(Struct, frozen=True):
    """Where something new is made: its folder, its name there, and its path below the root."""

    folder: FolderHandle
    name: str
    path: str


@contextlib.contextmanager
def _explained_link(path: Path, original: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno not in _NO_HARD_LINKS:
            raise
        raise OutputError(
            f"cannot be a hard link to {original}: {error.strerror}",
            where=str(path),
            remedy="extract to a file system that has hard links",
        ) from error


def _split(path: str) -> tuple[str, str]:
    above, _, name = path.rpartition("/")
    return above, name


def _checked(path: str) -> str:
    """Return a path that stays below a folder, in its shortest form; errors are of `_steps`."""
    return "/".join(_steps(path))


def _steps(path: str) -> tuple[str, ...]:
    """Return the parts of a path that stays below a folder.

    Raises:
        FormatError: it is empty, absolute, leads upwards, or holds characters no name may have.
    """
    steps = PurePosixPath(path).parts
    odd = "\0" in path or "\\" in path or (os.name == "nt" and _DRIVE_OR_STREAM in path)
    if len(steps) > DEPTH_LIMIT:
        raise FormatError(f"folders are nested more than {DEPTH_LIMIT} deep", where=repr(path))
    if not steps or path.startswith("/") or ".." in steps or odd:
        raise FormatError(
            "the path leads out of the folder, or cannot name a file",
            where=repr(path),
            remedy="extract other paths by name",
        )
    return steps
