"""VIB versions: their form, and the order in which ESXi puts them (vib-format 2.3)."""

import re
from dataclasses import dataclass, field
from functools import total_ordering

from vibforge.errors import ModelError

LENGTH_LIMIT = 35
"""VMware's descriptor template; real data exceed it by one at the most."""

_FORM = re.compile(r"[0-9][0-9A-Za-z.]*-[0-9][0-9A-Za-z.]*")
_FIELD = re.compile(r"([0-9]*)(.*)", re.DOTALL)
_FIELD_LIMIT = 64
"""Digits of one field that are read as a number; no real field comes near."""


_Fields = tuple[tuple[int, str], ...]
_Key = tuple[_Fields, _Fields]


@total_ordering
@dataclass(frozen=True, slots=True, eq=False)
class Version:
    """A version as ESXi compares it: the part before the `-`, then the release behind it.

    Each part is split at its dots, each field into a leading number (-1 where there is none) and
    the rest; so 1.10 > 1.9, 1.0 < 1.0.0, 01 == 1 and 1.0-1 > 1.0 (tried on 6.7).
    """

    text: str
    _key: "_Key" = field(init=False, repr=False)

    def __post_init__(self) -> None:
        version, release = self.parts
        key = (_fields(version), () if release is None else _fields(release))
        object.__setattr__(self, "_key", key)

    @property
    def parts(self) -> tuple[str, str | None]:
        """The text before the first `-` and the release behind it, None where there is none."""
        version, dash, release = self.text.partition("-")
        return version, release if dash else None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Version) and self._key == other._key

    def __lt__(self, other: "Version") -> bool:
        return self._key < other._key

    def __hash__(self) -> int:
        return hash(self._key)


def _fields(part: str) -> _Fields:
    fields = []
    for text in part.split("."):
        digits, rest = _FIELD.fullmatch(text).groups()  # type: ignore[union-attr] # matches all text
        fields.append((int(digits[:_FIELD_LIMIT]) if digits else -1, rest))
    return tuple(fields)


def check_version(text: str) -> None:
    """Hold a version against the form that VMware's template asks for: `1.2.0-1`.

    Raises:
        ModelError: it has another form or is too long.
    """
    if not _FORM.fullmatch(text):
        raise ModelError(
            f"{text!r} is not a VIB version",
            remedy="write VERSION-RELEASE, both starting with a digit, of letters, digits and "
            "dots: 1.2.0-1",
        )
    if len(text) > LENGTH_LIMIT:
        raise ModelError(
            f"version {text!r} has {len(text)} characters",
            remedy=f"use {LENGTH_LIMIT} at the most",
        )
