"""The lines of a trx.conf, and how linuxptp reads their values."""

import re
import sys
from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Self

from msgspec import Struct

from vibforge.errors import TrxError
from vibforge.esxi.paths import TRX_CONF_LIMIT
from vibforge.trx.option import Number, Option, ValueKind, View

if TYPE_CHECKING:
    from fractions import Fraction


_INT = re.compile(r"[+-]?(?:0[xX][0-9a-fA-F]+|0[0-7]*|[1-9][0-9]*)")
_DECIMAL = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?", re.ASCII)
_HEX = re.compile(
    r"[+-]?0[xX](?:[0-9a-fA-F]+\.?[0-9a-fA-F]*|\.[0-9a-fA-F]+)(?:[pP][+-]?[0-9]+)?", re.ASCII
)
_INFINITE = re.compile(r"[+-]?inf(?:inity)?", re.IGNORECASE | re.ASCII)
_NAN = re.compile(r"[+-]?nan(?:\([0-9a-z_]*\))?", re.IGNORECASE | re.ASCII)
_OCTAL = re.compile(r"[+-]?0[0-7]+")

_LONGEST_NUMBER = 400
"""Characters of a number that is still computed: DBL_MAX written out has 309 digits."""


class ValueRefusal(StrEnum):
    """Why linuxptp refuses a value."""

    UNKNOWN_OPTION = "unknown option"
    MALFORMED = "malformed"
    OUT_OF_RANGE = "out of range"
    BAD_WORD = "bad word"
    EMPTY = "empty"


def refusal(option: Option, value: str, release: str) -> ValueRefusal | None:
    """Return why linuxptp `release` refuses `value` for `option`, None if it accepts it."""
    if not option.known_to(release):
        return ValueRefusal.UNKNOWN_OPTION
    return refusal_of(option, value, option.view(release))


def refusal_of(option: Option, value: str, view: View) -> ValueRefusal | None:
    """Return why a release with the bounds and words of `view` refuses `value`, or None."""
    if not value:
        return ValueRefusal.EMPTY
    match option.kind:
        case ValueKind.TEXT:
            return None
        case ValueKind.WORDS:
            taken = value.casefold() in {word.casefold() for word in view.words}
            return None if taken and value.isascii() else ValueRefusal.BAD_WORD
        case _:
            if value.upper() in option.keywords:
                return None
            return _number_refusal(number_of(option.kind, value), view)


def _number_refusal(number: Number | None, view: View) -> ValueRefusal | None:
    if number is None:
        return ValueRefusal.MALFORMED
    too_small = view.minimum is not None and number < view.minimum
    too_large = view.maximum is not None and number > view.maximum
    return ValueRefusal.OUT_OF_RANGE if too_small or too_large else None


def number_of(kind: ValueKind, value: str) -> Number | None:
    """Return the number that linuxptp reads, infinite if it is out of C's range.

    None means malformed. For linuxptp, a double below the normal numbers is out of range unless it
    is exact (tried on 3.1.1: 1e-310 is out of range, 0x1p-1030 is not); such a double is returned
    as infinite.
    """
    if len(value) > _LONGEST_NUMBER:
        return float("inf") if value.lstrip("+-").isdecimal() else None
    if kind is ValueKind.DOUBLE:
        return _double(value)
    return _integer(value)


def _integer(value: str) -> int | None:
    if not _INT.fullmatch(value):
        return None
    digits = value.lstrip("+-")
    base = 16 if digits[:2].lower() == "0x" else 8 if digits.startswith("0") else 10
    number = int(digits, base)
    return -number if value.startswith("-") else number


def _double(value: str) -> float | None:
    if _NAN.fullmatch(value):
        return float("nan")
    if _INFINITE.fullmatch(value):
        return float("-inf" if value.startswith("-") else "inf")
    if not _DECIMAL.fullmatch(value) and not _HEX.fullmatch(value):
        return None
    try:
        number = float.fromhex(value) if _HEX.fullmatch(value) else float(value)
    except OverflowError:
        return float("inf")
    return float("inf") if _underflows(number, value) else number


_ZERO = re.compile(r"[+-]?(?:0x[0.]*(?:p.*)?|[0.]*(?:e.*)?)", re.IGNORECASE)


def _underflows(number: float, value: str) -> bool:
    """True if C reports that `value`, read as `number`, is too small for a double.

    It does if bits are lost and the value, rounded to the precision of a normal number, is below
    the smallest normal number.
    """
    if abs(number) > sys.float_info.min or _ZERO.fullmatch(value):
        return False
    if number == 0:
        return True
    from fractions import Fraction  # noqa: PLC0415 - hardly any file has such a number

    written = abs(_exact(value))
    lost = written != Fraction(abs(number))
    return lost and written < Fraction(sys.float_info.min) * (1 - Fraction(1, 2**54))


def _exact(value: str) -> "Fraction":
    """Return a written number that a double comes near to, which bounds its exponent."""
    from decimal import Decimal  # noqa: PLC0415 - hardly any file has such a number
    from fractions import Fraction  # noqa: PLC0415 - hardly any file has such a number

    if not _HEX.fullmatch(value):
        return Fraction(Decimal(value))
    mantissa, _, exponent = value.lstrip("+-").lower()[2:].partition("p")
    whole, _, fraction = mantissa.partition(".")
    power = int(exponent or 0) - 4 * len(fraction)
    return Fraction(int(whole + fraction, 16)) * Fraction(2) ** power


def is_nan(kind: ValueKind, value: str) -> bool:
    """True for NaN, which linuxptp accepts for every double."""
    return kind is ValueKind.DOUBLE and bool(_NAN.fullmatch(value))


def is_octal(kind: ValueKind, value: str) -> bool:
    """True if linuxptp reads an integer as octal although it looks decimal: `030` is 24."""
    if kind not in {ValueKind.INT, ValueKind.UINT} or not _OCTAL.fullmatch(value):
        return False
    return len(value.lstrip("+-0")) > 1


def same_value(kind: ValueKind, value: str, other: float | str | None) -> bool:
    """True if linuxptp reads `value` as `other` (a default, or another file's value)."""
    if other is None:
        return False
    match kind:
        case ValueKind.TEXT:
            return value == other
        case ValueKind.WORDS:
            return value.casefold() == str(other).casefold()
        case _:
            number = number_of(kind, value)
            return number is not None and number == number_of(kind, str(other))


def is_default(option: Option, value: str, releases: Sequence[str]) -> bool:
    """True if `value` is the default in each of `releases` that has the option."""
    known = [release for release in releases if option.known_to(release)]
    return all(same_value(option.kind, value, option.default.at(release)) for release in known)


NAMESPACES = ("ptp4l", "phc2sys", "sys2vmw")
"""As of ESXi 8.0.2."""

BOM = "\N{ZERO WIDTH NO-BREAK SPACE}"

_BLANKS = " \t\r\v\f"
"""What C calls white space; other spaces of Unicode are letters to it."""

_PORT_LINE = re.compile(rf"[{_BLANKS}]*[^{_BLANKS}:]*:[^{_BLANKS}:]*:")
_GAP = re.compile(f"[{_BLANKS}]+")


class LineForm(StrEnum):
    """The form of a line."""

    BLANK = "blank"
    COMMENT = "comment"
    SECTION = "section"
    BARE = "bare"
    PORT = "port"
    SETTING = "setting"


class Line(Struct, frozen=True, kw_only=True):
    """One line: its number from 1, its text without the line feed, and what it says.

    Columns count characters from 1. Only a setting and a port line have a namespace, a key and a
    value; in a port line, the key is what stands between the second `:` and the value.
    """

    number: int
    text: str
    form: LineForm
    namespace: str = ""
    port: str = ""
    key: str = ""
    value: str = ""
    key_column: int = 1
    value_column: int = 1

    @property
    def at_start(self) -> tuple[int, int]:
        """Line and column of the line's start; `at_key` and `at_value` of key and value."""
        return self.number, 1

    @property
    def at_key(self) -> tuple[int, int]:
        return self.number, self.key_column

    @property
    def at_value(self) -> tuple[int, int]:
        return self.number, self.value_column

    @property
    def canonical(self) -> str:
        """The setting in the one form that is known to work; other lines unchanged.

        A setting with a `:` in its key stays unchanged too: it would become a port line.
        """
        if self.form is LineForm.SETTING and ":" not in self.key:
            return f"{self.namespace}:{self.key} {self.value}"
        return self.text.strip(_BLANKS)


class TrxConf(Struct, frozen=True, kw_only=True):
    """A trx.conf: all its lines, understood or not."""

    lines: tuple[Line, ...]
    byte_order_mark: bool = False
    ends_with_line_feed: bool = True

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Parse the file and keep every line; bytes that are not UTF-8 become surrogates.

        Raises:
            TrxError: more than `TRX_CONF_LIMIT`.
        """
        if len(data) > TRX_CONF_LIMIT:
            raise TrxError(
                f"the file has more than {TRX_CONF_LIMIT} bytes, too many for a trx.conf",
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

        Comments and blank lines are dropped, since how trx-ctl reads them is not known. Of a
        repeated key the last line stays, since ptp4l uses that line. Unknown lines stay.
        """
        last = {(line.namespace, line.key): line.number for line in self.settings}
        kept = (
            line.canonical
            for line in self.lines
            if line.form not in {LineForm.BLANK, LineForm.COMMENT}
            and (line.form is not LineForm.SETTING or last[line.namespace, line.key] == line.number)
        )
        text = "".join(f"{line}\n" for line in kept)
        mark = BOM if text.startswith(BOM) else ""  # whoever reads it takes one away
        return f"{mark}{text}".encode("utf-8", "surrogateescape")

    @property
    def settings(self) -> tuple[Line, ...]:
        """The lines that set something, in the order of the file."""
        return tuple(line for line in self.lines if line.form is LineForm.SETTING)


def _line(number: int, text: str) -> Line:
    stripped = text.strip(_BLANKS)
    if not stripped:
        return Line(number=number, text=text, form=LineForm.BLANK)
    if stripped.startswith(("#", ";")):
        return Line(number=number, text=text, form=LineForm.COMMENT)
    if stripped.startswith("["):
        return Line(number=number, text=text, form=LineForm.SECTION)
    if ":" not in text:
        return Line(number=number, text=text, form=LineForm.BARE)
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
        form=LineForm.PORT if of_port else LineForm.SETTING,
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
    """Return a file's text made safe for a message, cut to `most` characters."""
    cut = text if len(text) <= most else f"{text[:most]}…"
    return "".join(letter if letter.isprintable() else _escaped(letter) for letter in cut)


def _escaped(letter: str) -> str:
    if "\udc80" <= letter <= "\udcff":
        return f"\\x{ord(letter) - 0xDC00:02x}"
    return f"\\u{ord(letter):04x}"
