"""Write a file without a name, and give it one when it is whole.

Where the system has files without names (O_TMPFILE of Linux), what is killed half-way leaves
nothing behind. Elsewhere the file has a hidden name meanwhile, and only SIGKILL can leave it.
"""

import contextlib
import itertools
import os
import signal
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

_PROC = Path("/proc/self/fd")
_NUMBERS = itertools.count()
_STOPPING = tuple(
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
)


class WholeFile:
    """A file of `folder` that is being written; `take_name` or `discard` ends it.

    All methods raise what the system raises.
    """

    def __init__(self, folder: Path, mode: int) -> None:
        self._folder = folder
        self._hidden: Path | None = None
        self.file = self._without_name(mode) or self._with_hidden_name(mode)

    def chmod(self, mode: int) -> None:
        """Give the file its permissions."""
        self.file.flush()
        if hasattr(os, "fchmod"):
            os.fchmod(self.file.fileno(), mode)
        elif self._hidden is not None:
            self._hidden.chmod(mode)

    def take_after(self, replaced: os.stat_result) -> None:
        """Take over the owner, group and permissions of the file that this one will replace."""
        if hasattr(os, "fchown"):
            own = os.fstat(self.file.fileno())
            if (own.st_uid, own.st_gid) != (replaced.st_uid, replaced.st_gid):
                os.fchown(self.file.fileno(), replaced.st_uid, replaced.st_gid)
        self.chmod(stat.S_IMODE(replaced.st_mode))  # last: a change of owner drops set-id bits

    def take_name(self, target: Path) -> None:
        """Put the file where `target` is free, or make it ready to `replace` what is there.

        Raises:
            FileExistsError: `target` is not free.
        """
        self.file.flush()
        if self._hidden is None:
            self._link(target)
        elif os.path.lexists(target):
            raise FileExistsError(str(target))
        else:
            self.file.close()
            self._hidden.rename(target)
            self._hidden = None
        self.file.close()

    def prepare(self) -> None:
        """Give the file a hidden name, if it has none: what replaces another has to have one."""
        self.file.flush()
        if self._hidden is None:
            hidden = free_name(self._folder)
            self._link(hidden)
            self._hidden = hidden
        self.file.close()

    def replace(self, target: Path) -> None:
        """Take the place of whatever file is there; `prepare` comes first."""
        assert self._hidden is not None  # noqa: S101 - prepare gave it
        self._hidden.replace(target)
        self._hidden = None

    def discard(self) -> None:
        """Forget the file, unless it has its name."""
        with contextlib.suppress(OSError):  # what was not written is not missed
            self.file.close()
        if self._hidden is not None:
            self._hidden.unlink(missing_ok=True)

    def _without_name(self, mode: int) -> BinaryIO | None:
        if not hasattr(os, "O_TMPFILE") or not _PROC.is_dir():
            return None
        try:
            return os.fdopen(os.open(self._folder, os.O_TMPFILE | os.O_RDWR, mode), "w+b")
        except OSError:  # not every file system has files without names
            return None

    def _with_hidden_name(self, mode: int) -> BinaryIO:
        hidden = free_name(self._folder)
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
        file = os.fdopen(os.open(hidden, flags, mode), "w+b")
        self._hidden = hidden
        return file

    def _link(self, target: Path) -> None:
        # A directory descriptor makes Python call linkat, which follows the link in /proc.
        here = os.open(self._folder, os.O_RDONLY)
        try:
            own = f"/proc/self/fd/{self.file.fileno()}"
            os.link(own, target, src_dir_fd=here, follow_symlinks=True)
        finally:
            os.close(here)


def free_name(folder: Path) -> Path:
    """Return a hidden name in `folder` that nothing has."""
    while True:
        name = folder / f".vibforge-{os.getpid()}-{next(_NUMBERS)}.partial"
        if not os.path.lexists(name):
            return name


@contextlib.contextmanager
def held_folder(folder: Path) -> Iterator[None]:
    """Keep others who ask for the same folder waiting; the system frees it when a process dies.

    The folder itself is locked, so that nothing is left behind. Where the system or the file system
    has no such lock, nobody waits.
    """
    descriptor = _locked(folder)
    try:
        yield
    finally:
        if descriptor is not None:
            os.close(descriptor)


def _locked(folder: Path) -> int | None:
    try:
        import fcntl  # noqa: PLC0415 - Windows has none
    except ImportError:
        return None
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
    except OSError:  # NFS locks no folders
        os.close(descriptor)
        return None
    except BaseException:  # a signal ended the waiting
        os.close(descriptor)
        raise
    return descriptor


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
