"""Pack a collected tree into one gzip member, in one pass and in flat memory."""

import hashlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Self

from vibforge.errors import PayloadError
from vibforge.formats.deflating import DEFAULT_LEVEL, Level, Member, compress
from vibforge.formats.gnu_tar import Entry
from vibforge.project.collect import ARCHIVES, FileState, PayloadTree, state_of

_OPEN_FLAGS = (
    os.O_RDONLY
    | getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_NONBLOCK", 0)  # a pipe put in the file's place must not hang the build
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_BINARY", 0)
)

_HASHED_AT_ONCE = 1 << 20
_LEAVE_ALONE = "leave the payload tree alone while it is built, then build again"


def pack(
    tree: PayloadTree,
    write: Callable[[bytes], object],
    *,
    level: Level = DEFAULT_LEVEL,
    threads: int | None = None,
    on_progress: Callable[[int], None] | None = None,
) -> Member:
    """Write the payload that a tree makes.

    Args:
        tree: what to pack.
        write: takes the payload's bytes, in order.
        level: how hard to compress.
        threads: compressing threads; the number does not change the bytes.
        on_progress: is told the bytes of the unpacked image that were read, now and then.

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
        self._pieces: Iterator[bytes | Entry] = ARCHIVES[tree.recipe.type].image(tree.entries)
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

    def _state_of(self, wanted: Entry) -> FileState | None:
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
        """Look once, after the last byte: who wrote, replaced or cut the file left a trace."""
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
