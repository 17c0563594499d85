"""The files in an output folder of make, and the ledger that is kept of them."""

import contextlib
import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import BinaryIO, Self

from msgspec import Struct

from vibforge.errors import FormatError, OutputError
from vibforge.files.folder_handle import FolderHandle, OutputFolder
from vibforge.files.publication import Publication, explained, undisturbed
from vibforge.project.record import (
    FILE_LIMIT,
    FORMAT,
    RECORD_LIMIT,
    RECORD_NAME,
    Record,
    WrittenFile,
    parse,
    serialise,
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


LEDGER_NAME = ".vibforge.json"
LEDGER_FORMAT = "vibforge/ledger/1"


class Ledger(Struct, frozen=True, kw_only=True):
    """What make's targets wrote into a folder apart from the latest build."""

    made_folder: bool = False
    """Whether a target made the folder; `clean` removes no other."""
    files: tuple[WrittenFile, ...] = ()


def parse_ledger(data: bytes, where: str) -> Ledger:
    """Read a ledger.

    Raises:
        FormatError: it is malformed.
    """
    found = parse(data, LEDGER_FORMAT, where)
    return Ledger(made_folder=found.facts.get("made_folder") is True, files=found.files)


def read_ledger(folder: Path) -> Ledger:
    """Return the ledger of a folder; an empty one if there is no readable one."""
    try:
        with BuiltFolder(folder, follow=True) as opened:
            data = opened.read(LEDGER_NAME, RECORD_LIMIT)
            return Ledger() if data is None else parse_ledger(data, str(folder / LEDGER_NAME))
    except (FileNotFoundError, OutputError, FormatError):
        return Ledger()


@contextlib.contextmanager
def keeping_ledgers(output: Path, folder: Path) -> Iterator[None]:
    """Note in the ledgers what is made, and what is left over, while a project is built.

    Other targets wait, so that of several versions that are built at once none is forgotten.

    Args:
        output: the folder of all projects.
        folder: that of the project: `output` itself, or a folder in it.

    Raises:
        OutputError: `output` cannot be made, or a ledger cannot be written.
    """
    made_output = folder != output and _make(output)
    try:
        with alone_in(folder) as made_folder:
            before = read_record(folder)
            yield
            written = before.files if before else ()
            update_ledger(folder, made_folder=made_folder, written=written)
    except BaseException:
        if made_output:
            with contextlib.suppress(OSError):  # another project was built into it meanwhile
                output.rmdir()
        raise
    if made_output:
        update_ledger(output, made_folder=True)


@contextlib.contextmanager
def alone_in(folder: Path) -> Iterator[bool]:
    """Make a folder if it is missing, and keep other targets out; give whether it was made.

    A folder that was made and stays empty is removed again.
    """
    keep = True
    while keep:
        place = OutputFolder(folder)
        try:
            with explained(folder):
                handle = place.open()
            with handle.held():
                keep = not handle.is_still(folder)  # `clean` may have removed it meanwhile
                if not keep:
                    yield place.is_made
        finally:
            place.close(keep=keep)


def update_ledger(
    folder: Path, *, made_folder: bool = False, written: Sequence[WrittenFile] = ()
) -> None:
    """Add to a folder's ledger; it forgets files that are gone, and those of the latest build.

    Args:
        folder: the folder.
        made_folder: whether this process made the folder.
        written: files that the latest build does not list.

    Raises:
        OutputError: it cannot be written.
    """
    with alone_in(folder):
        before = read_ledger(folder)
        after = _after(before, folder, written, made_folder=made_folder)
        if after == before:
            return
        with Publication(folder) as publication:
            facts = {"format": LEDGER_FORMAT, "made_folder": after.made_folder}
            publication.write(LEDGER_NAME, serialise(facts, after.files))
            publication.publish()


def _after(
    before: Ledger, folder: Path, written: Sequence[WrittenFile], *, made_folder: bool
) -> Ledger:
    latest = read_record(folder)
    names = {file.name for file in latest.files} if latest else set()
    files = {file.name: file for file in (*before.files, *written) if file.name not in names}
    present = tuple(file for file in files.values() if _is_there(folder, file))
    return Ledger(made_folder=made_folder or before.made_folder, files=present[-FILE_LIMIT:])


def _make(folder: Path) -> bool:
    """Make a folder, and return whether it was not there."""
    output = OutputFolder(folder)
    try:
        with explained(folder):
            output.open()
        return output.is_made
    finally:
        output.close(keep=True)


def _is_there(folder: Path, file: WrittenFile) -> bool:
    return is_plain_name(file.name) and os.path.lexists(folder / file.name)
