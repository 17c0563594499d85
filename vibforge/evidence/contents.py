"""The files of a VIB or bundle with their digests, as an SBOM lists them."""

from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path

from msgspec import Struct

from vibforge.bundle.opening import OpenBundle, latest
from vibforge.errors import FormatError, LimitError, escaped
from vibforge.files.inputs import FileSource, Source
from vibforge.formats.gnu_tar import EntryKind, KindName, kind_name
from vibforge.formats.sniffing import HEAD_SIZE
from vibforge.formats.streams import Hasher, read_chunks
from vibforge.formats.tar_reading import TarEntry, TarReader, starts_tar
from vibforge.packages.subjects import Subject, opened
from vibforge.vib.archive import StoredPayload, Vib
from vibforge.vib.descriptor import Descriptor
from vibforge.vib.identity import ReleaseDate

FILE_LIMIT = 10_000
"""Files, links and devices in one SBOM; the CycloneDX library needs 7 s for as many."""
SHA1, SHA256 = "sha-1", "sha-256"
_ALGORITHMS = (SHA1, SHA256)
"""SPDX 2.3 demands SHA-1 of each file and its package verification code is one; SHA-256 counts."""


class Digests(Struct, frozen=True, kw_only=True):
    """Size in bytes and digests in hex."""

    size: int
    sha1: str
    sha256: str


class ListedFile(Struct, frozen=True, kw_only=True):
    """An entry of a payload, except a folder.

    `path` has no slash in front; characters that cannot be printed are escaped. `digests` is None
    for links and devices.
    """

    path: str
    kind: KindName
    mode: int
    uid: int
    gid: int
    link: str = ""
    digests: Digests | None = None


class ListedPayload(Struct, frozen=True, kw_only=True):
    """A payload as stored in the VIB; without `files` if it is not a tar, so not unpacked."""

    name: str
    type: str
    digests: Digests
    files: tuple[ListedFile, ...]


class ListedVib(Struct, frozen=True, kw_only=True):
    """A VIB: `member` is its path in a bundle, empty for a VIB of its own."""

    member: str
    descriptor: Descriptor
    digests: Digests
    is_signed: bool
    payloads: tuple[ListedPayload, ...]

    @property
    def files(self) -> Iterator[ListedFile]:
        """The files of all payloads."""
        return (file for payload in self.payloads for file in payload.files)


class PackageKind(StrEnum):
    """The kind of a package."""

    VIB = "VIB"
    BUNDLE = "offline bundle"


class PackageContents(Struct, frozen=True, kw_only=True):
    """A VIB or bundle; `name` is its file name, `date` the latest release date of its VIBs."""

    name: str
    kind: PackageKind
    digests: Digests
    vibs: tuple[ListedVib, ...]
    vendor: str
    date: ReleaseDate

    @property
    def file_count(self) -> int:
        """The number of files, links and devices that are listed."""
        return sum(len(payload.files) for vib in self.vibs for payload in vib.payloads)


def read_contents(package: Path | Vib) -> PackageContents:
    """List the files of a VIB or bundle.

    Raises:
        FormatError: it is neither a VIB nor one bundle, or a payload cannot be read to its end.
        LimitError: it has too many files, or asks for more work than its size allows.
    """
    if isinstance(package, Vib):
        return _contents(package.afresh(), package.source)
    with opened(package) as subjects:
        if len(subjects) != 1:
            raise FormatError(
                f"the file holds {len(subjects)} bundles, not one",
                where=str(package),
                remedy="unpack it and name one bundle",
            )
        return _contents(subjects[0], FileSource.from_path(package))


def _contents(subject: Subject, source: Source) -> PackageContents:
    kind, vendor, vibs = _listed(subject, source.name)
    return PackageContents(
        name=escaped(Path(source.name).name),
        kind=kind,
        digests=digests_of(source),
        vibs=vibs,
        vendor=vendor,
        date=latest(vib.descriptor.release_date for vib in vibs),
    )


def digests_of(source: Source) -> Digests:
    """Return the size and the digests of a whole file.

    Raises:
        FormatError: it cannot be read.
    """
    hasher = Hasher(_ALGORITHMS)
    with source.open() as stream:
        for chunk in read_chunks(stream, source.size):
            hasher.take(chunk)
    return _digests(hasher)


def _digests(hasher: Hasher) -> Digests:
    return Digests(size=hasher.size, sha1=hasher.digest(SHA1), sha256=hasher.digest(SHA256))


def _listed(subject: Subject, where: str) -> tuple[PackageKind, str, tuple[ListedVib, ...]]:
    room = _Room(where)
    if isinstance(subject, Vib):
        return PackageKind.VIB, subject.descriptor.vendor, (_vib(subject, "", room),)
    if not isinstance(subject, OpenBundle):
        raise FormatError("neither a VIB nor an offline bundle", where=where)
    vendors = ", ".join(dict.fromkeys(each.name for each in subject.bundle.vendors))
    prefix = f"{subject.container.name}:"
    vibs = tuple(
        _vib(Vib.from_source(source), escaped(source.name.removeprefix(prefix)), room)
        for source in subject.sources
    )
    return PackageKind.BUNDLE, vendors, vibs


class _Room:
    """Counts the files of an SBOM."""

    def __init__(self, where: str) -> None:
        self._where = where
        self._left = FILE_LIMIT

    def take(self) -> None:
        if not self._left:
            raise LimitError(
                f"more than {FILE_LIMIT} files, the limit of an SBOM",
                where=self._where,
                remedy="describe the VIBs of a bundle one by one",
            )
        self._left -= 1


def _vib(vib: Vib, member: str, room: _Room) -> ListedVib:
    if missing := [escaped(each.name) for each in vib.payloads if each.member is None]:
        raise FormatError(f"the payload {missing[0]} is missing", where=vib.source.name)
    return ListedVib(
        member=member,
        descriptor=vib.descriptor,
        digests=digests_of(vib.source),
        is_signed=vib.is_signed,
        payloads=tuple(_payload(vib, payload, room) for payload in vib.payloads),
    )


def _payload(vib: Vib, payload: StoredPayload, room: _Room) -> ListedPayload:
    hasher = Hasher(_ALGORITHMS)
    with vib.source.open() as stream:
        for chunk in vib.stored(payload, stream):
            hasher.take(chunk)
    return ListedPayload(
        name=escaped(payload.name),
        type=escaped(payload.declared.type) if payload.declared else "",
        digests=_digests(hasher),
        files=tuple(_files(vib, payload, room)),
    )


def _files(vib: Vib, payload: StoredPayload, room: _Room) -> Iterator[ListedFile]:
    try:
        with vib.unpacked(payload) as unpacked:
            if not starts_tar(unpacked.content.peek(HEAD_SIZE)):
                return
            for found, pieces in TarReader(unpacked.content, vib.source.budget).contents():
                if found.entry.kind is not EntryKind.DIRECTORY:
                    room.take()
                    yield _file(found, pieces)
    except FormatError as error:
        raise FormatError(
            f"the payload cannot be listed: {error.problems[0].what}",
            where=f"{vib.source.name}:{payload.name}",
            remedy="`vibforge verify` shows what is wrong with the package",
        ) from error


def _file(found: TarEntry, pieces: Iterator[memoryview]) -> ListedFile:
    entry = found.entry
    hasher = Hasher(_ALGORITHMS)
    for piece in pieces:
        hasher.take(bytes(piece))
    return ListedFile(
        path=escaped(entry.path),
        kind=kind_name(entry.kind),
        mode=entry.mode,
        uid=entry.uid,
        gid=entry.gid,
        link=escaped(entry.link),
        digests=_digests(hasher) if entry.kind.is_file else None,
    )
