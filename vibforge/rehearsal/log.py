"""What a program writes: its first and last lines, and whether it said what decides a verdict."""

import os
import threading
from collections import deque
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    import subprocess

_MOST_LINES = 100
"""Of the beginning, and as many of the end."""

_LONGEST_LINE = 400
_CHUNK = 1 << 16


class Said(StrEnum):
    """Words of ptp4l that say more than its data sets, as 3.1.1, 4.2 and 4.4 wrote them."""

    LOCAL_CLOCK = "master state recommended in slave only mode"
    POOR_CLASS = "Master clock quality received is greater than configured"
    AUTHENTICATION = "auth: "
    MASTER = " to MASTER on "


@dataclass(slots=True)
class Log:
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
        """What was kept, oldest first; `…` stands for what was not."""
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
