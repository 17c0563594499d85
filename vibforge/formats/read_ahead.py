"""Have pieces made in a thread of their own while those before them are used.

Inflating, hashing, reading and writing files release the interpreter lock, so that a second
processor is used.
"""

from collections.abc import Iterator
from queue import Queue
from threading import Thread
from types import TracebackType
from typing import Self

_AHEAD = 4
"""Pieces that wait, 256 KiB each where they were inflated."""


class ReadAhead(Iterator[bytes]):
    """Takes pieces a few ahead; leaving the context ends the thread, and what waits is lost."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._queue: Queue[bytes | None] = Queue(_AHEAD)
        self._thread = Thread(target=self._run, daemon=True)
        self._error: BaseException | None = None
        self._is_wanted = True
        self._is_over = False

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._is_wanted = False
        while not self._is_over:
            self._is_over = self._queue.get() is None
        self._thread.join()

    def __next__(self) -> bytes:
        """Return the next piece; what making it raised is raised here."""
        piece = None if self._is_over else self._queue.get()
        if piece is not None:
            return piece
        self._is_over = True
        if self._error is not None:
            raise self._error
        raise StopIteration

    def _run(self) -> None:
        try:
            for piece in self._pieces:
                self._queue.put(piece)
                if not self._is_wanted:
                    break
        except BaseException as error:  # noqa: BLE001 - it is raised where the piece is wanted
            self._error = error
        self._queue.put(None)
