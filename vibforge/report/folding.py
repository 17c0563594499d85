"""Reports in windows of any width: lines break between words and go on below themselves."""

import re
from collections.abc import Iterator

_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_WORD = re.compile(r" *[^ ]+")
_COMMAND = re.compile(r"(?:^ *|: )(?:esxcli|configstorecli|govc|sh|vibforge|New-LcmOfflineDepot) ")
_HANG = 2
WIDTH = 96
"""Columns of a text that is prose where nobody says how wide the window is."""


def fold(text: str, width: int) -> str:
    """Break the lines of a text that are wider than `width` columns, as far as words allow.

    A command to be copied stays in one line: the terminal breaks it without a line feed.
    """
    return "\n".join(part for line in text.split("\n") for part in _folded(line, width))


def _folded(line: str, width: int) -> Iterator[str]:
    if _seen(line) <= width or _COMMAND.search(line):
        yield line
        return
    indent = " " * (len(line) - len(line.lstrip(" ")) + _HANG)
    part = ""
    for word in _WORD.findall(line):
        if part.strip() and _seen(part + word) > width:
            yield part
            part = indent + word.lstrip(" ")
        else:
            part += word
    yield part


def _seen(text: str) -> int:
    return len(_COLOUR.sub("", text))
