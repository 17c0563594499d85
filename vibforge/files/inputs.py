"""Sources of bytes (memory, files, zip members), and commands over several files."""

import hashlib
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
    """Bytes that can be opened repeatedly, each time from their start."""

    @property
    def name(self) -> str:
        """The name in messages."""

    @property
    def size(self) -> int:
        """The number of bytes."""

    @property
    def budget(self) -> Budget:
        """The budget of the file that contains the bytes."""

    def renewed(self) -> "Source":
        """Return the same bytes with a new budget, to read them again."""

    def open(self) -> BinaryIO:
        """Return a stream that can seek forward cheaply; close it after use."""


class BytesSource(Struct, frozen=True, eq=False):
    """Bytes in memory."""

    data: bytes
    name: str
    budget: Budget

    @classmethod
    def from_bytes(cls, data: bytes, name: str = "bytes") -> "BytesSource":
        """Return a source of bytes that are a whole file, with a budget of their own."""
        return cls(data, name, Budget(name, len(data)))

    @property
    def size(self) -> int:
        return len(self.data)

    def renewed(self) -> "BytesSource":
        return self.from_bytes(self.data, self.name)

    def open(self) -> BinaryIO:
        return io.BytesIO(self.data)


class ZipSource(Struct, frozen=True):
    """A member of a zip; usable while the zip is open."""

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
            FormatError: the member is encrypted or damaged, or its zip method is not supported.
            LimitError: while reading, the budget of the file that holds the zip is spent.
        """
        return self.archive.open(self.member)


class FileSource(Struct, frozen=True, eq=False):
    """A file, with its size at the time of `from_path`."""

    path: Path
    size: int
    budget: Budget

    @classmethod
    def from_path(cls, path: Path) -> "FileSource":
        """Return the source of a file.

        Raises:
            FormatError: the file does not exist, or is not a regular file.
        """
        try:
            size = path.stat().st_size
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else str(error)
            raise FormatError(f"cannot be read: {reason}", where=str(path)) from error
        if not path.is_file():
            raise FormatError(
                "not a regular file", where=str(path), remedy="name a file, not a folder or device"
            )
        return cls(path, size, Budget(str(path), size))

    @property
    def name(self) -> str:
        return str(self.path)

    def renewed(self) -> "FileSource":
        return replace(self, budget=Budget(self.name, self.size))

    def open(self) -> BinaryIO:
        """Open the file.

        Raises:
            FormatError: the file cannot be read.
        """
        try:
            return self.path.open("rb")
        except OSError as error:
            raise FormatError(f"cannot be read: {error.strerror}", where=self.name) from error


STANDARD_INPUT = "-"


def read_file(path: Path, most: int, error: type[VibforgeError]) -> bytes:
    """Read a file of at most `most` bytes.

    Raises:
        VibforgeError: of type `error`: the file cannot be read, or is longer.
    """
    try:
        with path.open("rb") as file:
            data = file.read(most + 1)
    except OSError as problem:
        raise error(f"cannot be read: {problem.strerror}", where=str(path)) from problem
    return _bounded(data, path, most, error)


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of a file in hex.

    Raises:
        FormatError: it cannot be read.
    """
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise FormatError(f"cannot be read: {error.strerror}", where=str(path)) from error


def read_input(path: Path, most: int, error: type[VibforgeError]) -> bytes:
    """Read a file, or standard input for `-`, of at most `most` bytes.

    Raises:
        VibforgeError: of type `error`: the file cannot be read, or is longer.
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
        raise error(f"the file has more than {most} bytes, the limit", where=str(path))
    return data


_Result = TypeVar("_Result")


class Unreadable(Struct, frozen=True):
    """A file that a command could not read, and why."""

    path: Path
    problems: tuple[Problem, ...]


class Several(Struct, Generic[_Result], frozen=True):
    """The result for each file that could be read, and the files that could not, in order."""

    found: tuple[tuple[Path, _Result], ...]
    unreadable: tuple[Unreadable, ...] = ()

    @classmethod
    def from_results(cls, results: Iterable[tuple[Path, _Result | VibforgeError]]) -> Self:
        """Separate the results from the errors."""
        found: list[tuple[Path, _Result]] = []
        unreadable: list[Unreadable] = []
        for path, result in results:
            if isinstance(result, VibforgeError):
                unreadable.append(Unreadable(path, result.problems))
            else:
                found.append((path, result))
        return cls(tuple(found), tuple(unreadable))


def each_file(files: Iterable[Path], look: Callable[[Path], _Result]) -> Several[_Result]:
    """Call `look` for each file, and continue with the next if a file cannot be read."""
    return Several.from_results((file, tried(file, look)) for file in files)


def require_readable(unreadable: Iterable[Unreadable]) -> None:
    """Check that there are no unreadable files.

    Raises:
        FormatError: there are unreadable files; lists the problems of all.
    """
    if problems := [problem for file in unreadable for problem in file.problems]:
        raise FormatError.from_problems(problems)


def tried(file: Path, look: Callable[[Path], _Result]) -> _Result | VibforgeError:
    """Return the result of `look` for a file, or the error if it cannot be read."""
    try:
        return look(file)
    except VibforgeError as error:
        return error
    except OSError as error:
        return refused(error, str(file))
