"""Write untrusted files into a folder: never outside it, and all of them or none.

Every change goes through open folders, so that an attacker who replaces a folder by a link cannot
redirect a file; `folder_handle` names the systems without this protection. Unless `keep` is called,
all new files are removed. A file that replaces another has a hidden name until then, so that a
failed extraction leaves the folder unchanged. SIGKILL leaves complete files.
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
"""Levels of folders; builds have the same limit, and vendor payloads need a dozen."""
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
    """Files, folders and links below one folder, named by their paths in it."""

    def __init__(self, root: Path, *, force: bool = False) -> None:
        self._root = root
        self._force = force
        self._output = OutputFolder(root)
        self._top: FolderHandle
        self._open: OrderedDict[str, FolderHandle] = OrderedDict()
        """The folders used last, at most `_HANDLES`."""
        self._opened = 0
        """Work of folders since the last `folder_work`: `_HANDLES` for each one that was made."""
        self._made: dict[str, bool] = {}
        """The paths made here, and whether each is a folder."""
        self._folders: set[str] = set()
        self._settled: dict[str, tuple[int, Owner | None]] = {}
        """The permissions and owner that `keep` sets, by folder."""
        self._waiting: dict[str, str] = {}
        """The hidden path of the replacement, by the path that `keep` replaces."""
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
        """Replace files, set the modes of folders, and keep everything that was made."""
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
        """Set owners and modes of folders, deepest first, because a mode can block access below."""
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
        """Make a folder; `keep` sets its owner and mode.

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
        """Write a new file; set-id bits in `mode` apply to the new owner.

        Raises:
            FormatError: the path leads out of the folder, or cannot name a file.
            OutputError: the path exists and may not be replaced, or cannot be written.
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
        """Make a hard link to a file that was written here.

        Raises:
            FormatError: the path leads out of the folder, or cannot name a file.
            OutputError: as for `write`, or the file system has no hard links.
        """
        original = _checked(original)
        above, name = _split(self._waiting.get(original, original))
        with (
            self._explained(path),
            self._folder(above).again() as folder,
            self._place(path) as place,
            _explained_link(self._root / path, original),
            self._making(place.path),
        ):
            place.folder.link(folder, name, place.name)

    def make_link(self, path: str, target: str, owner: Owner | None = None) -> None:
        """Make a symbolic link; the caller must check its target. Errors as in `write`."""
        with self._place(path) as place:
            with self._making(place.path):
                place.folder.symlink(target, place.name)
            if owner is not None:
                place.folder.give(place.name, owner)

    def make_device(
        self, path: str, mode: int, device: tuple[int, int], owner: Owner | None = None
    ) -> None:
        """Make a device or pipe with the type and permissions in `mode`. Errors as in `write`."""
        with self._place(path) as place:
            with self._making(place.path):
                place.folder.make_device(place.name, mode, device)
            if owner is not None:
                place.folder.give(place.name, owner)

    @contextlib.contextmanager
    def _place(self, path: str) -> Iterator["_Place"]:
        """Yield where to make `path` until `keep`; turn an OSError into an OutputError."""
        path = _checked(path)
        above, name = _split(path)
        with self._explained(path):
            folder = self._folder(above)
            place = self._free_place(folder, path, name)
            yield _Place(folder=folder, name=_split(place)[1], path=place)

    def _free_place(self, folder: FolderHandle, path: str, name: str) -> str:
        """Return `path` if it is free, else a hidden path for its replacement.

        Raises:
            OutputError: the existing path may not be replaced.
        """
        mode = folder.mode_of(name)
        if mode is None:
            return path
        where = str(self._root / path)
        if path in self._made or path in self._waiting:
            raise OutputError("the payloads contain this path twice", where=where)
        if not self._force or stat.S_ISDIR(mode):
            raise OutputError(
                "the path exists",
                where=where,
                remedy="choose an empty folder, or use --force to replace files",
            )
        hidden = str(PurePosixPath(path).with_name(folder.free_name()))
        self._waiting[path] = hidden
        return hidden

    @contextlib.contextmanager
    def _making(self, path: str, *, is_folder: bool = False) -> Iterator[None]:
        """Record a path before it is made, because a signal can stop the command right after."""
        self._made[path] = is_folder
        try:
            yield
        except OSError:
            del self._made[path]
            raise

    def _folder(self, path: str) -> FolderHandle:
        """Return the open handle of a folder; missing folders are made.

        Raises:
            OSError: the folder cannot be made or opened, or is a link or a file.
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
                place = error.filename if isinstance(error.filename, str) else str(where)
                raise OutputError(
                    "not a folder, and a folder is needed here",
                    where=place,
                    remedy="choose an empty folder",
                ) from error


class _Place(Struct, frozen=True):
    """The place of a new file: its folder, its name there, and its path below the root."""

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
            f"the hard link to {original} cannot be made: {error.strerror}",
            where=str(path),
            remedy="extract to a file system that has hard links",
        ) from error


def _split(path: str) -> tuple[str, str]:
    above, _, name = path.rpartition("/")
    return above, name


def _checked(path: str) -> str:
    """Return a path that stays below a folder, in its shortest form; raises as `_steps` does."""
    return "/".join(_steps(path))


def _steps(path: str) -> tuple[str, ...]:
    """Return the parts of a path that stays below a folder.

    Raises:
        FormatError: the path is empty, absolute, leads upwards, or has characters that no name may
            have.
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
