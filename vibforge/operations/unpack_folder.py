"""A folder that strangers' files are written into: never outside it, never half-way.

What was made is removed again unless `keep` is called, and what replaces a file waits for it under
a hidden name: an unpacking that fails leaves the folder as it was. SIGKILL leaves whole files.
"""

import contextlib
import os
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath
from typing import BinaryIO, Self

from vibforge.errors import FormatError, OutputError
from vibforge.operations.publish import explained
from vibforge.operations.whole_file import WholeFile, free_name, undisturbed

DEPTH_LIMIT = 100
"""Folders within folders; what is built here keeps the same limit, vendors need a dozen."""

_OWNER_ONLY = 0o700
_PRIVATE = 0o600
_DRIVE_OR_STREAM = ":"
"""On Windows a colon names a drive or a stream."""


class UnpackFolder:
    """Files, folders and links below one folder."""

    def __init__(self, root: Path, *, force: bool = False) -> None:
        self._root = root
        self._force = force
        self._made: dict[Path, None] = {}
        self._folders: set[Path] = set()
        self._modes: dict[Path, int] = {}
        self._waiting: dict[Path, Path] = {}
        """What is to be replaced, and the hidden name of what replaces it."""
        self._kept = False

    def __enter__(self) -> Self:
        self._make_parents(self._root)
        return self

    def __exit__(self, *_: object) -> None:
        if self._kept:
            return
        for path in reversed(tuple(self._made)):
            with contextlib.suppress(OSError):  # what cannot be removed must not hide the cause
                path.rmdir() if path.is_dir() and not path.is_symlink() else path.unlink()

    def keep(self) -> None:
        """Replace what is to be replaced, give folders their modes, and keep all that was made."""
        with undisturbed():
            for target, hidden in self._waiting.items():
                with explained(target):
                    hidden.replace(target)
            for path, mode in sorted(self._modes.items(), reverse=True):
                with explained(path):
                    path.chmod(mode)
            self._kept = True

    def place(self, path: str) -> Path:
        """Return where a path of a payload belongs, with real folders above it.

        Raises:
            FormatError: the path leads out of the folder, or cannot name a file.
            OutputError: a link or a file stands where a folder belongs.
        """
        target = self._root.joinpath(*_steps(path))
        self._make_parents(target.parent)
        return target

    def make_folder(self, path: str, mode: int) -> Path:
        """Make a folder; its mode is set when all is done."""
        target = self.place(path)
        self._make_parents(target)
        self._modes[target] = mode
        return target

    @contextlib.contextmanager
    def create(self, path: str, mode: int) -> Iterator[BinaryIO]:
        """Open a new file.

        Raises:
            OutputError: it is there already and may not be replaced, or cannot be written.
        """
        target = self.place(path)
        with explained(target):
            place = self._free_place(target)
            whole = WholeFile(target.parent, _PRIVATE)
            try:
                yield whole.file
                whole.chmod(mode)
                with self._making(place):
                    whole.take_name(place)
            finally:
                whole.discard()

    @contextlib.contextmanager
    def _making(self, path: Path) -> Iterator[None]:
        """Note what is made before it is, for a signal can stop the command right after."""
        self._made[path] = None
        try:
            yield
        except OSError:
            del self._made[path]
            raise

    def write(self, path: str, pieces: Iterable[bytes | memoryview], mode: int) -> Path:
        """Write a new file, and return where it is now; errors are those of `create`."""
        with self.create(path, mode) as file:
            for piece in pieces:
                file.write(piece)
        target = self._root.joinpath(*_steps(path))
        return self._waiting.get(target, target)

    def make_link(self, path: str, target: str) -> Path:
        """Make a symbolic link; where it leads is for the caller to judge."""
        wanted = self.place(path)
        with explained(wanted):
            place = self._free_place(wanted)
            with self._making(place):
                place.symlink_to(target)
        return place

    def make_device(self, path: str, mode: int, device: tuple[int, int]) -> Path:
        """Make a device or pipe of the kind and mode in `mode`."""
        wanted = self.place(path)
        if not hasattr(os, "mknod"):
            raise OutputError("this system has no devices of this kind", where=str(wanted))
        with explained(wanted):
            place = self._free_place(wanted)
            with self._making(place):
                os.mknod(place, mode, os.makedev(*device))
        return place

    def _free_place(self, target: Path) -> Path:
        """Return where to make what belongs at `target`: there, or where it waits to replace it.

        Raises:
            OutputError: what is there may not be replaced.
        """
        if not os.path.lexists(target):
            return target
        if target in self._made or target in self._waiting:
            raise OutputError("the payloads hold this path twice", where=str(target))
        if not self._force or stat.S_ISDIR(target.lstat().st_mode):
            raise OutputError(
                "something is there already",
                where=str(target),
                remedy="choose an empty folder, or use --force to replace files",
            )
        self._waiting[target] = free_name(target.parent)
        return self._waiting[target]

    def _make_parents(self, folder: Path) -> None:
        """Make a folder and those above it, and see that all below the root are real folders."""
        if folder in self._folders:
            return
        if folder != self._root:
            self._make_parents(folder.parent)
        elif not folder.exists():
            self._make_above(folder)
        with explained(folder):
            if not os.path.lexists(folder):
                with self._making(folder):
                    folder.mkdir(_OWNER_ONLY if folder != self._root else 0o777)
                if folder != self._root:
                    self._modes.setdefault(folder, 0o755)
            elif not (folder.is_dir() and (folder == self._root or not folder.is_symlink())):
                raise OutputError("not a folder, but a folder belongs here", where=str(folder))
        self._folders.add(folder)

    def _make_above(self, root: Path) -> None:
        missing = [parent for parent in root.parents if not parent.exists()]
        for parent in reversed(missing):
            with explained(parent), self._making(parent):
                parent.mkdir()


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
