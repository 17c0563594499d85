"""Several files in one command: those that cannot be read must not hide the others."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TypeVar

from vibforge.errors import FormatError, Problem, VibforgeError

_Found = TypeVar("_Found")


def each_file(
    files: Iterable[Path], look: Callable[[Path], _Found]
) -> tuple[list[tuple[Path, _Found]], list[Problem]]:
    """Look at each file, and return what was found and what could not be read."""
    found: list[tuple[Path, _Found]] = []
    problems: list[Problem] = []
    for file in files:
        try:
            found.append((file, look(file)))
        except VibforgeError as error:
            problems += error.problems
    return found, problems


def raise_problems(problems: list[Problem]) -> None:
    """End the command after the report where files could not be read.

    Raises:
        FormatError: some could not.
    """
    if problems:
        raise FormatError.of(problems)
