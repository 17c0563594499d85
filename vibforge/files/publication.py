"""Write files whole or not at all: a command that fails leaves the old ones."""

import contextlib
import errno
import os
import signal
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO, Self

from vibforge.errors import OutputError
from vibforge.files.folder_handle import FolderHandle, OutputFolder

_STOPPING = tuple(
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
)


class WholeFile:
    """A file of `folder` that is being written; `take_name` or `discard` ends it.

    All methods raise what the system raises. The folder stays open as long as the file.
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
        """Give the file its owner, then its permissions: a change of owner drops set-id bits."""
        self.file.flush()
        if owner is not None:
            os.fchown(self.file.fileno(), *owner)
        if hasattr(os, "fchmod"):  # Windows has it from Python 3.13 on, and little to set by it
            os.fchmod(self.file.fileno(), mode)

    def take_after(self, replaced: os.stat_result) -> None:
        """Take over the owner, group and permissions of the file that this one will replace."""
        own = os.fstat(self.file.fileno())
        wanted = (replaced.st_uid, replaced.st_gid)
        is_owned = (own.st_uid, own.st_gid) == wanted or not hasattr(os, "fchown")
        self.settle(stat.S_IMODE(replaced.st_mode), None if is_owned else wanted)

    def take_name(self, name: str) -> None:
        """Give the file its name if that is free; else it is still there for `prepare`.

        Raises:
            FileExistsError: the name is not free.
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
        """Give the file a hidden name, if it has none: what replaces another has to have one."""
        self.file.flush()
        if self._hidden is None:
            hidden = self._folder.free_name()
            self._folder.name_file(self.file, hidden)
            self._hidden = hidden
        self.file.close()

    def replace(self, name: str) -> None:
        """Take the place of whatever file has the name; `prepare` comes first."""
        assert self._hidden is not None  # noqa: S101 - prepare gave it
        self._folder.rename(self._hidden, name)
        self._hidden = None

    def discard(self) -> None:
        """Forget the file, unless it has its name."""
        with contextlib.suppress(OSError):  # what was not written is not missed
            self.file.close()
        if self._hidden is not None:
            with contextlib.suppress(OSError):  # the folder may be gone, and the file with it
                self._folder.remove_file(self._hidden)


@contextlib.contextmanager
def undisturbed() -> Iterator[None]:
    """Let the signals that ask for an end wait, so that several files change together."""
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
"""Where links lead that stand for open files, as /dev/stdout does."""
TEMPORARY = Path("a temporary file")
"""What messages call a file that nobody asked for."""
_REMEDIES = {
    errno.ENOSPC: "free some space; nothing was changed",
    errno.EDQUOT: "free some of your quota; nothing was changed",
    errno.EACCES: "choose a folder that you may write to",
    errno.EPERM: "choose a folder that you may write to",
    errno.EROFS: "choose a folder on a file system that is not read-only",
}


def _nothing_to_check() -> None:
    """Accept the folder as it is."""


class Publication:
    """Files that take their names together, when all of them are whole.

    Until `publish`, nothing in the folder has changed, and where the system can, nothing that a
    killed process could leave has a name. A kill within `publish` leaves some files old and some
    new, each whole, and perhaps whole ones called `.vibforge-*.partial`; other signals wait.
    """

    def __init__(self, folder: Path, check: Callable[[], None] = _nothing_to_check) -> None:
        """Begin.

        Args:
            folder: where the files will be.
            check: is called when all new names are taken and no file is replaced yet, while no
                other publication into the folder can be in between; what it raises takes the new
                names back.
        """
        self._folder = folder
        self._check = check
        self._output = OutputFolder(folder)
        self._ready: list[tuple[WholeFile, str]] = []

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
            like_replaced: whether a file of that name hands down its owner and permissions.

        Raises:
            OutputError: the folder cannot be made or written, the disk is full, or the owner of
                the file that is replaced cannot be kept.
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

    def scratch_file(self) -> BinaryIO:
        """Open a file beside the others that is gone when it is closed.

        Raises:
            OSError: the folder cannot be made or written.
        """
        return self._output.open().scratch_file()

    def publish(self) -> None:
        """Give every file its final name.

        Raises:
            OutputError: a name is taken by something that a file cannot replace, or the folder
                cannot be written. It is as it was, unless the system refuses one of several
                replacements, for which it has neither a want of space nor of rights as a reason.
        """
        for _, name in self._ready:
            if in_the_way := _in_the_way(self._output.open(), name):
                raise OutputError(
                    f"{in_the_way} has the name of the file",
                    where=str(self._folder / name),
                    remedy="name another file; nothing was changed",
                )
        output = self._output.open()
        with explained(self._folder), output.held(), undisturbed():
            for whole, name in self._replacing():
                with explained(self._folder / name):
                    whole.replace(name)
            self._ready.clear()

    def _replacing(self) -> list[tuple[WholeFile, str]]:
        """Name the files whose names are free, all or none; return the others, made ready."""
        new: list[str] = []
        others: list[tuple[WholeFile, str]] = []
        try:
            for whole, name in self._ready:
                with explained(self._folder / name):
                    try:
                        whole.take_name(name)
                        new.append(name)
                    except FileExistsError:
                        whole.prepare()
                        others.append((whole, name))
            self._check()
        except OutputError:
            for name in new:
                self._output.open().remove_file(name)
            raise
        return others

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for whole, _name in self._ready:
            whole.discard()
        self._ready.clear()
        self._output.close(keep=False)  # with files in it, it stays


def _in_the_way(folder: FolderHandle, name: str) -> str:
    """Return what has the name and must not be replaced; empty if nothing is in the way."""
    mode = folder.mode_of(name)
    if mode is None or stat.S_ISREG(mode):
        return ""
    if not stat.S_ISLNK(mode):
        return "a folder" if stat.S_ISDIR(mode) else "a pipe, socket or device"
    behind = folder.mode_behind(name)
    is_file = behind is None or stat.S_ISREG(behind)
    if is_file and not folder.target_of(name).startswith(_OPEN_FILES):
        return ""
    return "a link to what is no file"


def _take_after(whole: WholeFile, replaced: os.stat_result, target: Path) -> None:
    """Give a file the owner and permissions of the one that it will replace."""
    try:
        whole.take_after(replaced)
    except PermissionError as error:
        raise OutputError(
            f"its owner and group cannot be kept: {error.strerror}",
            where=str(target),
            remedy="write to a new file with --output, or run as the file's owner or as root",
        ) from error


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
