"""The `ar` container of a VIB: written in one form, read without losing a byte."""

import re
from collections.abc import Iterator
from typing import BinaryIO

from msgspec import Struct

from vibforge.errors import FormatError, Problem
from vibforge.formats.budget import Budget, Work

MAGIC = b"!<arch>\n"
NAME_LIMIT = 15
"""Characters of a member's name: its header field has 16, and one ends the name."""
SIZE_LIMIT = 10**10 - 1
"""Bytes of a member; the size field of its header has ten digits."""
_END = b"`\n"


def member_header(name: str, size: int) -> bytes:
    """Return the 60-byte header of a member of `size` bytes.

    Raises:
        FormatError: the name or the size does not fit its field.
    """
    if not (name.isascii() and name.isprintable() and 0 < len(name) <= NAME_LIMIT):
        raise FormatError(
            f"{name!r} cannot name an archive member",
            remedy=f"use 1 to {NAME_LIMIT} printable ASCII characters",
        )
    if not 0 <= size <= SIZE_LIMIT:
        raise FormatError(f"member {name}: {size} bytes do not fit the size field of 10 digits")
    fields = f"{name:<16}{0:<12}{0:<6}{0:<6}{0:<8}{size:<10}"
    return fields.encode("ascii") + _END


def member_padding(size: int) -> bytes:
    """Return the padding behind a member of `size` bytes; members start at even offsets."""
    return b"\n" if size % 2 else b""


NAME_TABLE_LIMIT = 1024 * 1024
"""Bytes of a GNU table of long names; ESXi accepts names of up to 15 characters."""
LONG_NAME_LIMIT = 255
"""Characters of a name in that table, as many as a file name may have."""

_HEADER_SIZE = 60
_TERMINATOR = b"`\n"
_LONG_NAMES, _SYMBOLS = "//", "/"
_REFERENCE = re.compile(r"/(\d{1,10})")
_OCTAL = re.compile(r" *[+-]?(0[oO])?[0-7]+ *")
_DECIMAL = re.compile(r" *[+-]?[0-9]+ *")


class ArMember(Struct, frozen=True, kw_only=True):
    """A member, described by its header; offsets and sizes in bytes.

    `header` has the raw 60 bytes, `padding` the byte behind the data, if any. `stored_size` is less
    than `size` if the file ends early. `is_table` marks GNU's tables of names and symbols.
    """

    name: str
    header: bytes
    data_offset: int
    size: int
    stored_size: int
    padding: bytes = b""
    is_table: bool = False

    @property
    def header_offset(self) -> int:
        return self.data_offset - _HEADER_SIZE

    @property
    def has_slash(self) -> bool:
        """Whether the name ends with a slash, as names written by GNU ar do."""
        return not self.is_table and self.name_text.endswith("/")

    @property
    def name_text(self) -> str:
        return self._field(0, 16)

    @property
    def mtime_text(self) -> str:
        return self._field(16, 28)

    @property
    def uid_text(self) -> str:
        return self._field(28, 34)

    @property
    def gid_text(self) -> str:
        return self._field(34, 40)

    @property
    def mode_text(self) -> str:
        return self._field(40, 48)

    @property
    def size_text(self) -> str:
        return self._field(48, 58)

    def _field(self, start: int, end: int) -> str:
        return _text(self.header[start:end])


class Archive(Struct, frozen=True, kw_only=True):
    """The members in the order of the file, and the bytes behind the last member.

    `faults` lists what VMware's readers refuse. The `tail_size` bytes from `tail_offset` on belong
    to no member.
    """

    members: tuple[ArMember, ...]
    tail_offset: int
    tail_size: int
    faults: tuple[Problem, ...] = ()


def read_archive(stream: BinaryIO, size: int, budget: Budget) -> Archive:
    """Read the headers of an archive.

    Args:
        stream: the archive, at its start; it only needs to seek forward.
        size: its total bytes.
        budget: the budget of the file that contains the archive.

    Raises:
        FormatError: the stream does not start like an archive.
        LimitError: the budget is spent.
    """
    if stream.read(len(MAGIC)) != MAGIC:
        raise FormatError("not an ar archive: it does not start with !<arch>")
    return _Scan(stream, size, budget).archive()


class _Scan:
    """Reads an archive from header to header."""

    def __init__(self, stream: BinaryIO, size: int, budget: Budget) -> None:
        self._stream = stream
        self._budget = budget
        self._size = size
        self._position = len(MAGIC)
        self._faults: list[Problem] = []
        self._long_names = b""
        self._has_long_names = False

    def archive(self) -> Archive:
        members = tuple(self._members())
        return Archive(
            members=members,
            tail_offset=self._position,
            tail_size=max(0, self._size - self._position),
            faults=tuple(self._faults),
        )

    def _members(self) -> Iterator[ArMember]:
        while self._position < self._size:
            self._budget.spend(Work.MEMBERS)
            member = self._member()
            if member is None:
                return
            yield member

    def _member(self) -> ArMember | None:
        header = self._stream.read(_HEADER_SIZE)
        size = _number(header[48:58])
        if len(header) < _HEADER_SIZE or header[58:] != _TERMINATOR or size is None:
            self._fault(f"no member header at offset {self._position}")
            return None
        data_offset = self._position + _HEADER_SIZE
        stored = max(0, min(size, self._size - data_offset))
        name_text = _text(header[:16])
        is_table = name_text in {_LONG_NAMES, _SYMBOLS}
        if name_text == _LONG_NAMES:
            self._read_long_names(stored)
            self._has_long_names = True
        else:
            self._stream.seek(data_offset + stored)
        padding = self._stream.read(1) if stored % 2 and stored == size else b""
        member = ArMember(
            name=name_text if is_table else self._name(name_text),
            header=header,
            data_offset=data_offset,
            size=size,
            stored_size=stored,
            padding=padding,
            is_table=is_table,
        )
        self._judge(member)
        self._position = data_offset + stored + len(padding)
        return member

    def _read_long_names(self, size: int) -> None:
        if size > NAME_TABLE_LIMIT:
            raise FormatError(
                f"the table of long names has {size} bytes; the limit is {NAME_TABLE_LIMIT}"
            )
        self._budget.spend(Work.KEPT, size)
        self._long_names = self._stream.read(size)

    def _name(self, text: str) -> str:
        reference = _REFERENCE.fullmatch(text)
        if not reference:
            if self._has_long_names:
                self._fault(f"{text} follows a table of long names and does not refer to it")
            return text.removesuffix("/")
        start = int(reference[1])
        end = self._long_names.find(b"\n", start, start + LONG_NAME_LIMIT + 1)
        if end < 0:
            self._fault(f"{text} refers to no name in the table of long names")
            return text
        return self._long_names[start:end].decode("latin-1").removesuffix("/")

    def _judge(self, member: ArMember) -> None:
        if member.stored_size < member.size:
            missing = member.size - member.stored_size
            self._fault(f"the file ends {missing} bytes before its end", member)
        if member.padding not in {b"", b"\n"}:
            self._fault(f"the pad byte is {member.padding!r}, not a newline", member)
        if member.mode_text.strip() and not _OCTAL.fullmatch(member.mode_text):
            self._fault(f"mode {member.mode_text!r} is not octal", member)
        for field in ("mtime", "uid", "gid", "size"):
            text = getattr(member, f"{field}_text")
            if text.strip() and not _DECIMAL.fullmatch(text):
                self._fault(f"{field} {text!r} is not a number", member)

    def _fault(self, what: str, member: ArMember | None = None) -> None:
        self._faults.append(Problem(what=what, where=f"member {member.name}" if member else ""))


def _text(field: bytes) -> str:
    """Return a field without its padding of blanks; other white space stays."""
    return field.decode("latin-1").strip(" ")


def _number(field: bytes) -> int | None:
    text = field.decode("latin-1")
    return int(text) if _DECIMAL.fullmatch(text) and "-" not in text else None
