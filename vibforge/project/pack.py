"""Collect the tree of a payload and pack it."""

import hashlib
import os
import stat
from collections.abc import Callable, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import NewType, Protocol, Self

from msgspec import Struct, field

from vibforge.errors import PayloadError, Problem, is_file, is_folder
from vibforge.formats import deflating, gnu_tar, vmtar
from vibforge.formats.deflating import DEFAULT_LEVEL, CompressionLevel, GzipMember, compress
from vibforge.formats.gnu_tar import PATH_LIMIT, ArchiveEntry, EntryKind
from vibforge.project.recipe import PayloadRecipe, PayloadType
from vibforge.vib.scan import ChangedMode


class TarLayout(Protocol):
    """A format of archive: the layout of its entries, and its size."""

    def image(self, entries: Sequence[ArchiveEntry]) -> Iterator[bytes | ArchiveEntry]:
        """Yield bytes as they are, and entries whose content is due."""

    def image_size(self, entries: Sequence[ArchiveEntry]) -> int:
        """Return the bytes that an image takes."""


ARCHIVES: Mapping[PayloadType, TarLayout] = {PayloadType.TGZ: gnu_tar, PayloadType.VGZ: vmtar}


ENTRY_LIMIT = 200_000
"""Most entries of a payload to build, at 2 KiB of memory each; large ones have 10,000."""
DEPTH_LIMIT = 100
"""Deepest nesting of folders in a payload to build; vendors need a dozen."""
_PROBLEM_LIMIT = 50
_READABLE = stat.S_IRUSR | stat.S_IRGRP | stat.S_IROTH
_FOLDER_MODE = _PROGRAM_MODE = 0o755
_FILE_MODE = 0o644


FileState = NewType("FileState", int)
"""State of a file when it was listed, in one number; it must be the same when it is packed."""


def state_of(status: os.stat_result) -> FileState:
    """Return a number that changes with every write to a file.

    A program can set the time of the last write back, but not the time of the last change of the
    inode (ctime). Windows lists folders without inodes, and its ctime is the time of creation.
    """
    inode = (0, 0) if os.name == "nt" else (status.st_ino, status.st_ctime_ns)
    return FileState(hash((*inode, status.st_size, status.st_mtime_ns)))


class PayloadTree(Struct, frozen=True, kw_only=True, dict=True):
    """A tree ready to be packed: entries in the order of the archive, parents first."""

    recipe: PayloadRecipe
    root: Path
    entries: tuple[ArchiveEntry, ...]
    states: tuple[FileState | None, ...]
    """For each entry, the state of its file; None for folders and links."""
    changed_modes: Mapping[str, ChangedMode] = field(default_factory=dict)
    """The modes that the build widens or removes a set-id bit from, by the path in the tree."""
    origins: Mapping[str, Path | bytes] = field(default_factory=dict)
    """Source of an entry's content if it is not the entry's own path below the root."""

    @cached_property
    def image_size(self) -> int:
        """Bytes of the unpacked payload."""
        return ARCHIVES[self.recipe.type].image_size(self.entries)

    @property
    def content_size(self) -> int:
        """Bytes of all files together."""
        return sum(entry.size for entry in self.entries)

    def files(self) -> Iterator[str]:
        """Yield the paths that a descriptor lists: everything but folders."""
        return (entry.path for entry in self.entries if entry.kind is not EntryKind.DIRECTORY)


def collect(recipe: PayloadRecipe, project: Path, mtime: int) -> PayloadTree:
    """List a payload's tree.

    Args:
        recipe: the payload.
        project: the folder that the recipe's `tree` is relative to.
        mtime: the time of every entry, in seconds since 1970.

    Raises:
        PayloadError: with all entries of the tree that cannot be part of a payload.
    """
    root = project / recipe.tree
    if not is_folder(root):
        raise PayloadError(
            "the payload tree is not a folder" if is_file(root) else "there is no such folder",
            where=str(root),
            remedy="make it, and put each file at its path on the host: etc/vmware/trx.conf",
        )
    walker = _Walker(recipe, root, mtime)
    walker.walk("", 0)
    walker.check_rules()
    if walker.problems:
        raise PayloadError.from_problems(walker.problems)
    if not any(entry.kind is not EntryKind.DIRECTORY for entry in walker.entries):
        raise PayloadError(
            f"payload {recipe.name}: the tree holds no files",
            where=str(root),
            remedy="put each file at its path on the host, etc/vmware/trx.conf, or begin with "
            "`vibforge init FOLDER`",
        )
    tree = PayloadTree(
        recipe=recipe,
        root=root,
        entries=tuple(walker.entries),
        states=tuple(walker.states),
        changed_modes=walker.changed_modes,
    )
    _check_size(tree)
    return tree


def _check_size(tree: PayloadTree) -> None:
    if tree.image_size > deflating.SIZE_LIMIT:
        raise PayloadError(
            f"payload {tree.recipe.name} is {tree.image_size} bytes unpacked; gzip's length field "
            "and the boot loader's end at 4 GiB",
            where=str(tree.root),
            remedy="spread the files over several payloads",
        )


class _Walker:
    """Goes through one tree, depth first, names in byte order."""

    def __init__(self, recipe: PayloadRecipe, root: Path, mtime: int) -> None:
        self.entries: list[ArchiveEntry] = []
        self.states: list[FileState | None] = []
        self.problems: list[Problem] = []
        self.changed_modes: dict[str, ChangedMode] = {}
        self._recipe = recipe
        self._root = root
        self._mtime = mtime
        self._unused_rules = set(range(len(recipe.rules)))

    def walk(self, folder: str, depth: int) -> None:
        """Take in the content of `folder`, a path below the root that ends with a slash, or ''."""
        if depth > DEPTH_LIMIT:
            self._refuse(folder, f"folders are nested more than {DEPTH_LIMIT} levels deep")
            return
        try:
            with os.scandir(self._root / folder) as found:
                children = sorted(found, key=lambda child: os.fsencode(child.name), reverse=True)
        except OSError as error:
            self._refuse(folder, f"the folder cannot be read: {error.strerror}")
            return
        while children and len(self.problems) < _PROBLEM_LIMIT:
            child = children.pop()  # what the system said of it goes with it
            path = folder + child.name
            if not any(fnmatchcase(path, pattern) for pattern in self._recipe.exclude):
                self._take(child, path, depth)

    def check_rules(self) -> None:
        """Refuse rules that matched nothing: they are misspelt more often than not."""
        for index in sorted(self._unused_rules):
            patterns = ", ".join(self._recipe.rules[index].paths)
            self._refuse(
                "",
                f"no path matches rules[{index}] of payload {self._recipe.name}: {patterns}",
                "write paths relative to the tree, without a leading slash, or remove the rule",
            )

    def _refuse(self, path: str, what: str, remedy: str = "") -> None:
        where = str(self._root / path) if path.isprintable() else ascii(path)
        if len(self.problems) < _PROBLEM_LIMIT:
            self.problems.append(Problem(what=what, where=where, remedy=remedy))

    def _take(self, child: os.DirEntry[str], path: str, depth: int) -> None:
        if not self._name_fits(path):
            return
        if len(self.entries) >= ENTRY_LIMIT:
            self._refuse(path, f"more than {ENTRY_LIMIT} entries")
            return
        try:
            status = child.stat(follow_symlinks=False)
        except OSError as error:
            self._refuse(path, f"cannot be read: {error.strerror}")
            return
        if stat.S_ISDIR(status.st_mode):
            self._add(path, EntryKind.DIRECTORY, status)
            self.walk(path + "/", depth + 1)
        elif stat.S_ISLNK(status.st_mode):
            self._take_link(path, status)
        elif stat.S_ISREG(status.st_mode):
            self._take_file(path, child.path, status)
        else:
            self._refuse(
                path,
                f"a {_kind_name(status.st_mode)} cannot be part of a payload",
                "remove it from the tree, or name it in the payload's `exclude`",
            )

    def _name_fits(self, path: str) -> bool:
        if not (path.isascii() and path.isprintable()):
            self._refuse(
                path,
                "the name has characters other than printable ASCII, which a descriptor and a "
                "boot image cannot carry safely",
                "rename it",
            )
            return False
        if "\\" in path:
            self._refuse(
                path,
                "the name has a backslash, which some systems read as a separator of folders",
                "rename it, or name it in the payload's `exclude`",
            )
            return False
        if len(path) >= PATH_LIMIT:
            what = f"the path has {len(path)} characters; {PATH_LIMIT - 1} is the most"
            self._refuse(path, what, "rename files or folders to shorter names")
            return False
        return True

    def _take_link(self, path: str, status: os.stat_result) -> None:
        target = (self._root / path).readlink().as_posix()
        if not (target.isascii() and target.isprintable() and 0 < len(target) < PATH_LIMIT):
            self._refuse(path, "the link's target is too long or not printable ASCII")
        elif not self._stays_inside(path, target) and not any(
            fnmatchcase(path, pattern) for pattern in self._recipe.outside_links
        ):
            self._refuse(
                path,
                f"the link leads to {target}, which is not in the tree",
                "link to a file of the tree, or name this link in the payload's `outside-links` "
                "if the host has that file",
            )
        else:
            self._add(path, EntryKind.SYMLINK, status, link=target)

    def _stays_inside(self, path: str, target: str) -> bool:
        """Return whether a link's target is in the tree, with the tree's root as /."""
        steps: list[str] = []
        for step in (PurePosixPath("/", path).parent / target).parts[1:]:
            if step != "..":
                steps.append(step)
            elif steps:
                steps.pop()
            else:
                return False
        parents = [self._root.joinpath(*steps[:count]) for count in range(1, len(steps))]
        return not any(parent.is_symlink() for parent in parents) and os.path.lexists(
            self._root.joinpath(*steps)
        )

    def _take_file(self, path: str, found_at: str, status: os.stat_result) -> None:
        kind, hints = EntryKind.FILE, vmtar.TextHints()
        try:
            if status.st_mode & _READABLE != _READABLE and not os.access(found_at, os.R_OK):
                raise PermissionError(13, "permission denied")
            if self._recipe.type is PayloadType.VGZ and status.st_size:
                kind, hints = self._look_inside(path)
        except OSError as error:
            self._refuse(path, f"cannot be read: {error.strerror}", "give yourself access to it")
            return
        self._add(path, kind, status, hints=hints)

    def _look_inside(self, path: str) -> tuple[EntryKind, vmtar.TextHints]:
        with (self._root / path).open("rb", buffering=0) as file:
            head = file.read(vmtar.HEAD_SIZE)
        if not head.startswith(vmtar.ELF_MAGIC):
            return EntryKind.FILE, vmtar.TextHints()
        return EntryKind.SHARED_FILE, vmtar.text_hints(head)

    def _add(
        self,
        path: str,
        kind: EntryKind,
        status: os.stat_result,
        *,
        link: str = "",
        hints: vmtar.TextHints | None = None,
    ) -> None:
        mode, owner, group = self._attributes(path, kind, status.st_mode)
        hints = hints or vmtar.TextHints()
        self.entries.append(
            ArchiveEntry(
                path=path,
                kind=kind,
                mode=mode,
                size=status.st_size if kind.is_file else 0,
                link=link,
                uid=owner,
                gid=group,
                mtime=self._mtime,
                text_offset=hints.offset,
                text_pages=hints.pages,
            )
        )
        self.states.append(state_of(status) if kind.is_file else None)

    def _attributes(self, path: str, kind: EntryKind, mode_found: int) -> tuple[int, int, int]:
        """Return mode, owner and group: the default, then what the matching rules say."""
        default = mode = _default_mode(kind, mode_found)
        owner = group = 0
        is_named = False
        for index, rule in enumerate(self._recipe.rules):
            if any(fnmatchcase(path, pattern) for pattern in rule.paths):
                self._unused_rules.discard(index)
                is_named = is_named or rule.mode is not None
                mode = mode if rule.mode is None else rule.mode.bits
                owner = owner if rule.owner is None else rule.owner
                group = group if rule.group is None else rule.group
        if not is_named and _is_changed(kind, mode_found, default):
            self.changed_modes[path] = ChangedMode(stat.S_IMODE(mode_found), default)
        return mode, owner, group


def _is_changed(kind: EntryKind, found: int, default: int) -> bool:
    """Return whether the mode lets more people read the file, or lacks a set-id bit of the tree.

    That the group or others lose the right to write is what a umask decides.
    """
    wider = default & _READABLE & ~found
    return kind is not EntryKind.SYMLINK and bool(wider or found & (stat.S_ISUID | stat.S_ISGID))


def _default_mode(kind: EntryKind, found: int) -> int:
    """Return the bits that a person set on purpose, without those from a umask or checkout."""
    if kind is EntryKind.SYMLINK:
        return 0o777
    if kind is EntryKind.DIRECTORY:
        return _FOLDER_MODE
    mode = _PROGRAM_MODE if found & stat.S_IXUSR else _FILE_MODE
    return mode | (found & stat.S_ISVTX)


def _kind_name(mode: int) -> str:
    names = {
        stat.S_IFSOCK: "socket",
        stat.S_IFIFO: "named pipe",
        stat.S_IFBLK: "block device",
        stat.S_IFCHR: "character device",
    }
    return names.get(stat.S_IFMT(mode), "special file")


_OPEN_FLAGS = (
    os.O_RDONLY
    | getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_NONBLOCK", 0)  # a pipe put in the file's place must not hang the build
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_BINARY", 0)
)

_HASHED_AT_ONCE = 1 << 20
_LEAVE_ALONE = "do not change the payload tree during the build, then build again"


def pack(
    tree: PayloadTree,
    write: Callable[[bytes], object],
    *,
    level: CompressionLevel = DEFAULT_LEVEL,
    threads: int | None = None,
    on_progress: Callable[[int], None] | None = None,
) -> GzipMember:
    """Pack a tree into a payload.

    Args:
        tree: what to pack.
        write: takes the payload's bytes, in order.
        level: how hard to compress.
        threads: compressing threads; the number does not change the bytes.
        on_progress: called with the bytes of the unpacked image read so far.

    Raises:
        PayloadError: a file changed, vanished or cannot be read any more.
    """
    with _Image(tree, on_progress) as image:
        return compress(image.fill, tree.image_size, write, level=level, threads=threads)


def image_sha256(tree: PayloadTree) -> str:
    """Return the SHA-256, in hex, of the unpacked image that `pack` would compress.

    Raises:
        PayloadError: as for `pack`.
    """
    digest, buffer = hashlib.sha256(), memoryview(bytearray(_HASHED_AT_ONCE))
    with _Image(tree, None) as image:
        while count := image.fill(buffer):
            digest.update(buffer[:count])
    return digest.hexdigest()


class _Image:
    """The tar image of a tree as a stream that fills buffers."""

    def __init__(self, tree: PayloadTree, on_progress: Callable[[int], None] | None) -> None:
        self._tree = tree
        self._root = os.fspath(tree.root) + os.sep
        self._pieces: Iterator[bytes | ArchiveEntry] = ARCHIVES[tree.recipe.type].image(
            tree.entries
        )
        self._states = zip(tree.entries, tree.states, strict=True)
        self._rest: bytes | memoryview = b""
        self._file: _OpenFile | None = None
        self._read = 0
        self._on_progress = on_progress

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._file:
            self._file.close()

    def fill(self, buffer: memoryview) -> int:
        """Put the next bytes of the image into a buffer; 0 at the end."""
        filled, size = 0, len(buffer)
        while filled < size:
            if self._file:
                filled += self._take_content(self._file, buffer[filled:])
                continue
            piece = self._rest or self._next_bytes()
            if piece:
                count = min(len(piece), size - filled)
                buffer[filled : filled + count] = piece[:count]
                self._rest = piece[count:]
                filled += count
            elif not self._file:
                break
        self._read += filled
        if self._on_progress:
            self._on_progress(self._read)
        return filled

    def _take_content(self, file: "_OpenFile", buffer: memoryview) -> int:
        count = file.read_into(buffer)
        if not file.left:
            file.finish()
            self._file = None
        return count

    def _next_bytes(self) -> bytes:
        """Return the bytes that come next, or open the file that comes next and return none."""
        piece = next(self._pieces, b"")
        if isinstance(piece, bytes):
            return piece
        origin = self._tree.origins.get(piece.path)
        state = self._state_of(piece)
        if isinstance(origin, bytes):
            return origin
        # A path object for each file would take a tenth of the time of packing small ones.
        self._file = _OpenFile(origin or self._root + piece.path, piece.size, state)
        return b""

    def _state_of(self, wanted: ArchiveEntry) -> FileState | None:
        """Both formats ask for content in the order of the entries, so one pass finds it."""
        for entry, state in self._states:
            if entry is wanted:
                return state
        raise AssertionError(wanted)


class _OpenFile:
    """A file of the tree that must be what it was when it was listed, to its last byte."""

    __slots__ = ("_descriptor", "_expected", "_path", "left")

    def __init__(self, path: Path | str, size: int, expected: FileState | None) -> None:
        self._path = path
        self._expected = expected
        self.left = size
        try:
            self._descriptor = os.open(path, _OPEN_FLAGS)
        except OSError as error:
            raise PayloadError(
                f"cannot be read any more: {error.strerror}", where=str(path), remedy=_LEAVE_ALONE
            ) from error

    def read_into(self, buffer: memoryview) -> int:
        """Read what fits; `left` says how many bytes are still to come."""
        try:
            count = _read_into(self._descriptor, buffer[: self.left])
        except OSError as error:
            raise PayloadError(
                f"cannot be read: {error.strerror}", where=str(self._path)
            ) from error
        if not count:
            raise self._changed()
        self.left -= count
        return count

    def finish(self) -> None:
        """Check the file's state after its last byte: a write or replacement changes it."""
        status = os.fstat(self._descriptor)
        self.close()
        if state_of(status) != self._expected:
            raise self._changed()

    def close(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
        self._descriptor = -1

    def _changed(self) -> PayloadError:
        return PayloadError(
            "the file changed while it was read", where=str(self._path), remedy=_LEAVE_ALONE
        )


def _read_into(descriptor: int, buffer: memoryview) -> int:
    if hasattr(os, "readv"):
        return os.readv(descriptor, [buffer])
    data = os.read(descriptor, len(buffer))
    buffer[: len(data)] = data
    return len(data)
