"""What is fuzzed: a reader of foreign bytes, and what it reads when all is well."""

from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from msgspec import Struct

from vibforge.report.documents.shape import Shape, json_text


class Target(Struct, frozen=True):
    """A reader, and what it reads when all is well; `each` good input is changed so often in tests.

    It is less for readers that take milliseconds.
    """

    read: Callable[[bytes], None]
    seeds: Callable[[], list[bytes]]
    each: int = 120


def printable(document: Shape, text: str = "") -> None:
    """Insist that a report can be printed, and gives a terminal nothing to obey."""
    assert "\x1b" not in text
    text.encode("utf-8")
    json_text(document).encode("ascii")


def as_file(data: bytes, name: str, use: Callable[[Path], None]) -> None:
    """Hand `data` to a reader that wants a file, alone in a folder."""
    with TemporaryDirectory() as folder:
        path = Path(folder, name)
        path.write_bytes(data)
        use(path)
