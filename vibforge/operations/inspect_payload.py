"""Look into a payload, to its end or only at its start."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from vibforge.errors import FormatError, Problem
from vibforge.formats.budget import Budget
from vibforge.formats.byte_stream import ByteStream
from vibforge.formats.sniffing import HEAD_SIZE, FileKind, file_kind
from vibforge.formats.tar_entries import TarEntry
from vibforge.formats.tar_reading import TarForm, TarReader, starts_tar
from vibforge.formats.unpacking import Compression, unpack
from vibforge.model.vib import StoredPayload

_LOOK = 1024 * 1024
"""Bytes of content in which a short look lists entries: thousands of a vmtar, dozens of others."""
_REST = 64 * 1024
"""Bytes of content that a short look reads on to see its end: the padding of a tar has 10 KiB."""
_USUAL = {
    "vgz": ("gzip, vmtar",),
    "tgz": ("gzip, gnu", "gzip, ustar", "gzip, pax"),
    "vzstd": ("gzip, zstd, vmtar",),
}
"""What payloads of a type hold (vib-format 4, vendor files); of other types nothing is known."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PayloadInspection:
    """What a payload really holds.

    Sizes are in bytes. `form` is None where the content is not a tar, and `content_kind` says what
    it is. `content_size` is what the gzip trailer says where the content was not read to its end,
    as for a vmtar, and counted otherwise; None where it cannot be known. `complete` is whether
    `entries` are all there are; after a short look at a large payload they are the first ones.
    `faults` tells why the content could not be read on.
    """

    payload: StoredPayload
    stored_size: int
    compression: tuple[Compression, ...] = ()
    content_kind: FileKind = FileKind.UNKNOWN
    form: TarForm | None = None
    magics: tuple[str, ...] = ()
    entries: tuple[TarEntry, ...] = ()
    complete: bool = True
    content_size: int | None = None
    oddities: tuple[str, ...] = ()
    faults: tuple[Problem, ...] = ()

    @property
    def ratio(self) -> float | None:
        """Content bytes for each stored byte."""
        return self.content_size / self.stored_size if self.content_size else None


@dataclass(slots=True)
class PayloadOpening:
    """Gathers what is met in a payload."""

    payload: StoredPayload
    budget: Budget
    whole: bool
    stored_size: int = 0
    compression: tuple[Compression, ...] = ()
    content_kind: FileKind = FileKind.UNKNOWN
    form: TarForm | None = None
    magics: tuple[str, ...] = ()
    entries: list[TarEntry] = field(default_factory=list)
    complete: bool = True
    content_size: int | None = None
    oddities: tuple[str, ...] = ()
    faults: tuple[Problem, ...] = ()

    @property
    def wants_trailer(self) -> bool:
        return self.content_size is None and self.compression == (Compression.GZIP,)

    def look(self, stored: Iterator[bytes]) -> None:
        try:
            unpacked = unpack(stored, self.budget)
            self.compression = unpacked.compression
            self._look_at_content(unpacked.content)
        except FormatError as error:
            self.faults = tuple(
                Problem(what=problem.what, where=self.payload.name) for problem in error.problems
            )

    def _look_at_content(self, content: ByteStream) -> None:
        head = content.peek(HEAD_SIZE)
        self.content_kind = file_kind(head)
        if starts_tar(head):
            self._look_at_tar(content)
        if not self.compression:
            self.content_size = self.stored_size
        elif self._may_finish(content):
            content.drain()
            self.content_size = content.position

    def _may_finish(self, content: ByteStream) -> bool:
        """Whether content is worth reading to its end."""
        if self.form is TarForm.VMTAR and self.compression == (Compression.GZIP,):
            return False
        return self.whole or (self.complete and len(content.peek(_REST + 1)) <= _REST)

    def _look_at_tar(self, content: ByteStream) -> None:
        reader = TarReader(content, self.budget)
        try:
            for entry in reader.entries():
                self.entries.append(entry)
                if not self.whole and _end_of(entry, reader, content) > _LOOK:
                    self.complete = False
                    return
        finally:
            self.form = reader.form
            self.magics = tuple(magic.decode("latin-1") for magic in reader.magics)
        if self.form is not TarForm.VMTAR and self._may_finish(content):
            reader.finish()
        self.oddities = tuple(reader.oddities)

    def result(self) -> PayloadInspection:
        return PayloadInspection(
            payload=self.payload,
            stored_size=self.stored_size,
            compression=self.compression,
            content_kind=self.content_kind,
            form=self.form,
            magics=self.magics,
            entries=tuple(self.entries),
            complete=self.complete,
            content_size=self.content_size,
            oddities=(*self._against_declaration(), *self.oddities),
            faults=self.faults,
        )

    def _layers(self) -> Iterator[str]:
        yield from self.compression
        yield self.form or self.content_kind

    def _against_declaration(self) -> Iterator[str]:
        """Yield where the content is not what the descriptor says."""
        declared = self.payload.declared
        if declared is None:
            return
        wanted = _USUAL.get(declared.type, ())
        if wanted and not self.faults and ", ".join(self._layers()) not in wanted:
            yield f"a payload of type {declared.type} is {' or '.join(wanted)}; this one is not"
        if declared.size is not None and declared.size != self.stored_size:
            yield f"the descriptor says {declared.size} bytes, the archive holds {self.stored_size}"


def _end_of(entry: TarEntry, reader: TarReader, content: ByteStream) -> int:
    """Return where the next header stands: behind the data, or in a vmtar behind the header."""
    return content.position + (0 if reader.form is TarForm.VMTAR else entry.entry.size)
