"""What is in an offline bundle, as it is put together and taken apart.

VIBs and whatever else stands in the metadata are carried as the bytes they are; only the indexes
and vmware.xml are written anew.
"""

import hashlib
import posixpath
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from vibforge.errors import DepotError, FormatError, ModelError, Problem
from vibforge.formats.byte_stream import read_chunks
from vibforge.formats.zip_names import unsafe_name
from vibforge.formats.zip_reading import ZipArchive
from vibforge.model import bulletin as bulletin_xml
from vibforge.model.bulletin import Bulletin
from vibforge.model.bundle import (
    METADATA_TOTAL_LIMIT,
    XML_LIMIT,
    metadata_urls,
    opened_metadata,
    within_total,
)
from vibforge.model.bundle_index import (
    INDEX_NAME,
    METADATA_NAME,
    VENDOR_INDEX_NAME,
    Platform,
    Vendor,
)
from vibforge.model.bundle_response import RESPONSE_NAME
from vibforge.model.bundle_vib import (
    DepotVib,
    announcement,
    announcement_name,
    conventional_path,
)
from vibforge.model.bundle_vib import parse as parse_announcement
from vibforge.model.release_date import ReleaseDate
from vibforge.model.source import FileSource, Source, ZipSource
from vibforge.model.vib import Vib
from vibforge.operations.subjects import OpenBundle, opened

_WRITTEN_ANEW = frozenset({VENDOR_INDEX_NAME, RESPONSE_NAME})


@dataclass(frozen=True, kw_only=True, slots=True)
class CarriedVib:
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


@dataclass(frozen=True, kw_only=True, slots=True)
class CarriedBulletin:
    """A bulletin and the bytes of its file, which stay as they are while nothing in it changes."""

    origin: str
    bulletin: Bulletin
    data: bytes

    @classmethod
    def of(cls, bulletin: Bulletin, origin: str) -> "CarriedBulletin":
        """Carry a new or changed bulletin."""
        return cls(origin=origin, bulletin=bulletin, data=bulletin_xml.serialise(bulletin))


@dataclass(frozen=True, kw_only=True, slots=True)
class Content:
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
    sha256, crc32 = _digests(source)
    where = conventional_path(vib.descriptor)
    data = announcement(vib.descriptor_bytes, where, source.size, sha256)
    name = announcement_name(vib.descriptor)
    return CarriedVib(
        origin=str(path),
        source=source,
        announced=parse_announcement(data, name, f"{path}:{name}"),
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


def _digests(source: Source) -> tuple[str, int]:
    sha256, crc32, size = hashlib.sha256(), 0, 0
    with source.open() as stream:
        for chunk in read_chunks(stream, source.size):
            sha256.update(chunk)
            crc32 = zlib.crc32(chunk, crc32)
            size += len(chunk)
    if size != source.size:
        raise FormatError("it changed while it was read", where=source.name)
    return sha256.hexdigest(), crc32


@contextmanager
def opened_content(path: Path) -> Iterator[Content]:
    """Open the one bundle in a file, to compose another one of it.

    Raises:
        FormatError: it is not a bundle, or parts of it are unsafe or cannot be read.
        DepotError: there are several bundles in it, or it contradicts itself.
    """
    with opened(path) as subjects:
        bundles = [subject for subject in subjects if isinstance(subject, OpenBundle)]
        if len(bundles) != 1 or len(subjects) != 1:
            raise DepotError(
                f"{len(bundles)} bundles where one belongs", where=str(path), remedy="unpack it"
            )
        yield content_of(bundles[0], str(path))


def content_of(opened_bundle: OpenBundle, origin: str) -> Content:
    """Take a bundle's content; every VIB is held against what the bundle says of its file.

    Raises:
        FormatError: parts of it are unsafe or cannot be read.
        DepotError: it contradicts itself.
    """
    bundle = opened_bundle.bundle
    if bundle.faults:
        raise FormatError.of(bundle.faults)
    if len(bundle.vendors) != 1:
        raise DepotError("several vendors in one bundle are not composed", where=origin)
    files = _metadata_files(opened_bundle.archive, bundle.platforms, origin)
    vibs = tuple(_carried(opened_bundle.archive, v, files[v.member], origin) for v in bundle.vibs)
    bulletins = tuple(
        CarriedBulletin(origin=origin, bulletin=bulletin, data=files[bulletin.member])
        for bulletin in _distinct(bundle.bulletins)
    )
    indexes = {INDEX_NAME, bundle.vendors[0].index_path, *(p.url for p in bundle.platforms)}
    taken = indexes | {vib.path for vib in vibs}
    known = {vib.member for vib in bundle.vibs} | {each.member for each in bundle.bulletins}
    return Content(
        vendor=bundle.vendors[0],
        platforms=tuple(dict.fromkeys(_plain(platform) for platform in bundle.platforms)),
        vibs=joined_vibs(vibs),
        bulletins=bulletins,
        others=tuple((n, d) for n, d in files.items() if n not in known | _WRITTEN_ANEW),
        beside=tuple(
            (member.name, ZipSource(opened_bundle.archive, member, f"{origin}:{member.name}"))
            for member in opened_bundle.archive.members
            if member.name not in taken
        ),
        date=latest(vib.announced.descriptor.release_date for vib in vibs),
    )


def _plain(platform: Platform) -> Platform:
    """Return a platform with the metadata where it is written to."""
    return replace(platform, url=METADATA_NAME, channels=platform.channels or ("default",))


def _distinct(bulletins: Iterable[Bulletin]) -> Iterator[Bulletin]:
    """Yield each bulletin once: two metadata zips may hold the same."""
    return iter({bulletin.member: bulletin for bulletin in bulletins}.values())


def _metadata_files(
    archive: ZipArchive, platforms: tuple[Platform, ...], origin: str
) -> dict[str, bytes]:
    files: dict[str, bytes] = {}
    left = METADATA_TOTAL_LIMIT
    for url in metadata_urls(platforms):
        found = archive.find(url)
        assert found is not None  # noqa: S101 - a missing one is a fault, and there was none
        with opened_metadata(archive, found, f"{origin}:{url}") as metadata:
            for member in within_total(metadata, left):
                left -= member.size
                data = metadata.read(member, XML_LIMIT)
                same = files.setdefault(member.name, data) == data
                if not same and member.name not in _WRITTEN_ANEW:
                    raise DepotError(
                        "two metadata zips hold different files of this name",
                        where=f"{origin}:{member.name}",
                    )
    return files


def _carried(archive: ZipArchive, vib: DepotVib, data: bytes, origin: str) -> CarriedVib:
    where = f"{origin}:{vib.relative_path}"
    member = archive.find(posixpath.normpath(vib.relative_path))
    if member is None:
        raise DepotError("the metadata announces it, and it is not there", where=where)
    source = ZipSource(archive, member, where)
    sha256, crc32 = _digests(source)
    digests = {c.digest.lower() for c in vib.checksums if c.checksum_type == "sha-256"}
    if vib.packed_size not in {None, source.size} or (digests and digests != {sha256}):
        raise DepotError(
            "its size or digest is not what the metadata says",
            where=where,
            remedy="`vibforge bundle verify` tells more",
        )
    return CarriedVib(
        origin=origin, source=source, announced=vib, metadata=data, sha256=sha256, crc32=crc32
    )


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
            what = f"{vib.path} is the place of {by_path[vib.path].id} in {first.origin} too"
            problems.append(Problem(what=what, where=vib.origin))
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
