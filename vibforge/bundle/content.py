"""What is in an offline bundle, and how it is written reproducibly."""

import hashlib
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

from msgspec import Struct

from vibforge.bundle import bulletin as bulletin_xml
from vibforge.bundle import response
from vibforge.bundle.bulletin import Bulletin
from vibforge.bundle.index import (
    INDEX_NAME,
    METADATA_NAME,
    VENDOR_INDEX_NAME,
    DepotVib,
    Platform,
    Vendor,
    announcement,
    announcement_name,
    conventional_path,
    index_bytes,
    vendor_index_bytes,
)
from vibforge.bundle.index import parse as parse_announcement
from vibforge.bundle.metadata import METADATA_LIMIT
from vibforge.bundle.response import RESPONSE_NAME
from vibforge.errors import DepotError, FormatError, ModelError, Problem
from vibforge.files.publication import Publication
from vibforge.files.source import FileSource, Source
from vibforge.formats.streams import CHUNK_SIZE, read_chunks
from vibforge.formats.zip_writing import ZipWriter, unsafe_name, zip_bytes
from vibforge.vib.archive import Vib
from vibforge.vib.release_date import ReleaseDate


class CarriedVib(Struct, frozen=True, kw_only=True):
    """A VIB on its way into a bundle: its file, and the metadata that announces it.

    `origin` is the file that a person gave: the VIB's own, or a bundle's.
    """

    origin: str
    source: Source
    announced: DepotVib
    metadata: bytes
    sha256: str
    crc32: int

    @property
    def id(self) -> str:
        return self.announced.descriptor.vib_id

    @property
    def path(self) -> str:
        """Where it is in the bundle."""
        return self.announced.relative_path


class CarriedBulletin(Struct, frozen=True, kw_only=True):
    """A bulletin and the bytes of its file, which stay as they are while nothing in it changes."""

    origin: str
    bulletin: Bulletin
    data: bytes

    @classmethod
    def of(cls, bulletin: Bulletin, origin: str) -> "CarriedBulletin":
        """Carry a new or changed bulletin."""
        return cls(origin=origin, bulletin=bulletin, data=bulletin_xml.serialise(bulletin))


class Content(Struct, frozen=True, kw_only=True):
    """What an offline bundle holds, ready to be written; `date` is that of all its members.

    `others` are files of the metadata that are not known here or are image profiles, `beside` are
    members of the bundle itself that no index names, such as a licence.
    """

    vendor: Vendor
    platforms: tuple[Platform, ...]
    vibs: tuple[CarriedVib, ...]
    bulletins: tuple[CarriedBulletin, ...] = ()
    others: tuple[tuple[str, bytes], ...] = ()
    beside: tuple[tuple[str, Source], ...] = ()
    date: ReleaseDate

    @property
    def components(self) -> tuple[Bulletin, ...]:
        """The bulletins that are components."""
        found = (carried.bulletin for carried in self.bulletins)
        return tuple(bulletin for bulletin in found if bulletin.is_component)


def carry_vib(path: Path) -> CarriedVib:
    """Take a VIB's file into a bundle, at its conventional path.

    Raises:
        FormatError: it is not a VIB.
        DepotError: a bundle with it could not be installed from.
    """
    source = FileSource.of(path)
    vib = Vib.from_source(source)
    _check(vib)
    sha256, crc32 = file_digests(source)
    where = conventional_path(vib.descriptor)
    data = announcement(vib.descriptor_bytes, where, source.size, sha256, source.budget)
    name = announcement_name(vib.descriptor)
    return CarriedVib(
        origin=str(path),
        source=source,
        announced=parse_announcement(data, name, f"{path}:{name}", source.budget),
        metadata=data,
        sha256=sha256,
        crc32=crc32,
    )


def _check(vib: Vib) -> None:
    """Refuse what would make a bundle that hosts cannot load or install from."""
    of = vib.descriptor
    where = vib.source.name
    problems = [Problem(what=fault.what, where=where) for fault in vib.faults]
    if of.release_date is None:
        what = "its descriptor has no release-date, and hosts need one to match it with a depot"
        problems.append(Problem(what=what, where=where, remedy="build it anew"))
    if reason := unsafe_name(conventional_path(of)) or ("/" in of.vib_id and "a slash in its ID"):
        what = f"{of.vib_id!r} cannot name a file in a depot: {reason}"
        problems.append(Problem(what=what, where=where, remedy="give it a plain name and version"))
    if not (of.name and of.vendor and of.version and of.type):
        what = "name, version, vendor and type make the VIB's ID; one of them is missing"
        problems.append(Problem(what=what, where=where, remedy="build it anew"))
    if problems:
        raise DepotError.of(problems)


def file_digests(source: Source) -> tuple[str, int]:
    """Return the SHA-256 in hex and the CRC-32 of a file.

    Raises:
        FormatError: it cannot be read, or changed meanwhile.
    """
    sha256, crc32, size = hashlib.sha256(), 0, 0
    with source.open() as stream:
        for chunk in read_chunks(stream, source.size):
            sha256.update(chunk)
            crc32 = zlib.crc32(chunk, crc32)
            size += len(chunk)
    if size != source.size:
        raise FormatError("it changed while it was read", where=source.name)
    return sha256.hexdigest(), crc32


def joined_vibs(vibs: Iterable[CarriedVib]) -> tuple[CarriedVib, ...]:
    """Return each VIB once.

    Raises:
        DepotError: one ID stands for two contents, or one path for two VIBs.
    """
    by_id: dict[str, CarriedVib] = {}
    by_path: dict[str, CarriedVib] = {}
    problems = []
    for vib in vibs:
        first = by_id.setdefault(vib.id, vib)
        if first.sha256 != vib.sha256:
            what = f"{vib.id} has another content in {first.origin} (a host refuses the two)"
            remedy = "leave one out, or build it with another version"
            problems.append(Problem(what=what, where=vib.origin, remedy=remedy))
        elif by_path.setdefault(vib.path, first) is not first:
            other = by_path[vib.path]
            what = f"{vib.path} is the place of {vib.id}, and of {other.id} in {other.origin}"
            remedy = "leave one out; `vibforge bundle verify` tells which bundle contradicts itself"
            problems.append(Problem(what=what, where=vib.origin, remedy=remedy))
    if problems:
        raise DepotError.of(problems)
    return tuple(by_id.values())


def latest(dates: Iterable[str | None]) -> ReleaseDate:
    """Return the latest of some release dates; 1980, where a zip's dates begin, if there is none.

    Dates that cannot be read do not count.
    """
    found = [ReleaseDate.parse("1980-01-01")]
    for text in dates:
        try:
            found.append(ReleaseDate.parse((text or "").strip()))
        except ModelError:
            continue
    return max(found, key=lambda date: date.epoch)


class Written(Struct, frozen=True, kw_only=True):
    """A bundle that was written; size in bytes, digest in hex.

    `notes` tells what was assumed or left out on the way.
    """

    path: Path
    size: int
    sha256: str
    content: Content
    notes: tuple[str, ...] = ()


def write(content: Content, path: Path, notes: tuple[str, ...] = ()) -> Written:
    """Write a bundle to a file, whole or not at all; VIBs are copied a piece at a time.

    Raises:
        OutputError: the file cannot be written.
        FormatError: a VIB cannot be read any more, or changed on the way.
    """
    with Publication(path.parent) as publication:
        written = write_unpublished(publication, content, path, notes)
        publication.publish()
    return written


def write_unpublished(
    publication: Publication, content: Content, path: Path, notes: tuple[str, ...] = ()
) -> Written:
    """Write a bundle as one file of a publication in the folder of `path`; errors as for `write`.

    The file gets its name when the caller publishes.
    """
    if not content.vibs:
        raise DepotError("there is no VIB to put into a bundle", where=str(path))
    with publication.create(path.name) as file:
        _write_zip(content, file)
        size = file.tell()
        sha256 = _sha256(file)
    return Written(path=path, size=size, sha256=sha256, content=content, notes=notes)


def _write_zip(content: Content, file: BinaryIO) -> None:
    vendor = Vendor(name=content.vendor.name, code=content.vendor.code)
    vendor_index = vendor_index_bytes(content.platforms)
    metadata = _metadata(content, vendor_index)
    with ZipWriter(file, content.date.epoch) as writer:
        for name, data in (
            (INDEX_NAME, index_bytes([vendor])),
            (VENDOR_INDEX_NAME, vendor_index),
            (METADATA_NAME, metadata),
        ):
            writer.add(name, [data], len(data))
        for vib in sorted(content.vibs, key=lambda vib: vib.path):
            writer.add(vib.path, _pieces(vib), vib.source.size)
        for name, source in sorted(content.beside, key=lambda each: each[0]):
            with source.open() as stream:
                writer.add(name, read_chunks(stream, source.size), source.size)


def _metadata(content: Content, vendor_index: bytes) -> bytes:
    bulletins = [carried.bulletin for carried in content.bulletins]
    announced = [vib.announced for vib in content.vibs]
    timestamp = str(content.date).removesuffix("+00:00")
    files = {
        VENDOR_INDEX_NAME: vendor_index,
        RESPONSE_NAME: response.serialise(timestamp, bulletins, announced),
    }
    named = {vib.announced.member: vib.metadata for vib in content.vibs}
    named |= {carried.bulletin.member: carried.data for carried in content.bulletins}
    named |= dict(content.others)
    data = zip_bytes([*files.items(), *sorted(named.items())], content.date.epoch)
    if len(data) > METADATA_LIMIT:
        raise DepotError(
            f"the metadata would have {len(data)} bytes, more than {METADATA_LIMIT}",
            remedy="split the bundle",
        )
    return data


def _pieces(vib: CarriedVib) -> Iterator[bytes]:
    """Yield a VIB's bytes, and insist that they are those that were described."""
    crc32 = 0
    with vib.source.open() as stream:
        for chunk in read_chunks(stream, vib.source.size):
            crc32 = zlib.crc32(chunk, crc32)
            yield chunk
    if crc32 != vib.crc32:
        raise FormatError("it changed while it was read", where=vib.source.name)


def _sha256(file: BinaryIO) -> str:
    digest = hashlib.sha256()
    file.seek(0)
    while chunk := file.read(CHUNK_SIZE):
        digest.update(chunk)
    return digest.hexdigest()
