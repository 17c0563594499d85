"""Write GNU tar, the content of a `tgz` payload (format.md#tgz)."""

import struct
import zlib
from collections.abc import Iterator, Sequence
from enum import StrEnum
from typing import Literal

from msgspec import Struct

BLOCK = 512
PATH_LIMIT = BLOCK - 1
"""A long name fits one block after its `L` header, with a NUL at the end, as vmtar requires."""

MODE_BITS = 0o7777
"""The bits of a mode."""
_NAME_FIELD = 100
_CHECKSUM = slice(148, 156)
_LONG_LINK = "././@LongLink"
_LONG_MODE = 0o644
_ASCII = bytes(range(128))
_HALF = BLOCK // 2
_FIELDS = struct.Struct("100s56ss100s8s32s32s167x16s")
"""Name; numbers and checksum; type flag; link; magic; owner; group; offsets of a vmtar."""


class EntryKind(StrEnum):
    """The kind of an entry; the values are the type flags of a tar header."""

    FILE = "0"
    HARD_LINK = "1"
    SYMLINK = "2"
    CHARACTER_DEVICE = "3"
    BLOCK_DEVICE = "4"
    DIRECTORY = "5"
    FIFO = "6"
    SHARED_FILE = "7"
    """An ELF file in a vmtar, whatever its mode."""

    @property
    def is_file(self) -> bool:
        """Whether an entry of this kind has content of its own."""
        return self in {EntryKind.FILE, EntryKind.SHARED_FILE}

    @property
    def is_link(self) -> bool:
        """Whether an entry of this kind leads to another path."""
        return self in {EntryKind.SYMLINK, EntryKind.HARD_LINK}


KindName = Literal[
    "file", "folder", "link", "hard link", "character device", "block device", "pipe"
]
_KINDS: dict[EntryKind, KindName] = {
    EntryKind.DIRECTORY: "folder",
    EntryKind.SYMLINK: "link",
    EntryKind.HARD_LINK: "hard link",
    EntryKind.FILE: "file",
    EntryKind.SHARED_FILE: "file",
    EntryKind.CHARACTER_DEVICE: "character device",
    EntryKind.BLOCK_DEVICE: "block device",
    EntryKind.FIFO: "pipe",
}


def kind_name(kind: EntryKind) -> KindName:
    """Return the kind of an entry, in the word that `--json` uses."""
    return _KINDS[kind]


class ArchiveEntry(Struct, frozen=True, gc=False):
    """One entry of a payload.

    `path` has no leading and no trailing slash; `mode` holds the permission bits with set-id and
    sticky bits; `mtime` is in seconds since 1970 UTC; `text_offset` (bytes) and `text_pages` (of
    4096 bytes) are a vmtar's hints for an ELF program.
    """

    path: str
    kind: EntryKind
    mode: int
    size: int = 0
    link: str = ""
    uid: int = 0
    gid: int = 0
    mtime: int = 0
    text_offset: int = 0
    text_pages: int = 0


def header_blocks(entry: ArchiveEntry, magic: bytes, tail: bytes = b"") -> bytes:
    """Return the headers of an entry: those of long names, then its own.

    Args:
        entry: the entry.
        magic: the 8 bytes that identify the kind of tar.
        tail: up to 16 bytes for the end of the header, which holds the offsets of a vmtar.
    """
    name = entry.path + ("/" if entry.kind is EntryKind.DIRECTORY else "")
    long_names = _long_name("K", entry.link, magic) + _long_name("L", name, magic)
    return long_names + _header(entry, name, entry.kind, magic, tail)


def header_count(entry: ArchiveEntry) -> int:
    """Return the number of blocks that `header_blocks` returns."""
    slash = 1 if entry.kind is EntryKind.DIRECTORY else 0
    long_ones = (len(entry.link) > _NAME_FIELD) + (len(entry.path) + slash > _NAME_FIELD)
    return 1 + 2 * long_ones


def _long_name(flag: str, name: str, magic: bytes) -> bytes:
    if len(name) <= _NAME_FIELD:
        return b""
    text = name.encode("ascii") + b"\0"
    stand_in = ArchiveEntry(_LONG_LINK, EntryKind.FILE, _LONG_MODE, size=len(text))
    return _header(stand_in, _LONG_LINK, flag, magic, b"") + text.ljust(BLOCK, b"\0")


def _header(entry: ArchiveEntry, name: str, flag: str, magic: bytes, tail: bytes) -> bytes:
    block = bytearray(
        _FIELDS.pack(
            name[:_NAME_FIELD].encode("ascii"),
            b"%07o\0%07o\0%07o\0%011o\0%011o\0        "
            % (entry.mode, entry.uid, entry.gid, entry.size, entry.mtime),
            flag.encode("ascii"),
            entry.link[:_NAME_FIELD].encode("ascii"),
            magic,
            b"" if entry.uid else b"root",
            b"" if entry.gid else b"root",
            tail,
        )
    )
    block[_CHECKSUM] = b"%06o\0 " % signed_checksum(block)
    return bytes(block)


def signed_checksum(block: bytes | bytearray) -> int:
    """Return the sum of a header's bytes as signed chars, as in every vendor vmtar.

    It equals the usual unsigned sum if all bytes are ASCII.
    """
    unsigned = sum(map(_sum_of_half, (block[:_HALF], block[_HALF:])))
    return unsigned if block.isascii() else unsigned - 256 * len(block.translate(None, _ASCII))


def _sum_of_half(half: bytes | bytearray) -> int:
    """Return the sum of up to 256 bytes, computed in C: the low half of Adler-32 is 1 + sum."""
    return (zlib.adler32(half) & 0xFFFF) - 1


MAGIC = b"ustar  \0"
_RECORD = 20 * BLOCK
"""GNU tar writes whole records of 20 blocks; at least two zero blocks end the archive."""


def image(entries: Sequence[ArchiveEntry]) -> Iterator[bytes | ArchiveEntry]:
    """Yield the archive in order: bytes to write, and entries whose content must follow."""
    written = 0
    padding = b""
    for entry in entries:
        head = header_blocks(entry, MAGIC)
        yield padding + head
        written += len(head) + entry.size
        padding = b""
        if entry.size:
            yield entry
            padding = bytes(-entry.size % BLOCK)
            written += len(padding)
    yield padding + bytes(_end(written))


def image_size(entries: Sequence[ArchiveEntry]) -> int:
    """Return the size in bytes of what `image` yields."""
    body = sum(header_count(entry) * BLOCK + entry.size + -entry.size % BLOCK for entry in entries)
    return body + _end(body)


def _end(written: int) -> int:
    return 2 * BLOCK + -(written + 2 * BLOCK) % _RECORD
