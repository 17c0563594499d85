"""Look into a VIB, a bundle, a payload or a stage folder, and say what is there."""

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from vibforge.errors import FormatError, Problem
from vibforge.formats.byte_stream import ByteStream, read_chunks
from vibforge.formats.entry_budget import ENTRY_LIMIT, EntryBudget
from vibforge.formats.inflating import gzip_content_size
from vibforge.formats.safe_xml import SIZE_LIMIT as DESCRIPTOR_LIMIT
from vibforge.formats.sniffing import HEAD_SIZE, FileKind, file_kind
from vibforge.formats.tar_entries import TarEntry
from vibforge.formats.tar_header import Entry, EntryKind
from vibforge.formats.tar_reading import TarForm, TarReader, starts_tar
from vibforge.formats.unpacking import Compression, unpack
from vibforge.model.bundle import Bundle
from vibforge.model.source import Source
from vibforge.model.vib import StoredPayload, Vib
from vibforge.operations.facts.signatures import level_objections
from vibforge.operations.subjects import (
    LoosePayload,
    OpenBundle,
    StageFolder,
    Subject,
)

if TYPE_CHECKING:
    from vibforge.formats.pkcs7 import Block

_GZIP_TRAILER = 8
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
    as for a vmtar, and counted otherwise; None where it cannot be known. `faults` tells why the
    content could not be read to its end.
    """

    payload: StoredPayload
    stored_size: int
    compression: tuple[Compression, ...] = ()
    content_kind: FileKind = FileKind.UNKNOWN
    form: TarForm | None = None
    magics: tuple[str, ...] = ()
    entries: tuple[TarEntry, ...] = ()
    content_size: int | None = None
    oddities: tuple[str, ...] = ()
    faults: tuple[Problem, ...] = ()

    @property
    def ratio(self) -> float | None:
        """Content bytes for each stored byte."""
        return self.content_size / self.stored_size if self.content_size else None


@dataclass(frozen=True, kw_only=True, slots=True)
class VibInspection:
    """A VIB with its payloads opened and its signatures read."""

    vib: Vib
    payloads: tuple[PayloadInspection, ...]
    blocks: "tuple[Block, ...]"
    claims: tuple[str, ...] = ()
    """Why its signatures cannot carry the level that it claims."""
    faults: tuple[Problem, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class BundleInspection:
    """A bundle with its VIBs; `faults` tells which of them could not be read."""

    bundle: Bundle
    size: int
    vibs: tuple[VibInspection, ...]
    faults: tuple[Problem, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class StageInspection:
    """A stage folder with the trees of its payloads, each with the entries a build would see."""

    folder: StageFolder
    blocks: "tuple[Block, ...]"
    trees: tuple[tuple[str, tuple[Entry, ...]], ...]
    faults: tuple[Problem, ...] = ()


Inspection = VibInspection | BundleInspection | PayloadInspection | StageInspection


def inspect(subject: Subject) -> Inspection:
    """Look into what `subjects.opened` opened."""
    match subject:
        case Vib():
            return inspect_vib(subject)
        case OpenBundle():
            return _inspect_bundle(subject)
        case LoosePayload():
            return _inspect_loose(subject.source)
        case StageFolder():
            return _inspect_stage(subject)


def inspect_vib(vib: Vib, budget: EntryBudget | None = None) -> VibInspection:
    """Look into a VIB; of a payload no more is unpacked than its list of files needs."""
    shared = budget or EntryBudget()
    blocks, faults = _blocks(vib.signature)
    with vib.source.open() as stream:
        payloads = tuple(_inspect_payload(vib, payload, stream, shared) for payload in vib.payloads)
    return VibInspection(
        vib=vib,
        payloads=payloads,
        blocks=blocks,
        claims=level_objections(vib),
        faults=faults,
    )


def _inspect_payload(
    vib: Vib, payload: StoredPayload, stream: BinaryIO, budget: EntryBudget
) -> PayloadInspection:
    if payload.member is None:
        fault = Problem(what="the archive has no member of this name", where=payload.name)
        return PayloadInspection(payload=payload, stored_size=0, faults=(fault,))
    size = payload.member.stored_size
    opening = _Opening(payload, size, budget)
    opening.look(vib.stored(payload, stream))
    if opening.wants_trailer:
        stream.seek(payload.member.data_offset + max(0, size - _GZIP_TRAILER))
        opening.content_size = gzip_content_size(stream.read(min(size, _GZIP_TRAILER)))
    return opening.result()


def _inspect_loose(source: Source) -> PayloadInspection:
    payload = StoredPayload(name=Path(source.name).name, declared=None, member=None)
    opening = _Opening(payload, source.size, EntryBudget())
    with source.open() as stream:
        opening.look(read_chunks(stream, source.size))
        if opening.wants_trailer:
            stream.seek(max(0, source.size - _GZIP_TRAILER))
            opening.content_size = gzip_content_size(stream.read(_GZIP_TRAILER))
    return opening.result()


def _inspect_bundle(subject: OpenBundle) -> BundleInspection:
    vibs: list[VibInspection] = []
    faults: list[Problem] = []
    budget, descriptors = EntryBudget(), 0
    for source in subject.sources:
        try:
            vib = Vib.from_source(source)
            descriptors += len(vib.descriptor_bytes)
            vibs.append(inspect_vib(vib, budget))
        except FormatError as error:
            faults += error.problems
        if descriptors > DESCRIPTOR_LIMIT:
            what = f"descriptors of more than {DESCRIPTOR_LIMIT} bytes in all; the rest is not read"
            faults.append(Problem(what=what, where=source.name))
            break
    return BundleInspection(
        bundle=subject.bundle, size=subject.size, vibs=tuple(vibs), faults=tuple(faults)
    )


def _inspect_stage(folder: StageFolder) -> StageInspection:
    blocks, faults = _blocks(folder.signature)
    trees = tuple((path.name, tuple(_tree(path))) for path in folder.payloads)
    return StageInspection(folder=folder, blocks=blocks, trees=trees, faults=faults)


def _blocks(signature: bytes) -> "tuple[tuple[Block, ...], tuple[Problem, ...]]":
    if not signature.strip():
        return (), ()
    from vibforge.formats.pkcs7 import read_blocks  # noqa: PLC0415 - only for what is signed

    try:
        return read_blocks(signature), ()
    except FormatError as error:
        return (), error.problems


@dataclass(slots=True)
class _Opening:
    """Gathers what is met in a payload."""

    payload: StoredPayload
    stored_size: int
    budget: EntryBudget
    compression: tuple[Compression, ...] = ()
    content_kind: FileKind = FileKind.UNKNOWN
    form: TarForm | None = None
    magics: tuple[str, ...] = ()
    entries: list[TarEntry] = field(default_factory=list)
    content_size: int | None = None
    oddities: tuple[str, ...] = ()
    faults: tuple[Problem, ...] = ()

    @property
    def wants_trailer(self) -> bool:
        return self.content_size is None and self.compression == (Compression.GZIP,)

    def look(self, stored: Iterator[bytes]) -> None:
        try:
            unpacked = unpack(stored, self.stored_size)
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
        if self.form is not TarForm.VMTAR or self.compression != (Compression.GZIP,):
            content.drain()
            self.content_size = content.position

    def _look_at_tar(self, content: ByteStream) -> None:
        reader = TarReader(content, self.budget)
        try:
            for entry in reader.entries():
                self.entries.append(entry)
        finally:
            self.form = reader.form
            self.magics = tuple(magic.decode("latin-1") for magic in reader.magics)
        if self.form is not TarForm.VMTAR:
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


def _tree(folder: Path) -> Iterator[Entry]:
    """Yield what a folder holds, sorted by path, as entries of a payload."""
    count = 0
    for parent, folders, files in os.walk(folder):
        folders.sort()
        for name in sorted([*folders, *files]):
            count += 1
            if count > ENTRY_LIMIT:
                raise FormatError(f"more than {ENTRY_LIMIT} files", where=str(folder))
            path = Path(parent, name)
            yield _tree_entry(path, path.relative_to(folder).as_posix())


def _tree_entry(path: Path, name: str) -> Entry:
    found = path.lstat()
    kind = EntryKind.FILE
    if stat.S_ISLNK(found.st_mode):
        kind = EntryKind.SYMLINK
    elif stat.S_ISDIR(found.st_mode):
        kind = EntryKind.DIRECTORY
    return Entry(
        path=name,
        kind=kind,
        mode=stat.S_IMODE(found.st_mode),
        size=found.st_size if kind is EntryKind.FILE else 0,
        link=str(path.readlink()) if kind is EntryKind.SYMLINK else "",
        uid=found.st_uid,
        gid=found.st_gid,
        mtime=int(found.st_mtime),
    )
