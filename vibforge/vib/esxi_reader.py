"""What the reader of ESXi takes for good: marks of a descriptor's text, words, dates, limits.

Found by giving VIBs to a 6.7 installer (format.md#descriptor).
"""

import re
from calendar import monthrange
from typing import TYPE_CHECKING

from vibforge.errors import Problem

if TYPE_CHECKING:
    from vibforge.formats.ar import Archive, Member
    from vibforge.vib.archive import Vib

DATABASE_NAME_LIMIT = 48
"""Characters of a name that always fit the path of the host's database (tried on 6.7)."""
UNPACKED_TYPES = frozenset({"tgz", "vgz", "boot", "vzstd"})
"""Payloads that a host unpacks or mounts, and wants digests of their unpacked form for."""
VIB_TYPES = frozenset({"bootbank", "locker", "meta"})
LEVELS = frozenset({"certified", "accepted", "partner", "community", "signed", "unsigned"})
"""The words of an acceptance level; the last two are older names that the reader still knows."""
_ENCODING = re.compile(rb"\s*(?:\xef\xbb\xbf)?<\?xml[^>]*\sencoding\s*=")
_NAMESPACE = re.compile(rb"<vib[^>]*\sxmlns\s*=")
_HEAD = 4096
"""Bytes of a descriptor in which its declaration and its root's start tag are looked for."""
_DATE = re.compile(
    r"(\d{4})-(\d\d)-(\d\d).(\d\d):(\d\d):(\d\d)(?:\.\d{1,6})?(?:Z|[+-](\d\d):\d\d)?",
    re.DOTALL | re.ASCII,
)
_CLOCK = (("hour", 23), ("minute", 59), ("second", 59))
_DOCTYPE = b"<!DOCTYPE"
_PROLOG = 64 * 1024
"""Bytes before the end of the root's start tag; vibforge reads no descriptor with more."""
_DAY = 24
_MONTHS = 12


def declares_encoding(text: bytes) -> bool:
    """Whether the XML declaration names an encoding, on which 6.5 and 6.7 give up."""
    return _ENCODING.match(text[:_HEAD]) is not None


def has_namespace(text: bytes) -> bool:
    """Whether the root has a default namespace, under which the reader finds no element."""
    return _NAMESPACE.search(text[:_HEAD]) is not None


def declares_doctype(text: bytes) -> bool:
    """Whether there is a document type, which 6.7 reads and vibforge refuses to."""
    return _DOCTYPE in text[:_PROLOG]


def release_date_fault(text: str) -> str:
    """Return why the reader refuses a release date, as the end of its sentence; empty if not.

    Source: format.md#release-date, tried on 6.7.
    """
    match = _DATE.fullmatch(text)
    if match is None:
        return " string."
    year, month, day, *clock = (int(part) for part in match.groups()[:6])
    if not year:
        return ": year is out of range."
    if not 1 <= month <= _MONTHS:
        return f": month must be in 1..{_MONTHS}."
    if not 1 <= day <= monthrange(year, month)[1]:
        return ": day is out of range for month."
    for value, (unit, most) in zip(clock, _CLOCK, strict=True):
        if value > most:
            return f": {unit} must be in 0..{most}."
    if match[7] and int(match[7]) >= _DAY:
        return (
            ": offset must be a timedelta strictly between -timedelta(hours=24) and "
            "timedelta(hours=24).."
        )
    return ""


def member_names(vib: "Vib") -> tuple[str, ...]:
    """Return the names of the members that count, tables of GNU ar left out."""
    return tuple(member.name for member in vib.archive.members if is_counted(member))


def is_counted(member: "Member") -> bool:
    """Whether a member is one to the reader: the tables of GNU ar are none."""
    return not member.is_table


def bad_headers(archive: "Archive") -> tuple[Problem, ...]:
    """Return what of the archive itself a host cannot read; a cut member shows by its digest."""
    return tuple(f for f in archive.faults if not f.what.startswith("the file ends"))
