"""Read zip files from strangers: Python's `zipfile` reads the format, the bounds are set here."""

import stat
import struct
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from typing import IO, BinaryIO, Self, cast

from vibforge.errors import FormatError, Problem
from vibforge.formats.zip_names import unsafe_name

MEMBER_LIMIT = 20_000
"""Members of one zip; the largest depots hold some thousand VIBs and their metadata."""
MEMBER_SIZE_LIMIT = 8 * 1024**3
"""Bytes of one member unpacked: twice the largest payload that a host can load."""
TOTAL_SIZE_LIMIT = 64 * 1024**3
"""Bytes of all members unpacked; the depots of whole releases take a few GiB."""
RATIO_LIMIT = 64
"""All members against the zip: VIBs are packed already (1:1), and XML shrinks to a tenth."""
RATIO_FREE = 64 * 1024 * 1024
"""Bytes of all members below which the ratio is not looked at: they are no danger."""
DIRECTORY_LIMIT = 4 * 1024 * 1024
"""Bytes of the central directory, which is kept in memory: 200 for each of 20,000 members."""

_METHODS = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})
_ENCRYPTED = 0x1
_LOCAL_HEADER = 30
_ERRORS = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    NotImplementedError,
    OSError,
    OverflowError,
    RuntimeError,
    ValueError,
    struct.error,
)
"""What `zipfile` raises over damaged files; it has no common base."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ZipMember:
    """A file in a zip; sizes in bytes, `stored_size` as it is packed."""

    name: str
    size: int
    stored_size: int
    info: zipfile.ZipInfo


class ZipArchive:
    """An open zip file. Folders are left out of its members; of two of one name the last counts."""

    def __init__(self, archive: zipfile.ZipFile, name: str, size: int) -> None:
        self._archive = archive
        self._name = name
        self.members = tuple(self._members(size))
        self._by_name = {member.name: member for member in self.members}

    @property
    def oddities(self) -> tuple[Problem, ...]:
        """What makes members unfit to be unpacked or carried on: names, twins, links."""
        counts = Counter(info.filename for info in self._archive.infolist())
        found = [("more than one member has this name", n) for n, c in counts.items() if c > 1]
        for info in self._archive.infolist():
            name = info.orig_filename
            if reason := unsafe_name(name.removesuffix("/")):
                found.append((reason, name))
            if stat.S_ISLNK(info.external_attr >> 16):
                found.append(("it is a symbolic link", name))
        return tuple(Problem(what=what, where=f"{self._name}:{name}") for what, name in found)

    def require_fit(self) -> None:
        """Insist on members that can be unpacked and carried on.

        Raises:
            FormatError: names lead out, occur twice, or are those of links.
        """
        if found := self.oddities:
            raise FormatError.of(found)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all members, those of folders with a slash at the end."""
        return tuple(self._archive.namelist())

    def find(self, name: str) -> ZipMember | None:
        """Return the member of that name."""
        return self._by_name.get(name)

    def open(self, member: ZipMember) -> BinaryIO:
        """Return the member's content as a stream that seeks forward at little cost.

        Raises:
            FormatError: it is encrypted, packed in an unusual way, or damaged.
        """
        self._check(member)
        where = f"{self._name}:{member.name}"
        with damage_told(where):
            return cast("BinaryIO", _Member(self._archive.open(member.info), where))

    def read(self, member: ZipMember, limit: int) -> bytes:
        """Return the content of a member.

        Raises:
            FormatError: as for `open`, or it is larger than `limit` bytes.
        """
        where = f"{self._name}:{member.name}"
        if member.size > limit:
            raise FormatError(f"{member.size} bytes, more than {limit}", where=where)
        with self.open(member) as stream:
            return stream.read()

    def _members(self, size: int) -> Iterator[ZipMember]:
        infos = self._archive.infolist()
        if len(infos) > MEMBER_LIMIT:
            raise FormatError(f"more than {MEMBER_LIMIT} members", where=self._name)
        if sum(info.compress_size + _LOCAL_HEADER for info in infos) > size:
            raise FormatError("the members overlap", where=self._name)
        if any(info.volume for info in infos):
            raise FormatError("a part of a zip on several disks", where=self._name)
        self._check_places(infos, size)
        self._check_total(sum(info.file_size for info in infos), size)
        for info in infos:
            if not info.filename.endswith("/"):
                yield ZipMember(
                    name=info.filename,
                    size=info.file_size,
                    stored_size=info.compress_size,
                    info=info,
                )

    def _check_places(self, infos: list[zipfile.ZipInfo], size: int) -> None:
        """Refuse members that share bytes of the file, as bombs do, or end behind its end."""
        starts = sorted((info.header_offset, info.compress_size) for info in infos)
        for (start, stored), (following, _) in pairwise([*starts, (size, 0)]):
            if start < 0 or start + _LOCAL_HEADER + stored > following:
                raise FormatError("the members overlap", where=self._name)

    def _check_total(self, unpacked: int, size: int) -> None:
        if unpacked > TOTAL_SIZE_LIMIT:
            what = f"it unpacks to {unpacked} bytes, more than {TOTAL_SIZE_LIMIT}"
            raise FormatError(what, where=self._name)
        if unpacked > RATIO_FREE and unpacked > RATIO_LIMIT * size:
            what = f"{size} bytes unpack to more than {RATIO_LIMIT} times as many"
            raise FormatError(what, where=self._name)

    def _check(self, member: ZipMember) -> None:
        where = f"{self._name}:{member.name}"
        if member.info.flag_bits & _ENCRYPTED:
            raise FormatError("it is encrypted", where=where)
        if member.info.compress_type not in _METHODS:
            raise FormatError(f"zip method {member.info.compress_type} is not read", where=where)
        if member.size > MEMBER_SIZE_LIMIT:
            raise FormatError(f"{member.size} bytes, more than {MEMBER_SIZE_LIMIT}", where=where)


@contextmanager
def open_zip(stream: BinaryIO, name: str, size: int) -> Iterator[ZipArchive]:
    """Open a zip file.

    Args:
        stream: the file, seekable.
        name: what to call it in messages.
        size: its bytes.

    Raises:
        FormatError: it is not a zip file, is damaged, or passes a limit.
    """
    guarded = _Guarded(stream)
    with damage_told(name):
        archive = zipfile.ZipFile(cast("BinaryIO", guarded))
    guarded.limit = None
    with archive:
        yield ZipArchive(archive, name, size)


@contextmanager
def damage_told(where: str) -> Iterator[None]:
    """Turn what `zipfile` raises into a FormatError."""
    try:
        yield
    except FormatError:
        raise
    except _ERRORS as error:
        raise FormatError(f"the zip file is damaged: {error}", where=where) from error


class _Guarded:
    """A stream that gives no more at once than a central directory may have."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self.limit: int | None = DIRECTORY_LIMIT

    def read(self, size: int = -1) -> bytes:
        if self.limit is not None and size > self.limit:
            raise FormatError(f"a central directory of {size} bytes, more than {self.limit}")
        return self._stream.read(size)

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._stream.seek(offset, whence)

    def tell(self) -> int:
        return self._stream.tell()

    def seekable(self) -> bool:
        return True


class _Member:
    """A member's content, whose damage is told as a FormatError."""

    def __init__(self, stream: IO[bytes], where: str) -> None:
        self._stream = stream
        self._where = where

    def read(self, size: int = -1) -> bytes:
        with damage_told(self._where):
            return self._stream.read(size)

    def seek(self, offset: int, whence: int = 0) -> int:
        with damage_told(self._where):
            return self._stream.seek(offset, whence)

    def close(self) -> None:
        self._stream.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()
