"""Colours on a terminal, unless the user turns them off."""

import os
from typing import TextIO

from msgspec import Struct

_CODES = {"good": "32", "bad": "31;1", "warn": "33", "note": "36", "dim": "2", "strong": "1"}


def wants_colour(stream: TextIO) -> bool:
    """Return whether `stream` gets colours, by NO_COLOR, FORCE_COLOR, TERM and a terminal."""
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR"):
        return True
    return stream.isatty() and os.environ.get("TERM") != "dumb"


class Paint(Struct, frozen=True):
    """Colours words by role (the keys of `_CODES`), or leaves them plain."""

    on: bool = False

    def __call__(self, text: str, role: str) -> str:
        return f"\x1b[{_CODES[role]}m{text}\x1b[0m" if self.on else text
