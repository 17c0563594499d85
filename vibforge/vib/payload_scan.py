"""Read a payload once, and keep what checks and reports need."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import nullcontext
from enum import Enum, auto
from typing import TYPE_CHECKING

from msgspec import Struct, field

from vibforge.errors import FormatError, Problem
from vibforge.esxi.paths import TRX_CONF, TRX_CONF_LIMIT
from vibforge.formats.budget import Budget, Work
from vibforge.formats.gnu_tar import ArchiveEntry
from vibforge.formats.inflating import (
    GZIP_TRAILER,
    NO_TAPS,
    THREAD_WORTH,
    Codec,
    Taps,
    gzip_content_size,
    unpack,
)
from vibforge.formats.sniffing import HEAD_SIZE, FileKind, file_kind
from vibforge.formats.streams import ALGORITHMS, ByteStream, Hasher, HashingThread
from vibforge.formats.tar_reading import TarEntry, TarForm, TarReader, starts_tar
from vibforge.formats.vmtar import ELF_MAGIC
from vibforge.vib.descriptor import Checksum, Hashed, Layer, algorithm_of, hashed

if TYPE_CHECKING:
    from vibforge.vib.archive import StoredPayload


_SCRIPT_LIMIT = 64 * 1024
"""Bytes of a script that are searched for Windows line ends."""
_SHEBANG_LIMIT = 256
_FIXED = 2
"""ELF's ET_EXEC."""
FIREWALL = "etc/vmware/firewall/"
_FIREWALL_LIMIT = 256 * 1024
"""Bytes of a firewall rule set that are kept; the largest in a host image has 4 KB."""
_LEAST_JUDGED = 256
"""Bytes charged at least for each judged file, because starting to judge it also takes time."""


class Program(Struct, frozen=True):
    """The header of an ELF file: its machine number, and whether it is relocatable."""

    machine: int
    is_relocatable: bool
    """True for object files, as kernel modules are."""
    is_fixed: bool = False
    """True for programs linked to fixed addresses, which are never libraries."""


class ScannedFile(Struct, kw_only=True):
    """A file of a payload: its tar entry (`found`), and what its first bytes show."""

    found: TarEntry
    shebang: str = ""
    """The text behind `#!`; empty if the file does not start with it."""
    has_crlf: bool = False
    """Whether a text file that hosts run or parse has Windows line ends."""
    program: Program | None = None
    """Set for ELF files."""
    content: bytes = b""
    """The content of a trx.conf or of a firewall rule set; empty for every other file."""

    @property
    def is_plain(self) -> bool:
        """Whether the first bytes show nothing that is kept."""
        return not (self.shebang or self.has_crlf or self.program or self.content)

    @property
    def entry(self) -> ArchiveEntry:
        return self.found.entry

    @property
    def path(self) -> str:
        return self.found.entry.path

    @property
    def is_file(self) -> bool:
        return self.found.entry.kind.is_file


Watch = Callable[[TarEntry, Iterator[memoryview]], Iterator[memoryview]]
"""Called with each entry and its content; returns the content, which it may look at on its way."""


def unwatched(_entry: TarEntry, content: Iterator[memoryview]) -> Iterator[memoryview]:
    """Return the content as it is (the default)."""
    return content


def scan_file(found: TarEntry, content: Iterable[memoryview], budget: Budget) -> ScannedFile:
    """Return what the first bytes of a file show; `content` is read no further than needed.

    Raises:
        LimitError: the files that are kept for checks exceed the budget.
    """
    if not found.entry.kind.is_file or not found.entry.size:
        return ScannedFile(found=found)
    kept = _kept(found.entry.path)
    if kept:
        budget.spend(Work.JUDGED, max(_LEAST_JUDGED, min(found.entry.size, kept)))
    head = _head(content, kept or _SCRIPT_LIMIT, whole=bool(kept))
    if head.startswith(ELF_MAGIC):
        return ScannedFile(found=found, program=_program(head))
    shebang = ""
    if head.startswith(b"#!"):
        shebang = head[2:_SHEBANG_LIMIT].partition(b"\n")[0].decode("latin-1").strip()
    return ScannedFile(
        found=found,
        shebang=shebang,
        has_crlf=bool(shebang or kept) and b"\r\n" in head,
        content=head if kept else b"",
    )


def _kept(path: str) -> int:
    """Return how many bytes of a file are kept; 0 for files whose content no check reads."""
    if path.endswith(TRX_CONF):
        return TRX_CONF_LIMIT
    return _FIREWALL_LIMIT if path.startswith(FIREWALL) and path.endswith(".xml") else 0


def _head(content: Iterable[memoryview], limit: int, *, whole: bool) -> bytes:
    head = b""
    for piece in content:
        head += bytes(piece[: limit - len(head)])
        if len(head) >= limit or not (whole or head.startswith(b"#!")):
            break
    return head


def _program(head: bytes) -> Program:
    """Return machine and type of an ELF header (offsets 18 and 16; byte 5 is the byte order)."""
    order = "big" if head[5:6] == b"\2" else "little"
    number = {at: int.from_bytes(head[at : at + 2], order) for at in (16, 18)}  # type: ignore[arg-type] # a literal
    return Program(
        machine=number[18], is_relocatable=number[16] == 1, is_fixed=number[16] == _FIXED
    )


_LOOK = 1024 * 1024
"""Bytes of content from which `Depth.START` lists entries: thousands in a vmtar, dozens else."""
_REST = 64 * 1024
"""Bytes of content that `Depth.START` may read to reach the end; a tar's padding has 10 KiB."""

Progress = Callable[[int], None]
"""Called with the number of bytes that were read since the last call; may raise to stop."""


def no_progress(_size: int) -> None:
    """Ignore progress."""


class Depth(Enum):
    """How much of a payload is read."""

    START = auto()
    """The first entries; takes the same time for any size."""
    ENTRIES = auto()
    """All entries; a vmtar is read only up to the end of its headers."""
    ALL = auto()
    """Every byte, with all digests and the first bytes of every file."""


class ScannedPayload(Struct, kw_only=True):
    """The content of a payload.

    `form` is None if the content is not a tar; `content_kind` then says what it is. Sizes are in
    bytes. `fault` says why the content could not be read to its end; empty if it was read.
    """

    stored: "StoredPayload"
    stored_size: int = 0
    entries: list[TarEntry] = field(default_factory=list)
    known_files: dict[int, ScannedFile] = field(default_factory=dict)
    """The files whose first bytes show something, by their index in `entries`."""
    compression: tuple[Codec, ...] = ()
    content_kind: FileKind = FileKind.UNKNOWN
    form: TarForm | None = None
    magics: tuple[str, ...] = ()
    oddities: tuple[str, ...] = ()
    fault: str = ""
    content_size: int | None = None
    """Bytes counted, or the gzip trailer's number if the content was not read to its end; None
    if unknown."""
    is_complete: bool = True
    """Whether `entries` has all entries; False if `Depth.START` stopped early."""
    hashers: dict[Layer, Hasher] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return self.stored.name

    @property
    def faults(self) -> tuple[Problem, ...]:
        """Why the content could not be read to its end, as a problem; empty if it was read."""
        return (Problem(what=self.fault, where=self.name),) if self.fault else ()

    @property
    def ratio(self) -> float | None:
        """Content bytes per stored byte."""
        return self.content_size / self.stored_size if self.content_size else None

    @property
    def checksums(self) -> tuple[Checksum, ...]:
        """The digests that the descriptor declares."""
        return self.stored.declared.checksums if self.stored.declared else ()

    @property
    def files(self) -> Iterator[ScannedFile]:
        """Every entry with what its first bytes show; most show nothing and take no memory."""
        for place, entry in enumerate(self.entries):
            yield self.known_files.get(place) or ScannedFile(found=entry)

    def digest(self, checksum: Checksum) -> str | None:
        """Return the computed digest of the kind of `checksum`, in hex.

        None if the kind is unknown, or the payload could not be unpacked to compute it.
        """
        target = hashed(checksum)
        if target is None or (self.fault and target.layer is not Layer.STORED):
            return None
        return self.hashers[target.layer].digest(target.algorithm)


def scan_payload(  # noqa: PLR0913 - the caller decides each of them
    stored: "StoredPayload",
    pieces: Iterator[bytes],
    budget: Budget,
    *,
    depth: Depth = Depth.ALL,
    size: int | None = None,
    progress: Progress = no_progress,
    watch: Watch = unwatched,
) -> ScannedPayload:
    """Read a payload.

    Args:
        stored: what the descriptor declares and the archive holds.
        pieces: the stored bytes.
        budget: the budget of the file that contains the payload.
        depth: how much to read.
        size: the bytes of a payload that is not in an archive; None to take them from `stored`.
        progress: called with the number of stored bytes that were read.
        watch: sees the content of each file when all is read.

    Raises:
        LimitError: the budget of the file is spent.
    """
    if size is None:
        size = stored.member.stored_size if stored.member else 0
    payload = ScannedPayload(stored=stored, stored_size=size)
    if depth is Depth.ALL:
        _read_all(payload, pieces, budget, progress, watch)
    else:
        _read_entries(payload, pieces, budget, whole=depth is Depth.ENTRIES)
    return payload


def with_trailer(payload: ScannedPayload, trailer: bytes) -> ScannedPayload:
    """Set the content's size from the gzip trailer if the content was not counted."""
    if payload.content_size is None and payload.compression == (Codec.GZIP,):
        payload.content_size = gzip_content_size(trailer[-GZIP_TRAILER:])
    return payload


def _read_all(
    payload: ScannedPayload,
    pieces: Iterator[bytes],
    budget: Budget,
    progress: Progress,
    watch: Watch,
) -> None:
    targets = [target for checksum in payload.checksums if (target := hashed(checksum))]
    payload.hashers = {
        layer: Hasher(dict.fromkeys(t.algorithm for t in targets if t.layer is layer))
        for layer in Layer
    }
    if Hashed(Layer.STORED, "sha-256") not in targets:
        algorithms = dict.fromkeys(map(algorithm_of, payload.checksums))
        payload.hashers[Layer.STORED] = Hasher(kind for kind in algorithms if kind in ALGORITHMS)
    with HashingThread() if payload.stored_size >= THREAD_WORTH else nullcontext() as thread:
        taps = {layer: _tap(hasher, thread) for layer, hasher in payload.hashers.items()}
        watched = _watched(pieces, taps[Layer.STORED], progress)
        layers = Taps(gunzipped=taps[Layer.GUNZIPPED], content=taps[Layer.CONTENT])
        try:
            _read_content(payload, watched, budget, layers, watch)
        except FormatError as error:
            payload.fault = error.problems[0].what
        for _ in watched:
            pass
    if not payload.fault:
        payload.content_size = payload.hashers[Layer.CONTENT].size


def _read_content(
    payload: ScannedPayload, pieces: Iterator[bytes], budget: Budget, taps: Taps, watch: Watch
) -> None:
    content = _open(payload, pieces, budget, taps)
    if not starts_tar(content.peek(HEAD_SIZE)):
        content.drain()
        return
    reader = TarReader(content, budget)
    try:
        for entry, data in reader.contents():
            seen = watch(entry, data)
            file = scan_file(entry, seen, budget)
            if seen is not data:
                deque(seen, maxlen=0)  # the rest of the file, for whoever watches
            if not file.is_plain:
                payload.known_files[len(payload.entries)] = file
            payload.entries.append(entry)
    finally:
        _note_form(payload, reader)
    content.drain()
    payload.oddities = tuple(reader.oddities)


def _read_entries(
    payload: ScannedPayload, pieces: Iterator[bytes], budget: Budget, *, whole: bool
) -> None:
    try:
        content = _open(payload, pieces, budget, NO_TAPS)
        if starts_tar(content.peek(HEAD_SIZE)):
            _list_entries(payload, content, budget, whole=whole)
        if not payload.compression:
            payload.content_size = payload.stored_size
        elif _may_finish(payload, content, whole=whole):
            content.drain()
            payload.content_size = content.position
    except FormatError as error:
        payload.fault = error.problems[0].what


def _open(
    payload: ScannedPayload, pieces: Iterator[bytes], budget: Budget, taps: Taps
) -> ByteStream:
    unpacked = unpack(pieces, budget, taps)
    payload.compression = unpacked.compression
    payload.content_kind = file_kind(unpacked.content.peek(HEAD_SIZE))
    return unpacked.content


def _list_entries(
    payload: ScannedPayload, content: ByteStream, budget: Budget, *, whole: bool
) -> None:
    reader = TarReader(content, budget)
    try:
        for entry in reader.entries():
            payload.entries.append(entry)
            if not whole and _end_of(entry, reader, content) > _LOOK:
                payload.is_complete = False
                return
    finally:
        _note_form(payload, reader)
    if payload.form is not TarForm.VMTAR and _may_finish(payload, content, whole=whole):
        reader.finish()
    payload.oddities = tuple(reader.oddities)


def _note_form(payload: ScannedPayload, reader: TarReader) -> None:
    payload.form = reader.form
    payload.magics = tuple(magic.decode("latin-1") for magic in reader.magics)


def _may_finish(payload: ScannedPayload, content: ByteStream, *, whole: bool) -> bool:
    """Whether to read the content to its end just to count its size."""
    if payload.form is TarForm.VMTAR and payload.compression == (Codec.GZIP,):
        return False
    return whole or (payload.is_complete and len(content.peek(_REST + 1)) <= _REST)


def _end_of(entry: TarEntry, reader: TarReader, content: ByteStream) -> int:
    """Return the offset of the next header: behind the data, or in a vmtar behind the header."""
    return content.position + (0 if reader.form is TarForm.VMTAR else entry.entry.size)


def _tap(hasher: Hasher, thread: HashingThread | None) -> Callable[[bytes], None]:
    if thread is None:
        return hasher.take

    def hand_over(chunk: bytes) -> None:
        thread.take(hasher, chunk)

    return hand_over


def _watched(
    pieces: Iterator[bytes], tap: Callable[[bytes], None], progress: Progress
) -> Iterator[bytes]:
    for piece in pieces:
        tap(piece)
        progress(len(piece))
        yield piece
