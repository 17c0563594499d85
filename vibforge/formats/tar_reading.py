"""Read the tar of a payload as a stream: vmtar, GNU, ustar, pax and v7."""

import struct
from collections.abc import Iterator
from enum import StrEnum
from functools import lru_cache
from typing import NamedTuple

from msgspec import Struct, field

from vibforge.errors import FormatError
from vibforge.formats import gnu_tar, vmtar
from vibforge.formats.budget import Budget, Work
from vibforge.formats.gnu_tar import BLOCK, MODE_BITS, ArchiveEntry, EntryKind
from vibforge.formats.streams import ByteStream

_LAYOUT = struct.Struct("100s8s8s8s12s12s8sc100s8s32s32s8s8s151s16s")
_CHECKSUM = slice(148, 156)
_BINARY = 0x80
"""First byte of a number that GNU tar writes in binary because it needs too many octal digits."""
_DIGITS = frozenset(b"01234567")
_ASCII = bytes(range(128))
_KEPT_NUMBERS = 256
"""Numbers kept in the cache: modes, owners and times mostly repeat."""


class Header(NamedTuple):
    """The fields of a 512-byte header whose checksum is correct.

    `magic` includes the version; it identifies the kind of tar. `tail` holds the offsets of a
    vmtar, and the end of the name's prefix in a ustar.
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
    """Return the header in a block.

    Raises:
        FormatError: the checksum is neither the signed nor the unsigned sum of the bytes.
    """
    if len(block) == BLOCK:
        header = Header(*_LAYOUT.unpack(block))
        if number(header.checksum, "checksum") in _checksums(block):
            return header
    raise FormatError("not a tar header: the checksum is wrong")


@lru_cache(_KEPT_NUMBERS)
def number(field: bytes, what: str) -> int:
    """Return the number in a header field, 0 or more; a blank field is 0.

    Raises:
        FormatError: the field is not a number.
    """
    if field[0] == _BINARY:
        return int.from_bytes(field[1:], "big")
    digits = field.split(b"\0", 1)[0].strip()
    if not _DIGITS.issuperset(digits):
        raise FormatError(f"{what} {field!r} is not an octal number")
    return int(digits, 8) if digits else 0


def text_of(field: bytes) -> str:
    """Return the text up to a NUL; bytes that are not UTF-8 become lone surrogates."""
    return field.split(b"\0", 1)[0].decode("utf-8", "surrogateescape")


def _checksums(block: bytes) -> tuple[int, int]:
    """Return the unsigned and the signed sum of a header's bytes, with the checksum field blank.

    It removes zeros first: a header is mostly zeros, and summing them takes three times as long.
    """
    blank = b"%b        %b" % (block[: _CHECKSUM.start], block[_CHECKSUM.stop :])
    total = sum(blank.translate(None, b"\0"))
    return total, total - 256 * len(blank.translate(None, _ASCII))


PATH_LIMIT = 4096
"""Bytes of a path or link target, the limit of Linux; VMware's vmtar reads 511."""
EXTENSION_LIMIT = 64 * 1024
"""Bytes of one pax header, which is kept in memory; a path and a link have at most 8 KiB."""

_LENGTH_DIGITS = len(str(EXTENSION_LIMIT)) + 1
_PAX_KEYS = frozenset({"path", "linkpath", "size", "uid", "gid", "mtime"})
"""The pax records that are used; the others (access times, attributes) do not matter on a host."""
_NUMBER_DIGITS = 20
"""Digits of the largest number of 64 bits."""
_LONG_NAME, _LONG_LINK, _PAX, _PAX_OF_ALL = b"L", b"K", b"x", b"g"
FLAGS = frozenset({_LONG_NAME, _LONG_LINK, _PAX, _PAX_OF_ALL})
"""The type flags of headers that describe the next entry, or all following entries."""


class Extension(Struct):
    """The values for an entry from the headers before its own."""

    name: str = ""
    link: str = ""
    records: dict[str, str] = field(default_factory=dict)

    def number(self, key: str, default: int) -> int:
        """Return a pax number, in whole seconds for times; `default` if absent or malformed."""
        if key not in self.records:
            return default
        text = self.records[key].partition(".")[0]
        is_number = text.isascii() and text.isdigit() and len(text) < _NUMBER_DIGITS
        return int(text) if is_number else default


class Extensions:
    """Collects the extension headers up to the entry that they describe."""

    def __init__(self) -> None:
        self._of_all: dict[str, str] = {}
        self._next = Extension()
        self.pax = False
        """Whether a pax header was read."""

    def add(self, flag: bytes, data: bytes) -> None:
        """Add the data of a header with one of the `FLAGS`.

        Raises:
            FormatError: the data is damaged.
        """
        if flag == _LONG_NAME:
            self._next.name = text_of(data)
        elif flag == _LONG_LINK:
            self._next.link = text_of(data)
        else:
            self.pax = True
            records = pax_records(data)
            (self._of_all if flag == _PAX_OF_ALL else self._next.records).update(records)

    def take(self) -> Extension:
        """Return the extension for the next entry, and start a new one."""
        extension, self._next = self._next, Extension()
        if self._of_all:
            extension.records = self._of_all | extension.records
        return extension


def size_limit(flag: bytes) -> int:
    """Return the limit in bytes for the data of a header with one of the `FLAGS`."""
    return EXTENSION_LIMIT if flag in {_PAX, _PAX_OF_ALL} else PATH_LIMIT


def pax_records(data: bytes) -> dict[str, str]:
    """Return the `LENGTH KEY=VALUE` records of a pax header that matter on a host.

    Raises:
        FormatError: a record does not have that form.
    """
    records = {}
    start = 0
    while start < len(data):
        length, space, _ = data[start : start + _LENGTH_DIGITS].partition(b" ")
        end = start + (int(length) if length.isdigit() else 0)
        if end <= start:
            raise FormatError("a pax header is damaged")
        key, equals, value = data[start + len(length) + 1 : end - 1].partition(b"=")
        if not (space and equals) or end > len(data) or data[end - 1] != ord("\n"):
            raise FormatError("a pax header is damaged")
        if text_of(key) in _PAX_KEYS:
            records[text_of(key)] = text_of(value)
        start = end
    return records


USTAR_MAGIC = b"ustar\0"
"""The start of the magic of a POSIX tar; the version follows."""

_VISOR_TAIL = struct.Struct("<4I")
_PREFIX_IN_TAIL = 4
"""Bytes of a ustar's prefix where a vmtar keeps its offsets."""
_SPARSE = b"S"
_KINDS = {kind.value.encode(): kind for kind in EntryKind} | {b"\0": EntryKind.FILE}
_NAMED_AS_FILE = frozenset({b"0", b"\0"})
_DEVICES = frozenset({EntryKind.CHARACTER_DEVICE, EntryKind.BLOCK_DEVICE})
_NEITHER_FILE_NOR_LINK = _DEVICES | {EntryKind.FIFO}
_WITHOUT_DATA = _NEITHER_FILE_NOR_LINK | {
    EntryKind.HARD_LINK,
    EntryKind.SYMLINK,
    EntryKind.DIRECTORY,
}


class TarEntry(Struct, frozen=True, gc=False, kw_only=True):
    """An entry of a payload.

    `entry` is its meaning; `name` is the raw name (`./etc/`); `data_offset` counts bytes from the
    start of the image; `oddities` lists what usual writers do not write.
    """

    entry: ArchiveEntry
    name: str
    data_offset: int
    owner: str = ""
    group: str = ""
    device: tuple[int, int] = (0, 0)
    """Major and minor number of a device."""
    oddities: tuple[str, ...] = ()


def tar_entry(header: Header, extension: Extension, position: int | None) -> TarEntry:
    """Return the entry that a header describes.

    Args:
        header: the entry's own header.
        extension: the values from the headers before it.
        position: the offset behind the header, where the data starts; None for a vmtar, whose
            header states the offset.

    Raises:
        FormatError: a numeric field is malformed, or the entry is a GNU sparse file.
    """
    if header.flag == _SPARSE:
        raise FormatError("GNU sparse files are not supported")
    name = extension.records.get("path") or extension.name or _full_name(header)
    kind = _KINDS.get(header.flag, EntryKind.FILE)
    if header.flag in _NAMED_AS_FILE and name.endswith("/"):
        kind = EntryKind.DIRECTORY
    text_offset = text_pages = 0
    if position is None:
        position, text_offset, text_pages, _ = _VISOR_TAIL.unpack(header.tail)
    size = extension.number("size", number(header.size, "size"))
    entry = ArchiveEntry(
        path=_plain_path(name),
        kind=kind,
        mode=number(header.mode, "mode") & MODE_BITS,
        size=0 if kind in _WITHOUT_DATA else size,
        link=extension.records.get("linkpath") or extension.link or text_of(header.link),
        uid=extension.number("uid", number(header.uid, "uid")),
        gid=extension.number("gid", number(header.gid, "gid")),
        mtime=extension.number("mtime", number(header.mtime, "mtime")),
        text_offset=text_offset,
        text_pages=text_pages,
    )
    return TarEntry(
        entry=entry,
        name=name,
        data_offset=position,
        owner=text_of(header.owner),
        group=text_of(header.group),
        device=_device(header) if kind in _DEVICES else (0, 0),
        oddities=tuple(_oddities(name, entry, header.flag)),
    )


def _device(header: Header) -> tuple[int, int]:
    return number(header.major, "device number"), number(header.minor, "device number")


def _full_name(header: Header) -> str:
    """Return the name with its prefix, which ustar and vmtar store in another field."""
    prefix = ""
    if header.magic == vmtar.VMTAR_MAGIC:
        prefix = text_of(header.prefix)
    elif header.magic.startswith(USTAR_MAGIC):
        prefix = text_of(header.prefix + header.tail[:_PREFIX_IN_TAIL])
    name = text_of(header.name)
    return f"{prefix}/{name}" if prefix else name


def _plain_path(name: str) -> str:
    """Return a name as a relative path without `./` and outer slashes (`ArchiveEntry.path`)."""
    path = name.strip("/")  # no copy if there is nothing to strip
    while path.startswith("./"):
        path = path[2:].lstrip("/")
    return "" if path == "." else path


def _oddities(name: str, entry: ArchiveEntry, flag: bytes) -> Iterator[str]:
    if name.startswith("/"):
        yield "the path starts with a slash"
    if ".." in entry.path and ".." in entry.path.split("/"):
        yield "the path leads upwards"
    if flag not in _KINDS:
        yield f"type flag {flag.decode('latin-1')!r} is not known"
    if entry.kind in _NEITHER_FILE_NOR_LINK:
        yield "it is not a file, a folder or a link"
    if not name.isprintable() and any(map(_is_control_or_surrogate, name)):
        yield "the path holds control characters or is not UTF-8"


def _is_control_or_surrogate(char: str) -> bool:
    return ord(char) < 0x20 or 0xD800 <= ord(char) <= 0xDFFF  # noqa: PLR2004 - C0 and surrogates


_MAGIC = slice(257, 265)
_MAGIC_LIMIT = 16
"""Distinct magics that are recorded; a payload has one."""


class TarForm(StrEnum):
    """The kind of a tar."""

    VMTAR = "vmtar"
    GNU = "gnu"
    USTAR = "ustar"
    PAX = "pax"
    V7 = "v7"


class TarReader:
    """Reads the entries of a tar once.

    Afterwards `magics` has the distinct magics in the order of the file, `form` the kind of tar,
    and `oddities` what is unusual about the archive as a whole.
    """

    def __init__(self, stream: ByteStream, budget: Budget) -> None:
        self._stream = stream
        self._budget = budget
        self._extensions = Extensions()
        self._is_vmtar = stream.peek(BLOCK)[_MAGIC] == vmtar.VMTAR_MAGIC
        self._end_of_headers = 0
        self._spans: list[tuple[int, int, str]] = []
        self.magics: list[bytes] = []
        self.oddities: list[str] = []

    @property
    def form(self) -> TarForm:
        first = self.magics[0] if self.magics else b""
        if first == vmtar.VMTAR_MAGIC:
            return TarForm.VMTAR
        if first == gnu_tar.MAGIC:
            return TarForm.GNU
        if not first.startswith(USTAR_MAGIC):
            return TarForm.V7
        return TarForm.PAX if self._extensions.pax else TarForm.USTAR

    def entries(self) -> Iterator[TarEntry]:
        """Yield the entries; a vmtar is read only up to the end of its headers.

        Raises:
            FormatError: the stream is not a tar, or is cut short.
            LimitError: the budget is spent.
        """
        for entry in self._headers():
            yield entry
            self._skip_data(entry)

    def contents(self) -> Iterator[tuple[TarEntry, Iterator[memoryview]]]:
        """Yield the entries with their content, to be read before the next entry.

        Entries of a vmtar come in the order of their data, those without data first. After the last
        entry the rest of the stream is read, so that its checksum is verified.

        Raises:
            FormatError, LimitError: as for `entries`, or the data of two entries overlap.
        """
        if not self._is_vmtar:
            for entry in self._headers():
                yield entry, self._stream.pieces(entry.entry.size)
                self._skip_data(entry)
        else:
            yield from self._vmtar_contents()
        self.finish()

    def finish(self) -> None:
        """Read the rest of the stream, and note an oddity if it is more than padding.

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
        yield from ((header, iter(())) for header in headers if not header.entry.size)
        for header in sorted(headers, key=lambda header: header.data_offset):
            if not header.entry.size:
                continue
            self._stream.skip(header.data_offset - self._stream.position)
            yield header, self._stream.pieces(header.entry.size)
            self._skip_to(header.data_offset + header.entry.size, header.entry.path)

    def _skip_data(self, entry: TarEntry) -> None:
        size = entry.entry.size
        if size and not self._is_vmtar:
            self._skip_to(entry.data_offset + size + -size % BLOCK, entry.entry.path)

    def _skip_to(self, offset: int, path: str) -> None:
        self._stream.skip(offset - self._stream.position)
        if self._stream.position < offset:
            raise FormatError(f"cut short in the data of {path}")

    def _headers(self) -> Iterator[TarEntry]:
        """Yield the entries; the stream is behind the entry's header each time."""
        while block := self._block():
            header = read_header(block)
            if header.magic not in self.magics and len(self.magics) < _MAGIC_LIMIT:
                self.magics.append(header.magic)
            if header.flag in FLAGS:
                self._extend(header)
                continue
            position = None if self._is_vmtar else self._stream.position
            entry = tar_entry(header, self._extensions.take(), position)
            self._budget.spend(Work.ENTRIES)
            self._budget.spend(Work.NAMES, len(entry.name) + len(entry.entry.link))
            if self._is_vmtar and entry.entry.size:
                end = entry.data_offset + entry.entry.size
                self._spans.append((entry.data_offset, end, entry.entry.path))
            yield entry
        self._end_of_headers = self._stream.position

    def _block(self) -> bytes:
        """Return the next header block; empty at the end."""
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
            raise FormatError(f"a long name or pax header has {size} bytes; the limit is {limit}")
        data = self._stream.read(size)
        if len(data) < size:
            raise FormatError("cut short in a long name")
        self._budget.spend(Work.NAMES, max(size, BLOCK))
        self._stream.skip(-size % BLOCK)
        self._extensions.add(header.flag, data)


def starts_tar(head: bytes) -> bool:
    """Whether bytes start with a tar header: with a known magic, or a correct checksum (v7)."""
    if len(head) < BLOCK:
        return False
    magic = head[_MAGIC]
    if magic in {vmtar.VMTAR_MAGIC, gnu_tar.MAGIC} or magic.startswith(USTAR_MAGIC):
        return True
    try:
        read_header(head[:BLOCK])
    except FormatError:
        return False
    return any(head)


def _check_spans(
    spans: list[tuple[int, int, str]], end_of_headers: int, end_of_image: int | None = None
) -> None:
    """Check that the data of a vmtar's entries do not overlap and lie inside the image."""
    end, path = end_of_headers, "the headers"
    for start, stop, name in sorted(spans):
        if start < end:
            raise FormatError(f"the data of {name} overlap {path}")
        end, path = stop, f"those of {name}"
    if end_of_image is not None and end > end_of_image:
        raise FormatError(f"cut short: {path.removeprefix('those of ')} ends behind the image")
