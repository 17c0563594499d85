"""Where the bytes of a VIB come from; they are opened when they are wanted."""

import io
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Protocol

from msgspec import Struct
from msgspec.structs import replace

from vibforge.errors import FormatError
from vibforge.formats.budget import Budget

if TYPE_CHECKING:
    from vibforge.formats.zip_reading import ZipArchive, ZipMember


class Source(Protocol):
    """Bytes that can be opened again and again, each time from their start."""

    @property
    def name(self) -> str:
        """What to call it in messages."""

    @property
    def size(self) -> int:
        """Bytes in all."""

    @property
    def budget(self) -> Budget:
        """What may still be done with the file that the bytes are in."""

    def renewed(self) -> "Source":
        """Return the same bytes with a whole budget, for a new reading of them."""

    def open(self) -> BinaryIO:
        """Return a stream that seeks forward at little cost; close it after use."""


class BytesSource(Struct, frozen=True, eq=False):
    """Bytes in memory."""

    data: bytes
    name: str
    budget: Budget

    @classmethod
    def of(cls, data: bytes, name: str = "bytes") -> "BytesSource":
        """Take bytes that are a file of their own."""
        return cls(data, name, Budget(name, len(data)))

    @property
    def size(self) -> int:
        return len(self.data)

    def renewed(self) -> "BytesSource":
        return self.of(self.data, self.name)

    def open(self) -> BinaryIO:
        return io.BytesIO(self.data)


class ZipSource(Struct, frozen=True):
    """A member of a zip, for as long as the zip is open."""

    archive: "ZipArchive"
    member: "ZipMember"
    name: str

    @property
    def size(self) -> int:
        return self.member.size

    @property
    def budget(self) -> Budget:
        return self.archive.budget

    def renewed(self) -> "ZipSource":
        return replace(self, archive=self.archive.renewed())

    def open(self) -> BinaryIO:
        """Open the member.

        Raises:
            FormatError: it is encrypted, packed in an unusual way, or damaged.
            LimitError: while reading, the budget of the file that holds the zip is spent.
        """
        return self.archive.open(self.member)


class FileSource(Struct, frozen=True, eq=False):
    """A file, of the size that it had when it was first looked at."""

    path: Path
    size: int
    budget: Budget

    @classmethod
    def of(cls, path: Path) -> "FileSource":
        """Look at a file.

        Raises:
            FormatError: it is not there, or not a regular file.
        """
        try:
            size = path.stat().st_size
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else str(error)
            raise FormatError(f"cannot be read: {reason}", where=str(path)) from error
        if not path.is_file():
            raise FormatError("not a regular file", where=str(path))
        return cls(path, size, Budget(str(path), size))

    @property
    def name(self) -> str:
        return str(self.path)

    def renewed(self) -> "FileSource":
        return replace(self, budget=Budget(self.name, self.size))

    def open(self) -> BinaryIO:
        """Open the file.

        Raises:
            FormatError: it cannot be read.
        """
        try:
            return self.path.open("rb")
        except OSError as error:
            raise FormatError(f"cannot be read: {error.strerror}", where=self.name) from error
