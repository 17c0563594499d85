"""Read a VIB: its container, descriptor, signature and payloads (format.md#archive).

Reading keeps every byte of the file. As long as the rest can be read, something that ESXi refuses
becomes a fault. Payloads are read only on request.
"""

import os
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from msgspec import Struct
from msgspec.structs import replace

from vibforge.errors import FormatError, Problem
from vibforge.files.inputs import BytesSource, FileSource, Source
from vibforge.formats import ar
from vibforge.formats.ar import Archive, ArMember, read_archive
from vibforge.formats.budget import SIGNATURE_LIMIT, Work
from vibforge.formats.inflating import NO_TAPS, Taps, UnpackedPayload, unpacked_ahead
from vibforge.formats.sniffing import HEAD_SIZE, not_a
from vibforge.formats.streams import read_chunks
from vibforge.formats.tar_reading import TarEntry, TarReader
from vibforge.formats.xml_reading import SIZE_LIMIT as DESCRIPTOR_LIMIT
from vibforge.vib import descriptor_reading
from vibforge.vib.descriptor import Descriptor, Payload
from vibforge.vib.identity import DESCRIPTOR_NAME, ESX4_NAME, SIGNATURE_NAME


class StoredPayload(Struct, frozen=True, kw_only=True):
    """A payload's declaration in the descriptor and its member; one of them may be missing."""

    name: str
    declared: Payload | None
    member: ArMember | None


class Vib(Struct, frozen=True, kw_only=True):
    """A VIB.

    `descriptor_bytes` and `signature` are the raw members; an unsigned VIB has an empty signature.
    `payloads` are in the order of the file; those that are only declared come last. `faults` lists
    what a host refuses in the container. All reading is charged to the budget of the file
    (`vibforge.formats.budget`); `afresh` returns the VIB with a new budget.

    Examples:
        >>> from vibforge import Vib
        >>> vib = Vib.from_path("acme.vib")
        >>> vib.descriptor.name, vib.is_signed
        ('acme', False)
        >>> [
        ...     (found.entry.path, sum(map(len, pieces)))
        ...     for found, pieces in vib.contents(vib.payloads[0])
        ... ][-1]
        ('etc/vmware/trx.conf', 26)
    """

    source: Source
    archive: Archive
    descriptor_bytes: bytes
    descriptor: Descriptor
    signature: bytes
    payloads: tuple[StoredPayload, ...]
    faults: tuple[Problem, ...] = ()

    @classmethod
    def from_bytes(cls, data: bytes, name: str = "bytes") -> "Vib":
        """Read a VIB from bytes in memory.

        Raises:
            FormatError: it is not a VIB, or its descriptor cannot be read.
            LimitError: it asks for more work than its size allows.
        """
        return cls.from_source(BytesSource.from_bytes(data, name))

    @classmethod
    def from_path(cls, path: str | os.PathLike[str]) -> "Vib":
        """Read a VIB from a file, which must exist as long as payloads are read.

        Raises:
            FormatError: it is not a VIB, or cannot be read.
            LimitError: it asks for more work than its size allows.
        """
        return cls.from_source(FileSource.from_path(Path(path)))

    @classmethod
    def from_source(cls, source: Source) -> "Vib":
        """Read a VIB from a source.

        Raises:
            FormatError: it is not a VIB, or cannot be read.
            LimitError: it asks for more work than its size allows.
        """
        with source.open() as stream:
            archive = _archive(stream, source)
            descriptor = _required(archive, source)
            signature = _first(archive, SIGNATURE_NAME)
            data = _content(stream, descriptor, DESCRIPTOR_LIMIT, source)
            blocks = _content(stream, signature, SIGNATURE_LIMIT, source) if signature else b""
        where = f"{source.name}:{DESCRIPTOR_NAME}"
        parsed = descriptor_reading.parse(data, where, source.budget)
        return cls(
            source=source,
            archive=archive,
            descriptor_bytes=data,
            descriptor=parsed,
            signature=blocks,
            payloads=tuple(_payloads(archive, parsed)),
            faults=(*archive.faults, *_faults(archive)),
        )

    def afresh(self) -> "Vib":
        """Return the VIB with a new budget, for a program that reads it repeatedly."""
        return replace(self, source=self.source.renewed())

    @property
    def is_signed(self) -> bool:
        """Whether the signature member holds more than blanks."""
        return bool(self.signature.strip())

    def pieces(self) -> Iterator[bytes]:
        """Yield the bytes of the file, part by part."""
        with self.source.open() as stream:
            yield ar.MAGIC
            for member in self.archive.members:
                yield member.header
                stream.seek(member.data_offset)
                yield from read_chunks(stream, member.stored_size)
                yield member.padding
            stream.seek(self.archive.tail_offset)
            yield from read_chunks(stream, self.archive.tail_size)

    def to_bytes(self) -> bytes:
        """Return the bytes of the file, unchanged."""
        return b"".join(self.pieces())

    def stored(self, payload: StoredPayload, stream: BinaryIO) -> Iterator[bytes]:
        """Yield a payload's stored bytes, from a stream that `source` opened."""
        if payload.member is not None:
            stream.seek(payload.member.data_offset)
            yield from read_chunks(stream, payload.member.stored_size)

    @contextmanager
    def unpacked(self, payload: StoredPayload, taps: Taps = NO_TAPS) -> Iterator[UnpackedPayload]:
        """Open a payload's content, which is unpacked while it is read.

        Raises:
            FormatError: on entering or while reading: the payload is damaged or cut short.
            LimitError: the budget of the file is spent.
        """
        size = payload.member.stored_size if payload.member else 0
        with (
            self.source.open() as stream,
            unpacked_ahead(
                self.stored(payload, stream), size, self.source.budget, taps
            ) as unpacked,
        ):
            yield unpacked

    def contents(self, payload: StoredPayload) -> Iterator[tuple[TarEntry, Iterator[memoryview]]]:
        """Yield each entry of a payload with its content, to be read before the next entry.

        Raises:
            FormatError: the payload is damaged, cut short, or not a tar.
            LimitError: the budget of the file is spent.
        """
        with self.unpacked(payload) as unpacked:
            yield from TarReader(unpacked.content, self.source.budget).contents()


def _archive(stream: BinaryIO, source: Source) -> Archive:
    head = stream.read(HEAD_SIZE)
    if not head.startswith(ar.MAGIC):
        raise not_a("a VIB", head, source.name)
    stream.seek(0)
    try:
        return read_archive(stream, source.size, source.budget)
    except FormatError as error:
        raise FormatError.from_problems(
            Problem(what=problem.what, where=source.name) for problem in error.problems
        ) from error


def _first(archive: Archive, name: str) -> ArMember | None:
    return next((member for member in archive.members if member.name == name), None)


def _required(archive: Archive, source: Source) -> ArMember:
    if archive.members and archive.members[0].name == ESX4_NAME:
        raise FormatError(
            "a package for ESX 4, not a VIB for ESXi 5 or later",
            where=source.name,
            remedy="ask the vendor for a package for a later release",
        )
    descriptor = _first(archive, DESCRIPTOR_NAME)
    if descriptor is not None:
        return descriptor
    raise FormatError("an ar archive without descriptor.xml, not a VIB", where=source.name)


def _content(stream: BinaryIO, member: ArMember, limit: int, source: Source) -> bytes:
    where = f"{source.name}:{member.name}"
    if member.size > limit:
        raise FormatError(f"the member has {member.size} bytes; the limit is {limit}", where=where)
    source.budget.spend(Work.KEPT, member.stored_size)
    stream.seek(member.data_offset)
    data = stream.read(member.stored_size)
    if len(data) < member.size:
        raise FormatError(
            f"the file is cut short, {member.size - len(data)} bytes before the end of this member",
            where=where,
            remedy="the download or copy failed; fetch it again",
        )
    return data


def _payloads(archive: Archive, descriptor: Descriptor) -> Iterator[StoredPayload]:
    """Match members with declarations by name; of several with one name the first is used."""
    declared = {payload.name: payload for payload in reversed(descriptor.payloads)}
    seen = {DESCRIPTOR_NAME, SIGNATURE_NAME}
    for member in archive.members:
        if not member.is_table and member.name not in seen:
            seen.add(member.name)
            name = member.name
            yield StoredPayload(name=name, declared=declared.get(name), member=member)
    for payload in descriptor.payloads:
        if payload.name not in seen:
            seen.add(payload.name)
            yield StoredPayload(name=payload.name, declared=payload, member=None)


def _faults(archive: Archive) -> Iterator[Problem]:
    """Yield why a host refuses the order of the members (format.md#member-order, tried on 6.7)."""
    names = [member.name for member in archive.members if not member.is_table]
    if names[0] != DESCRIPTOR_NAME:
        yield Problem(what=f"the first member is {names[0]}, not {DESCRIPTOR_NAME}")
    if SIGNATURE_NAME not in names:
        yield Problem(what=f"there is no member {SIGNATURE_NAME}")
    elif names[1] != SIGNATURE_NAME:
        yield Problem(what=f"the second member is {names[1]}, not {SIGNATURE_NAME}")
    for name in (name for name, count in Counter(names).items() if count > 1):
        yield Problem(what=f"more than one member is called {name}; the first is used")
    tables = Counter(member.name for member in archive.members if member.is_table)
    for name, count in tables.items():
        if count > 1:
            yield Problem(what=f"more than one table {name}; readers may use different ones")
    if archive.tail_size:
        yield Problem(what=f"{archive.tail_size} bytes follow the last member")
