"""An entry of a payload's tar as its header, and those before it, describe it."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from vibforge.errors import FormatError
from vibforge.formats import vmtar
from vibforge.formats.tar_extensions import Extension
from vibforge.formats.tar_fields import Header, number, text_of
from vibforge.formats.tar_header import MODE_BITS, Entry, EntryKind

USTAR_MAGIC = b"ustar\0"
"""What the magic of a POSIX tar starts with; the version follows."""

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


def tar_entry(header: Header, extension: Extension, position: int | None) -> TarEntry:
    """Return the entry that a header describes.

    Args:
        header: its own header.
        extension: what the headers before it say of it.
        position: where the image goes on behind the header; None in a vmtar, which says itself
            where the data stand.

    Raises:
        FormatError: a number of it is none, or it is a sparse file of GNU tar.
    """
    if header.flag == _SPARSE:
        raise FormatError("GNU tar's sparse files are not read")
    name = extension.records.get("path") or extension.name or _full_name(header)
    kind = _KINDS.get(header.flag, EntryKind.FILE)
    if header.flag in _NAMED_AS_FILE and name.endswith("/"):
        kind = EntryKind.DIRECTORY
    text_offset = text_pages = 0
    if position is None:
        position, text_offset, text_pages, _ = _VISOR_TAIL.unpack(header.tail)
    size = extension.number("size", number(header.size, "size"))
    entry = Entry(
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
    """Return the name with the prefix that ustar and vmtar keep apart."""
    prefix = ""
    if header.magic == vmtar.MAGIC:
        prefix = text_of(header.prefix)
    elif header.magic.startswith(USTAR_MAGIC):
        prefix = text_of(header.prefix + header.tail[:_PREFIX_IN_TAIL])
    name = text_of(header.name)
    return f"{prefix}/{name}" if prefix else name


def _plain_path(name: str) -> str:
    """Return a name as `Entry.path` has it: relative, without `./` and outer slashes."""
    path = name.strip("/")  # the same string, not a copy, where there is nothing to strip
    while path.startswith("./"):
        path = path[2:].lstrip("/")
    return "" if path == "." else path


def _oddities(name: str, entry: Entry, flag: bytes) -> Iterator[str]:
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
