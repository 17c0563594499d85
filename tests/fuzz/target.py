"""What is fuzzed: a reader of foreign bytes, and what it reads when all is well."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any


@dataclass(frozen=True, slots=True)
class Target:
    """A reader, and what it reads when all is well; `each` good input is changed so often in tests.

    It is less for readers that take milliseconds.
    """

    read: Callable[[bytes], None]
    seeds: Callable[[], list[bytes]]
    each: int = 120


def printable(facts: dict[str, Any], text: str = "") -> None:
    """Insist that a report can be printed, and gives a terminal nothing to obey."""
    assert "\x1b" not in text
    text.encode("utf-8")
    json.dumps(facts).encode("utf-8")


def as_file(data: bytes, name: str, use: Callable[[Path], None]) -> None:
    """Hand `data` to a reader that wants a file, alone in a folder."""
    with TemporaryDirectory() as folder:
        path = Path(folder, name)
        path.write_bytes(data)
        use(path)
