"""Put finished files in their place: all of them whole, or the folder as it was."""

import contextlib
import errno
import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Self

from vibforge.errors import OutputError

_PROGRAM_MODE = 0o777
_FILE_MODE = 0o666
_PRIVATE_MODE = 0o600
_REMEDIES = {
    errno.ENOSPC: "free some space; nothing was changed",
    errno.EDQUOT: "free some of your quota; nothing was changed",
    errno.EACCES: "choose a folder that you may write to",
    errno.EPERM: "choose a folder that you may write to",
    errno.EROFS: "choose a folder on a file system that is not read-only",
}


class Publication:
    """Files that are written beside their final names and take them together at the end.

    Until `publish`, nothing with a final name has changed. Where the system can, a file has no
    name at all until it is whole, so that not even a killed process leaves a part of it.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._folder_is_ours = not folder.exists()
        self._ready: list[tuple[Path, Path]] = []

    @contextlib.contextmanager
    def create(
        self, name: str, *, executable: bool = False, private: bool = False
    ) -> Iterator[BinaryIO]:
        """Open a file that will be called `name`; only its owner may read a `private` one.

        Raises:
            OutputError: the folder cannot be made or written, or the disk is full.
        """
        target = self._folder / name
        finished = self._folder / f".{name}.{os.getpid()}.partial"
        mode = _PRIVATE_MODE if private else _PROGRAM_MODE if executable else _FILE_MODE
        with explained(target):
            self._folder.mkdir(parents=True, exist_ok=True)
            with _unfinished(finished, mode) as file:
                self._ready.append((finished, target))
                yield file
                file.flush()
                _give_name(file, finished)

    def write(
        self, name: str, data: bytes, *, executable: bool = False, private: bool = False
    ) -> None:
        """Write a small file that will be called `name`; only its owner may read a `private` one.

        Raises:
            OutputError: the folder cannot be made or written, or the disk is full.
        """
        with self.create(name, executable=executable, private=private) as file:
            file.write(data)

    def publish(self) -> None:
        """Give every file its final name.

        Raises:
            OutputError: a name is taken by something that a file cannot replace.
        """
        for _, target in self._ready:
            if target.is_dir():
                raise OutputError("a folder stands where the file belongs", where=str(target))
        while self._ready:
            finished, target = self._ready[0]
            with explained(target):
                finished.replace(target)
            self._ready.pop(0)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for finished, _target in self._ready:
            finished.unlink(missing_ok=True)
        self._ready.clear()
        if self._folder_is_ours:
            with contextlib.suppress(OSError):  # it stays where something was published
                self._folder.rmdir()


@contextlib.contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turn what the system says of an output into an `OutputError`."""
    try:
        yield
    except OSError as error:
        what = f"cannot be written: {error.strerror or error}"
        raise OutputError(
            what, where=str(path), remedy=_REMEDIES.get(error.errno or 0, "")
        ) from error


def _unfinished(path: Path, mode: int) -> BinaryIO:
    """Open a file without a name; where that is not possible, one called `path`."""
    if hasattr(os, "O_TMPFILE") and Path("/proc/self/fd").is_dir():
        with contextlib.suppress(OSError):  # not every file system has files without names
            return os.fdopen(os.open(path.parent, os.O_TMPFILE | os.O_RDWR, mode), "w+b")
    flags = os.O_RDWR | os.O_CREAT | os.O_TRUNC | getattr(os, "O_BINARY", 0)
    return os.fdopen(os.open(path, flags, mode), "w+b")


def _give_name(file: BinaryIO, path: Path) -> None:
    if os.fstat(file.fileno()).st_nlink:
        return
    path.unlink(missing_ok=True)
    # A directory descriptor makes Python call linkat, which follows the link in /proc.
    here = os.open(path.parent, os.O_RDONLY)
    try:
        os.link(f"/proc/self/fd/{file.fileno()}", path, src_dir_fd=here, follow_symlinks=True)
    finally:
        os.close(here)
