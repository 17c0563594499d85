"""Recognise a file by its first bytes, so that errors name what the user really gave."""

from enum import StrEnum

from vibforge.errors import FormatError
from vibforge.formats import ar, gnu_tar, vmtar
from vibforge.formats.inflating import GZIP_MAGIC, ZSTD_MAGIC

HEAD_SIZE = 512
"""Bytes that `file_kind` needs; the magic of a tar is at offset 257."""

_TAR_MAGIC = slice(257, 265)


class FileKind(StrEnum):
    """The kind of a file; the value is its name in messages."""

    ARCHIVE = "an ar archive"
    ZIP = "a zip file"
    GZIP = "a gzip file"
    ZSTD = "a zstd file"
    VMTAR = "a vmtar"
    TAR = "a tar file"
    XML = "an XML document"
    HTML = "an HTML page"
    LFS_POINTER = "a Git LFS pointer"
    CONVERTED = "a VIB damaged by a conversion of line ends"
    PEM = "a PEM file"
    ELF = "an ELF program"
    EMPTY = "an empty file"
    UNKNOWN = "a file of unknown kind"


_REMEDIES = {
    FileKind.HTML: "the download is a web page; fetch the file itself",
    FileKind.LFS_POINTER: "run `git lfs pull` in the repository of the file",
    FileKind.CONVERTED: "it cannot be repaired; fetch it again in binary mode (FTP: `binary`; "
    "Git: `*.vib -text` in .gitattributes)",
    FileKind.EMPTY: "the download or copy failed; fetch it again",
    FileKind.XML: "name the .vib or the bundle that it belongs to",
}
_STARTS = (
    (ar.MAGIC, FileKind.ARCHIVE),
    (ar.MAGIC.replace(b"\n", b"\r\n"), FileKind.CONVERTED),
    (ar.MAGIC.replace(b"\n", b"\r"), FileKind.CONVERTED),
    (b"PK\x03\x04", FileKind.ZIP),
    (b"PK\x05\x06", FileKind.ZIP),
    (GZIP_MAGIC, FileKind.GZIP),
    (ZSTD_MAGIC, FileKind.ZSTD),
    (b"version https://git-lfs", FileKind.LFS_POINTER),
    (b"-----BEGIN ", FileKind.PEM),
    (b"\x7fELF", FileKind.ELF),
)


def file_kind(head: bytes) -> FileKind:
    """Return the kind of a file from its first `HEAD_SIZE` bytes, or from all if it has fewer."""
    if not head:
        return FileKind.EMPTY
    for start, kind in _STARTS:
        if head.startswith(start):
            return kind
    if head[_TAR_MAGIC] == vmtar.VMTAR_MAGIC:
        return FileKind.VMTAR
    if head[_TAR_MAGIC] == gnu_tar.MAGIC or head[_TAR_MAGIC].startswith(b"ustar\0"):
        return FileKind.TAR
    return _text_kind(head.removeprefix(b"\xef\xbb\xbf").lstrip().lower())


def not_a(wanted: str, head: bytes, where: str) -> FormatError:
    """Return the error for a file that is not `wanted` ("a VIB"); it names what the file is."""
    kind = file_kind(head)
    return FormatError(
        f"{kind}, not {wanted}" if kind is not FileKind.UNKNOWN else f"not {wanted}",
        where=where,
        remedy=_REMEDIES.get(kind, ""),
    )


def _text_kind(text: bytes) -> FileKind:
    if text.startswith((b"<!doctype html", b"<html", b"<head", b"<body")):
        return FileKind.HTML
    if text.startswith(b"<?xml") and b"<html" in text:
        return FileKind.HTML
    return FileKind.XML if text.startswith((b"<?xml", b"<vib", b"<!--")) else FileKind.UNKNOWN
