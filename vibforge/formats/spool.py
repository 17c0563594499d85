"""Hold bytes for a moment: in memory while they are few, then in a file without a name."""

from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import BinaryIO, Self

_MEMORY_LIMIT = 1024 * 1024
_CHUNK = 1024 * 1024


class Spool:
    """Takes bytes in, gives them back once; `folder` holds what does not fit into memory."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
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
        from tempfile import TemporaryFile  # noqa: PLC0415 - small payloads have no file

        self._folder.mkdir(parents=True, exist_ok=True)
        on_disk = TemporaryFile(dir=self._folder)  # noqa: SIM115 - closed by __exit__
        for chunk in self.chunks():
            on_disk.write(chunk)
        self._store.close()
        self._store, self._in_memory = on_disk, False
