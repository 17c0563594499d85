"""Open whatever an admin has in hand: a VIB, a bundle, a loose payload, a stage folder."""

import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

from vibforge.bundle.index import INDEX_NAME
from vibforge.bundle.metadata import Bundle, read_bundle
from vibforge.errors import FormatError, is_file, is_folder
from vibforge.files.publication import TEMPORARY, explained
from vibforge.files.source import FileSource, Source, ZipSource
from vibforge.formats.budget import SIGNATURE_LIMIT
from vibforge.formats.sniffing import HEAD_SIZE, FileKind, file_kind, not_a
from vibforge.formats.zip_reading import ZipArchive, open_zip
from vibforge.vib import descriptor_reading
from vibforge.vib.archive import Vib
from vibforge.vib.descriptor import Descriptor
from vibforge.vib.identity import DESCRIPTOR_NAME, SIGNATURE_NAME

INNER_LIMIT = 16
"""Zips in one zip that are looked into; vendors put one bundle beside a licence."""

_PAYLOAD_KINDS = {FileKind.GZIP, FileKind.ZSTD, FileKind.VMTAR, FileKind.TAR}
_ANYTHING = "a VIB, an offline bundle, a payload or a stage folder"


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


@dataclass(frozen=True, kw_only=True, slots=True)
class LoosePayload:
    """A payload outside a VIB."""

    source: Source


@dataclass(frozen=True, kw_only=True, slots=True)
class StageFolder:
    """A folder as VIB Author reads it: descriptor.xml, and a tree for each payload in payloads/."""

    path: Path
    descriptor_bytes: bytes
    descriptor: Descriptor
    signature: bytes
    payloads: tuple[Path, ...]


Subject = Vib | OpenBundle | LoosePayload | StageFolder


@contextmanager
def opened(path: Path) -> Iterator[tuple[Subject, ...]]:
    """Open a file or folder; a zip that holds zips opens as the bundles in it.

    Raises:
        FormatError: it is none of what can be read.
    """
    with ExitStack() as stack:
        if is_folder(path):
            yield (_stage_folder(path),)
            return
        source = FileSource.of(path)
        stream = stack.enter_context(source.open())
        head = stream.read(HEAD_SIZE)
        kind = file_kind(head)
        if kind is FileKind.ARCHIVE:
            yield (Vib.from_source(source),)
        elif kind is FileKind.ZIP:
            yield tuple(_bundles(source, stream, stack))
        elif kind in _PAYLOAD_KINDS:
            yield (LoosePayload(source=source),)
        else:
            raise not_a(_ANYTHING, head, source.name)


def _bundles(source: Source, stream: BinaryIO, stack: ExitStack) -> Iterator[OpenBundle]:
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


def _stage_folder(path: Path) -> StageFolder:
    descriptor = path / DESCRIPTOR_NAME
    if not is_file(descriptor):
        raise FormatError(
            f"a folder without {DESCRIPTOR_NAME}, not a stage folder",
            where=str(path),
            remedy="a project is shown by `vibforge build --dry-run`",
        )
    data = descriptor.read_bytes()
    signature = path / SIGNATURE_NAME
    payloads = path / "payloads"
    return StageFolder(
        path=path,
        descriptor_bytes=data,
        descriptor=descriptor_reading.parse(data, str(descriptor)),
        signature=_small_file(signature) if is_file(signature) else b"",
        payloads=tuple(sorted(payloads.iterdir())) if is_folder(payloads) else (),
    )


def _small_file(path: Path) -> bytes:
    if path.stat().st_size > SIGNATURE_LIMIT:
        raise FormatError(f"more than {SIGNATURE_LIMIT} bytes", where=str(path))
    return path.read_bytes()
