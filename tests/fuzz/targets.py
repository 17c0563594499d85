"""What is fed with mutated bytes, and the good bytes that mutations start from."""

import gzip
import io
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests import vibs
from vibforge.formats.ar_reading import read_archive
from vibforge.formats.byte_stream import ByteStream
from vibforge.formats.pkcs7 import check_block, read_blocks
from vibforge.formats.tar_reading import TarReader
from vibforge.formats.unpacking import unpack
from vibforge.formats.zip_reading import open_zip
from vibforge.model import descriptor_reading, descriptor_writing
from vibforge.model.bundle import read_bundle
from vibforge.model.source import ZipSource
from vibforge.model.vib import Vib
from vibforge.operations.inspect import inspect_vib
from vibforge.operations.verify import verify_vib
from vibforge.report.inspect import inspection_text, listing
from vibforge.report.inspect_json import descriptor_facts, inspection_facts
from vibforge.report.paint import Paint
from vibforge.report.verify import verification_facts, verification_text

_TEXT = vibs.descriptor("")


@dataclass(frozen=True, slots=True)
class Target:
    """A reader, and what it reads when all is well."""

    read: Callable[[bytes], None]
    seeds: Callable[[], list[bytes]]


def read_ar(data: bytes) -> None:
    archive = read_archive(io.BytesIO(data), len(data))
    ends = [member.data_offset + member.stored_size for member in archive.members]
    assert all(0 <= end <= len(data) for end in ends)
    assert archive.tail_offset + archive.tail_size >= len(data) - 1


def read_tar(data: bytes) -> None:
    listing_reader = TarReader(ByteStream(iter([data])))
    entries = list(listing_reader.entries())
    listing_reader.finish()
    reader = TarReader(ByteStream(iter([data])))
    count = 0
    for found, pieces in reader.contents():
        count += 1
        assert sum(len(piece) for piece in pieces) == found.entry.size
    assert count == len(entries)


def read_payload(data: bytes) -> None:
    unpacked = unpack(iter([data]), len(data))
    reader = TarReader(unpacked.content)
    for _found in reader.entries():
        pass
    reader.finish()


def read_descriptor(data: bytes) -> None:
    found = descriptor_reading.parse(data)
    written = descriptor_writing.serialise(found)
    assert descriptor_reading.parse(written).name == found.name
    _printable(descriptor_facts(found))


def read_pkcs7(data: bytes) -> None:
    for block in read_blocks(data):
        check_block(block, _TEXT)


def read_bundle_zip(data: bytes) -> None:
    with open_zip(io.BytesIO(data), "fuzz.zip", len(data)) as archive:
        read_bundle(archive, "fuzz.zip")
        for member in archive.members:
            if member.name.endswith(".vib"):
                verify_vib(Vib.from_source(ZipSource(archive, member, member.name)))


def read_vib(data: bytes) -> None:
    vib = Vib.from_bytes(data)
    assert vib.to_bytes() == data
    inspection = inspect_vib(vib)
    _printable(inspection_facts(inspection))
    text = inspection_text(inspection, Paint(), 80) + "\n".join(listing(inspection))
    verification = verify_vib(vib)
    _printable(verification_facts(verification))
    text += verification_text(verification, Paint())
    assert "\x1b" not in text
    text.encode("utf-8")


def _printable(facts: dict[str, Any]) -> None:
    json.dumps(facts).encode("utf-8")


def _archives() -> list[bytes]:
    return [vibs.vib(), vibs.archive([("//", b"a-long-name/\n"), ("/0", b"x")])]


def _zstd_payload() -> bytes:
    return gzip.compress(vibs.zstd_compressed(vibs.image()), mtime=0)


TARGETS = {
    "ar": Target(read_ar, _archives),
    "vmtar": Target(read_tar, lambda: [vibs.image(), vibs.gnu_image()]),
    "payload": Target(
        read_payload, lambda: [gzip.compress(vibs.image(), mtime=0), _zstd_payload()]
    ),
    "descriptor": Target(read_descriptor, lambda: [_TEXT, vibs.descriptor('<payload name="a"/>')]),
    "pkcs7": Target(
        read_pkcs7, lambda: [vibs.sign(_TEXT), vibs.sign(_TEXT, der=True), vibs.sign(_TEXT) * 2]
    ),
    "bundle": Target(read_bundle_zip, lambda: [vibs.bundle()]),
    "vib": Target(read_vib, lambda: [vibs.vib(), vibs.signed_vib(), vibs.vib(stored=vibs.image())]),
}
