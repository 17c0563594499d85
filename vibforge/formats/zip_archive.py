"""Zip archives: read within the budget of the file, written with the same bytes everywhere."""

import copy
import io
import re
import stat
import struct
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import pairwise
from typing import IO, BinaryIO, Self, cast

from msgspec import Struct

from vibforge.errors import FormatError, Problem
from vibforge.formats.budget import Budget, Work

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
"""Errors of `zipfile` about damaged files; they have no common base."""


class ZipMember(Struct, frozen=True, kw_only=True):
    """A file in a zip; sizes in bytes, `stored_size` is the packed size."""

    name: str
    size: int
    stored_size: int
    info: zipfile.ZipInfo


class ZipArchive:
    """An open zip file.

    `members` leaves out folders. Of two members with one name, `find` returns the last. Reading
    members is charged to `budget`.
    """

    def __init__(self, archive: zipfile.ZipFile, name: str, size: int, budget: Budget) -> None:
        self._archive = archive
        self._name = name
        self._size = size
        self.budget = budget
        self.members = tuple(self._members(size))
        self._by_name = {member.name: member for member in self.members}

    def renewed(self) -> "ZipArchive":
        """Return the same open zip with a new budget, to read it again."""
        copied = copy.copy(self)
        copied.budget = Budget(self._name, self._size)
        return copied

    @property
    def oddities(self) -> tuple[Problem, ...]:
        """Why members cannot be unpacked or copied: unsafe names, repeated names, links."""
        counts = Counter(info.filename for info in self._archive.infolist())
        reasons = [("more than one member has this name", n) for n, c in counts.items() if c > 1]
        for info in self._archive.infolist():
            name = info.orig_filename
            if reason := unsafe_name(name.removesuffix("/")):
                reasons.append((reason, name))
            if stat.S_ISLNK(info.external_attr >> 16):
                reasons.append(("the member is a symbolic link", name))
        return tuple(Problem(what=what, where=f"{self._name}:{name}") for what, name in reasons)

    def require_fit(self) -> None:
        """Check that all members can be unpacked and copied.

        Raises:
            FormatError: a name leads out of the folder or is repeated, or a member is a link.
        """
        if oddities := self.oddities:
            raise FormatError.from_problems(oddities)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all members; those of folders end with a slash."""
        return tuple(self._archive.namelist())

    def find(self, name: str) -> ZipMember | None:
        """Return the member of this name; None if there is none."""
        return self._by_name.get(name)

    def open(self, member: ZipMember) -> BinaryIO:
        """Return the member's content as a stream that seeks forward at little cost.

        Raises:
            FormatError: the member is encrypted or damaged, or its zip method is not supported.
        """
        self._check(member)
        where = f"{self._name}:{member.name}"
        with explained_damage(where):
            stream = self._archive.open(member.info)
        return cast("BinaryIO", _Member(stream, where, member.size, self.budget))

    def read(self, member: ZipMember, limit: int) -> bytes:
        """Return the content of a member.

        Raises:
            FormatError: as for `open`, or the member is larger than `limit` bytes.
            LimitError: the budget is spent.
        """
        where = f"{self._name}:{member.name}"
        if member.size > limit:
            raise FormatError(
                f"the member has {member.size} bytes; the limit is {limit}", where=where
            )
        self.budget.spend(Work.KEPT, member.size)
        with self.open(member) as stream:
            return stream.read()

    def _members(self, size: int) -> Iterator[ZipMember]:
        infos = self._archive.infolist()
        if sum(info.compress_size + _LOCAL_HEADER for info in infos) > size:
            raise FormatError("the members overlap", where=self._name)
        if any(info.volume for info in infos):
            raise FormatError("one part of a zip that was split into several", where=self._name)
        self._check_places(infos, size)
        self.budget.foresee(Work.UNPACKED, sum(info.file_size for info in infos))
        for info in infos:
            if not info.filename.endswith("/"):
                yield ZipMember(
                    name=info.filename,
                    size=info.file_size,
                    stored_size=info.compress_size,
                    info=info,
                )

    def _check_places(self, infos: list[zipfile.ZipInfo], size: int) -> None:
        """Refuse members that share bytes of the file, as zip bombs do, or exceed the file."""
        starts = sorted((info.header_offset, info.compress_size) for info in infos)
        for (start, stored), (following, _) in pairwise([*starts, (size, 0)]):
            if start < 0 or start + _LOCAL_HEADER + stored > following:
                raise FormatError("the members overlap", where=self._name)

    def _check(self, member: ZipMember) -> None:
        where = f"{self._name}:{member.name}"
        if member.info.flag_bits & _ENCRYPTED:
            raise FormatError("the member is encrypted", where=where)
        if member.info.compress_type not in _METHODS:
            raise FormatError(
                f"zip method {member.info.compress_type} is not supported", where=where
            )


@contextmanager
def open_zip(stream: BinaryIO, name: str, size: int, budget: Budget) -> Iterator[ZipArchive]:
    """Open a zip file.

    Args:
        stream: the file, seekable.
        name: the file's name in messages.
        size: its bytes.
        budget: the budget of the file that is the zip or contains it.

    Raises:
        FormatError: the file is not a zip, or is damaged.
        LimitError: the central directory or the unpacked members exceed the budget.
    """
    guarded = _Guarded(stream, budget)
    with explained_damage(name):
        archive = zipfile.ZipFile(cast("BinaryIO", guarded))
    guarded.is_opening = False
    with archive:
        yield ZipArchive(archive, name, size, budget)


@contextmanager
def explained_damage(where: str) -> Iterator[None]:
    """Turn an error of `zipfile` into a FormatError."""
    try:
        yield
    except FormatError:
        raise
    except _ERRORS as error:
        raise FormatError(f"the zip file is damaged: {error}", where=where) from error


class _Guarded:
    """A stream that charges the budget for the central directory before `zipfile` reads it."""

    def __init__(self, stream: BinaryIO, budget: Budget) -> None:
        self._stream = stream
        self._budget = budget
        self.is_opening = True

    def read(self, size: int = -1) -> bytes:
        if self.is_opening and size > 0:
            self._budget.spend(Work.DIRECTORY, size)
        return self._stream.read(size)

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._stream.seek(offset, whence)

    def tell(self) -> int:
        return self._stream.tell()

    def seekable(self) -> bool:
        return True


class _Member:
    """A member's content; reading is charged to the budget, and damage is a FormatError."""

    def __init__(self, stream: IO[bytes], where: str, size: int, budget: Budget) -> None:
        self._stream = stream
        self._where = where
        self._size = size
        self._budget = budget

    def read(self, size: int = -1) -> bytes:
        with explained_damage(self._where):
            data = self._stream.read(size)
        self._budget.spend(Work.UNPACKED, len(data))
        return data

    def seek(self, offset: int) -> int:
        """Go to an offset from the start; going back unpacks the member again from its start."""
        with explained_damage(self._where):
            here, there = self._stream.tell(), min(offset, self._size)
            self._budget.spend(Work.UNPACKED, there - here if there >= here else there)
            return self._stream.seek(offset)

    def close(self) -> None:
        self._stream.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()


_DRIVE = re.compile(r"[A-Za-z]:")
_DEPTH_LIMIT = 32
"""Levels of folders; a depot needs two."""
_LENGTH_LIMIT = 512


def unsafe_name(name: str) -> str:
    """Return why a member of this name cannot be unpacked or copied; empty if it can."""
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
"""The range of a zip's DOS date, which has steps of two seconds."""
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
            size: the number of bytes.

        Raises:
            FormatError: the name is taken or unsafe, or `chunks` has more or fewer bytes.
        """
        if reason := unsafe_name(name) or ("the name is taken" if name in self._names else ""):
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
            raise FormatError(f"the file changed: {written} bytes instead of {size}", where=name)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._zip.close()


def zip_bytes(members: Iterable[tuple[str, bytes]], epoch: int) -> bytes:
    """Return a small zip file, made in memory; it raises what `ZipWriter.add` raises."""
    stream = io.BytesIO()
    with ZipWriter(stream, epoch) as writer:
        for name, data in members:
            writer.add(name, [data], len(data))
    return stream.getvalue()
