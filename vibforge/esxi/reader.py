"""What the reader of ESXi takes for good: marks of a descriptor's text, words, dates, limits.

Found by giving VIBs to a 6.7 installer (vib-format 1 and 2).
"""

import re
from typing import TYPE_CHECKING

from vibforge.errors import Problem

if TYPE_CHECKING:
    from vibforge.model.vib import Vib

DATABASE_NAME_LIMIT = 48
"""Characters of a name that always fit the path of the host's database (tried on 6.7)."""
UNPACKED_TYPES = frozenset({"tgz", "vgz", "boot", "vzstd"})
"""Payloads that a host unpacks or mounts, and wants digests of their unpacked form for."""
VIB_TYPES = frozenset({"bootbank", "locker", "meta"})
_ENCODING = re.compile(rb"\s*(?:\xef\xbb\xbf)?<\?xml[^>]*\sencoding\s*=")
_NAMESPACE = re.compile(rb"<vib[^>]*\sxmlns\s*=")
_HEAD = 4096
"""Bytes of a descriptor in which its declaration and its root's start tag are looked for."""
_DATE = re.compile(
    r"\d{4}-(\d\d)-(\d\d).(\d\d):(\d\d):(\d\d)(?:\.\d{1,6})?(?:Z|[+-]\d\d:\d\d)?", re.DOTALL
)


def declares_encoding(text: bytes) -> bool:
    """Whether the XML declaration names an encoding, on which 6.5 and 6.7 give up."""
    return _ENCODING.match(text[:_HEAD]) is not None


def has_namespace(text: bytes) -> bool:
    """Whether the root has a default namespace, under which the reader finds no element."""
    return _NAMESPACE.search(text[:_HEAD]) is not None


def is_release_date(text: str) -> bool:
    """Whether the reader takes a release date (vib-format 2.4)."""
    match = _DATE.fullmatch(text)
    if match is None:
        return False
    month, day, hour, minute, second = (int(part) for part in match.groups())
    return 1 <= month <= 12 and 1 <= day <= 31 and hour < 24 and minute < 60 and second < 60  # noqa: PLR2004 - a calendar


def member_names(vib: "Vib") -> tuple[str, ...]:
    """Return the names of the members that count, tables of GNU ar left out."""
    return tuple(member.name for member in vib.archive.members if not member.is_table)


def bad_headers(vib: "Vib") -> tuple[Problem, ...]:
    """Return what of the archive itself a host cannot read; a cut member shows by its digest."""
    return tuple(f for f in vib.archive.faults if not f.what.startswith("the file ends"))
