"""An open folder, whose names are looked up in the folder itself and not by its path.

On systems that accept names relative to an open folder (`dir_fd`: Linux, macOS, BSD), an attacker
who replaces a folder by a link cannot redirect a write. In the path to the folder that the user
names, links are followed; Linux refuses links of other users, who could change them just before.
Windows has no such calls: a folder is its path, a link is refused only if it exists at the time of
the check, and vibforge gives no protection against somebody who changes the folder meanwhile.
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
"""Windows removes such a file on close; other systems allow an open file without a name."""
_BY_STEPS = _BY_HANDLE and sys.platform == "linux"  # BSD cannot read an open link
_STEP = getattr(os, "O_PATH", 0) | getattr(os, "O_CLOEXEC", 0) | _NO_LINK
"""Flags that open a folder without read permission, or a link itself."""
_LINK_LIMIT = 40
"""Links in the path to a folder, the limit of Linux."""
_ROOT = 0
_PRIVATE = 0o600
_PROC = Path("/proc/self/fd")
_NUMBERS = itertools.count()
_ALL = 0o777


class _Held(threading.local):
    """The folders that a thread has locked, by device and inode number."""

    def __init__(self) -> None:
        self.folders: set[tuple[int, int]] = set()


_HELD = _Held()


class FolderHandle:
    """An open folder, with operations on the names in it.

    All methods raise OSError as the system does. `close` or a `with` block closes the handle.
    """

    def __init__(self, path: Path, descriptor: int | None) -> None:
        self._path = path
        self._descriptor = descriptor

    @classmethod
    def open(cls, path: Path, *, follow: bool = True) -> Self:
        """Open a folder that the user names, following links above it; `follow` its own link, too.

        On Linux only links of this user and of root are followed.

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
        """Open a folder inside this folder; a link raises NotADirectoryError."""
        path = self._path / name
        if not _BY_HANDLE:
            if not stat.S_ISDIR(path.lstat().st_mode):
                raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(path))
            return type(self)(path, None)
        try:
            return type(self)(path, os.open(name, _FLAGS | _NO_LINK, dir_fd=self._descriptor))
        except OSError as error:
            if error.errno in {errno.ELOOP, errno.EMLINK}:  # BSD raises EMLINK for a link
                raise NotADirectoryError(
                    errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(path)
                ) from error
            raise

    def again(self) -> Self:
        """Return a second handle of the same folder."""
        descriptor = None if self._descriptor is None else os.dup(self._descriptor)
        return type(self)(self._path, descriptor)

    def close(self) -> None:
        """Close the handle, which must not be used afterwards."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def status_of(self, name: str) -> os.stat_result | None:
        """Return the status of a name, without following links; None if it does not exist."""
        try:
            return os.stat(self._at(name), dir_fd=self._descriptor, follow_symlinks=False)
        except FileNotFoundError:
            return None

    def mode_of(self, name: str) -> int | None:
        """Return the type and permissions of a name; None if it does not exist."""
        status = self.status_of(name)
        return None if status is None else status.st_mode

    def mode_behind(self, name: str) -> int | None:
        """Return the type and permissions of a link's target; None if it does not exist."""
        try:
            return os.stat(self._at(name), dir_fd=self._descriptor).st_mode
        except OSError:
            return None

    def target_of(self, name: str) -> str:
        """Return the target of a link."""
        return os.readlink(self._at(name), dir_fd=self._descriptor)

    def followed(self, name: str) -> Path:
        """Return the target of a link that the user named.

        Raises:
            OutputError: on Linux: the link belongs to another user.
        """
        if _BY_STEPS and self._descriptor is not None:
            return _followed(self._descriptor, name, self._path / name)
        return Path(self.target_of(name))

    @contextmanager
    def held(self) -> Iterator[None]:
        """Lock the folder against other vibforge processes; the system unlocks it if one dies.

        The lock is on the folder itself, so that no lock file remains. If the system or the file
        system has no such lock, nothing is locked. A thread may lock a folder again.
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
        """Whether a path still leads to this folder, which may have been removed."""
        try:
            return self._descriptor is None or self._identity() == _identity(path.stat())
        except OSError:
            return False

    def _identity(self) -> tuple[int, int]:
        status = self._path.stat() if self._descriptor is None else os.fstat(self._descriptor)
        return _identity(status)

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
        except OSError:  # NFS cannot lock folders
            os.close(descriptor)
            return None
        except BaseException:  # a signal interrupted the wait
            os.close(descriptor)
            raise
        return descriptor

    def free_name(self) -> str:
        """Return a hidden name that is free in the folder."""
        while True:
            name = f".vibforge-{os.getpid()}-{next(_NUMBERS)}.partial"
            if self.mode_of(name) is None:
                return name

    def make_folder(self, name: str, mode: int) -> None:
        """Make a folder."""
        os.mkdir(self._at(name), mode, dir_fd=self._descriptor)

    def existing_file(self, name: str) -> BinaryIO:
        """Open a file for reading; a link, a pipe or a device raises OSError."""
        mode = self.mode_of(name)
        if mode is not None and stat.S_ISLNK(mode):
            raise OSError(f"{name} is a link")
        number = os.open(self._at(name), _OLD_FILE, dir_fd=self._descriptor)
        if not stat.S_ISREG(os.fstat(number).st_mode):
            os.close(number)
            raise OSError(f"{name} is not a regular file")
        return os.fdopen(number, "rb")

    def new_file(self, name: str, mode: int, flags: int = 0) -> BinaryIO:
        """Create a file and open it."""
        number = os.open(self._at(name), _NEW_FILE | flags, mode, dir_fd=self._descriptor)
        return os.fdopen(number, "w+b")

    def file_without_name(self, mode: int) -> BinaryIO | None:
        """Open a new file without a name; None if the system or file system has no such files."""
        if not (_BY_HANDLE and hasattr(os, "O_TMPFILE") and _PROC.is_dir()):
            return None
        try:
            number = os.open(".", os.O_TMPFILE | os.O_RDWR, mode, dir_fd=self._descriptor)
        except OSError:  # not every file system has files without names
            return None
        return os.fdopen(number, "w+b")

    def scratch_file(self) -> BinaryIO:
        """Open a new file that is deleted when it is closed."""
        file = self.file_without_name(_PRIVATE)
        if file is None:
            name = self.free_name()
            file = self.new_file(name, _PRIVATE, flags=_GONE_WHEN_CLOSED)
            if not _GONE_WHEN_CLOSED:
                self.remove_file(name)
        return file

    def name_file(self, file: BinaryIO, name: str) -> None:
        """Give a name to a file without one."""
        # A folder's descriptor makes Python call linkat, which follows the link in /proc.
        os.link(
            f"{_PROC}/{file.fileno()}",
            name,
            src_dir_fd=self._descriptor,
            dst_dir_fd=self._descriptor,
            follow_symlinks=True,
        )

    def link(self, original: "FolderHandle", original_name: str, name: str) -> None:
        """Make a hard link to a file of this or another folder; a link itself is not followed."""
        os.link(
            original._at(original_name),  # noqa: SLF001 - of the same class
            self._at(name),
            src_dir_fd=original._descriptor,  # noqa: SLF001 - the same
            dst_dir_fd=self._descriptor,
            follow_symlinks=not _BY_HANDLE,  # Windows supports only this value
        )

    def symlink(self, target: str, name: str) -> None:
        """Make a symbolic link."""
        os.symlink(target, self._at(name), dir_fd=self._descriptor)

    def make_device(self, name: str, mode: int, device: tuple[int, int]) -> None:
        """Make a device or a pipe, with the type and permissions in `mode`.

        Raises:
            OSError: ENOTSUP if the system cannot make devices in an open folder.
        """
        if not hasattr(os, "mknod") or os.mknod not in os.supports_dir_fd:
            raise OSError(errno.ENOTSUP, os.strerror(errno.ENOTSUP))
        os.mknod(self._at(name), mode, os.makedev(*device), dir_fd=self._descriptor)

    def give(self, name: str, owner: tuple[int, int]) -> None:
        """Change user and group of a name; of a link itself, not of its target."""
        os.chown(self._at(name), *owner, dir_fd=self._descriptor, follow_symlinks=False)

    def rename(self, name: str, target: str) -> None:
        """Rename inside the folder, replacing a file of the target's name."""
        os.replace(
            self._at(name),
            self._at(target),
            src_dir_fd=self._descriptor,
            dst_dir_fd=self._descriptor,
        )

    def take(self, other: "FolderHandle", name: str) -> None:
        """Move a name from another folder into this folder.

        Raises:
            FileExistsError: the name exists here.
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
        """Remove a name that is not a folder, if it exists."""
        with suppress(FileNotFoundError):
            os.unlink(self._at(name), dir_fd=self._descriptor)

    def remove_folder(self, name: str) -> None:
        """Remove an empty folder."""
        os.rmdir(self._at(name), dir_fd=self._descriptor)

    def remove_tree(self, name: str) -> None:
        """Remove a folder and its content as far as possible; links are not followed."""
        from shutil import rmtree  # noqa: PLC0415 - only `init` needs it; it loads four compressors

        rmtree(self._at(name), ignore_errors=True, dir_fd=self._descriptor)

    def settle(self, mode: int, owner: tuple[int, int] | None) -> None:
        """Set the folder's owner, then its permissions, because a new owner drops set-id bits."""
        where = self._path if self._descriptor is None else self._descriptor
        if owner is not None:
            os.chown(where, *owner)
        os.chmod(where, mode)  # noqa: PTH101 - `where` may be a descriptor

    def _at(self, name: str) -> str:
        return name if self._descriptor is not None else str(self._path / name)


class OutputFolder:
    """The folder that a command writes into; `open` makes it if it is missing.

    In the existing part of the path links are followed as in `FolderHandle.open`; in the new part
    they are refused.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._made: list[tuple[FolderHandle, str]] = []
        """The names of the folders made here, each with the handle of the folder above."""
        self._handle: FolderHandle | None = None

    def open(self) -> FolderHandle:
        """Return the folder, which stays open until `close`.

        Raises:
            OutputError: a link in the path belongs to another user.
            OSError: the folder cannot be opened or made.
        """
        if self._handle is None:
            existing = next(filter(os.path.exists, _upwards(self._path)), self._path)
            missing = self._path.parts[len(existing.parts) :]
            self._handle = FolderHandle.open(existing)
            for name in missing:
                self._handle = self._entered(self._handle, name)
        return self._handle

    @property
    def is_made(self) -> bool:
        """Whether `open` made the folder."""
        return bool(self._made) and self._made[-1][1] == self._path.name

    def close(self, *, keep: bool) -> None:
        """Close the folder; without `keep`, remove the folders that were made and are empty."""
        if self._handle is not None:
            self._handle.close()
        for parent, name in reversed(self._made):
            if not keep:
                with suppress(OSError):  # it is not empty
                    parent.remove_folder(name)
            parent.close()
        self._made.clear()

    def _entered(self, parent: FolderHandle, name: str) -> FolderHandle:
        try:
            parent.make_folder(name, _ALL)
        except FileExistsError:  # made by another process, or the path has `..`
            with parent:
                return parent.enter(name)
        self._made.append((parent, name))
        return parent.enter(name)


def _opened_by_steps(path: Path, *, follow: bool) -> int:
    """Open a folder name by name, to check the owner of each link in the path."""
    here = os.open(path.anchor or ".", _STEP)
    steps = _steps_back(path)
    links = 0
    try:
        while steps:
            name = steps.pop()
            try:
                # O_DIRECTORY makes the system mount file systems that are mounted on demand.
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
    """Return the target of a link that may be followed.

    Raises:
        OutputError: the link belongs to another user.
        OSError: it is not a link.
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
            f"{name} in this path is a link of another user (uid {status.st_uid}), who can change "
            "it at any time",
            where=str(path),
            remedy=f"if you trust that user, name the target of the link: {target}",
        )
    return Path(target)


def behind_links(path: Path) -> Path:
    """Return the path of a link's target; the path itself if it is not a link.

    Raises:
        OutputError: on Linux: a link belongs to another user.
        OSError: a folder cannot be opened, or there are too many links.
    """
    for _ in range(_LINK_LIMIT):
        try:
            with FolderHandle.open(path.parent) as folder:
                if not stat.S_ISLNK(folder.mode_of(path.name) or 0):
                    return path
                path = path.parent / folder.followed(path.name)
        except FileNotFoundError:  # the folder will be made
            return path
    raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), str(path))


def _upwards(path: Path) -> tuple[Path, ...]:
    return path, *path.parents
