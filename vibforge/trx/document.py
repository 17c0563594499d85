"""The lines of a trx.conf: `<namespace>:<key> <value>`, as trx-ctl takes them apart.

What is known (a public analysis of ESXi 8.0.2): trx-ctl reads the file line by line, splits at
`:` and stops with an exception, TRX not started, where it gets three parts. Key and value stand
apart by a space. Whether it splits the whole line or only what stands before the space is not
known, nor how it reads comments, blank lines, tabs, trailing spaces, CRLF and repeated keys.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Self

from vibforge.errors import TrxError
from vibforge.esxi.paths import TRX_CONF_LIMIT

NAMESPACES = ("ptp4l", "phc2sys", "sys2vmw")
"""As of ESXi 8.0.2."""

BOM = "\N{ZERO WIDTH NO-BREAK SPACE}"

_BLANKS = " \t\r\v\f"
"""What C calls white space; other spaces of Unicode are letters to it."""

_PORT_LINE = re.compile(rf"[{_BLANKS}]*[^{_BLANKS}:]*:[^{_BLANKS}:]*:")
_GAP = re.compile(f"[{_BLANKS}]+")


class Form(StrEnum):
    """What a line is, by its looks."""

    BLANK = "blank"
    COMMENT = "comment"
    SECTION = "section"
    BARE = "bare"
    PORT = "port"
    SETTING = "setting"


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """One line: its number from 1, its text without the line feed, and what it says.

    Columns count characters from 1. Only a setting and a port line have a namespace, a key and a
    value; in a port line, the key is what stands between the second `:` and the value.
    """

    number: int
    text: str
    form: Form
    namespace: str = ""
    port: str = ""
    key: str = ""
    value: str = ""
    key_column: int = 1
    value_column: int = 1

    @property
    def at_start(self) -> tuple[int, int]:
        """Line and column of its first letter; `at_key` and `at_value` are those of the two."""
        return self.number, 1

    @property
    def at_key(self) -> tuple[int, int]:
        return self.number, self.key_column

    @property
    def at_value(self) -> tuple[int, int]:
        return self.number, self.value_column

    @property
    def canonical(self) -> str:
        """The line in the one form that is known to work; other lines as they are.

        A key with a `:` would make a port line of it, which says something else.
        """
        if self.form is Form.SETTING and ":" not in self.key:
            return f"{self.namespace}:{self.key} {self.value}"
        return self.text.strip(_BLANKS)


@dataclass(frozen=True, kw_only=True, slots=True)
class TrxConf:
    """A trx.conf: all its lines, understood or not."""

    lines: tuple[Line, ...]
    byte_order_mark: bool = False
    ends_with_line_feed: bool = True

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Read the file. Whatever it holds is kept; bytes that are not UTF-8 become surrogates.

        Raises:
            TrxError: more than `TRX_CONF_LIMIT`.
        """
        if len(data) > TRX_CONF_LIMIT:
            raise TrxError(
                f"the file has more than {TRX_CONF_LIMIT} bytes, which no trx.conf has",
                remedy="Check that this is the file you mean.",
            )
        text = data.decode("utf-8", "surrogateescape")
        marked = text.startswith(BOM)
        texts = text.removeprefix(BOM).split("\n")
        if texts[-1] == "":
            texts.pop()
        return cls(
            lines=tuple(_line(number, line) for number, line in enumerate(texts, 1)),
            byte_order_mark=marked,
            ends_with_line_feed=data.endswith(b"\n") or not data,
        )

    @classmethod
    def of(cls, settings: Iterable[tuple[str, str, str]]) -> Self:
        """Make a file of (namespace, key, value) triples."""
        texts = (f"{namespace}:{key} {value}" for namespace, key, value in settings)
        return cls(lines=tuple(_line(number, text) for number, text in enumerate(texts, 1)))

    def serialise(self) -> bytes:
        """Return the canonical form: one setting a line, one space, line feeds, nothing else.

        Comments and blank lines go, since nobody has shown how they are read; of a repeated key
        the last line stays, since ptp4l takes that one. What is not understood stays.
        """
        last = {(line.namespace, line.key): line.number for line in self.settings}
        kept = (
            line.canonical
            for line in self.lines
            if line.form not in {Form.BLANK, Form.COMMENT}
            and (line.form is not Form.SETTING or last[line.namespace, line.key] == line.number)
        )
        text = "".join(f"{line}\n" for line in kept)
        mark = BOM if text.startswith(BOM) else ""  # whoever reads it takes one away
        return f"{mark}{text}".encode("utf-8", "surrogateescape")

    @property
    def settings(self) -> tuple[Line, ...]:
        """The lines that set something, in the order of the file."""
        return tuple(line for line in self.lines if line.form is Form.SETTING)


def _line(number: int, text: str) -> Line:
    stripped = text.strip(_BLANKS)
    if not stripped:
        return Line(number=number, text=text, form=Form.BLANK)
    if stripped.startswith(("#", ";")):
        return Line(number=number, text=text, form=Form.COMMENT)
    if stripped.startswith("["):
        return Line(number=number, text=text, form=Form.SECTION)
    if ":" not in text:
        return Line(number=number, text=text, form=Form.BARE)
    return _setting(number, text)


def _setting(number: int, text: str) -> Line:
    namespace, _, rest = text.partition(":")
    offset = len(namespace) + 1
    port = ""
    of_port = _PORT_LINE.match(text) is not None
    if of_port:
        port, _, rest = rest.partition(":")
        offset += len(port) + 1
    body = rest.lstrip(_BLANKS)
    key_column = offset + len(rest) - len(body) + 1
    gap = _GAP.search(body)
    key = body[: gap.start()] if gap else body
    value = body[gap.end() :].rstrip(_BLANKS) if gap else ""
    return Line(
        number=number,
        text=text,
        form=Form.PORT if of_port else Form.SETTING,
        namespace=namespace.strip(_BLANKS),
        port=port.strip(_BLANKS),
        key=key,
        value=value,
        key_column=key_column,
        value_column=key_column + (gap.end() if gap else len(key)),
    )


_LONGEST_SHOWN = 60
"""Characters of a file's own text that stand in a message."""


def shown(text: str, most: int = _LONGEST_SHOWN) -> str:
    """Return a file's text as one safe word for a message, of `most` characters."""
    cut = text if len(text) <= most else f"{text[:most]}…"
    return "".join(letter if letter.isprintable() else _escaped(letter) for letter in cut)


def _escaped(letter: str) -> str:
    if "\udc80" <= letter <= "\udcff":
        return f"\\x{ord(letter) - 0xDC00:02x}"
    return f"\\u{ord(letter):04x}"
