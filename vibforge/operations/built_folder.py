"""The files of an output folder, reached through a handle on the folder, never through a link."""

import contextlib
import errno
import hashlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Self

from vibforge.errors import FormatError, OutputError
from vibforge.operations.record import (
    FORMAT,
    RECORD_LIMIT,
    RECORD_NAME,
    Record,
    WrittenFile,
    parse,
)

_HAS_HANDLES = os.open in os.supports_dir_fd and os.unlink in os.supports_dir_fd
"""Without directory handles (Windows), whoever may rename the folder can swap it meanwhile."""
_NO_FOLLOW = getattr(os, "O_NOFOLLOW", 0)
_OPEN_FLAGS = (
    os.O_RDONLY
    | getattr(os, "O_NONBLOCK", 0)  # opening a pipe must not hang
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_BINARY", 0)
)
_CHUNK_SIZE = 1 << 20


class BuiltFolder:
    """An open folder; a context manager."""

    def __init__(
        self, path: Path, *, follow: bool = False, parent: "BuiltFolder | None" = None
    ) -> None:
        """Open a folder.

        Args:
            path: the folder.
            follow: whether it may be a link to a folder; a link in it is never followed.
            parent: the folder that it is in, to be reached through its handle.

        Raises:
            FileNotFoundError: there is none.
            OutputError: it is a link that may not be, not a folder, or cannot be opened.
        """
        self.path = path
        self._handle: int | None = None
        place, within = (str(path), None) if parent is None else parent.place(path.name)
        try:
            if not follow and stat.S_ISLNK(os.lstat(place, dir_fd=within).st_mode):
                raise OutputError(
                    "this is a link, and nothing is removed beyond a link",
                    where=str(path),
                    remedy="name the folder that it leads to",
                )
            self._handle = _open_folder(place, within, 0 if follow else _NO_FOLLOW)
        except FileNotFoundError:
            raise
        except (OSError, ValueError) as error:
            what = f"cannot be opened: {getattr(error, 'strerror', None) or error}"
            raise OutputError(what, where=str(path)) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._handle is not None:
            os.close(self._handle)

    def read(self, name: str, most: int) -> bytes | None:
        """Return the content of a small file; None if there is no file of this name.

        Raises:
            OutputError: it is a link, not a regular file, longer than `most` bytes, or unreadable.
        """
        try:
            with self._opened(name) as descriptor, os.fdopen(os.dup(descriptor), "rb") as file:
                data = file.read(most + 1)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise OutputError(
                f"cannot be read: {error.strerror or error}", where=str(self.path / name)
            ) from error
        if len(data) > most:
            raise OutputError(f"has more than {most} bytes", where=str(self.path / name))
        return data

    def difference(self, file: WrittenFile) -> str | None:
        """Return why a file is not the one that was written, "" if it is; None if it is gone."""
        return self._compare(file, remove=False)

    def remove(self, file: WrittenFile) -> str | None:
        """Remove a file if it is the one that was written.

        Returns:
            Why it was kept, "" if it was removed, None if there was none.
        """
        return self._compare(file, remove=True)

    def unlink(self, name: str) -> None:
        """Remove a file of this folder, or the link that has its name.

        Raises:
            OSError: it cannot be removed.
        """
        path, within = self.place(name)
        os.unlink(path, dir_fd=within)

    def rmdir(self, name: str) -> bool:
        """Remove a folder in this one if it is empty, and return whether it was."""
        path, within = self.place(name)
        try:
            os.rmdir(path, dir_fd=within)
        except OSError:
            return False
        return True

    def _compare(self, file: WrittenFile, *, remove: bool) -> str | None:
        if not is_plain_name(file.name):
            return "is not the name of a file in this folder"
        try:
            with self._opened(file.name) as descriptor:
                status = os.fstat(descriptor)
                if status.st_size != file.size or _sha256(descriptor, file.size) != file.sha256:
                    return "was changed after it was written"
                if remove:
                    if not os.path.samestat(status, self._status(file.name)):
                        return "was replaced while it was compared"
                    self.unlink(file.name)
        except FileNotFoundError:
            return None
        except OSError as error:
            return f"cannot be removed: {error.strerror or error}"
        return ""

    @contextlib.contextmanager
    def _opened(self, name: str) -> Iterator[int]:
        if stat.S_ISLNK(self._status(name).st_mode):
            raise OSError(f"{name} is a link")
        path, within = self.place(name)
        descriptor = os.open(path, _OPEN_FLAGS | _NO_FOLLOW, dir_fd=within)
        try:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise OSError(f"{name} is not a regular file")
            yield descriptor
        finally:
            os.close(descriptor)

    def _status(self, name: str) -> os.stat_result:
        path, within = self.place(name)
        return os.lstat(path, dir_fd=within)

    def place(self, name: str) -> tuple[str, int | None]:
        """Return a name of this folder as `os` takes it: the path, and the handle it starts at."""
        return (str(self.path / name) if self._handle is None else name), self._handle


def read_record(folder: Path) -> Record | None:
    """Return the record of the build in a folder; None where there is no readable one."""
    try:
        with BuiltFolder(folder, follow=True) as opened:
            data = opened.read(RECORD_NAME, RECORD_LIMIT)
            return None if data is None else parse(data, FORMAT, str(folder / RECORD_NAME))
    except (FileNotFoundError, OutputError, FormatError):
        return None


def _open_folder(place: str, within: int | None, flags: int) -> int | None:
    if _HAS_HANDLES:
        return os.open(place, _OPEN_FLAGS | os.O_DIRECTORY | flags, dir_fd=within)
    if not Path(place).is_dir():
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
    return None


def is_plain_name(name: str) -> bool:
    """Whether a text is the name of an entry in a folder, and cannot lead out of it."""
    if name in {"", ".", ".."} or any(char in name for char in "/\\\0"):
        return False
    try:
        os.fsencode(name)
    except UnicodeEncodeError:  # a lone surrogate of a forged list
        return False
    return os.name != "nt" or ":" not in name  # a drive, or a stream of NTFS


def _sha256(descriptor: int, size: int) -> str:
    """Hash at most one byte more than `size`, so that a growing file ends."""
    digest, left = hashlib.sha256(), size + 1
    while left and (chunk := os.read(descriptor, min(_CHUNK_SIZE, left))):
        digest.update(chunk)
        left -= len(chunk)
    return digest.hexdigest()
