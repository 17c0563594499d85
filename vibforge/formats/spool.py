"""Hold bytes for a moment: in memory while they are few, then in a file without a name."""

from collections.abc import Callable, Iterator
from io import BytesIO
from typing import BinaryIO, Self

_MEMORY_LIMIT = 1024 * 1024
_CHUNK = 1024 * 1024


class Spool:
    """Takes bytes in, and gives them back once.

    `scratch_file` opens a file for what does not fit into memory; it is gone when it is closed.
    """

    def __init__(self, scratch_file: Callable[[], BinaryIO]) -> None:
        self._scratch_file = scratch_file
        self._store: BinaryIO = BytesIO()
        self._size = 0
        self._in_memory = True

    def write(self, data: bytes) -> None:
        """Take more bytes."""
        if self._in_memory and self._size + len(data) > _MEMORY_LIMIT:
            self._move_to_disk()
        self._store.write(data)
        self._size += len(data)

    def chunks(self) -> Iterator[bytes]:
        """Give all bytes back, a MiB at a time."""
        self._store.seek(0)
        while chunk := self._store.read(_CHUNK):
            yield chunk

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._store.close()

    def _move_to_disk(self) -> None:
        on_disk = self._scratch_file()  # closed by __exit__
        for chunk in self.chunks():
            on_disk.write(chunk)
        self._store.close()
        self._store, self._in_memory = on_disk, False
