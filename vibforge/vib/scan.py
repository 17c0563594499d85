"""Read a VIB once for all checks; what ESXi's reader accepts (format.md#descriptor)."""

import re
from calendar import monthrange
from collections.abc import Iterator, Mapping
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple, Protocol

from vibforge.errors import Problem
from vibforge.vib.descriptor import Descriptor
from vibforge.vib.payload_scan import (
    Progress,
    ScannedFile,
    ScannedPayload,
    Watch,
    no_progress,
    scan_payload,
    unwatched,
)
from vibforge.vib.signature import Signature, signature_of

if TYPE_CHECKING:
    from vibforge.formats.ar import Archive, ArMember
    from vibforge.vib.archive import Vib


class ChangedMode(NamedTuple):
    """The mode of a file in the payload tree (`found`), and the mode that the build gave it."""

    found: int
    built: int


class Described(Protocol):
    """Anything with a descriptor: a scanned VIB, or a VIB that a host's facts describe."""

    @property
    def descriptor(self) -> Descriptor:
        """The descriptor of the VIB."""


class VibScan:
    """A VIB whose payloads are read once, when the first check needs them."""

    def __init__(  # noqa: PLR0913 - what a caller knows of the VIB
        self,
        vib: "Vib",
        name: str = "",
        progress: Progress = no_progress,
        payloads: tuple[ScannedPayload, ...] | None = None,
        changed_modes: Mapping[str, ChangedMode] = MappingProxyType({}),
        *,
        to_be_signed: bool = False,
        watch: Watch = unwatched,
    ) -> None:
        """Prepare the scan of a VIB.

        Args:
            vib: the VIB.
            name: the VIB's name in findings; the name of its source if empty.
            progress: called with the number of payload bytes that were read.
            payloads: its payloads if the caller has read them; None to read them to their ends
                when the first check needs them.
            changed_modes: the modes that the build changed, by path; empty for a finished VIB.
            to_be_signed: whether a build will sign the VIB, which is unsigned here.
            watch: sees the content of each file when the payloads are read.
        """
        self.vib = vib
        self.name = name or vib.source.name
        self._progress = progress
        self._given = payloads
        self._watch = watch
        self.changed_modes = changed_modes
        self.to_be_signed = to_be_signed

    @property
    def descriptor(self) -> Descriptor:
        return self.vib.descriptor

    @property
    def is_signed(self) -> bool:
        """Whether the VIB has a signature, or a build will give it one."""
        return self.to_be_signed or self.vib.is_signed

    @cached_property
    def signature(self) -> Signature:
        """How a host judges the signature, leaving out who signed it."""
        return signature_of(self.vib)

    @cached_property
    def payloads(self) -> tuple[ScannedPayload, ...]:
        """Every payload, read to its end unless the caller gave them."""
        if self._given is not None:
            return self._given
        with self.vib.source.open() as stream:
            return tuple(
                scan_payload(
                    payload,
                    self.vib.stored(payload, stream),
                    self.vib.source.budget,
                    progress=self._progress,
                    watch=self._watch,
                )
                for payload in self.vib.payloads
            )

    @property
    def pairs(self) -> Iterator[ScannedPayload]:
        """The payloads that are both declared and in the archive."""
        return (p for p in self.payloads if p.stored.declared and p.stored.member)

    def files(self) -> Iterator[ScannedFile]:
        """Yield every entry of every payload."""
        for payload in self.payloads:
            yield from payload.files


DATABASE_NAME_LIMIT = 48
"""Characters of a name that always fit a path of the host's database (tried on 6.7)."""
UNPACKED_TYPES = frozenset({"tgz", "vgz", "boot", "vzstd"})
"""Payload types that a host unpacks or mounts; it needs digests of their unpacked form."""
VIB_TYPES = frozenset({"bootbank", "locker", "meta"})
LEVELS = frozenset({"certified", "accepted", "partner", "community", "signed", "unsigned"})
"""The words of an acceptance level; the last two are older names that the reader still accepts."""
_ENCODING = re.compile(rb"\s*(?:\xef\xbb\xbf)?<\?xml[^>]*\sencoding\s*=")
_NAMESPACE = re.compile(rb"<vib[^>]*\sxmlns\s*=")
_HEAD = 4096
"""Bytes of a descriptor that are searched for the XML declaration and the root's start tag."""
_DATE = re.compile(
    r"(\d{4})-(\d\d)-(\d\d).(\d\d):(\d\d):(\d\d)(?:\.\d{1,6})?(?:Z|[+-](\d\d):\d\d)?",
    re.DOTALL | re.ASCII,
)
_CLOCK = (("hour", 23), ("minute", 59), ("second", 59))
_DOCTYPE = b"<!DOCTYPE"
_PROLOG = 64 * 1024
"""Bytes up to the end of the root's start tag; vibforge refuses a descriptor with more."""
_DAY = 24
_MONTHS = 12


def declares_encoding(text: bytes) -> bool:
    """Whether the XML declaration names an encoding, which 6.5 and 6.7 refuse."""
    return _ENCODING.match(text[:_HEAD]) is not None


def has_namespace(text: bytes) -> bool:
    """Whether the root has a default namespace, in which the reader finds no element."""
    return _NAMESPACE.search(text[:_HEAD]) is not None


def declares_doctype(text: bytes) -> bool:
    """Whether there is a document type, which 6.7 reads and vibforge refuses."""
    return _DOCTYPE in text[:_PROLOG]


def release_date_fault(text: str) -> str:
    """Return the end of the reader's message that refuses a release date; empty if it accepts it.

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
    """Return the names of the members that the reader sees, without the tables of GNU ar."""
    return tuple(member.name for member in vib.archive.members if is_counted(member))


def is_counted(member: "ArMember") -> bool:
    """Whether the reader sees a member; it skips the tables of GNU ar."""
    return not member.is_table


def bad_headers(archive: "Archive") -> tuple[Problem, ...]:
    """Return the faults of the archive itself, without truncation, which the digests show."""
    return tuple(fault for fault in archive.faults if not fault.what.startswith("the file ends"))
