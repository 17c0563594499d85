"""How linuxptp reads a value, which is how C does it.

Tried with ptp4l 2.0 to 4.4 and with phc2sys, value by value (10,232 questions). Numbers follow
strtol with base 0 (`0x18` is 24, and so is `030`) and strtod (`nan` passes, what is too large or
too small for a double does not); words are compared without regard to case; texts are taken as
they are. The whole rest of the line is the value: there are no comments behind it.
"""

import re
import sys
from collections.abc import Sequence
from enum import StrEnum
from typing import TYPE_CHECKING

from vibforge.trx.option import Kind, Number, Option, View

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


class Refusal(StrEnum):
    """Why linuxptp does not take a value."""

    UNKNOWN_OPTION = "unknown option"
    MALFORMED = "malformed"
    OUT_OF_RANGE = "out of range"
    BAD_WORD = "bad word"
    EMPTY = "empty"


def refusal(option: Option, value: str, release: str) -> Refusal | None:
    """Return why linuxptp `release` refuses `value` for `option`, or None where it takes it."""
    if not option.known_to(release):
        return Refusal.UNKNOWN_OPTION
    return refusal_of(option, value, option.view(release))


def refusal_of(option: Option, value: str, view: View) -> Refusal | None:
    """Judge `value` by what a release takes (`view`)."""
    if not value:
        return Refusal.EMPTY
    match option.kind:
        case Kind.TEXT:
            return None
        case Kind.WORDS:
            taken = value.casefold() in {word.casefold() for word in view.words}
            return None if taken and value.isascii() else Refusal.BAD_WORD
        case _:
            if value.upper() in option.keywords:
                return None
            return _number_refusal(number_of(option.kind, value), view)


def _number_refusal(number: Number | None, view: View) -> Refusal | None:
    if number is None:
        return Refusal.MALFORMED
    too_small = view.minimum is not None and number < view.minimum
    too_large = view.maximum is not None and number > view.maximum
    return Refusal.OUT_OF_RANGE if too_small or too_large else None


def number_of(kind: Kind, value: str) -> Number | None:
    """Return the number that linuxptp reads, infinite where it is out of C's reach.

    None is what it calls malformed. A double too small to be a normal number counts as out of
    range in linuxptp unless it is exact (tried on 3.1.1: 1e-310 is, 0x1p-1030 is not) and comes
    back as an infinite one.
    """
    if len(value) > _LONGEST_NUMBER:
        return float("inf") if value.lstrip("+-").isdecimal() else None
    if kind is Kind.DOUBLE:
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
    """Whether C reports that `value`, read as `number`, is too small for a double.

    It does so where bits are lost and the value is below the least normal number even when it is
    rounded to the precision of a normal one.
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


def is_nan(kind: Kind, value: str) -> bool:
    """Whether `value` is the number that is none, which linuxptp takes for any double."""
    return kind is Kind.DOUBLE and bool(_NAN.fullmatch(value))


def is_octal(kind: Kind, value: str) -> bool:
    """Whether an integer reads as octal although it looks decimal: `030` is 24."""
    if kind not in {Kind.INT, Kind.UINT} or not _OCTAL.fullmatch(value):
        return False
    return len(value.lstrip("+-0")) > 1


def same_value(kind: Kind, value: str, other: float | str | None) -> bool:
    """Whether linuxptp reads `value` as `other` (a default, or another file's value)."""
    if other is None:
        return False
    match kind:
        case Kind.TEXT:
            return value == other
        case Kind.WORDS:
            return value.casefold() == str(other).casefold()
        case _:
            number = number_of(kind, value)
            return number is not None and number == number_of(kind, str(other))


def is_default(option: Option, value: str, releases: Sequence[str]) -> bool:
    """Whether `value` is the default in each of `releases` that knows the option."""
    known = [release for release in releases if option.known_to(release)]
    return all(same_value(option.kind, value, option.default.at(release)) for release in known)
