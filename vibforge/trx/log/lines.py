"""Lines of clock logs: ptp4l, phc2sys, and whatever stands between them in the log of TRX.

One pattern takes a line apart. linuxptp prints `ptp4l[SECONDS]: TEXT` on its standard output and
`ptp4l[PID]: [SECONDS] TEXT` to syslog, where SECONDS are those of the monotonic clock. What stands
in front is a time of day and perhaps the name of a host. TRX's own form is not known publicly, so
anything may stand there.
"""

import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import NamedTuple

from msgspec import Struct

LINE_LIMIT = 4096
"""Bytes of a line; linuxptp prints up to 1,024. What is longer is passed over and counted."""

_HEAD = rb"""
^(?:<\d{1,3}+>(?:1\ )?+)?+                                   # priority of a relayed syslog line
(?:(\d{4}-\d\d-\d\d[T\ ][\d:.,]{8,20}+(?:Z|[+-]\d\d:?\d\d)?+
   |[A-Z][a-z]{2}\ {1,2}\d{1,2}+(?:\ \d{4})?\ \d\d:\d\d:\d\d)\ )?+
((?:[^p\n]++|p(?!tp4l[\[:\ ]|hc2sys[\[:\ ]))*+)               # host, level, container
(ptp4l|phc2sys)
(?:\[\d{1,10}+\])?+:?+\ ?+                                   # number of the process
\[(\d{1,12}+\.\d{1,9}+)\]:?+\ \ ?+
(?:\[[^\]\n]*+\]\ )?+                                       # message_tag
"""
_SAMPLE = rb"""
(\S++)\ (?:(?:phc|sys|pps)\ )?+offset\ ++(-?\d{1,18}+)\ s([0-3])\ freq\ ++([-+]?\d{1,12}+)
(?:\ (?:path\ )?delay\ ++(-?\d{1,18}+))?+\ *+\r?$
"""
_SUMMARY = rb"""
(?:(\S++)\ )??rms\ ++(\d{1,18}+)\ max\ ++(\d{1,18}+)\ freq\ ++([-+]?\d{1,12}+)\ \+/-\ ++\d++
(?:\ delay\ ++(-?\d{1,18}+)\ \+/-\ ++\d++)?+\ *+\r?$
"""
_EVENT = rb"([^\n]*+)"
_OTHER = rb"^([^\n]++)"
LINE = re.compile(
    b"(?:" + _HEAD + b"(?:" + b"|".join((_SAMPLE, _SUMMARY, _EVENT)) + b"))|" + _OTHER,
    re.VERBOSE | re.MULTILINE,
)
"""Quantifiers are possessive: a line costs one pass, whatever stands in it."""


class Row(NamedTuple):
    """A line, taken apart; what it does not have is empty. `findall` gives plain tuples like it."""

    wall: bytes
    before: bytes
    program: bytes
    seconds: bytes
    clock: bytes
    offset: bytes
    servo: bytes
    freq: bytes
    delay: bytes
    summary_clock: bytes
    rms: bytes
    largest: bytes
    summary_freq: bytes
    summary_delay: bytes
    text: bytes
    other: bytes


WALL, BEFORE, PROGRAM, SECONDS, CLOCK, OFFSET, SERVO, FREQ, DELAY = range(9)
SUMMARY_CLOCK, RMS, LARGEST, SUMMARY_FREQ, SUMMARY_DELAY, TEXT, OTHER = range(9, 16)

RawRow = tuple[bytes, ...]


class Lines:
    """Cuts chunks of any size into blocks of whole lines; `cut` counts what it passed over."""

    def __init__(self) -> None:
        self._rest = b""
        self._is_passing = False
        self.cut = 0
        """Lines that were longer than `LINE_LIMIT`, or did not end."""

    def blocks(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        """Yield blocks of whole lines; a last line without its end is counted and not yielded."""
        for chunk in chunks:
            yield from self.feed(chunk)
        if self._rest:
            self.cut += 1
            self._rest = b""

    def feed(self, chunk: bytes) -> Iterator[bytes]:
        """Take the next chunk and yield the lines that are whole now, if there are any."""
        whole, newline, rest = chunk.rpartition(b"\n")
        if not newline:
            self._rest += chunk
        else:
            block = self._rest + whole + newline
            self._rest = rest
            if self._is_passing:
                block = block.partition(b"\n")[2]
                self._is_passing = False
            if block:
                yield block
        if len(self._rest) > LINE_LIMIT:
            self.cut += not self._is_passing
            self._is_passing = True
            self._rest = b""


_LEVEL = re.compile(r"[A-Z][a-z]\(\d+\)|info|warning|error|verbose|notice|debug|-")
_HOST = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,252}")


def host_in(before: bytes) -> str:
    """Return the host that stands between time and program; empty where none does.

    ESXi writes a level there (`In(182)`) and a process (`trx[2099]:`), syslog a host.
    """
    words = before.decode("utf-8", "replace").split()
    if words and _HOST.fullmatch(words[0]) and not _LEVEL.fullmatch(words[0]):
        return words[0]
    return ""


class Wall(Struct, frozen=True):
    """A time of day as a log has it: seconds since 1970, or in the year 2000 where none is said."""

    seconds: float
    has_year: bool

    def text(self) -> str:
        """Write it as a person reads it."""
        return wall_text(self.seconds, has_year=self.has_year)


_MONTHS = {
    name: number
    for number, name in enumerate(
        (b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov",
         b"Dec"), start=1,
    )
}  # fmt: skip
YEARLESS = 2000
"""The year that stands for one that is not said; it has a 29 February."""


def wall_of(text: bytes) -> Wall | None:
    """Read the time of day of a line; None where it has none, or one that no calendar has."""
    try:
        if text[:1].isdigit():
            stamp = text.decode("ascii").replace(",", ".")
            when = datetime.fromisoformat(stamp)
            return Wall(
                (when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp(), has_year=True
            )
        month, day, *year, clock = text.split()
        hour, minute, second = map(int, clock.split(b":"))
        when = datetime(
            int(year[0]) if year else YEARLESS, _MONTHS[month], int(day), hour, minute,
            min(second, 59), tzinfo=UTC,
        )  # fmt: skip
        return Wall(when.timestamp(), has_year=bool(year))
    except (ValueError, KeyError, OverflowError):
        return None


def wall_text(seconds: float, *, has_year: bool) -> str:
    """Write seconds since 1970 as ISO 8601 in UTC, or as syslog does where the year is not said."""
    when = datetime.fromtimestamp(seconds, UTC)
    return f"{when:%Y-%m-%dT%H:%M:%SZ}" if has_year else f"{when:%b} {when.day:2} {when:%H:%M:%S}"
