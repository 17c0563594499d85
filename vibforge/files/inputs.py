"""Files that a command reads: how long they may be, and several at once."""

import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Generic, Self, TypeVar

from msgspec import Struct

from vibforge.errors import FormatError, Problem, VibforgeError, refused

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
