"""vmtar, the content of a `vgz` payload: all headers first, then aligned data.

A header is a tar header with the magic `visor` and four little-endian u32 at its end: data offset,
text offset, text pages, fix-up pages (vib-format 4.2, tried on 6.7; vendor VIBs up to 9.0).
"""

import struct
from collections.abc import Iterator, Sequence

from vibforge.formats.tar_header import BLOCK, Entry, header_blocks, header_count

MAGIC = b"visor  \0"
ALIGNMENT = 4096
PAGE = 4096


def image(entries: Sequence[Entry]) -> Iterator[bytes | Entry]:
    """Yield the archive in order: bytes to write as they are, and entries whose content is due."""
    offsets = _data_offsets(entries)
    for entry, offset in zip(entries, offsets, strict=True):
        tail = struct.pack("<4I", offset, entry.text_offset, entry.text_pages, 0)
        yield header_blocks(entry, MAGIC, tail)
    position = _headers_size(entries)
    for entry, offset in zip(entries, offsets, strict=True):
        if entry.size:
            yield bytes(offset - position)
            yield entry
            position = offset + entry.size
    yield bytes(image_size(entries) - position)


def image_size(entries: Sequence[Entry]) -> int:
    """Return the size in bytes of what `image` yields: a whole number of 512-byte blocks."""
    end = _headers_size(entries) + BLOCK
    for entry, offset in zip(entries, _data_offsets(entries), strict=True):
        if entry.size:
            end = offset + entry.size
    return _align(end, BLOCK)


def _headers_size(entries: Sequence[Entry]) -> int:
    return BLOCK * sum(header_count(entry) for entry in entries)


def _data_offsets(entries: Sequence[Entry]) -> list[int]:
    """Return where each entry's data starts; 0 for entries without data."""
    position = _headers_size(entries) + BLOCK
    offsets = []
    for entry in entries:
        if entry.size:
            position = _align(position, ALIGNMENT)
        offsets.append(position if entry.size else 0)
        position += entry.size
    return offsets


def _align(position: int, step: int) -> int:
    return position + -position % step
