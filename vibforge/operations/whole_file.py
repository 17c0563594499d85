"""Write a file without a name, and give it one when it is whole.

Where the system has files without names (O_TMPFILE of Linux), what is killed half-way leaves
nothing behind. Elsewhere the file has a hidden name meanwhile, and only SIGKILL can leave it.
"""

import contextlib
import errno
import os
import signal
import stat
from collections.abc import Iterator

from vibforge.operations.folder_handle import FolderHandle

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
