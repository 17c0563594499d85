"""Untrusted text for a terminal: without control sequences, in lines that fit its width."""

import re
import textwrap
from collections.abc import Iterator
from datetime import UTC, datetime

from vibforge.errors import escaped
from vibforge.formats.gnu_tar import ArchiveEntry, EntryKind
from vibforge.report import units

LABEL_WIDTH = 14
_SHOWN = 4000
"""Most characters shown of one text; --json has all of them."""
_ARROWS = {EntryKind.SYMLINK: "->", EntryKind.HARD_LINK: "=="}


plain = escaped
"""Untrusted text in one line."""


def labelled(label: str, text: str, width: int) -> Iterator[str]:
    """Yield a label and a text, wrapped and indented below itself."""
    indent = " " * LABEL_WIDTH
    for index, line in enumerate(wrapped(text, width - LABEL_WIDTH)):
        yield (f"  {label:<{LABEL_WIDTH - 2}}" if not index else indent) + line


def wrapped(text: str, width: int) -> list[str]:
    """Return a text in lines of `width` columns, at least 24, as far as words allow."""
    words = plain(" ".join(text[:_SHOWN].split())) + (" …" if len(text) > _SHOWN else "")
    return textwrap.wrap(words, max(width, 24), break_long_words=False, break_on_hyphens=False)


def entry_line(entry: ArchiveEntry) -> str:
    """Return a line of a listing for people."""
    owner = "root" if entry.uid == entry.gid == 0 else f"{entry.uid}:{entry.gid}"
    measure = units.size(entry.size) if entry.kind.is_file else "-"
    return f"  {units.mode(entry.mode)}  {owner:<9}  {measure:>10}  /{_named(entry)}"


def listing_line(entry: ArchiveEntry) -> str:
    """Return a line of a listing for programs: mode, owner, group, bytes, path, link."""
    return f"{units.mode(entry.mode)} {entry.uid} {entry.gid} {entry.size} {_named(entry)}"


def moment(seconds: int) -> str | None:
    """Return seconds since 1970 as ISO 8601; None if no date can express them."""
    try:
        return units.utc(datetime.fromtimestamp(seconds, UTC))
    except (ValueError, OverflowError, OSError):
        return None


def _named(entry: ArchiveEntry) -> str:
    slash = "/" if entry.kind is EntryKind.DIRECTORY else ""
    arrow = f" {_ARROWS[entry.kind]} {entry.link}" if entry.kind in _ARROWS else ""
    return plain(f"{entry.path}{slash}{arrow}")


_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_WORD = re.compile(r" *[^ ]+")
_COMMAND = re.compile(r"(?:^ *|: )(?:esxcli|configstorecli|govc|sh|vibforge|New-LcmOfflineDepot) ")
_HANG = 2
WIDTH = 96
"""Columns of prose if the width of the terminal is not known."""


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
