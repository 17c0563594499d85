"""Read a payload once, and keep the facts that checks and reports need."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import nullcontext
from enum import Enum, auto
from typing import TYPE_CHECKING

from msgspec import Struct, field

from vibforge.errors import FormatError, Problem
from vibforge.esxi.paths import TRX_CONF, TRX_CONF_LIMIT
from vibforge.formats.budget import Budget, Work
from vibforge.formats.gnu_tar import ArchiveEntry, EntryKind
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
"""Bytes of a script in which line ends are looked at."""
_SHEBANG_LIMIT = 256
_FIXED = 2
"""ET_EXEC of ELF."""
FIREWALL = "etc/vmware/firewall/"
_FIREWALL_LIMIT = 256 * 1024
"""Bytes of a firewall rule set that are kept; the largest of a host image has 4 KB."""
_LEAST_JUDGED = 256
"""Bytes that a file counts which is judged, however small it is: beginning takes time, too."""
_FILES = frozenset({EntryKind.FILE, EntryKind.SHARED_FILE})


class Program(Struct, frozen=True):
    """The header of an ELF file: its machine number, and whether it is relocatable."""

    machine: int
    is_relocatable: bool
    """True for object files, as kernel modules are."""
    is_fixed: bool = False
    """True for programs that are linked to fixed addresses: never a library."""


class ScannedFile(Struct, kw_only=True):
    """A file of a payload: its entry, and what its first bytes tell."""

    found: TarEntry
    shebang: str = ""
    """What follows `#!`; empty where the file does not start so."""
    has_crlf: bool = False
    """Whether a text file that hosts run or parse has Windows line ends."""
    program: Program | None = None
    """Set for ELF files."""
    content: bytes = b""
    """The content of a trx.conf or of a firewall rule set; empty for every other file."""

    @property
    def is_plain(self) -> bool:
        """Whether its first bytes tell nothing."""
        return not (self.shebang or self.has_crlf or self.program or self.content)

    @property
    def entry(self) -> ArchiveEntry:
        return self.found.entry

    @property
    def path(self) -> str:
        return self.found.entry.path

    @property
    def is_file(self) -> bool:
        return self.found.entry.kind in _FILES


def scan_file(found: TarEntry, content: Iterable[memoryview], budget: Budget) -> ScannedFile:
    """Return what the first bytes of a file tell; `content` is not read further than needed.

    Raises:
        LimitError: the files that are kept for checks are too many for the budget.
    """
    if found.entry.kind not in _FILES or not found.entry.size:
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
    """Read machine and type of an ELF header (offsets 18 and 16; byte 5 is the byte order)."""
    order = "big" if head[5:6] == b"\2" else "little"
    number = {at: int.from_bytes(head[at : at + 2], order) for at in (16, 18)}  # type: ignore[arg-type] # a literal
    return Program(
        machine=number[18], is_relocatable=number[16] == 1, is_fixed=number[16] == _FIXED
    )


_LOOK = 1024 * 1024
"""Bytes of content in which a short look lists entries: thousands of a vmtar, dozens of others."""
_REST = 64 * 1024
"""Bytes of content that a short look reads on to see its end: the padding of a tar has 10 KiB."""

Progress = Callable[[int], None]
"""Called with the number of bytes that were read since the last call; may raise to stop."""


def no_progress(_size: int) -> None:
    """Ignore progress."""


class Depth(Enum):
    """How much of a payload is read."""

    START = auto()
    """The first entries; takes the same time at any size."""
    ENTRIES = auto()
    """All entries; of a vmtar nothing behind its headers."""
    ALL = auto()
    """Every byte, with all digests and the first bytes of every file."""


class ScannedPayload(Struct, kw_only=True):
    """What a payload holds.

    `form` is None where the content is not a tar; `content_kind` then says what it is. Sizes are in
    bytes. `fault` says why the content could not be read to its end; it is empty otherwise.
    """

    stored: "StoredPayload"
    stored_size: int = 0
    entries: list[TarEntry] = field(default_factory=list)
    known_files: dict[int, ScannedFile] = field(default_factory=dict)
    """The files whose first bytes tell something, by their places in `entries`."""
    compression: tuple[Codec, ...] = ()
    content_kind: FileKind = FileKind.UNKNOWN
    form: TarForm | None = None
    magics: tuple[str, ...] = ()
    oddities: tuple[str, ...] = ()
    fault: str = ""
    content_size: int | None = None
    """Counted, or taken from the gzip trailer where the content was not read to its end; None
    where it cannot be known."""
    is_complete: bool = True
    """Whether `entries` are all there are; after a short look they are the first ones."""
    hashers: dict[Layer, Hasher] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return self.stored.name

    @property
    def faults(self) -> tuple[Problem, ...]:
        """Why the content could not be read to its end, as a problem; none where it was."""
        return (Problem(what=self.fault, where=self.name),) if self.fault else ()

    @property
    def ratio(self) -> float | None:
        """Content bytes for each stored byte."""
        return self.content_size / self.stored_size if self.content_size else None

    @property
    def checksums(self) -> tuple[Checksum, ...]:
        """The digests that the descriptor declares."""
        return self.stored.declared.checksums if self.stored.declared else ()

    @property
    def files(self) -> Iterator[ScannedFile]:
        """Every entry with what its first bytes tell; most tell nothing and take no memory."""
        for place, entry in enumerate(self.entries):
            yield self.known_files.get(place) or ScannedFile(found=entry)

    def digest(self, checksum: Checksum) -> str | None:
        """Return the digest of the kind of `checksum` in hex.

        None where the kind is not known, or the content that it is of could not be unpacked.
        """
        of = hashed(checksum)
        if of is None or (self.fault and of.layer is not Layer.STORED):
            return None
        return self.hashers[of.layer].digest(of.algorithm)


def scan_payload(  # noqa: PLR0913 - each one is a thing that a caller decides
    stored: "StoredPayload",
    pieces: Iterator[bytes],
    budget: Budget,
    *,
    depth: Depth = Depth.ALL,
    size: int | None = None,
    progress: Progress = no_progress,
) -> ScannedPayload:
    """Read a payload.

    Args:
        stored: what the descriptor declares and the archive holds.
        pieces: the stored bytes.
        budget: that of the file that the payload is in.
        depth: how much to read.
        size: bytes of a payload that is not in an archive.
        progress: called with the number of stored bytes that were read.

    Raises:
        LimitError: the budget of the file is spent.
    """
    if size is None:
        size = stored.member.stored_size if stored.member else 0
    payload = ScannedPayload(stored=stored, stored_size=size)
    if depth is Depth.ALL:
        _read_all(payload, pieces, budget, progress)
    else:
        _read_entries(payload, pieces, budget, whole=depth is Depth.ENTRIES)
    return payload


def with_trailer(payload: ScannedPayload, trailer: bytes) -> ScannedPayload:
    """Take the content's size from the gzip trailer where the content was not counted."""
    if payload.content_size is None and payload.compression == (Codec.GZIP,):
        payload.content_size = gzip_content_size(trailer[-GZIP_TRAILER:])
    return payload


def _read_all(
    payload: ScannedPayload, pieces: Iterator[bytes], budget: Budget, progress: Progress
) -> None:
    wanted = [of for checksum in payload.checksums if (of := hashed(checksum))]
    payload.hashers = {
        layer: Hasher(dict.fromkeys(of.algorithm for of in wanted if of.layer is layer))
        for layer in Layer
    }
    if Hashed(Layer.STORED, "sha-256") not in wanted:
        every = dict.fromkeys(map(algorithm_of, payload.checksums))
        payload.hashers[Layer.STORED] = Hasher(kind for kind in every if kind in ALGORITHMS)
    with HashingThread() if payload.stored_size >= THREAD_WORTH else nullcontext() as thread:
        taps = {layer: _tap(hasher, thread) for layer, hasher in payload.hashers.items()}
        watched = _watched(pieces, taps[Layer.STORED], progress)
        layers = Taps(gunzipped=taps[Layer.GUNZIPPED], content=taps[Layer.CONTENT])
        try:
            _read_content(payload, watched, budget, layers)
        except FormatError as error:
            payload.fault = error.problems[0].what
        for _ in watched:
            pass
    if not payload.fault:
        payload.content_size = payload.hashers[Layer.CONTENT].size


def _read_content(
    payload: ScannedPayload, pieces: Iterator[bytes], budget: Budget, taps: Taps
) -> None:
    content = _open(payload, pieces, budget, taps)
    if not starts_tar(content.peek(HEAD_SIZE)):
        content.drain()
        return
    reader = TarReader(content, budget)
    try:
        for entry, data in reader.contents():
            file = scan_file(entry, data, budget)
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
    """Whether content is worth reading to its end only for its size."""
    if payload.form is TarForm.VMTAR and payload.compression == (Codec.GZIP,):
        return False
    return whole or (payload.is_complete and len(content.peek(_REST + 1)) <= _REST)


def _end_of(entry: TarEntry, reader: TarReader, content: ByteStream) -> int:
    """Return where the next header stands: behind the data, or in a vmtar behind the header."""
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
