"""Follow a growing log: its new lines as they come, over rotations, until it is enough."""

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

from vibforge.errors import TrxError
from vibforge.formats.streams import CHUNK_SIZE
from vibforge.trx.log.lines import Lines
from vibforge.trx.log.reading import LogReader

POLL = 0.5
"""Seconds between two looks."""


class Tail:
    """Gives the bytes of a growing file; one that takes its name goes on from its start."""

    def __init__(self, path: Path) -> None:
        """Open the file.

        Raises:
            TrxError: it cannot be read.
        """
        self._path = path
        self._file = self._open()

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def read(self) -> Iterator[bytes]:
        """Yield what is new."""
        yield from self._rest()
        if self._is_replaced():
            yield from self._rest()  # what came between the last read and the rotation
            self._file.close()
            self._file = self._open()
            yield from self._rest()
        elif os.fstat(self._file.fileno()).st_size < self._file.tell():
            self._file.seek(0)  # it was emptied in place
            yield from self._rest()

    def _rest(self) -> Iterator[bytes]:
        while chunk := self._file.read(CHUNK_SIZE):
            yield chunk

    def _is_replaced(self) -> bool:
        try:
            return not os.path.samestat(self._path.stat(), os.fstat(self._file.fileno()))
        except OSError:
            return False  # rotated away, and the new one is not there yet

    def _open(self) -> BinaryIO:
        try:
            return self._path.open("rb")
        except OSError as error:
            raise TrxError(
                f"cannot be followed: {error.strerror}",
                where=str(self._path),
                remedy="--follow takes one plain file that is there, such as /var/run/log/trx.log",
            ) from error


def follow(
    path: Path,
    host: str,
    reader: LogReader,
    on_look: Callable[[], None],
    seconds: float | None = None,
) -> None:
    """Read a log and what is added to it.

    Args:
        path: the log.
        host: the name for lines that tell none.
        reader: takes its lines.
        on_look: called after each look.
        seconds: how long; until interrupted if None.

    Raises:
        TrxError: it cannot be read.
    """
    tail, cutter = Tail(path), Lines()
    grown = start = time.monotonic()
    try:
        while True:
            now = time.monotonic()
            for chunk in tail.read():
                grown = now
                for block in cutter.feed(chunk):
                    reader.take(block, host)
            reader.idle(now - grown)
            on_look()
            if seconds is not None and now + POLL > start + seconds:
                return
            time.sleep(POLL)
    finally:
        tail.close()
