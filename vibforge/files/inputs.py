"""Files and streams to read: where bytes come from, and several inputs in turn."""

import io
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Generic, Protocol, Self, TypeVar

from msgspec import Struct
from msgspec.structs import replace

from vibforge.errors import FormatError, Problem, VibforgeError, refused
from vibforge.formats.budget import Budget

if TYPE_CHECKING:
    from vibforge.formats.zip_archive import ZipArchive, ZipMember


class Source(Protocol):
    """Bytes that can be opened again and again, each time from their start."""

    @property
    def name(self) -> str:
        """What to call it in messages."""

    @property
    def size(self) -> int:
        """Bytes in all."""

    @property
    def budget(self) -> Budget:
        """What may still be done with the file that the bytes are in."""

    def renewed(self) -> "Source":
        """Return the same bytes with a whole budget, for a new reading of them."""

    def open(self) -> BinaryIO:
        """Return a stream that seeks forward at little cost; close it after use."""


class BytesSource(Struct, frozen=True, eq=False):
    """Bytes in memory."""

    data: bytes
    name: str
    budget: Budget

    @classmethod
    def of(cls, data: bytes, name: str = "bytes") -> "BytesSource":
        """Take bytes that are a file of their own."""
        return cls(data, name, Budget(name, len(data)))

    @property
    def size(self) -> int:
        return len(self.data)

    def renewed(self) -> "BytesSource":
        return self.of(self.data, self.name)

    def open(self) -> BinaryIO:
        return io.BytesIO(self.data)


class ZipSource(Struct, frozen=True):
    """A member of a zip, for as long as the zip is open."""

    archive: "ZipArchive"
    member: "ZipMember"
    name: str

    @property
    def size(self) -> int:
        return self.member.size

    @property
    def budget(self) -> Budget:
        return self.archive.budget

    def renewed(self) -> "ZipSource":
        return replace(self, archive=self.archive.renewed())

    def open(self) -> BinaryIO:
        """Open the member.

        Raises:
            FormatError: it is encrypted, packed in an unusual way, or damaged.
            LimitError: while reading, the budget of the file that holds the zip is spent.
        """
        return self.archive.open(self.member)


class FileSource(Struct, frozen=True, eq=False):
    """A file, of the size that it had when it was first looked at."""

    path: Path
    size: int
    budget: Budget

    @classmethod
    def of(cls, path: Path) -> "FileSource":
        """Look at a file.

        Raises:
            FormatError: it is not there, or not a regular file.
        """
        try:
            size = path.stat().st_size
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else str(error)
            raise FormatError(f"cannot be read: {reason}", where=str(path)) from error
        if not path.is_file():
            raise FormatError("not a regular file", where=str(path))
        return cls(path, size, Budget(str(path), size))

    @property
    def name(self) -> str:
        return str(self.path)

    def renewed(self) -> "FileSource":
        return replace(self, budget=Budget(self.name, self.size))

    def open(self) -> BinaryIO:
        """Open the file.

        Raises:
            FormatError: it cannot be read.
        """
        try:
            return self.path.open("rb")
        except OSError as error:
            raise FormatError(f"cannot be read: {error.strerror}", where=self.name) from error


STANDARD_INPUT = "-"


def read_file(path: Path, most: int, error: type[VibforgeError]) -> bytes:
    """Return the bytes of a file, of which there may be `most`.

    Raises:
        VibforgeError: as `error`, where the file cannot be read or is longer.
    """
    try:
        with path.open("rb") as file:
            data = file.read(most + 1)
    except OSError as problem:
        raise error(f"cannot be read: {problem.strerror}", where=str(path)) from problem
    return _bounded(data, path, most, error)


def read_input(path: Path, most: int, error: type[VibforgeError]) -> bytes:
    """Return the bytes of `path`, of which there may be `most`; `-` is the standard input.

    Raises:
        VibforgeError: as `error`, where the file cannot be read or is longer.
    """
    if str(path) != STANDARD_INPUT:
        return read_file(path, most, error)
    try:
        data = sys.stdin.buffer.read(most + 1)
    except OSError as problem:
        raise error(f"cannot be read: {problem.strerror}", where=str(path)) from problem
    return _bounded(data, path, most, error)


def _bounded(data: bytes, path: Path, most: int, error: type[VibforgeError]) -> bytes:
    if len(data) > most:
        raise error(f"has more than {most} bytes", where=str(path))
    return data


_Found = TypeVar("_Found")


class Unreadable(Struct, frozen=True):
    """A file that a command could not look at, and why."""

    path: Path
    problems: tuple[Problem, ...]


class Several(Struct, Generic[_Found], frozen=True):
    """What was found in each file that could be read, and the files that could not, in order."""

    found: tuple[tuple[Path, _Found], ...]
    unreadable: tuple[Unreadable, ...] = ()

    @classmethod
    def of(cls, results: Iterable[tuple[Path, _Found | VibforgeError]]) -> Self:
        """Sort the results of each file."""
        found: list[tuple[Path, _Found]] = []
        unreadable: list[Unreadable] = []
        for path, result in results:
            if isinstance(result, VibforgeError):
                unreadable.append(Unreadable(path, result.problems))
            else:
                found.append((path, result))
        return cls(tuple(found), tuple(unreadable))


def each_file(files: Iterable[Path], look: Callable[[Path], _Found]) -> Several[_Found]:
    """Look at each file, and go on with the next where one cannot be read."""
    return Several.of((file, tried(file, look)) for file in files)


def require_readable(unreadable: Iterable[Unreadable]) -> None:
    """Insist that there are no unreadable files.

    Raises:
        FormatError: there are some; with the problems of all.
    """
    if problems := [problem for each in unreadable for problem in each.problems]:
        raise FormatError.of(problems)


def tried(file: Path, look: Callable[[Path], _Found]) -> _Found | VibforgeError:
    """Look at a file, and return what was found, or why it could not be read."""
    try:
        return look(file)
    except VibforgeError as error:
        return error
    except OSError as error:
        return refused(error, str(file))
