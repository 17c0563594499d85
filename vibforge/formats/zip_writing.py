"""Write zip files that depend on nothing but what goes in; names that stay where they are put."""

import io
import re
import stat
import zipfile
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import BinaryIO, Self

from vibforge.errors import FormatError

_DRIVE = re.compile(r"[A-Za-z]:")
_DEPTH_LIMIT = 32
"""Folders within folders; a depot needs two."""
_LENGTH_LIMIT = 512


def unsafe_name(name: str) -> str:
    """Return why a member of this name cannot be unpacked or carried on; empty if it can."""
    steps = name.split("/")
    if not name or len(name) > _LENGTH_LIMIT or len(steps) > _DEPTH_LIMIT:
        return "the name is empty, too long or too deep"
    if name.startswith("/") or _DRIVE.match(name):
        return "the name is absolute"
    if ".." in steps:
        return "the name leads upwards"
    if "" in steps or "." in steps or "\\" in name or not name.isprintable():
        return "the name is not a plain path"
    return ""


_FIRST = datetime(1980, 1, 1, tzinfo=UTC)
_LAST = datetime(2107, 12, 31, 23, 59, 58, tzinfo=UTC)
"""What the DOS date of a zip can say, in steps of two seconds."""
_UNIX = 3
_MODE = stat.S_IFREG | 0o644


class ZipWriter:
    """Writes one zip file; every member gets the same date."""

    def __init__(self, stream: BinaryIO, epoch: int) -> None:
        self._zip = zipfile.ZipFile(stream, "w", zipfile.ZIP_STORED)
        moment = min(max(datetime.fromtimestamp(epoch, UTC), _FIRST), _LAST)
        self._date = (
            *(moment.year, moment.month, moment.day),
            *(moment.hour, moment.minute, moment.second // 2 * 2),
        )
        self._names: set[str] = set()

    def add(self, name: str, chunks: Iterable[bytes], size: int) -> None:
        """Write a member.

        Args:
            name: its path, with slashes.
            chunks: its bytes.
            size: how many there are.

        Raises:
            FormatError: the name is taken or unsafe, or there are more or fewer bytes.
        """
        if reason := unsafe_name(name) or ("it is there already" if name in self._names else ""):
            raise FormatError(reason, where=name)
        self._names.add(name)
        info = zipfile.ZipInfo(name, self._date)
        info.create_system = _UNIX
        info.external_attr = _MODE << 16
        info.file_size = size
        written = 0
        with self._zip.open(info, "w") as member:
            for chunk in chunks:
                written += member.write(chunk)
        if written != size:
            raise FormatError(f"{written} bytes where there were {size}", where=name)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._zip.close()


def zip_bytes(members: Iterable[tuple[str, bytes]], epoch: int) -> bytes:
    """Return a small zip file of members in memory; errors are those of `ZipWriter.add`."""
    stream = io.BytesIO()
    with ZipWriter(stream, epoch) as writer:
        for name, data in members:
            writer.add(name, [data], len(data))
    return stream.getvalue()
