"""Open a bundle: its parts, its VIBs and what they say (depot-format.md#bundle)."""

import hashlib
import posixpath
import shutil
import zlib
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import BinaryIO, cast

from msgspec import Struct
from msgspec.structs import replace

from vibforge.bundle.index import (
    INDEX_NAME,
    METADATA_NAME,
    VENDOR_INDEX_NAME,
    DepotVib,
    Platform,
    Vendor,
    announced_anew,
    announcement,
    announcement_name,
    conventional_path,
    index_bytes,
    vendor_index_bytes,
)
from vibforge.bundle.index import parse as parse_announcement
from vibforge.bundle.metadata import (
    METADATA_LIMIT,
    RESPONSE_NAME,
    Bulletin,
    Bundle,
    metadata_urls,
    opened_metadata,
    read_bundle,
    serialise_bulletin,
    serialise_response,
)
from vibforge.errors import DepotError, FormatError, ModelError, Problem
from vibforge.files.inputs import FileSource, Source, ZipSource
from vibforge.files.publication import TEMPORARY, Publication, explained
from vibforge.files.unpack_folder import UnpackFolder
from vibforge.formats.budget import Budget, Work
from vibforge.formats.sniffing import HEAD_SIZE, FileKind, file_kind, not_a
from vibforge.formats.streams import CHUNK_SIZE, read_chunks
from vibforge.formats.xml_reading import SIZE_LIMIT as XML_LIMIT
from vibforge.formats.zip_archive import ZipArchive, ZipWriter, open_zip, unsafe_name, zip_bytes
from vibforge.vib.archive import Vib
from vibforge.vib.identity import ReleaseDate


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
        return cls(origin=origin, bulletin=bulletin, data=serialise_bulletin(bulletin))


class BundleContent(Struct, frozen=True, kw_only=True):
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
    source = FileSource.from_path(path)
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
    """Refuse a VIB with which hosts could not load or install from the bundle."""
    of = vib.descriptor
    where = vib.source.name
    problems = [Problem(what=fault.what, where=where) for fault in vib.faults]
    if of.release_date is None:
        what = "the descriptor has no release-date, which hosts need to match it with a depot"
        problems.append(Problem(what=what, where=where, remedy="rebuild the VIB"))
    if reason := unsafe_name(conventional_path(of)) or ("/" in of.vib_id and "a slash in its ID"):
        what = f"{of.vib_id!r} cannot name a file in a depot: {reason}"
        problems.append(Problem(what=what, where=where, remedy="give it a plain name and version"))
    if not (of.name and of.vendor and of.version and of.type):
        what = "name, version, vendor or type is missing, so the VIB has no ID"
        problems.append(Problem(what=what, where=where, remedy="rebuild the VIB"))
    if problems:
        raise DepotError.from_problems(problems)


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


def carried_anew(old: CarriedVib, source: Source) -> CarriedVib:
    """Return a VIB of a bundle with another file, which has the same descriptor.

    Raises:
        FormatError: the file or the metadata of the VIB cannot be read.
    """
    data = announced_anew(old.metadata, source)
    sha256, crc32 = file_digests(source)
    return replace(
        old,
        source=source,
        announced=parse_announcement(data, old.announced.member, old.origin, source.budget),
        metadata=data,
        sha256=sha256,
        crc32=crc32,
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
            other = by_path[vib.path]
            what = f"{vib.path} is the place of {vib.id}, and of {other.id} in {other.origin}"
            remedy = "leave one out; `vibforge bundle verify` tells which bundle contradicts itself"
            problems.append(Problem(what=what, where=vib.origin, remedy=remedy))
    if problems:
        raise DepotError.from_problems(problems)
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
    content: BundleContent
    notes: tuple[str, ...] = ()


def write(content: BundleContent, path: Path, notes: tuple[str, ...] = ()) -> Written:
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
    publication: Publication,
    content: BundleContent,
    path: Path,
    notes: tuple[str, ...] = (),
    *,
    like_replaced: bool = False,
) -> Written:
    """Write a bundle as one file of a publication in the folder of `path`; errors as for `write`.

    The file gets its name when the caller publishes. With `like_replaced` it gets the owner and the
    permissions of the file that it replaces, and is read back before it gets its name.
    """
    if not content.vibs:
        raise DepotError("there is no VIB to put into a bundle", where=str(path))
    with publication.create(path.name, like_replaced=like_replaced) as file:
        _write_zip(content, file)
        size = file.tell()
        sha256 = _sha256(file)
        if like_replaced:
            _read_back(file, size, path)
    return Written(path=path, size=size, sha256=sha256, content=content, notes=notes)


def _read_back(file: BinaryIO, size: int, path: Path) -> None:
    """Check that a written bundle can be read and that its metadata agrees with its VIBs.

    Raises:
        FormatError: it cannot be read.
        DepotError: it contradicts itself.
    """
    source = FileSource(path, size, Budget(str(path), size))
    with ExitStack() as stack:
        (bundle,) = bundles_in(source, file, stack)
        content_of(bundle, str(path))


def _write_zip(content: BundleContent, file: BinaryIO) -> None:
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


def _metadata(content: BundleContent, vendor_index: bytes) -> bytes:
    bulletins = [carried.bulletin for carried in content.bulletins]
    announced = [vib.announced for vib in content.vibs]
    timestamp = str(content.date).removesuffix("+00:00")
    files = {
        VENDOR_INDEX_NAME: vendor_index,
        RESPONSE_NAME: serialise_response(timestamp, bulletins, announced),
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


INNER_LIMIT = 16
"""Zips in one zip that are looked into; vendors put one bundle beside a licence."""

_WRITTEN_ANEW = frozenset({VENDOR_INDEX_NAME, RESPONSE_NAME})


class OpenBundle(Struct, frozen=True, kw_only=True):
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
        source = FileSource.from_path(path)
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
def opened_content(path: Path) -> Iterator[BundleContent]:
    """Open the one bundle in a file, to compose another one of it.

    Raises:
        FormatError: it is not a bundle, or parts of it are unsafe or cannot be read.
        DepotError: there are several bundles in it, or it contradicts itself.
    """
    with opened_bundles(path) as bundles:
        if len(bundles) != 1:
            raise DepotError(
                f"the file holds {len(bundles)} bundles, not one",
                where=str(path),
                remedy="unpack it and give one bundle",
            )
        yield content_of(bundles[0], str(path))


def content_of(opened_bundle: OpenBundle, origin: str) -> BundleContent:
    """Return a bundle's content; check every VIB's file against the bundle's metadata.

    Raises:
        FormatError: parts of it are unsafe or cannot be read.
        DepotError: it contradicts itself.
    """
    bundle = opened_bundle.bundle
    if bundle.faults:
        raise FormatError.from_problems(bundle.faults)
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
    return BundleContent(
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
        raise DepotError("the metadata lists this VIB, but the bundle lacks it", where=where)
    source = ZipSource(archive, member, where)
    sha256, crc32 = file_digests(source)
    digests = {c.digest.lower() for c in vib.checksums if c.checksum_type == "sha-256"}
    if vib.packed_size not in {None, source.size} or (digests and digests != {sha256}):
        raise DepotError(
            "the VIB's size or digest differs from the metadata",
            where=where,
            remedy="`vibforge bundle verify` shows the details",
        )
    return CarriedVib(
        origin=origin, source=source, announced=vib, metadata=data, sha256=sha256, crc32=crc32
    )


_MODE = 0o644


class UnpackedDepot(Struct, frozen=True, kw_only=True):
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
                "the file does not hold exactly one offline bundle",
                where=str(path),
                remedy="name the zip of one bundle; several in a zip are taken out with "
                "`vibforge extract`",
            )
        found = bundles[0]
        found.archive.require_fit()
        if not found.bundle.vendors:
            raise DepotError.from_problems(found.bundle.faults)
        yield found


def unpack(path: Path, folder: Path) -> UnpackedDepot:
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
        return UnpackedDepot(
            folder=folder,
            files=tuple(member.name for member in bundle.archive.members),
            size=sum(member.size for member in bundle.archive.members),
        )
