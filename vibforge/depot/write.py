"""Write an offline bundle: the same content gives the same bytes."""

import hashlib
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from vibforge.depot.content import CarriedVib, Content
from vibforge.errors import DepotError, FormatError
from vibforge.formats.byte_stream import CHUNK_SIZE, read_chunks
from vibforge.formats.zip_writing import ZipWriter, zip_bytes
from vibforge.model import bundle_response
from vibforge.model.bundle import METADATA_LIMIT
from vibforge.model.bundle_index import (
    INDEX_NAME,
    METADATA_NAME,
    VENDOR_INDEX_NAME,
    Vendor,
    index_bytes,
    vendor_index_bytes,
)
from vibforge.model.bundle_response import RESPONSE_NAME
from vibforge.operations.publish import Publication


@dataclass(frozen=True, kw_only=True, slots=True)
class Written:
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
        RESPONSE_NAME: bundle_response.serialise(timestamp, bulletins, announced),
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
