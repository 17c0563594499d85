"""Read the tar of a payload as a stream: vmtar, and tar in GNU, ustar, pax and v7 form.

The forms share their headers. A vmtar has all of them first and its data behind them at absolute
offsets, with any alignment; long names stand inline after an `L` header (vib-format 4.1 and 4.2).
"""

from collections.abc import Iterator
from enum import StrEnum

from vibforge.errors import FormatError
from vibforge.formats import gnu_tar, vmtar
from vibforge.formats.budget import Budget, Work
from vibforge.formats.byte_stream import ByteStream
from vibforge.formats.tar_entries import USTAR_MAGIC, TarEntry, tar_entry
from vibforge.formats.tar_extensions import FLAGS, Extensions, size_limit
from vibforge.formats.tar_fields import Header, number, read_header
from vibforge.formats.tar_header import BLOCK

_MAGIC = slice(257, 265)
_MAGIC_LIMIT = 16
"""Distinct magics that are told; a payload has one."""


class TarForm(StrEnum):
    """Which tar it is."""

    VMTAR = "vmtar"
    GNU = "gnu"
    USTAR = "ustar"
    PAX = "pax"
    V7 = "v7"


class TarReader:
    """Goes once through the entries of a tar.

    After that `magics` holds the distinct magics in the order met, `form` what they amount to, and
    `oddities` what is odd about the whole.
    """

    def __init__(self, stream: ByteStream, budget: Budget) -> None:
        self._stream = stream
        self._budget = budget
        self._extensions = Extensions()
        self._is_vmtar = stream.peek(BLOCK)[_MAGIC] == vmtar.MAGIC
        self._end_of_headers = 0
        self._spans: list[tuple[int, int, str]] = []
        self.magics: list[bytes] = []
        self.oddities: list[str] = []

    @property
    def form(self) -> TarForm:
        first = self.magics[0] if self.magics else b""
        if first == vmtar.MAGIC:
            return TarForm.VMTAR
        if first == gnu_tar.MAGIC:
            return TarForm.GNU
        if not first.startswith(USTAR_MAGIC):
            return TarForm.V7
        return TarForm.PAX if self._extensions.pax else TarForm.USTAR

    def entries(self) -> Iterator[TarEntry]:
        """Yield the entries; of a vmtar nothing behind the headers is read.

        Raises:
            FormatError: it is not a tar, or is cut short.
            LimitError: the budget is spent.
        """
        for found in self._headers():
            yield found
            self._pass_data(found)

    def contents(self) -> Iterator[tuple[TarEntry, Iterator[memoryview]]]:
        """Yield the entries with their content, which must be taken before the next one is asked.

        Entries of a vmtar come in the order of their data, those without data first. After the last
        one the rest of the stream is read, so that its checksum counts.

        Raises:
            FormatError, LimitError: as for `entries`, or the data of two entries overlap.
        """
        if not self._is_vmtar:
            for found in self._headers():
                yield found, self._stream.pieces(found.entry.size)
                self._pass_data(found)
        else:
            yield from self._vmtar_contents()
        self.finish()

    def finish(self) -> None:
        """Read what is left, and take note if it is more than padding.

        Raises:
            FormatError: the data of a vmtar's entries overlap, or lie beyond its end.
        """
        if self._is_vmtar:
            self._stream.drain()
            _check_spans(self._spans, self._end_of_headers, self._stream.position)
            return
        rest = self._stream.pieces(2**63)
        if any(piece.tobytes().strip(b"\0") for piece in rest):
            self.oddities.append("something other than zeros follows the end of the tar")

    def _vmtar_contents(self) -> Iterator[tuple[TarEntry, Iterator[memoryview]]]:
        headers = list(self._headers())
        _check_spans(self._spans, self._end_of_headers)
        yield from ((found, iter(())) for found in headers if not found.entry.size)
        for found in sorted(headers, key=lambda found: found.data_offset):
            if not found.entry.size:
                continue
            self._stream.skip(found.data_offset - self._stream.position)
            yield found, self._stream.pieces(found.entry.size)
            self._skip_to(found.data_offset + found.entry.size, found.entry.path)

    def _pass_data(self, found: TarEntry) -> None:
        size = found.entry.size
        if size and not self._is_vmtar:
            self._skip_to(found.data_offset + size + -size % BLOCK, found.entry.path)

    def _skip_to(self, offset: int, path: str) -> None:
        self._stream.skip(offset - self._stream.position)
        if self._stream.position < offset:
            raise FormatError(f"cut short in the data of {path}")

    def _headers(self) -> Iterator[TarEntry]:
        """Yield entries, each with the stream behind its header."""
        while block := self._block():
            header = read_header(block)
            if header.magic not in self.magics and len(self.magics) < _MAGIC_LIMIT:
                self.magics.append(header.magic)
            if header.flag in FLAGS:
                self._extend(header)
                continue
            position = None if self._is_vmtar else self._stream.position
            found = tar_entry(header, self._extensions.take(), position)
            self._budget.spend(Work.ENTRIES)
            self._budget.spend(Work.NAMES, len(found.name) + len(found.entry.link))
            if self._is_vmtar and found.entry.size:
                end = found.data_offset + found.entry.size
                self._spans.append((found.data_offset, end, found.entry.path))
            yield found
        self._end_of_headers = self._stream.position

    def _block(self) -> bytes:
        """Return the next header block, nothing at the end."""
        at = self._stream.position
        block = self._stream.read(BLOCK)
        if not block:
            self.oddities.append("no zero block ends the headers")
        elif len(block) < BLOCK and any(block):
            raise FormatError(f"cut short in the header at offset {at}")
        return block if any(block) else b""

    def _extend(self, header: Header) -> None:
        size = number(header.size, "size")
        limit = size_limit(header.flag)
        if size > limit:
            raise FormatError(f"a header of {size} bytes, more than {limit}")
        data = self._stream.read(size)
        if len(data) < size:
            raise FormatError("cut short in a long name")
        self._budget.spend(Work.NAMES, max(size, BLOCK))
        self._stream.skip(-size % BLOCK)
        self._extensions.add(header.flag, data)


def starts_tar(head: bytes) -> bool:
    """Whether bytes start with a tar header: one of the magics, or at least a checksum (v7)."""
    if len(head) < BLOCK:
        return False
    magic = head[_MAGIC]
    if magic in {vmtar.MAGIC, gnu_tar.MAGIC} or magic.startswith(USTAR_MAGIC):
        return True
    try:
        read_header(head[:BLOCK])
    except FormatError:
        return False
    return any(head)


def _check_spans(
    spans: list[tuple[int, int, str]], end_of_headers: int, end_of_image: int | None = None
) -> None:
    """Hold the places of a vmtar's data against each other and against the image."""
    end, path = end_of_headers, "the headers"
    for start, stop, name in sorted(spans):
        if start < end:
            raise FormatError(f"the data of {name} overlap {path}")
        end, path = stop, f"those of {name}"
    if end_of_image is not None and end > end_of_image:
        raise FormatError(f"cut short: {path.removeprefix('those of ')} ends behind the image")
