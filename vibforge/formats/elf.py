"""As much of ELF as a vmtar header tells about a program (vib-format 4.2)."""

import struct
from dataclasses import dataclass

MAGIC = b"\x7fELF"
_PAGE = 4096
_LOAD, _EXECUTABLE = 1, 1
_TABLE_LIMIT = 128
"""Program headers read at the most; real programs have a dozen."""


@dataclass(frozen=True, slots=True)
class TextHints:
    """Where a program's code lies in its file, in bytes, and its length in pages of 4096 bytes."""

    offset: int = 0
    pages: int = 0


HEAD_SIZE = 64 + _TABLE_LIMIT * 56
"""Bytes of a file that `text_hints` wants to see."""


def text_hints(head: bytes) -> TextHints:
    """Return the hints for the first executable LOAD segment; zeros where there is none.

    Anything that is not a little-endian ELF with its program headers within `head` has none: the
    values are hints, and vendor drivers carry zeros.
    """
    if len(head) < 64 or head[:4] != MAGIC or head[5] != 1:  # noqa: PLR2004 - an ELF64 header
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
