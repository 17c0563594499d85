"""A hostile input and the commands that read it."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from msgspec import Struct

Make = Callable[[Path], None]
Family = Callable[[], Iterator["Hostile"]]


class Hostile(Struct, frozen=True):
    """One input.

    Attributes:
        name: family and size: `recipe/dotted-key/20000`.
        make: writes the input into an empty folder.
        commands: what reads it there; each runs in a copy of the folder's state that the one
            before it left.
    """

    name: str
    make: Make
    commands: tuple[tuple[str, ...], ...]


def file_input(name: str, file: str, content: Callable[[], bytes], *commands: str) -> Hostile:
    """Return the input that is one file; the words of a command are separated by blanks."""
    return Hostile(name, lambda folder: _write(folder / file, content()), tuple(_words(commands)))


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def _words(commands: Sequence[str]) -> Iterator[tuple[str, ...]]:
    return (tuple(command.split(" ")) for command in commands)
