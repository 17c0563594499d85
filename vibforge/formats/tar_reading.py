"""Read the tar of a payload as a stream: vmtar, and tar in GNU, ustar, pax and v7 form.

The forms share their headers. A vmtar has all of them first and its data behind them at absolute
offsets, with any alignment; long names stand inline after an `L` header (vib-format 4.1 and 4.2).
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from enum import StrEnum

from vibforge.errors import FormatError
from vibforge.formats import gnu_tar, vmtar
from vibforge.formats.byte_stream import ByteStream
from vibforge.formats.tar_fields import Header, read_header, text_of
from vibforge.formats.tar_header import BLOCK, Entry, EntryKind

ENTRY_LIMIT = 200_000
"""Entries of all payloads of a VIB, at about 1 KiB each; large vendor payloads have 10,000."""
PATH_LIMIT = 4096
"""Bytes of a path or link target: Linux's limit; vmtar itself reads 511."""
EXTENSION_LIMIT = 64 * 1024
"""Bytes of one pax header, which is kept in memory; a path and a link take 8 KiB."""
NAMES_LIMIT = 64 * 1024 * 1024
"""Characters of all names, link targets and pax headers of a VIB: they stay in memory."""

_USTAR_MAGIC = b"ustar\0"
_MODE_BITS = 0o7777
_LENGTH_DIGITS = len(str(EXTENSION_LIMIT)) + 1
_MAGIC_LIMIT = 16
"""Distinct magics that are told; a payload has one."""
_PAX_KEYS = frozenset({"path", "linkpath", "size", "uid", "gid", "mtime"})
"""What is taken from pax headers; the rest (access times, attributes) says nothing on a host."""
_VISOR_TAIL = struct.Struct("<4I")
_SPARSE = "S"
_KINDS = {kind.value: kind for kind in EntryKind} | {"\0": EntryKind.FILE}
_EXTENSIONS = frozenset("LKxg")
_DEVICES = frozenset({EntryKind.CHARACTER_DEVICE, EntryKind.BLOCK_DEVICE})
_WITHOUT_DATA = frozenset(
    {
        EntryKind.HARD_LINK,
        EntryKind.SYMLINK,
        EntryKind.CHARACTER_DEVICE,
        EntryKind.BLOCK_DEVICE,
        EntryKind.DIRECTORY,
        EntryKind.FIFO,
    }
)


class TarForm(StrEnum):
    """Which tar it is."""

    VMTAR = "vmtar"
    GNU = "gnu"
    USTAR = "ustar"
    PAX = "pax"
    V7 = "v7"


@dataclass(frozen=True, kw_only=True, slots=True)
class TarEntry:
    """An entry as it is found in a payload.

    `entry` is what it means; `name` is the name as it stands there (`./etc/`); `data_offset` counts
    bytes from the start of the image; `oddities` are what other writers do not do.
    """

    entry: Entry
    name: str
    data_offset: int
    owner: str = ""
    group: str = ""
    device: tuple[int, int] = (0, 0)
    """Major and minor number of a device."""
    oddities: tuple[str, ...] = ()


@dataclass(slots=True)
class EntryBudget:
    """How many entries, and characters of their names, may still come; payloads can share one."""

    entries: int = field(default_factory=lambda: ENTRY_LIMIT)
    names: int = field(default_factory=lambda: NAMES_LIMIT)

    def spend(self, *, entries: int = 0, names: int = 0) -> None:
        """Count what was met.

        Raises:
            FormatError: it is too much.
        """
        self.entries -= entries
        self.names -= names
        if self.entries < 0:
            raise FormatError(f"more than {ENTRY_LIMIT} entries")
        if self.names < 0:
            raise FormatError(f"names of more than {NAMES_LIMIT} characters in all")


@dataclass(slots=True)
class _Extension:
    """What the headers before an entry's own say of it."""

    name: str = ""
    link: str = ""
    records: dict[str, str] = field(default_factory=dict)


class TarReader:
    """Goes once through the entries of a tar.

    After that `magics` holds the distinct magics in the order met, `form` what they amount to, and
    `oddities` what is odd about the whole.
    """

    def __init__(self, stream: ByteStream, budget: EntryBudget | None = None) -> None:
        self._stream = stream
        self._budget = budget or EntryBudget()
        self._global: dict[str, str] = {}
        self._pax = False
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
        if not first.startswith(_USTAR_MAGIC):
            return TarForm.V7
        return TarForm.PAX if self._pax else TarForm.USTAR

    def entries(self) -> Iterator[TarEntry]:
        """Yield the entries; of a vmtar nothing behind the headers is read.

        Raises:
            FormatError: what stands there is not a tar, is cut short, or passes a limit.
        """
        for found in self._headers():
            yield found
            self._pass_data(found)

    def contents(self) -> Iterator[tuple[TarEntry, Iterator[memoryview]]]:
        """Yield the entries with their content, which must be taken before the next one is asked.

        Entries of a vmtar come in the order of their data, those without data first. After the last
        one the rest of the stream is read, so that its checksum counts.

        Raises:
            FormatError: as for `entries`, or the data of two entries overlap.
        """
        if not self._is_vmtar():
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
        if self.form is TarForm.VMTAR:
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

    def _is_vmtar(self) -> bool:
        return Header(self._stream.peek(BLOCK)).magic == vmtar.MAGIC

    def _pass_data(self, found: TarEntry) -> None:
        if self.form is not TarForm.VMTAR:
            size = found.entry.size
            self._skip_to(found.data_offset + size + -size % BLOCK, found.entry.path)

    def _skip_to(self, offset: int, path: str) -> None:
        self._stream.skip(offset - self._stream.position)
        if self._stream.position < offset:
            raise FormatError(f"cut short in the data of {path}")

    def _headers(self) -> Iterator[TarEntry]:
        """Yield entries, each with the stream behind its header."""
        extension = _Extension()
        while block := self._block():
            header = read_header(block)
            if header.magic not in self.magics[:_MAGIC_LIMIT]:
                self.magics = [*self.magics, header.magic][:_MAGIC_LIMIT]
            if header.flag in _EXTENSIONS:
                self._extend(extension, header)
                continue
            self._budget.spend(entries=1)
            yield self._entry(header, extension)
            extension = _Extension()
        self._end_of_headers = self._stream.position

    def _block(self) -> bytes:
        """Return the next header block, nothing at the end."""
        at = self._stream.position
        block = self._stream.read(BLOCK)
        if not block:
            self.oddities.append("no zero block ends the headers")
        elif len(block) < BLOCK and block.strip(b"\0"):
            raise FormatError(f"cut short in the header at offset {at}")
        return block if block.strip(b"\0") else b""

    def _extend(self, extension: _Extension, header: Header) -> None:
        size = header.number(124, 136, "size")
        limit = PATH_LIMIT if header.flag in "LK" else EXTENSION_LIMIT
        if size > limit:
            raise FormatError(f"a header of {size} bytes, more than {limit}")
        data = self._stream.read(size)
        if len(data) < size:
            raise FormatError("cut short in a long name")
        self._budget.spend(names=max(size, BLOCK))
        self._stream.skip(-size % BLOCK)
        if header.flag == "L":
            extension.name = text_of(data)
        elif header.flag == "K":
            extension.link = text_of(data)
        else:
            self._pax = True
            (self._global if header.flag == "g" else extension.records).update(pax_records(data))

    def _entry(self, header: Header, extension: _Extension) -> TarEntry:
        if header.flag == _SPARSE:
            raise FormatError("GNU tar's sparse files are not read")
        records = self._global | extension.records
        name = records.get("path") or extension.name or _full_name(header)
        kind = _KINDS.get(header.flag, EntryKind.FILE)
        if name.endswith("/") and header.flag in "0\0":
            kind = EntryKind.DIRECTORY
        is_vmtar = self.form is TarForm.VMTAR
        offset, text_offset, text_pages, _ = _VISOR_TAIL.unpack(header.block[-16:])
        size = _pax_number(records, "size", header.number(124, 136, "size"))
        entry = Entry(
            path=_plain_path(name),
            kind=kind,
            mode=header.number(100, 108, "mode") & _MODE_BITS,
            size=0 if kind in _WITHOUT_DATA else size,
            link=records.get("linkpath") or extension.link or header.link,
            uid=_pax_number(records, "uid", header.number(108, 116, "uid")),
            gid=_pax_number(records, "gid", header.number(116, 124, "gid")),
            mtime=_pax_number(records, "mtime", header.number(136, 148, "mtime")),
            text_offset=text_offset if is_vmtar else 0,
            text_pages=text_pages if is_vmtar else 0,
        )
        found = TarEntry(
            entry=entry,
            name=name,
            data_offset=offset if is_vmtar else self._stream.position,
            owner=header.owner,
            group=header.group,
            device=_device(header) if kind in _DEVICES else (0, 0),
        )
        self._budget.spend(names=len(name) + len(entry.link))
        if is_vmtar and entry.size:
            self._spans.append((offset, offset + entry.size, entry.path))
        return replace(found, oddities=tuple(_oddities(found, header.flag)))


def starts_tar(head: bytes) -> bool:
    """Whether bytes start with a tar header: one of the magics, or at least a checksum (v7)."""
    if len(head) < BLOCK:
        return False
    if head[257:265] in {vmtar.MAGIC, gnu_tar.MAGIC} or head[257:].startswith(_USTAR_MAGIC):
        return True
    try:
        read_header(head[:BLOCK])
    except FormatError:
        return False
    return any(head)


def pax_records(data: bytes) -> dict[str, str]:
    """Read those records `LENGTH KEY=VALUE` of a pax header that matter on a host.

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


def _device(header: Header) -> tuple[int, int]:
    return header.number(329, 337, "device number"), header.number(337, 345, "device number")


def _pax_number(records: dict[str, str], key: str, default: int) -> int:
    text = records.get(key, "").partition(".")[0]
    return int(text) if text.isascii() and text.isdigit() and len(text) < 20 else default  # noqa: PLR2004 - u64


def _full_name(header: Header) -> str:
    """Return the name with the prefix that ustar and vmtar keep apart."""
    if header.magic == vmtar.MAGIC:
        prefix = header.text(345, 496)
    else:
        prefix = header.text(345, 500) if header.magic.startswith(_USTAR_MAGIC) else ""
    return f"{prefix}/{header.name}" if prefix else header.name


def _plain_path(name: str) -> str:
    """Return a name as `Entry.path` has it: relative, without `./` and outer slashes."""
    path = name.strip("/")
    while path.startswith("./"):
        path = path[2:].lstrip("/")
    return "" if path == "." else path


def _oddities(found: TarEntry, flag: str) -> Iterator[str]:
    if found.name.startswith("/"):
        yield "the path starts with a slash"
    if ".." in found.entry.path.split("/"):
        yield "the path leads upwards"
    if flag not in _KINDS:
        yield f"type flag {flag!r} is not known"
    if found.entry.kind in {
        EntryKind.CHARACTER_DEVICE,
        EntryKind.BLOCK_DEVICE,
        EntryKind.FIFO,
    }:
        yield "it is not a file, a folder or a link"
    if any(ord(char) < 0x20 or 0xD800 <= ord(char) <= 0xDFFF for char in found.name):  # noqa: PLR2004 - C0 and surrogates
        yield "the path holds control characters or is not UTF-8"


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
