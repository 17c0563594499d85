"""Write vmtar, the content of a `vgz` payload: headers first, then data (format.md#vmtar)."""

import struct
from collections.abc import Iterator, Sequence

from msgspec import Struct

from vibforge.formats.gnu_tar import BLOCK, ArchiveEntry, header_blocks, header_count

ELF_MAGIC = b"\x7fELF"
_PAGE = 4096
_LOAD, _EXECUTABLE = 1, 1
_TABLE_LIMIT = 128
"""Program headers that are read; real programs have a dozen."""


class TextHints(Struct, frozen=True):
    """The offset of a program's code in its file, in bytes, and its length in 4096-byte pages."""

    offset: int = 0
    pages: int = 0


HEAD_SIZE = 64 + _TABLE_LIMIT * 56
"""Bytes of a file that `text_hints` needs."""


def text_hints(head: bytes) -> TextHints:
    """Return the hints for the first executable LOAD segment; zeros if there is none.

    They are also zero for a file that is not a little-endian ELF with its program headers within
    `head`. The values are only hints; vendor drivers have zeros.
    """
    if len(head) < 64 or head[:4] != ELF_MAGIC or head[5] != 1:  # noqa: PLR2004 - an ELF64 header
        return TextHints()
    wide = head[4] == 2  # noqa: PLR2004 - ELFCLASS64
    if wide:
        table, size, count = (
            *struct.unpack_from("<Q", head, 32),
            *struct.unpack_from("<HH", head, 54),
        )
    else:
        table, size, count = (
            *struct.unpack_from("<I", head, 28),
            *struct.unpack_from("<HH", head, 42),
        )
    for index in range(min(count, _TABLE_LIMIT)):
        at = table + index * size
        if size < (56 if wide else 32) or at + size > len(head):
            break
        kind, offset, length, flags = _segment(head, at, wide=wide)
        if kind == _LOAD and flags & _EXECUTABLE and max(offset, length) < 2**32:
            return TextHints(offset=offset, pages=length // _PAGE)
    return TextHints()


def _segment(head: bytes, at: int, *, wide: bool) -> tuple[int, int, int, int]:
    """Return type, file offset, file size and flags of one program header."""
    if wide:
        kind, flags, offset, _, _, length = struct.unpack_from("<IIQQQQ", head, at)
    else:
        kind, offset, _, _, length, _, flags = struct.unpack_from("<7I", head, at)
    return kind, offset, length, flags


VMTAR_MAGIC = b"visor  \0"
ALIGNMENT = 4096
PAGE = 4096


def image(entries: Sequence[ArchiveEntry]) -> Iterator[bytes | ArchiveEntry]:
    """Yield the archive in order: bytes to write, and entries whose content must follow."""
    offsets = _data_offsets(entries)
    for entry, offset in zip(entries, offsets, strict=True):
        tail = struct.pack("<4I", offset, entry.text_offset, entry.text_pages, 0)
        yield header_blocks(entry, VMTAR_MAGIC, tail)
    position = _headers_size(entries)
    for entry, offset in zip(entries, offsets, strict=True):
        if entry.size:
            yield bytes(offset - position)
            yield entry
            position = offset + entry.size
    yield bytes(image_size(entries) - position)


def image_size(entries: Sequence[ArchiveEntry]) -> int:
    """Return the size in bytes of what `image` yields: a whole number of 512-byte blocks."""
    end = _headers_size(entries) + BLOCK
    for entry, offset in zip(entries, _data_offsets(entries), strict=True):
        if entry.size:
            end = offset + entry.size
    return _align(end, BLOCK)


def _headers_size(entries: Sequence[ArchiveEntry]) -> int:
    return BLOCK * sum(header_count(entry) for entry in entries)


def _data_offsets(entries: Sequence[ArchiveEntry]) -> list[int]:
    """Return the offset of each entry's data; 0 for entries without data."""
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
