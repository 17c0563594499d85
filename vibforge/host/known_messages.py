"""Find the messages of hosts in a text: what they mean, and what to do about them.

The table is `messages.toml`; texts that `plan` prints as well are in `vibforge.esxi.messages`. The
search ignores blanks and case, because terminals and logs break lines anywhere, and the prefix of
`u'…'`, which only hosts with Python 2 print.
"""

import re
import tomllib
from bisect import bisect_right
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from itertools import accumulate
from typing import Any, Literal

from msgspec import Struct

from vibforge.esxi import messages
from vibforge.esxi.messages import MessageForm, Phrase
from vibforge.esxi.release import Certainty

TEXT_LIMIT = 8 * 1024 * 1024
"""Most bytes of a log that are searched; ESXi rotates its logs below that size."""

_BLANKS = b" \t\r\n\v\f"
_UNICODE_PREFIX = re.compile(rb"(?<=[\[({, ])u(?=['\"])")
_NEAR = 600
"""Bytes before and after a hit that are searched for the names in a message."""
_EXCERPT = 300
Rebuild = Literal["yes", "no", "sometimes"]
_VIB_ID = r"(?:(?!VIB)[^\s(),'\"]){1,150}?"


class KnownMessage(Struct, frozen=True, kw_only=True):
    """A message, its cause, and what to do."""

    id: str
    title: str
    says: tuple[str, ...]
    only: str
    tells: tuple[str, ...]
    cause: str
    remedy: str
    rebuild: Rebuild
    """Whether rebuilding the VIB helps: yes, no or sometimes."""
    certainty: Certainty
    rules: tuple[str, ...] = ()
    """The lint rules that find the fault before an install."""
    evidence: tuple[str, ...] = ()


class Recognised(Struct, frozen=True, kw_only=True):
    """A message found in a text: the line in which it begins, and the names in it."""

    message: KnownMessage
    line: int
    excerpt: str
    names: tuple[tuple[str, str], ...] = ()
    """Pairs of kind and name: `vib`, `path`, `requirement` …"""


@cache
def known_messages() -> tuple[KnownMessage, ...]:
    """Return the table."""
    text = files("vibforge.host").joinpath("messages.toml").read_text(encoding="utf-8")
    return tuple(
        KnownMessage(
            id=entry["id"],
            title=entry.get("title") or _forms(entry)[0].title,
            says=(*(mark for form in _forms(entry) for mark in form.marks), *entry.get("says", ())),
            only=entry.get("only", ""),
            tells=tuple(entry.get("tells", ())),
            cause=entry["cause"],
            remedy=entry["remedy"],
            rebuild=entry["rebuild"],
            certainty=Certainty(entry["certainty"]),
            rules=tuple(entry.get("rules", ())),
            evidence=tuple(entry["evidence"]),
        )
        for entry in tomllib.loads(text)["message"]
    )


def _forms(entry: dict[str, Any]) -> list[MessageForm | Phrase]:
    """Return the forms of `vibforge.esxi.messages` that an entry names."""
    return [getattr(messages, name) for name in entry.get("forms", ())]


def recognise(text: str) -> tuple[Recognised, ...]:
    """Return the messages in a text, each once, in the order in which they first occur."""
    data = _UNICODE_PREFIX.sub(b"", text.encode("utf-8", "replace")[:TEXT_LIMIT])
    squeezed = data.translate(None, _BLANKS)
    lowered = squeezed.lower()
    hits = [
        (hit, message)
        for message in known_messages()
        if (hit := _first_hit(message, squeezed, lowered)) is not None
    ]
    hits.sort(key=lambda pair: pair[0])
    lines = _Lines(data)
    return tuple(_recognised(message, hit, squeezed, lines) for hit, message in hits)


def _first_hit(message: KnownMessage, squeezed: bytes, lowered: bytes) -> int | None:
    """Return the position of the first hit of a message near which its `only` matches."""
    hits = (hit for words in message.says for hit in _hits(words, lowered))
    allowed = (
        hit
        for hit in hits
        if not message.only or _pattern(message.only).search(_near(squeezed, hit))
    )
    return min(allowed, default=None)


def _hits(words: str, lowered: bytes) -> Iterator[int]:
    pattern = words.encode().translate(None, _BLANKS).lower()
    position = lowered.find(pattern)
    for _ in range(_HIT_LIMIT):
        if position < 0:
            return
        yield position
        position = lowered.find(pattern, position + 1)


_HIT_LIMIT = 50
"""Most hits of the same words that are checked."""


def _near(squeezed: bytes, hit: int) -> str:
    return squeezed[max(0, hit - _NEAR) : hit + _NEAR].decode("utf-8", "replace")


@cache
def _pattern(form: str) -> re.Pattern[str]:
    """Compile a regular expression of the table for text without blanks."""
    return re.compile("".join(form.split()).replace("ID)", f"{_VIB_ID})"), re.IGNORECASE)


class _Lines:
    """Finds the line of a byte in a text, by its position among the bytes that are not blanks."""

    def __init__(self, data: bytes) -> None:
        self._lines = data.splitlines()
        self._ends = list(accumulate(len(x.translate(None, _BLANKS)) for x in self._lines))

    def at(self, position: int) -> tuple[int, str]:
        number = bisect_right(self._ends, position)
        line = self._lines[number].decode("utf-8", "replace").strip() if self._lines else ""
        return number + 1, line if len(line) <= _EXCERPT else line[:_EXCERPT] + "…"


def _recognised(message: KnownMessage, hit: int, squeezed: bytes, lines: _Lines) -> Recognised:
    number, line = lines.at(hit)
    around = _near(squeezed, hit)
    names: dict[str, str] = {}
    for form in message.tells:
        if (match := _pattern(form).search(around)) is not None:
            names |= {name: value for name, value in match.groupdict().items() if value}
    return Recognised(message=message, line=number, excerpt=line, names=tuple(names.items()))
