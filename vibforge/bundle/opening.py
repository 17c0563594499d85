"""Open an offline bundle, to read it, to make others of it, or to unpack it."""

import posixpath
import shutil
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO, cast

from vibforge.bundle.bulletin import Bulletin
from vibforge.bundle.content import (
    CarriedBulletin,
    CarriedVib,
    Content,
    file_digests,
    joined_vibs,
    latest,
)
from vibforge.bundle.index import INDEX_NAME, METADATA_NAME, VENDOR_INDEX_NAME, DepotVib, Platform
from vibforge.bundle.metadata import Bundle, metadata_urls, opened_metadata, read_bundle
from vibforge.bundle.response import RESPONSE_NAME
from vibforge.errors import DepotError, FormatError
from vibforge.files.publication import TEMPORARY, explained
from vibforge.files.source import FileSource, Source, ZipSource
from vibforge.files.unpack_folder import UnpackFolder
from vibforge.formats.budget import Work
from vibforge.formats.sniffing import HEAD_SIZE, FileKind, file_kind, not_a
from vibforge.formats.streams import read_chunks
from vibforge.formats.xml_reading import SIZE_LIMIT as XML_LIMIT
from vibforge.formats.zip_reading import ZipArchive, open_zip

INNER_LIMIT = 16
"""Zips in one zip that are looked into; vendors put one bundle beside a licence."""

_WRITTEN_ANEW = frozenset({VENDOR_INDEX_NAME, RESPONSE_NAME})


@dataclass(frozen=True, kw_only=True, slots=True)
class OpenBundle:
    """An offline bundle with its VIBs, for as long as it is open.

    `container` is where the zip itself is: a file, or a member of another zip.
    """

    archive: ZipArchive
    container: Source
    bundle: Bundle
    size: int
    sources: tuple[Source, ...]


@contextmanager
def opened_bundles(path: Path) -> Iterator[tuple[OpenBundle, ...]]:
    """Open the bundles in a zip.

    Raises:
        FormatError: it is not a zip, or cannot be read.
    """
    with ExitStack() as stack:
        source = FileSource.of(path)
        stream = stack.enter_context(source.open())
        head = stream.read(HEAD_SIZE)
        if file_kind(head) is not FileKind.ZIP:
            raise not_a("an offline bundle", head, source.name)
        yield tuple(bundles_in(source, stream, stack))


def bundles_in(source: Source, stream: BinaryIO, stack: ExitStack) -> Iterator[OpenBundle]:
    """Yield the bundles of a zip: itself, or the zips in it.

    Args:
        source: where the zip is.
        stream: the same, opened.
        stack: closes what is opened for the bundles.

    Raises:
        FormatError: it is not a zip that can be read, or too many zips are in it.
    """
    archive = _open(source, stream, stack)
    inner = [each for each in archive.members if each.name.lower().endswith(".zip")]
    if archive.find(INDEX_NAME) or not inner:
        yield _bundle(archive, source)
        return
    if len(inner) > INNER_LIMIT:
        raise FormatError(f"more than {INNER_LIMIT} zips in a zip", where=source.name)
    for member in inner:
        inner_source = ZipSource(archive, member, f"{source.name}:{member.name}")
        spool = _spooled(inner_source, stack)
        yield _bundle(_open(inner_source, spool, stack), inner_source)


def _open(source: Source, stream: BinaryIO, stack: ExitStack) -> ZipArchive:
    return stack.enter_context(open_zip(stream, source.name, source.size, source.budget))


def _spooled(source: Source, stack: ExitStack) -> BinaryIO:
    """Unpack a zip in a zip to a nameless file on disk, for a zip is read back and forth."""
    from tempfile import TemporaryFile  # noqa: PLC0415 - hardly ever is there a zip in a zip

    with explained(TEMPORARY):
        spool = stack.enter_context(TemporaryFile())  # noqa: SIM115 - the stack closes it
        with source.open() as packed:
            shutil.copyfileobj(packed, spool)
    spool.seek(0)
    return cast("BinaryIO", spool)


def _bundle(archive: ZipArchive, source: Source) -> OpenBundle:
    vibs = [each for each in archive.members if each.name.lower().endswith(".vib")]
    return OpenBundle(
        archive=archive,
        container=source,
        bundle=read_bundle(archive, source.name),
        size=source.size,
        sources=tuple(ZipSource(archive, vib, f"{source.name}:{vib.name}") for vib in vibs),
    )


@contextmanager
def opened_content(path: Path) -> Iterator[Content]:
    """Open the one bundle in a file, to compose another one of it.

    Raises:
        FormatError: it is not a bundle, or parts of it are unsafe or cannot be read.
        DepotError: there are several bundles in it, or it contradicts itself.
    """
    with opened_bundles(path) as bundles:
        if len(bundles) != 1:
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
    for url in metadata_urls(platforms):
        found = archive.find(url)
        assert found is not None  # noqa: S101 - a missing one is a fault, and there was none
        with opened_metadata(archive, found, f"{origin}:{url}") as metadata:
            for member in metadata.members:
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
    sha256, crc32 = file_digests(source)
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


_MODE = 0o644


@dataclass(frozen=True, kw_only=True, slots=True)
class Unpacked:
    """A depot on disk; `files` are paths below `folder`."""

    folder: Path
    files: tuple[str, ...]
    size: int


@contextmanager
def opened_depot(path: Path) -> Iterator[OpenBundle]:
    """Open the one bundle in a file, if its members can be unpacked and served.

    Raises:
        FormatError: it is not a bundle, members are unsafe, or it unpacks to too much.
        DepotError: there are several bundles in it, or no index.
    """
    with opened_bundles(path) as bundles:
        if len(bundles) != 1:
            raise DepotError(
                "this is not one offline bundle",
                where=str(path),
                remedy="name the zip of one bundle; several in a zip are taken out with "
                "`vibforge extract`",
            )
        found = bundles[0]
        found.archive.require_fit()
        if not found.bundle.vendors:
            raise DepotError.of(found.bundle.faults)
        yield found


def unpack(path: Path, folder: Path) -> Unpacked:
    """Unpack a bundle into a folder, whole or not at all; nothing there is replaced.

    Raises:
        FormatError: it is not a bundle, is damaged, or its members are unsafe.
        DepotError: there are several bundles in it, or no index.
        OutputError: the folder cannot be written, or holds such files already.
    """
    with opened_depot(path) as bundle, UnpackFolder(folder) as target:
        for member in bundle.archive.members:
            with bundle.archive.open(member) as stream:
                target.write(member.name, read_chunks(stream, member.size), _MODE)
            bundle.archive.budget.spend(Work.ENTRIES, 1 + target.folder_work())
        target.keep()
        return Unpacked(
            folder=folder,
            files=tuple(member.name for member in bundle.archive.members),
            size=sum(member.size for member in bundle.archive.members),
        )
