"""Several files in one command: those that cannot be read do not hide the others."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, Self, TypeVar

from vibforge.errors import FormatError, Problem, VibforgeError

_Found = TypeVar("_Found")


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A file that a command could not look at, and why."""

    path: Path
    problems: tuple[Problem, ...]


@dataclass(frozen=True, slots=True)
class Several(Generic[_Found]):
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
    return Several.of((file, _tried(file, look)) for file in files)


def require_readable(unreadable: Iterable[Unreadable]) -> None:
    """Insist that there are no unreadable files.

    Raises:
        FormatError: there are some; with the problems of all.
    """
    if problems := [problem for each in unreadable for problem in each.problems]:
        raise FormatError.of(problems)


def _tried(file: Path, look: Callable[[Path], _Found]) -> _Found | VibforgeError:
    try:
        return look(file)
    except VibforgeError as error:
        return error
