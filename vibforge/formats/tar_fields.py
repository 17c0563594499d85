"""The fields of a tar header as they are found: octal text, binary numbers, names, checksums."""

import struct
from functools import lru_cache
from typing import NamedTuple

from vibforge.errors import FormatError
from vibforge.formats.tar_header import BLOCK

_LAYOUT = struct.Struct("100s8s8s8s12s12s8sc100s8s32s32s8s8s151s16s")
_CHECKSUM = slice(148, 156)
_BINARY = 0x80
"""First byte of a number that GNU tar wrote in binary because octal digits would not hold it."""
_DIGITS = frozenset(b"01234567")
_ASCII = bytes(range(128))
_KEPT_NUMBERS = 256
"""Numbers of the last headers that are kept: modes, owners and times are mostly alike."""


class Header(NamedTuple):
    """A 512-byte header whose checksum holds, cut into its fields.

    `magic` is what tells the kind of tar, with the version. A vmtar ends a name's prefix and keeps
    offsets where `tail` starts; a ustar goes on with the prefix there.
    """

    name: bytes
    mode: bytes
    uid: bytes
    gid: bytes
    size: bytes
    mtime: bytes
    checksum: bytes
    flag: bytes
    link: bytes
    magic: bytes
    owner: bytes
    group: bytes
    major: bytes
    minor: bytes
    prefix: bytes
    tail: bytes


def read_header(block: bytes) -> Header:
    """Read a block as a header.

    Raises:
        FormatError: its checksum is neither the signed nor the unsigned sum of its bytes.
    """
    if len(block) == BLOCK:
        header = Header(*_LAYOUT.unpack(block))
        if number(header.checksum, "checksum") in _checksums(block):
            return header
    raise FormatError("no tar header: the checksum does not hold")


@lru_cache(_KEPT_NUMBERS)
def number(field: bytes, what: str) -> int:
    """Return a number that is 0 or more; blank is 0.

    Raises:
        FormatError: the field holds none.
    """
    if field[0] == _BINARY:
        return int.from_bytes(field[1:], "big")
    digits = field.split(b"\0", 1)[0].strip()
    if not _DIGITS.issuperset(digits):
        raise FormatError(f"{what} {field!r} is not an octal number")
    return int(digits, 8) if digits else 0


def text_of(field: bytes) -> str:
    """Return text up to a NUL; bytes that are not UTF-8 become lone surrogates."""
    return field.split(b"\0", 1)[0].decode("utf-8", "surrogateescape")


def _checksums(block: bytes) -> tuple[int, int]:
    """Return the sums of a header's bytes, its checksum left blank: unsigned, and as signed chars.

    Zeros go first: a header is mostly zeros, and summing them takes three times as long.
    """
    blank = b"%b        %b" % (block[: _CHECKSUM.start], block[_CHECKSUM.stop :])
    total = sum(blank.translate(None, b"\0"))
    return total, total - 256 * len(blank.translate(None, _ASCII))
