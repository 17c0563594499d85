"""Read ptp4l's data sets by pmc(8), and its log."""

import os
import threading
from collections import deque
from collections.abc import Mapping
from enum import StrEnum
from typing import TYPE_CHECKING, Self

from msgspec import Struct, field

if TYPE_CHECKING:
    import subprocess


QUESTIONS = (
    "GET PORT_DATA_SET",
    "GET TIME_STATUS_NP",
    "GET PARENT_DATA_SET",
    "GET CURRENT_DATA_SET",
    "GET PORT_STATS_NP",
    "GET TIME_PROPERTIES_DATA_SET",
)

_TIME_FLAGS = {
    "leap61": "leap_61",
    "leap59": "leap_59",
    "currentUtcOffsetValid": "utc_offset_valid",
    "ptpTimescale": "ptp_timescale",
    "timeTraceable": "time_traceable",
    "frequencyTraceable": "frequency_traceable",
}
"""pmc's names of the flags of the time, and those of `trx.network.message.HeaderFlags`."""

_MOST_CHARACTERS = 1 << 16
"""The answers have 4 KiB."""


class DataSets(Struct, frozen=True, kw_only=True):
    """One reading of a port. Offset and delays in nanoseconds; 0 if not measured yet.

    `received` and `sent` count messages by kind as pmc names it (`Announce`, `Delay_Resp`).
    `utc_offset` and `time_flags` are the clock's time properties, None and empty if ptp4l did not
    answer.
    """

    port: str
    state: str
    parent: str
    grandmaster: str
    grandmaster_present: bool
    offset: float
    path_delay: float
    peer_delay: float
    steps_removed: int
    received: Mapping[str, int]
    sent: Mapping[str, int]
    utc_offset: int | None = None
    time_flags: tuple[str, ...] = ()

    @property
    def hears_nothing(self) -> bool:
        return not any(self.received.values())


def data_sets_of(answer: str) -> DataSets | None:
    """Parse the output of pmc; None if ptp4l did not answer every request."""
    facts: dict[str, str] = {}
    for line in answer[:_MOST_CHARACTERS].splitlines():
        words = line.split()
        if len(words) == 2:  # noqa: PLR2004 - a name and its value
            facts.setdefault(words[0], words[1])
    try:
        return _data_sets(facts)
    except (KeyError, ValueError):
        return None


def _data_sets(facts: Mapping[str, str]) -> DataSets:
    return DataSets(
        port=facts["portIdentity"],
        state=facts["portState"],
        parent=facts["parentPortIdentity"],
        grandmaster=facts["grandmasterIdentity"],
        grandmaster_present=facts["gmPresent"] == "true",
        offset=float(facts["offsetFromMaster"]),
        path_delay=float(facts["meanPathDelay"]),
        peer_delay=float(facts["peerMeanPathDelay"]),
        steps_removed=int(facts["stepsRemoved"]),
        received=_counters(facts, "rx_"),
        sent=_counters(facts, "tx_"),
        utc_offset=int(facts["currentUtcOffset"]) if "currentUtcOffset" in facts else None,
        time_flags=tuple(flag for name, flag in _TIME_FLAGS.items() if facts.get(name) == "1"),
    )


def _counters(facts: Mapping[str, str], prefix: str) -> dict[str, int]:
    found = {
        name.removeprefix(prefix): int(value)
        for name, value in facts.items()
        if name.startswith(prefix)
    }
    if "Announce" not in found:
        raise KeyError(prefix)
    return found


_MOST_LINES = 100
"""The lines of a log to keep from its beginning, and as many from its end."""

_LONGEST_LINE = 400
_CHUNK = 1 << 16


class Said(StrEnum):
    """Messages of ptp4l that explain more than its data sets, as 3.1.1, 4.2 and 4.4 log them."""

    LOCAL_CLOCK = "master state recommended in slave only mode"
    POOR_CLASS = "Master clock quality received is greater than configured"
    AUTHENTICATION = "auth: "
    MASTER = " to MASTER on "


class Log(Struct):
    """Reads a process's output in a thread until it ends."""

    process: "subprocess.Popen[bytes]"
    size: int = 0
    said: set[Said] = field(default_factory=set)
    _first: list[str] = field(default_factory=list)
    _last: deque[str] = field(default_factory=lambda: deque(maxlen=_MOST_LINES))
    _thread: threading.Thread | None = None

    def start(self) -> Self:
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()
        return self

    @property
    def lines(self) -> tuple[str, ...]:
        """The kept lines, oldest first; `…` stands for dropped lines."""
        gap = ("…",) if len(self._last) == _MOST_LINES else ()
        return (*self._first, *gap, *tuple(self._last))

    def finish(self) -> None:
        """Wait a moment for the last lines of a process that has ended."""
        if self._thread:
            self._thread.join(1.0)

    def _read(self) -> None:
        stream = self.process.stdout
        if stream is None:
            return
        rest = b""
        with stream:
            while chunk := os.read(stream.fileno(), _CHUNK):
                self.size += len(chunk)
                *lines, rest = (rest + chunk).split(b"\n")
                rest = rest[:_LONGEST_LINE]
                self._keep(lines)
        if rest:
            self._keep([rest])

    def _keep(self, lines: list[bytes]) -> None:
        self.said |= {said for said in Said for line in lines if said.encode() in line}
        room = max(0, _MOST_LINES - len(self._first))
        self._first += (_text(line) for line in lines[:room])
        self._last.extend(_text(line) for line in lines[room:][-_MOST_LINES:])


def _text(line: bytes) -> str:
    text = line[:_LONGEST_LINE].decode("utf-8", "replace").strip()
    return "".join(letter if letter.isprintable() else "?" for letter in text)
