"""An open folder: names in it are looked up there, whatever others make of its path meanwhile.

Where the system takes names relative to an open folder (`dir_fd`: Linux, macOS, BSD), nobody who
swaps a folder for a link can make a write land elsewhere. On the way to the folder that the user
names, links are followed; on Linux those of other users are refused, for they could be swapped just
before. Windows has no such calls: there a
folder is its path, a link is refused only if it is there when vibforge looks, and nothing is
promised against somebody who changes the folder at the same time.
"""

import errno
import itertools
import os
import stat
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, Self

from vibforge.errors import OutputError

_BY_HANDLE = {
    os.open,
    os.mkdir,
    os.stat,
    os.link,
    os.symlink,
    os.readlink,
    os.rename,
    os.unlink,
    os.rmdir,
} <= os.supports_dir_fd
_FLAGS = os.O_RDONLY | getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_CLOEXEC", 0)
_NO_LINK = getattr(os, "O_NOFOLLOW", 0)
_NEW_FILE = os.O_RDWR | os.O_CREAT | os.O_EXCL | _NO_LINK | getattr(os, "O_BINARY", 0)
_OLD_FILE = (
    os.O_RDONLY
    | getattr(os, "O_NONBLOCK", 0)  # opening a pipe must not hang
    | getattr(os, "O_CLOEXEC", 0)
    | _NO_LINK
    | getattr(os, "O_BINARY", 0)
)
_GONE_WHEN_CLOSED = getattr(os, "O_TEMPORARY", 0)
"""Windows removes such a file itself; elsewhere an open file needs no name."""
_BY_STEPS = _BY_HANDLE and sys.platform == "linux"  # BSD cannot read an open link
_STEP = getattr(os, "O_PATH", 0) | getattr(os, "O_CLOEXEC", 0) | _NO_LINK
"""Opens a folder that may be searched and not read, or a link itself."""
_LINK_LIMIT = 40
"""Links on the way to a folder, as Linux counts them."""
_ROOT = 0
_PRIVATE = 0o600
_PROC = Path("/proc/self/fd")
_NUMBERS = itertools.count()
_ALL = 0o777


class _Held(threading.local):
    """The folders that a thread holds, by device and number."""

    def __init__(self) -> None:
        self.folders: set[tuple[int, int]] = set()


_HELD = _Held()


class FolderHandle:
    """A folder, and what can be done with the names in it.

    All methods raise what the system raises; `close` or a `with` gives the handle back.
    """

    def __init__(self, path: Path, descriptor: int | None) -> None:
        self._path = path
        self._descriptor = descriptor

    @classmethod
    def open(cls, path: Path, *, follow: bool = True) -> Self:
        """Open a folder that the user names; links above it are followed, it itself if asked.

        Linux: of links, only those of this user and of root are followed.

        Raises:
            OutputError: a link belongs to another user.
            OSError: the folder cannot be opened.
        """
        if _BY_STEPS:
            return cls(path, _opened_by_steps(path, follow=follow))
        if _BY_HANDLE:
            return cls(path, os.open(path, _FLAGS | (0 if follow else _NO_LINK)))
        if not path.is_dir():
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(path))
        return cls(path, None)

    def enter(self, name: str) -> Self:
        """Open a folder in this one; a link is refused with NotADirectoryError."""
        path = self._path / name
        if not _BY_HANDLE:
            if not stat.S_ISDIR(path.lstat().st_mode):
                raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(path))
            return type(self)(path, None)
        try:
            return type(self)(path, os.open(name, _FLAGS | _NO_LINK, dir_fd=self._descriptor))
        except OSError as error:
            if error.errno in {errno.ELOOP, errno.EMLINK}:  # BSD says EMLINK of a link
                raise NotADirectoryError(
                    errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(path)
                ) from error
            raise

    def again(self) -> Self:
        """Open the same folder once more."""
        descriptor = None if self._descriptor is None else os.dup(self._descriptor)
        return type(self)(self._path, descriptor)

    def close(self) -> None:
        """Give the handle back; the folder is not to be used any more."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def status_of(self, name: str) -> os.stat_result | None:
        """Return what the system knows of what has this name; None if nothing has it."""
        try:
            return os.stat(self._at(name), dir_fd=self._descriptor, follow_symlinks=False)
        except FileNotFoundError:
            return None

    def mode_of(self, name: str) -> int | None:
        """Return the type and permissions of what has this name; None if nothing has it."""
        status = self.status_of(name)
        return None if status is None else status.st_mode

    def mode_behind(self, name: str) -> int | None:
        """Return the type and permissions of what a link leads to; None if that is nothing."""
        try:
            return os.stat(self._at(name), dir_fd=self._descriptor).st_mode
        except OSError:
            return None

    def target_of(self, name: str) -> str:
        """Return where a link says that it leads."""
        return os.readlink(self._at(name), dir_fd=self._descriptor)

    def followed(self, name: str) -> Path:
        """Return where a link leads that a user named.

        Raises:
            OutputError: it belongs to another user, on Linux.
        """
        if _BY_STEPS and self._descriptor is not None:
            return _followed(self._descriptor, name, self._path / name)
        return Path(self.target_of(name))

    @contextmanager
    def held(self) -> Iterator[None]:
        """Make others who hold the same folder wait; the system frees it when a process dies.

        The folder itself is locked, so that nothing is left behind. Where the system or the file
        system has no such lock, nobody waits. A thread that holds it may hold it once more.
        """
        identity = self._identity()
        descriptor = None if identity in _HELD.folders else self._locked()
        if descriptor is None:
            yield
            return
        _HELD.folders.add(identity)
        try:
            yield
        finally:
            _HELD.folders.discard(identity)
            os.close(descriptor)

    def is_still(self, path: Path) -> bool:
        """Whether a path leads to this folder, which may have been removed meanwhile."""
        try:
            return self._descriptor is None or self._identity() == _identity(path.stat())
        except OSError:
            return False

    def _identity(self) -> tuple[int, int]:
        found = self._path.stat() if self._descriptor is None else os.fstat(self._descriptor)
        return _identity(found)

    def _locked(self) -> int | None:
        try:
            import fcntl  # noqa: PLC0415 - Windows has none
        except ImportError:
            return None
        try:
            descriptor = os.open(".", _FLAGS, dir_fd=self._descriptor)
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

    def free_name(self) -> str:
        """Return a hidden name that nothing in the folder has."""
        while True:
            name = f".vibforge-{os.getpid()}-{next(_NUMBERS)}.partial"
            if self.mode_of(name) is None:
                return name

    def make_folder(self, name: str, mode: int) -> None:
        """Make a folder."""
        os.mkdir(self._at(name), mode, dir_fd=self._descriptor)

    def existing_file(self, name: str) -> BinaryIO:
        """Open a file to read it; a link, a pipe or a device is refused with OSError."""
        mode = self.mode_of(name)
        if mode is not None and stat.S_ISLNK(mode):
            raise OSError(f"{name} is a link")
        number = os.open(self._at(name), _OLD_FILE, dir_fd=self._descriptor)
        if not stat.S_ISREG(os.fstat(number).st_mode):
            os.close(number)
            raise OSError(f"{name} is not a regular file")
        return os.fdopen(number, "rb")

    def new_file(self, name: str, mode: int, flags: int = 0) -> BinaryIO:
        """Make a file and open it."""
        number = os.open(self._at(name), _NEW_FILE | flags, mode, dir_fd=self._descriptor)
        return os.fdopen(number, "w+b")

    def file_without_name(self, mode: int) -> BinaryIO | None:
        """Open a new file that has no name yet; None where the system or its disk has none."""
        if not (_BY_HANDLE and hasattr(os, "O_TMPFILE") and _PROC.is_dir()):
            return None
        try:
            number = os.open(".", os.O_TMPFILE | os.O_RDWR, mode, dir_fd=self._descriptor)
        except OSError:  # not every file system has files without names
            return None
        return os.fdopen(number, "w+b")

    def scratch_file(self) -> BinaryIO:
        """Open a new file that is gone when it is closed."""
        file = self.file_without_name(_PRIVATE)
        if file is None:
            name = self.free_name()
            file = self.new_file(name, _PRIVATE, flags=_GONE_WHEN_CLOSED)
            if not _GONE_WHEN_CLOSED:
                self.remove_file(name)
        return file

    def name_file(self, file: BinaryIO, name: str) -> None:
        """Give a file without a name its name."""
        # A folder's descriptor makes Python call linkat, which follows the link in /proc.
        os.link(
            f"{_PROC}/{file.fileno()}",
            name,
            src_dir_fd=self._descriptor,
            dst_dir_fd=self._descriptor,
            follow_symlinks=True,
        )

    def link(self, original: "FolderHandle", original_name: str, name: str) -> None:
        """Make a hard link to a file of this or another folder, never to what a link leads to."""
        os.link(
            original._at(original_name),  # noqa: SLF001 - of the same class
            self._at(name),
            src_dir_fd=original._descriptor,  # noqa: SLF001 - the same
            dst_dir_fd=self._descriptor,
            follow_symlinks=not _BY_HANDLE,  # Windows has one kind of this call only
        )

    def symlink(self, target: str, name: str) -> None:
        """Make a symbolic link."""
        os.symlink(target, self._at(name), dir_fd=self._descriptor)

    def make_device(self, name: str, mode: int, device: tuple[int, int]) -> None:
        """Make a device or a pipe, of the type and permissions in `mode`.

        Raises:
            OSError: ENOTSUP where the system makes no devices in an open folder.
        """
        if not hasattr(os, "mknod") or os.mknod not in os.supports_dir_fd:
            raise OSError(errno.ENOTSUP, os.strerror(errno.ENOTSUP))
        os.mknod(self._at(name), mode, os.makedev(*device), dir_fd=self._descriptor)

    def give(self, name: str, owner: tuple[int, int]) -> None:
        """Give what has this name to a user and a group; a link itself, not what it leads to."""
        os.chown(self._at(name), *owner, dir_fd=self._descriptor, follow_symlinks=False)

    def rename(self, name: str, target: str) -> None:
        """Rename in the folder, over whatever file has the target's name."""
        os.replace(
            self._at(name),
            self._at(target),
            src_dir_fd=self._descriptor,
            dst_dir_fd=self._descriptor,
        )

    def take(self, other: "FolderHandle", name: str) -> None:
        """Move what has this name in another folder into this one, where nothing has it.

        Raises:
            FileExistsError: something has the name.
        """
        if self.mode_of(name) is not None:
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), name)
        os.rename(
            other._at(name),  # noqa: SLF001 - of the same class
            self._at(name),
            src_dir_fd=other._descriptor,  # noqa: SLF001 - the same
            dst_dir_fd=self._descriptor,
        )

    def remove_file(self, name: str) -> None:
        """Remove a name that is not a folder's, if it is there."""
        with suppress(FileNotFoundError):
            os.unlink(self._at(name), dir_fd=self._descriptor)

    def remove_folder(self, name: str) -> None:
        """Remove an empty folder."""
        os.rmdir(self._at(name), dir_fd=self._descriptor)

    def remove_tree(self, name: str) -> None:
        """Remove a folder with all in it, as far as that is possible; links are not followed."""
        from shutil import rmtree  # noqa: PLC0415 - only `init` needs it; it loads four compressors

        rmtree(self._at(name), ignore_errors=True, dir_fd=self._descriptor)

    def settle(self, mode: int, owner: tuple[int, int] | None) -> None:
        """Give the folder itself its owner, then its permissions: a change of owner drops bits."""
        where = self._path if self._descriptor is None else self._descriptor
        if owner is not None:
            os.chown(where, *owner)
        os.chmod(where, mode)  # noqa: PTH101 - `where` may be a descriptor

    def _at(self, name: str) -> str:
        return name if self._descriptor is not None else str(self._path / name)


class OutputFolder:
    """The folder that a command writes into; `open` makes it where it is missing.

    Links are followed in the part of the path that is there, which the user named, as
    `FolderHandle.open` does, and refused in what is made.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._made: list[tuple[FolderHandle, str]] = []
        """What was made, each with the folder above it."""
        self._handle: FolderHandle | None = None

    def open(self) -> FolderHandle:
        """Return the folder, which stays open until `close`.

        Raises:
            OutputError: a link on the way belongs to another user.
            OSError: it cannot be opened or made.
        """
        if self._handle is None:
            there = next(filter(os.path.exists, _upwards(self._path)), self._path)
            missing = self._path.parts[len(there.parts) :]
            self._handle = FolderHandle.open(there)
            for name in missing:
                self._handle = self._entered(self._handle, name)
        return self._handle

    @property
    def is_made(self) -> bool:
        """Whether `open` made the folder."""
        return bool(self._made) and self._made[-1][1] == self._path.name

    def close(self, *, keep: bool) -> None:
        """Give the folder back; unless it is to be kept, remove what was made and is empty."""
        if self._handle is not None:
            self._handle.close()
        for parent, name in reversed(self._made):
            if not keep:
                with suppress(OSError):  # what holds something stays
                    parent.remove_folder(name)
            parent.close()
        self._made.clear()

    def _entered(self, parent: FolderHandle, name: str) -> FolderHandle:
        try:
            parent.make_folder(name, _ALL)
        except FileExistsError:  # somebody else made it meanwhile, or the path has `..` in it
            with parent:
                return parent.enter(name)
        self._made.append((parent, name))
        return parent.enter(name)


def _opened_by_steps(path: Path, *, follow: bool) -> int:
    """Open a folder name by name, so that the owner of each link on the way can be looked at."""
    here = os.open(path.anchor or ".", _STEP)
    steps = _steps_back(path)
    links = 0
    try:
        while steps:
            name = steps.pop()
            try:
                # Asking for a folder makes the system mount what is mounted on demand.
                here = _exchanged(here, os.open(name, _STEP | os.O_DIRECTORY, dir_fd=here))
            except NotADirectoryError:
                if not follow and not steps:
                    raise
                target = _followed(here, name, path)
                links += 1
                if links > _LINK_LIMIT:
                    raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), str(path)) from None
                if target.anchor:
                    here = _exchanged(here, os.open(target.anchor, _STEP))
                steps += _steps_back(target)
        return os.open(".", _FLAGS, dir_fd=here)
    finally:
        os.close(here)


def _identity(status: os.stat_result) -> tuple[int, int]:
    return status.st_dev, status.st_ino


def _steps_back(path: Path) -> list[str]:
    return list(reversed(path.relative_to(path.anchor).parts))


def _exchanged(before: int, after: int) -> int:
    os.close(before)
    return after


def _followed(folder: int, name: str, path: Path) -> Path:
    """Return where a link leads, if it may be followed.

    Raises:
        OutputError: it belongs to another user.
        OSError: it is no link.
    """
    link = os.open(name, _STEP, dir_fd=folder)
    try:
        status = os.fstat(link)
        if not stat.S_ISLNK(status.st_mode):
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(path))
        target = os.readlink("", dir_fd=link)
    finally:
        os.close(link)
    if status.st_uid not in {_ROOT, os.geteuid()}:
        raise OutputError(
            f"{name} in this path is a link of another user, number {status.st_uid}, who can "
            "swap it at any time",
            where=str(path),
            remedy=f"if you trust that user, name the folder itself: it leads to {target}",
        )
    return Path(target)


def behind_links(path: Path) -> Path:
    """Return the path of the file that a link leads to; the path itself where there is no link.

    Raises:
        OutputError: a link belongs to another user, on Linux.
        OSError: a folder cannot be opened, or there are too many links.
    """
    for _ in range(_LINK_LIMIT):
        try:
            with FolderHandle.open(path.parent) as folder:
                if not stat.S_ISLNK(folder.mode_of(path.name) or 0):
                    return path
                path = path.parent / folder.followed(path.name)
        except FileNotFoundError:  # the folder is to be made
            return path
    raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), str(path))


def _upwards(path: Path) -> tuple[Path, ...]:
    return path, *path.parents
