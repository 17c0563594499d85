"""Headers that stand before an entry's own: GNU tar's long names and the records of pax."""

from dataclasses import dataclass, field

from vibforge.errors import FormatError
from vibforge.formats.tar_fields import text_of

PATH_LIMIT = 4096
"""Bytes of a path or link target: Linux's limit; vmtar itself reads 511."""
EXTENSION_LIMIT = 64 * 1024
"""Bytes of one pax header, which is kept in memory; a path and a link take 8 KiB."""

_LENGTH_DIGITS = len(str(EXTENSION_LIMIT)) + 1
_PAX_KEYS = frozenset({"path", "linkpath", "size", "uid", "gid", "mtime"})
"""What is taken from pax headers; the rest (access times, attributes) says nothing on a host."""
_NUMBER_DIGITS = 20
"""Digits of the largest number of 64 bits."""
_LONG_NAME, _LONG_LINK, _PAX, _PAX_OF_ALL = b"L", b"K", b"x", b"g"
FLAGS = frozenset({_LONG_NAME, _LONG_LINK, _PAX, _PAX_OF_ALL})
"""The type flags of headers that tell of another one."""


@dataclass(slots=True)
class Extension:
    """What the headers before an entry's own say of it."""

    name: str = ""
    link: str = ""
    records: dict[str, str] = field(default_factory=dict)

    def number(self, key: str, default: int) -> int:
        """Return a number of pax, whole seconds of a time; the default where there is none."""
        if key not in self.records:
            return default
        text = self.records[key].partition(".")[0]
        is_number = text.isascii() and text.isdigit() and len(text) < _NUMBER_DIGITS
        return int(text) if is_number else default


class Extensions:
    """Gathers extensions until the entry comes that they are of."""

    def __init__(self) -> None:
        self._of_all: dict[str, str] = {}
        self._next = Extension()
        self.pax = False
        """Whether there was a header of pax."""

    def add(self, flag: bytes, data: bytes) -> None:
        """Take what stands behind a header of one of the `FLAGS`.

        Raises:
            FormatError: it is damaged.
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
        """Return what was gathered, and start anew."""
        found, self._next = self._next, Extension()
        if self._of_all:
            found.records = self._of_all | found.records
        return found


def size_limit(flag: bytes) -> int:
    """Return how many bytes may stand behind a header of one of the `FLAGS`."""
    return EXTENSION_LIMIT if flag in {_PAX, _PAX_OF_ALL} else PATH_LIMIT


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
