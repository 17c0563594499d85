"""Write files completely or not at all: a failed command leaves the old files."""

import contextlib
import errno
import os
import signal
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO, Self

from vibforge.errors import OutputError, VibforgeError
from vibforge.files.folder_handle import FolderHandle, OutputFolder

_STOPPING = tuple(
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
)


class WholeFile:
    """A file that is being written into `folder`; `take_name`, `replace` or `discard` ends it.

    All methods raise OSError as the system does. The folder must stay open until then.
    """

    def __init__(self, folder: FolderHandle, mode: int) -> None:
        self._folder = folder
        self._hidden: str | None = None
        unnamed = folder.file_without_name(mode)
        if unnamed is None:
            self._hidden = folder.free_name()
            unnamed = folder.new_file(self._hidden, mode)
        self.file = unnamed

    def settle(self, mode: int, owner: tuple[int, int] | None) -> None:
        """Set the file's owner, then its permissions, because a new owner drops set-id bits."""
        self.file.flush()
        if owner is not None:
            os.fchown(self.file.fileno(), *owner)
        if hasattr(os, "fchmod"):  # Windows: only since Python 3.13, with little effect
            os.fchmod(self.file.fileno(), mode)

    def take_after(self, replaced: os.stat_result) -> None:
        """Copy owner, group and permissions from the file that will be replaced."""
        own = os.fstat(self.file.fileno())
        wanted = (replaced.st_uid, replaced.st_gid)
        is_owned = (own.st_uid, own.st_gid) == wanted or not hasattr(os, "fchown")
        self.settle(stat.S_IMODE(replaced.st_mode), None if is_owned else wanted)

    def take_name(self, name: str) -> None:
        """Give the file its name if the name is free.

        Raises:
            FileExistsError: the name is taken; `prepare` and `replace` are still possible.
        """
        self.file.flush()
        if self._hidden is None:
            self._folder.name_file(self.file, name)
        elif self._folder.mode_of(name) is not None:
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), name)
        else:
            self.file.close()
            self._folder.rename(self._hidden, name)
            self._hidden = None
        self.file.close()

    def prepare(self) -> None:
        """Give the file a hidden name, which `replace` needs."""
        self.file.flush()
        if self._hidden is None:
            hidden = self._folder.free_name()
            self._folder.name_file(self.file, hidden)
            self._hidden = hidden
        self.file.close()

    def replace(self, name: str) -> None:
        """Replace the file of this name; call `prepare` before."""
        assert self._hidden is not None  # noqa: S101 - prepare gave it
        self._folder.rename(self._hidden, name)
        self._hidden = None

    def withdraw(self, name: str) -> None:
        """Take the name back that the file was given; it keeps a hidden one."""
        hidden = self._folder.free_name()
        self._folder.rename(name, hidden)
        self._hidden = hidden

    def readable_name(self) -> str:
        """Return a hidden name by which the file can be read; it keeps the name until the end."""
        if self._hidden is None or not self.file.closed:
            self.prepare()
        return self._hidden or ""

    def discard(self) -> None:
        """Delete the file, unless it has its name."""
        with contextlib.suppress(OSError):  # lost data does not matter here
            self.file.close()
        if self._hidden is not None:
            with contextlib.suppress(OSError):  # the folder may be gone, and the file with it
                self._folder.remove_file(self._hidden)


@contextlib.contextmanager
def undisturbed() -> Iterator[None]:
    """Delay the signals that ask the process to end, so that several files change together."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _STOPPING)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


_PROGRAM_MODE = 0o777
_FILE_MODE = 0o666
_PRIVATE_MODE = 0o600
_OPEN_FILES = ("/proc/", "/dev/fd/")
"""Targets of links to open files, such as /dev/stdout."""
TEMPORARY = Path("a temporary file")
"""The name in messages of a file that the user did not name."""
_REMEDIES = {
    errno.ENOSPC: "free some space; nothing was changed",
    errno.EDQUOT: "free some of your quota; nothing was changed",
    errno.EACCES: "choose a folder that you may write to",
    errno.EPERM: "choose a folder that you may write to",
    errno.EROFS: "choose a folder on a file system that is not read-only",
}


def _nothing_to_check() -> None:
    """Accept the folder (the default check)."""


class Publication:
    """Files that get their names together, when all of them are complete.

    `publish` makes the first change to the folder. If the system allows, the files have no names
    before, so that a killed process leaves nothing behind. A kill during `publish` leaves old and
    new files, each complete, and perhaps complete files called `.vibforge-*.partial`; other signals
    are delayed.
    """

    def __init__(self, folder: Path) -> None:
        """Prepare a publication.

        Args:
            folder: the folder of the files.
        """
        self._folder = folder
        self._output = OutputFolder(folder)
        self._ready: list[tuple[WholeFile, str]] = []
        self._unwanted: list[str] = []
        self._new: set[str] = set()

    @contextlib.contextmanager
    def create(
        self,
        name: str,
        *,
        executable: bool = False,
        private: bool = False,
        like_replaced: bool = False,
    ) -> Iterator[BinaryIO]:
        """Open a file that will be called `name`.

        Args:
            name: its name in the folder.
            executable: whether it is a program.
            private: whether only its owner may read it.
            like_replaced: whether to keep the owner and permissions of an existing file.

        Raises:
            OutputError: the folder cannot be made or written, the disk is full, or the owner of
                the replaced file cannot be kept.
        """
        mode = _PRIVATE_MODE if private else _PROGRAM_MODE if executable else _FILE_MODE
        with explained(self._folder / name):
            output = self._output.open()
            whole = WholeFile(output, mode)
            self._ready.append((whole, name))
            replaced = output.status_of(name) if like_replaced else None
            if replaced is not None:
                _take_after(whole, replaced, self._folder / name)
            yield whole.file
            whole.file.flush()

    def write(
        self, name: str, data: bytes, *, executable: bool = False, private: bool = False
    ) -> None:
        """Write a small file that will be called `name`; only its owner may read a `private` one.

        Raises:
            OutputError: the folder cannot be made or written, or the disk is full.
        """
        with self.create(name, executable=executable, private=private) as file:
            file.write(data)

    def remove(self, name: str) -> None:
        """Remove a file of the folder just before the first file is replaced."""
        self._unwanted.append(name)

    def is_new(self, name: str) -> bool:
        """Whether there was no file of this name; known when the check is called."""
        return name in self._new

    def readable(self, name: str) -> Path:
        """Return a path for reading a file that was written and has not been published.

        Raises:
            OutputError: the folder cannot be written.
        """
        with explained(self._folder / name):
            whole = next(whole for whole, given in self._ready if given == name)
            return self._folder / whole.readable_name()

    def scratch_file(self) -> BinaryIO:
        """Open a file in the folder that is deleted when it is closed.

        Raises:
            OSError: the folder cannot be made or written.
        """
        return self._output.open().scratch_file()

    def publish(self, check: Callable[[], None] = _nothing_to_check) -> None:
        """Give every file its final name.

        Args:
            check: called when all new names are given and before any file is replaced, while the
                folder is locked against other publications; if it raises, the new names are
                removed. It may call `remove`.

        Raises:
            OutputError: something that a file cannot replace has the name, or the folder cannot be
                written. The folder is then unchanged, unless the system refused one of several
                replacements, which lack of space or permissions does not cause.
        """
        for _, name in self._ready:
            if in_the_way := _in_the_way(self._output.open(), name):
                raise OutputError(
                    f"{in_the_way} has this name",
                    where=str(self._folder / name),
                    remedy="choose another name; nothing was changed",
                )
        output = self._output.open()
        with explained(self._folder), output.held(), undisturbed():
            replacing = self._replacing(check)
            for name in self._unwanted:
                with explained(self._folder / name):
                    output.remove_file(name)
            for whole, name in replacing:
                with explained(self._folder / name):
                    whole.replace(name)
            self._ready.clear()

    def _replacing(self, check: Callable[[], None]) -> list[tuple[WholeFile, str]]:
        """Name all files whose names are free, or none; return the others, prepared."""
        new: list[tuple[WholeFile, str]] = []
        others: list[tuple[WholeFile, str]] = []
        try:
            for whole, name in self._ready:
                with explained(self._folder / name):
                    try:
                        whole.take_name(name)
                        new.append((whole, name))
                        self._new.add(name)
                    except FileExistsError:
                        whole.prepare()
                        others.append((whole, name))
            check()
        except VibforgeError:
            for whole, name in new:
                whole.withdraw(name)
            raise
        return others

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for whole, _name in self._ready:
            whole.discard()
        self._ready.clear()
        self._output.close(keep=False)  # a folder with files stays


def write_file(path: Path, data: bytes) -> None:
    """Write one small file, whole or not at all.

    Raises:
        OutputError: it cannot be written; the file that was there is unchanged.
    """
    with Publication(path.parent) as publication:
        publication.write(path.name, data)
        publication.publish()


def _in_the_way(folder: FolderHandle, name: str) -> str:
    """Return what has the name and must not be replaced; empty if the name can be used."""
    mode = folder.mode_of(name)
    if mode is None or stat.S_ISREG(mode):
        return ""
    if not stat.S_ISLNK(mode):
        return "a folder" if stat.S_ISDIR(mode) else "a pipe, socket or device"
    behind = folder.mode_behind(name)
    is_file = behind is None or stat.S_ISREG(behind)
    if is_file and not folder.target_of(name).startswith(_OPEN_FILES):
        return ""
    return "a link to something that is not a file"


def _take_after(whole: WholeFile, replaced: os.stat_result, target: Path) -> None:
    """Give a file the owner and permissions of the file that it will replace."""
    try:
        whole.take_after(replaced)
    except PermissionError as error:
        raise OutputError(
            f"the file's owner and group cannot be kept: {error.strerror}",
            where=str(target),
            remedy="write to a new file with --output, or run as the file's owner or as root",
        ) from error


@contextlib.contextmanager
def temporary_folder(prefix: str = "vibforge-") -> Iterator[Path]:
    """Provide a folder that is deleted when the context ends.

    Raises:
        OutputError: it cannot be created.
    """
    from tempfile import TemporaryDirectory  # noqa: PLC0415 - few commands need one

    with explained(TEMPORARY):
        folder = TemporaryDirectory(prefix=prefix)
    with folder as name:
        yield Path(name)


@contextlib.contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turn an OSError about an output into an `OutputError`."""
    try:
        yield
    except OSError as error:
        what = f"cannot be written: {error.strerror or error}"
        raise OutputError(
            what, where=str(path), remedy=_REMEDIES.get(error.errno or 0, "")
        ) from error
