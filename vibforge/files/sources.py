"""Find files wherever they are: in folders, in archives, in archives of archives, in fragments.

One walk for every command that is given "the logs of a host" and the like. A vm-support archive is
a tgz, in which large files are cut into `NAME.FRAG-00000`, `NAME.FRAG-00001` …; they are put
together in that order. Members of archives that are wanted are copied to a scratch file as they are
stored, so that they can be read in any order and more than once; the others are passed over.
"""

import os
import re
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from msgspec import Struct
from msgspec.structs import replace

from vibforge.errors import FormatError, OutputError, Problem, VibforgeError, refused
from vibforge.files.inputs import STANDARD_INPUT, FileSource
from vibforge.formats.budget import LINE_CHARGE, Budget, Work
from vibforge.formats.inflating import gunzip, unzstd
from vibforge.formats.sniffing import HEAD_SIZE, FileKind, file_kind
from vibforge.formats.streams import CHUNK_SIZE, ByteStream, read_chunks
from vibforge.formats.tar_reading import TarReader
from vibforge.formats.zip_archive import ZipArchive, ZipMember, open_zip

DEPTH = 6
"""Archives and compressions within each other; a rotated log in vm-support's tgz takes three."""

_ARCHIVES = (".tgz", ".tar", ".tar.gz", ".tar.zst", ".zip")
"""Names of members that are opened for what may be in them."""
_COMPRESSIONS = (".gz", ".zst", ".tgz")
_FRAGMENT = re.compile(r"(?P<whole>.+)\.FRAG-(?P<number>\d{5})")
_ENDLESS = 2**63

Opener = Callable[[], Iterator[bytes]]
"""Gives the bytes of a file from their start, each time it is called."""


class FoundFile(Struct, frozen=True):
    """A file that was found."""

    name: str
    """What to call it in messages: the file that was named, and the path in each archive."""
    path: str
    """Its path in the folder or archive that was named, without the ends of compressions."""
    chunks: Opener
    """Its bytes, unpacked. Raises VibforgeError where they are damaged or too many."""


class Sources:
    """The files that are wanted; leaving the context forgets what was copied."""

    def __init__(self, is_wanted: Callable[[str], bool]) -> None:
        """Begin.

        Args:
            is_wanted: whether a path in a folder or archive is one to find. A file that is named
                itself is wanted whatever it is called.
        """
        self._is_wanted = is_wanted
        self._stack = ExitStack()
        self._scratch = _Scratch(self._stack)
        self._seen: set[tuple[int, int]] = set()
        self.files: list[FoundFile] = []
        self.problems: list[Problem] = []
        self.passed_over = 0
        """Files in folders and archives that were not wanted."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stack.close()

    def find(self, paths: Iterable[Path], standard_input: BinaryIO) -> None:
        """Look into files and folders; what cannot be read is added to `problems`."""
        for path in paths:
            if str(path) == STANDARD_INPUT:
                layer = _Layer(STANDARD_INPUT, "", 0, is_named=True)
                budget = Budget(STANDARD_INPUT, 0)
                self._try(layer, partial(self._look, layer, _Stream(standard_input), budget))
            else:
                self._try(_Layer(str(path), "", 0), partial(self._look_at, path))

    def _try(self, layer: "_Layer", look: Callable[[], None]) -> None:
        try:
            look()
        except VibforgeError as error:
            self.problems += (
                problem if problem.where else replace(problem, where=layer.name)
                for problem in error.problems
            )
        except OSError as error:
            self.problems += refused(error, layer.name).problems

    def _look_at(self, path: Path) -> None:
        if not path.is_dir():
            source = FileSource.from_path(path)
            if not self._is_new(path):
                return
            self._look(_Layer(str(path), "", 0, is_named=True), _opener(source), source.budget)
            return
        fragments = _Fragments()
        for folder, folders, names in os.walk(path):
            folders.sort()
            for name in sorted(names):
                self._look_at_member_of_folder(Path(folder, name), path, fragments)
        self._join(fragments)

    def _look_at_member_of_folder(self, file: Path, top: Path, fragments: "_Fragments") -> None:
        inside = file.relative_to(top).as_posix()
        if file.is_symlink() or not file.is_file() or not self._concerns(inside):
            self.passed_over += 1
            return
        layer = _Layer(str(file), inside, 0)
        self._try(layer, partial(self._look_at_file, file, layer, fragments))

    def _look_at_file(self, file: Path, layer: "_Layer", fragments: "_Fragments") -> None:
        source = FileSource.from_path(file)
        if self._is_new(file):
            self._take_member(layer, _opener(source), source.budget, fragments)

    def _is_new(self, path: Path) -> bool:
        """Whether a file was not met yet, by whichever name."""
        status = path.stat()
        file = (status.st_dev, status.st_ino)
        is_new = file not in self._seen
        self._seen.add(file)
        return is_new

    def _take_member(
        self, layer: "_Layer", opened: Opener, budget: Budget, fragments: "_Fragments"
    ) -> None:
        if not fragments.take(layer, opened, budget):
            self._try(layer, partial(self._look, layer, opened, budget))

    def _concerns(self, path: str) -> bool:
        """Whether a member is wanted, a fragment of one, or an archive that may hold one."""
        whole = _FRAGMENT.fullmatch(path)
        path = whole["whole"] if whole else path
        return self._is_wanted(_bare(path)) or path.lower().endswith(_ARCHIVES)

    def _look(self, layer: "_Layer", opened: Opener, budget: Budget) -> None:
        """Add a file, or look into it where it holds others."""
        if layer.depth > DEPTH:
            raise FormatError(f"more than {DEPTH} archives within each other", where=layer.name)
        head = _head(opened)
        kind = file_kind(head)
        if kind is FileKind.GZIP:
            self._look(layer.inner(), lambda: gunzip(opened(), budget), budget)
        elif kind is FileKind.ZSTD:
            self._look(layer.inner(), lambda: unzstd(opened(), budget), budget)
        elif kind in {FileKind.TAR, FileKind.VMTAR}:
            self._look_into_tar(layer, opened, budget)
        elif kind is FileKind.ZIP:
            self._look_into_zip(layer, opened, budget)
        elif layer.is_named or self._is_wanted(_bare(layer.path)):
            found = _counted(opened, budget) if layer.depth else opened
            self.files.append(FoundFile(layer.name, layer.path, found))
        else:
            self.passed_over += 1

    def _look_into_tar(self, layer: "_Layer", opened: Opener, budget: Budget) -> None:
        fragments = _Fragments()
        chunks = opened()
        try:
            for found, pieces in TarReader(ByteStream(chunks), budget).contents():
                entry = found.entry
                if not entry.kind.is_file:
                    continue
                if not self._concerns(entry.path):
                    self.passed_over += 1
                    continue
                member = layer.member(entry.path)
                stored = self._scratch.keep(map(bytes, pieces))
                self._take_member(member, stored, budget, fragments)
        finally:
            self._join(fragments)

    def _look_into_zip(self, layer: "_Layer", opened: Opener, budget: Budget) -> None:
        stream, size = self._scratch.file_of(opened())
        archive = self._stack.enter_context(open_zip(stream, layer.name, size, budget))
        fragments = _Fragments()
        for zipped in archive.members:
            if not self._concerns(zipped.name):
                self.passed_over += 1
                continue
            member = layer.member(zipped.name)
            self._take_member(member, _opener_of(archive, zipped), budget, fragments)
        self._join(fragments)

    def _join(self, fragments: "_Fragments") -> None:
        for layer, opened, budget, problem in fragments.joined():
            if problem:
                self.problems.append(problem)
            self._try(layer, partial(self._look, layer, opened, budget))


class _Layer(Struct, frozen=True):
    """Where the walk is."""

    name: str
    path: str
    depth: int
    is_named: bool = False
    """Whether the user named this file, and not one around it."""

    def inner(self) -> "_Layer":
        """Return what is below a compression."""
        return _Layer(self.name, self.path, self.depth + 1, self.is_named)

    def member(self, path: str) -> "_Layer":
        """Return a member of this archive."""
        return _Layer(f"{self.name}:{path}", f"{self.path}/{path}".lstrip("/"), self.depth + 1)


class _Fragments:
    """Gathers the fragments of one archive or folder."""

    def __init__(self) -> None:
        self._found: dict[str, dict[int, Opener]] = {}
        self._wholes: dict[str, tuple[_Layer, Budget]] = {}

    def take(self, layer: _Layer, opened: Opener, budget: Budget) -> bool:
        """Take a file if it is a fragment."""
        match = _FRAGMENT.fullmatch(layer.path)
        if not match:
            return False
        name = _FRAGMENT.sub(r"\g<whole>", layer.name)
        self._found.setdefault(name, {})[int(match["number"])] = opened
        self._wholes[name] = (_Layer(name, match["whole"], layer.depth), budget)
        return True

    def joined(self) -> Iterator[tuple[_Layer, Opener, Budget, Problem | None]]:
        """Yield the files that the fragments make, and what is missing of them.

        How many fragments there ought to be is not said anywhere that is known, so a missing last
        one does not show.
        """
        for name, pieces in self._found.items():
            layer, budget = self._wholes[name]
            missing = [f"{n:05}" for n in range(max(pieces)) if n not in pieces]
            problem = Problem(
                what=f"fragment {', '.join(missing[:5])} is missing of {max(pieces) + 1}",
                where=name,
                remedy="what is there was read; extract the archive again, or run its"
                " reconstruct.sh where all fragments are",
            ) if missing else None  # fmt: skip
            yield layer, _chained([pieces[n] for n in sorted(pieces)]), budget, problem


class _Scratch:
    """One file for what has to be kept of archives; it has no name and goes with the context."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack
        self._file: BinaryIO | None = None
        self._end = 0

    def keep(self, pieces: Iterable[bytes]) -> Opener:
        """Copy bytes, and return what gives them back."""
        start, file = self._end, self._opened()
        for piece in pieces:
            self._write(file, piece)
        end = self._end

        def chunks() -> Iterator[bytes]:
            for position in range(start, end, CHUNK_SIZE):
                file.seek(position)
                yield file.read(min(CHUNK_SIZE, end - position))

        return chunks

    def file_of(self, pieces: Iterable[bytes]) -> tuple[BinaryIO, int]:
        """Copy bytes to a file of their own, for who has to seek in them."""
        alone = _Scratch(self._stack)
        alone.keep(pieces)
        file = alone._opened()
        file.seek(0)
        return file, alone._end

    def _opened(self) -> BinaryIO:
        if self._file is None:
            file = tempfile.TemporaryFile(prefix="vibforge-")  # noqa: SIM115 - the stack closes it
            self._file = self._stack.enter_context(file)
        return self._file

    def _write(self, file: BinaryIO, piece: bytes) -> None:
        try:
            file.seek(self._end)
            file.write(piece)
        except OSError as error:
            raise OutputError(
                f"no room for a copy of what is in the archive: {error.strerror}",
                where=tempfile.gettempdir(),
                remedy="set TMPDIR to a folder with room, or extract the archive and give that",
            ) from error
        self._end += len(piece)


def _opener(source: FileSource) -> Opener:
    def chunks() -> Iterator[bytes]:
        with source.open() as file:
            yield from read_chunks(file, _ENDLESS)

    return chunks


def _counted(opened: Opener, budget: Budget) -> Opener:
    def chunks() -> Iterator[bytes]:
        for chunk in opened():
            budget.spend(Work.FOUND, len(chunk) + LINE_CHARGE * chunk.count(b"\n"))
            yield chunk

    return chunks


def _opener_of(archive: ZipArchive, member: ZipMember) -> Opener:
    def chunks() -> Iterator[bytes]:
        with archive.open(member) as inside:
            yield from read_chunks(inside, _ENDLESS)

    return chunks


class _Stream:
    """Opens a stream that cannot be read twice: only its beginning is kept for a second time."""

    def __init__(self, stream: BinaryIO) -> None:
        self._rest = read_chunks(stream, _ENDLESS)
        self._kept: list[bytes] = []

    def __call__(self) -> Iterator[bytes]:
        yield from self._kept
        for chunk in self._rest:
            if len(self._kept) < _KEPT_CHUNKS:
                self._kept.append(chunk)
            yield chunk


_KEPT_CHUNKS = 4
"""1 MiB, of which looks at the beginning take less."""


def _chained(openers: list[Opener]) -> Opener:
    def chunks() -> Iterator[bytes]:
        for opened in openers:
            yield from opened()

    return chunks


def _head(opened: Opener) -> bytes:
    return ByteStream(opened()).peek(HEAD_SIZE)


def _bare(path: str) -> str:
    """Return a path without the end of a compression."""
    for end in _COMPRESSIONS:
        if path.lower().endswith(end):
            return path[: -len(end)]
    return path
