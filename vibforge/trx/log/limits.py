"""Limits that clocks are held against: the table `limits.toml`, and numbers of your own."""

import re
import tomllib
from collections.abc import Iterable
from functools import cache
from importlib.resources import files

from msgspec import Struct

from vibforge.errors import ModelError
from vibforge.esxi.release import Certainty

_NUMBER = re.compile(r"(\d{1,12}(?:\.\d{1,9})?) ?(ns|us|µs|μs|ms|s)?")
_UNITS = {"ns": 1, "us": 1_000, "µs": 1_000, "μs": 1_000, "ms": 1_000_000, "s": 1_000_000_000}
_CLASS = re.compile(r"(?:itu-t-)?g\.?8271[./-]?(?:1-)?(?:class-?)?(\d[abc]?)")


class TimeLimit(Struct, frozen=True):
    """How far a clock may be off."""

    name: str
    ns: float
    of: str
    source: str
    note: str
    certainty: Certainty | None
    """How sure the number is; None for one of your own."""


@cache
def known_limits() -> tuple[TimeLimit, ...]:
    """Return the table."""
    text = files("vibforge.trx.log").joinpath("limits.toml").read_text(encoding="utf-8")
    return tuple(
        TimeLimit(**{**entry, "ns": float(entry["ns"])}, certainty=Certainty.INFERRED)
        for entry in tomllib.loads(text)["limit"]
    )


def limits_of(texts: Iterable[str]) -> tuple[TimeLimit, ...]:
    """Return the limits that are asked for, each once.

    Raises:
        ModelError: a text is neither a name nor a number.
    """
    return tuple({limit.name: limit for limit in map(limit_of, texts)}.values())


def limit_of(text: str) -> TimeLimit:
    """Return a limit by its name, or of so many nanoseconds (`1500`, `1.5us`, `100 µs`).

    Raises:
        ModelError: it is neither.
    """
    name = text.strip().lower()
    if match := _CLASS.fullmatch(name):
        name = f"g8271-{match[1]}"
    for limit in known_limits():
        if limit.name == name:
            return limit
    ns = nanoseconds_of(text, "--limit")
    return TimeLimit(text.strip(), ns, "your own limit", "", "", None)


def nanoseconds_of(text: str, option: str) -> float:
    """Read a duration: a number of nanoseconds, or one with a unit.

    Raises:
        ModelError: it is none.
    """
    match = _NUMBER.fullmatch(text.strip())
    if not match:
        names = ", ".join(limit.name for limit in known_limits())
        either = f"one of {names}, or " if option == "--limit" else ""
        raise ModelError(
            f"{option}: {text!r} is no duration",
            remedy=f"give {either}nanoseconds, such as 1500 or 1.5us",
        )
    return float(match[1]) * _UNITS[match[2] or "ns"]
