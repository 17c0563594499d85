"""The fields of a tar header as they are found: octal text, binary numbers, names, checksums."""

from dataclasses import dataclass

from vibforge.errors import FormatError
from vibforge.formats.tar_header import BLOCK, signed_checksum

_CHECKSUM = slice(148, 156)
_BINARY = 0x80
"""First byte of a number that GNU tar wrote in binary because octal digits would not hold it."""
_DIGITS = frozenset(b"01234567")


@dataclass(frozen=True, slots=True)
class Header:
    """A 512-byte header whose checksum holds; names are still cut to their fields."""

    block: bytes

    @property
    def magic(self) -> bytes:
        """The 8 bytes that tell the kind of tar: magic and version."""
        return self.block[257:265]

    @property
    def flag(self) -> str:
        return chr(self.block[156])

    @property
    def name(self) -> str:
        return self.text(0, 100)

    @property
    def link(self) -> str:
        return self.text(157, 257)

    @property
    def owner(self) -> str:
        return self.text(265, 297)

    @property
    def group(self) -> str:
        return self.text(297, 329)

    def number(self, start: int, end: int, what: str) -> int:
        """Return a number that is 0 or more; blank is 0.

        Raises:
            FormatError: the field holds none.
        """
        field = self.block[start:end]
        if field[0] == _BINARY:
            return int.from_bytes(field[1:], "big")
        digits = field.split(b"\0", 1)[0].strip()
        if not _DIGITS.issuperset(digits):
            raise FormatError(f"{what} {field!r} is not an octal number")
        return int(digits, 8) if digits else 0

    def text(self, start: int, end: int) -> str:
        """Return a field up to its NUL, as UTF-8 with other bytes kept apart."""
        return text_of(self.block[start:end])


def text_of(data: bytes) -> str:
    """Return text up to a NUL; bytes that are not UTF-8 become lone surrogates."""
    return data.split(b"\0", 1)[0].decode("utf-8", "surrogateescape")


def read_header(block: bytes) -> Header:
    """Read a block as a header.

    Raises:
        FormatError: its checksum is neither the signed nor the unsigned sum of its bytes.
    """
    if len(block) == BLOCK:
        header = Header(block)
        blank = bytearray(block)
        blank[_CHECKSUM] = b" " * 8
        if header.number(148, 156, "checksum") in {sum(blank), signed_checksum(blank)}:
            return header
    raise FormatError("no tar header: the checksum does not hold")
