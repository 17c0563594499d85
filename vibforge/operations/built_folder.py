"""The files of an output folder, reached through a handle on the folder, never through a link."""

import hashlib
import os
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import BinaryIO, Self

from vibforge.errors import FormatError, OutputError
from vibforge.operations.folder_handle import FolderHandle
from vibforge.operations.record import (
    FORMAT,
    RECORD_LIMIT,
    RECORD_NAME,
    Record,
    WrittenFile,
    parse,
)
from vibforge.operations.whole_file import undisturbed

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
        try:
            if not follow and path.is_symlink():
                raise OutputError(
                    "this is a link, and nothing is removed beyond a link",
                    where=str(path),
                    remedy="name the folder that it leads to",
                )
            self._handle = _opened(path, parent, follow=follow)
        except FileNotFoundError:
            raise
        except (OSError, ValueError) as error:
            what = f"cannot be opened: {getattr(error, 'strerror', None) or error}"
            raise OutputError(what, where=str(path)) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._handle.close()

    def read(self, name: str, most: int) -> bytes | None:
        """Return the content of a small file; None if there is no file of this name.

        Raises:
            OutputError: it is a link, not a regular file, longer than `most` bytes, or unreadable.
        """
        try:
            with self._handle.existing_file(name) as file:
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
        return self._compare(file)

    def remove(self, file: WrittenFile) -> str | None:
        """Remove a file if it is the one that was written.

        It gets a hidden name first: what takes its name meanwhile stays.

        Returns:
            Why it was kept, "" if it was removed, None if there was none.
        """
        return self._compare(file, self._removed)

    def unlink(self, name: str) -> None:
        """Remove a file of this folder, or the link that has its name.

        Raises:
            OSError: it cannot be removed.
        """
        self._handle.remove_file(name)

    def rmdir(self, name: str) -> None:
        """Remove an empty folder in this one.

        Raises:
            OSError: it cannot be removed, or is not empty.
        """
        self._handle.remove_folder(name)

    def held(self) -> AbstractContextManager[None]:
        """Keep what is published into the folder waiting until this ends."""
        return self._handle.held()

    def _compare(
        self, file: WrittenFile, after: Callable[[str, os.stat_result], str] = lambda *_: ""
    ) -> str | None:
        """Compare a file with what was written, and go on with `after` where it is the same."""
        if not is_plain_name(file.name):
            return "is not the name of a file in this folder"
        try:
            with self._handle.existing_file(file.name) as opened:
                status = os.fstat(opened.fileno())
                if status.st_size != file.size or _sha256(opened, file.size) != file.sha256:
                    return "was changed after it was written"
                return after(file.name, status)
        except FileNotFoundError:
            return None
        except OSError as error:
            return f"cannot be removed: {error.strerror or error}"

    def _removed(self, name: str, compared: os.stat_result) -> str:
        """Remove a name if it is still that of the file that was compared, and return why not."""
        hidden = self._handle.free_name()
        with undisturbed():
            self._handle.rename(name, hidden)
            now = self._handle.status_of(hidden)
            if now is None or _is_same(now, compared):
                self._handle.remove_file(hidden)
                return ""
            if self._handle.mode_of(name) is not None:
                return f"was replaced while it was compared; what was there is {hidden} now"
            self._handle.rename(hidden, name)
        return "was replaced while it was compared"

    def enter(self, name: str) -> FolderHandle:
        """Open a folder in this one, which must not be a link."""
        return self._handle.enter(name)


def read_record(folder: Path) -> Record | None:
    """Return the record of the build in a folder; None where there is no readable one."""
    try:
        with BuiltFolder(folder, follow=True) as opened:
            data = opened.read(RECORD_NAME, RECORD_LIMIT)
            return None if data is None else parse(data, FORMAT, str(folder / RECORD_NAME))
    except (FileNotFoundError, OutputError, FormatError):
        return None


def _opened(path: Path, parent: BuiltFolder | None, *, follow: bool) -> FolderHandle:
    if parent is not None:
        return parent.enter(path.name)
    return FolderHandle.open(path, follow=follow)


def is_plain_name(name: str) -> bool:
    """Whether a text is the name of an entry in a folder, and cannot lead out of it."""
    if name in {"", ".", ".."} or any(char in name for char in "/\\\0"):
        return False
    try:
        os.fsencode(name)
    except UnicodeEncodeError:  # a lone surrogate of a forged list
        return False
    return os.name != "nt" or ":" not in name  # a drive, or a stream of NTFS


def _is_same(now: os.stat_result, compared: os.stat_result) -> bool:
    """Whether this is the file that was compared, and nobody wrote into it since."""
    return os.path.samestat(now, compared) and now.st_mtime_ns == compared.st_mtime_ns


def _sha256(file: BinaryIO, size: int) -> str:
    """Hash at most one byte more than `size`, so that a growing file ends."""
    digest, left = hashlib.sha256(), size + 1
    while left and (chunk := file.read(min(_CHUNK_SIZE, left))):
        digest.update(chunk)
        left -= len(chunk)
    return digest.hexdigest()
