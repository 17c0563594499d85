"""Describe the contents of a VIB, a bundle, a payload or a stage directory."""

import os
import stat
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from msgspec import Struct

from vibforge.bundle.metadata import Bundle
from vibforge.bundle.opening import OpenBundle
from vibforge.checks.payloads import type_unlike_content, unreadable_payload, wrong_size
from vibforge.errors import FormatError, Problem
from vibforge.files.inputs import Several, Source
from vibforge.formats import pkcs7
from vibforge.formats.budget import Budget, Work
from vibforge.formats.gnu_tar import ArchiveEntry, EntryKind
from vibforge.formats.inflating import GZIP_TRAILER
from vibforge.formats.streams import read_chunks
from vibforge.packages.extract import contents_of
from vibforge.packages.subjects import LoosePayload, StageFolder, Subject
from vibforge.packages.verification import level_objections
from vibforge.vib.archive import StoredPayload, Vib
from vibforge.vib.payload_scan import Depth, ScannedPayload, scan_payload, with_trailer
from vibforge.vib.scan import VibScan

if TYPE_CHECKING:
    from vibforge.formats.pkcs7 import Block


class VibInspection(Struct, frozen=True, kw_only=True):
    """A VIB with its payloads opened and its signatures read."""

    vib: Vib
    payloads: tuple[ScannedPayload, ...]
    blocks: "tuple[Block, ...]"
    claims: tuple[str, ...] = ()
    """Why its signatures do not allow the level that it claims."""
    faults: tuple[Problem, ...] = ()


class BundleInspection(Struct, frozen=True, kw_only=True):
    """A bundle with its VIBs; `faults` lists the VIBs that could not be read."""

    bundle: Bundle
    size: int
    vibs: tuple[VibInspection, ...]
    faults: tuple[Problem, ...] = ()


class StageInspection(Struct, frozen=True, kw_only=True):
    """A stage directory with the entries that a build packs for each payload."""

    folder: StageFolder
    blocks: "tuple[Block, ...]"
    trees: tuple[tuple[str, tuple[ArchiveEntry, ...]], ...]
    faults: tuple[Problem, ...] = ()


Inspection = VibInspection | BundleInspection | ScannedPayload | StageInspection


class Inspected(Several[tuple[Inspection, ...]], frozen=True):
    """What is in each file.

    Attributes:
        found: each file that could be read, with its inspections: a zip may hold several bundles.
        unreadable: the files that could not be read, each with its `problems`.
    """

    @property
    def inspections(self) -> tuple[Inspection, ...]:
        """All that was found, in the order of the files."""
        return tuple(each for _path, all_in_it in self.found for each in all_in_it)


def inspect(subject: Subject, *, whole: bool = True) -> Inspection:
    """Inspect a subject that `subjects.opened` opened.

    Args:
        subject: the subject.
        whole: whether to read all entries of payloads; False reads only the start of a large
            payload, which takes the same time for any size.
    """
    match subject:
        case Vib():
            return inspect_vib(subject, whole=whole)
        case OpenBundle():
            return _inspect_bundle(subject, whole=whole)
        case LoosePayload():
            return _inspect_loose(subject.source, whole=whole)
        case StageFolder():
            return _inspect_stage(subject)


def inspect_vib(vib: Vib, *, whole: bool = True) -> VibInspection:
    """Inspect a VIB; unpacks only as much of a payload as its list of files requires."""
    blocks, faults = _blocks(vib.signature)
    with vib.source.open() as stream:
        payloads = tuple(_scan(vib, payload, stream, whole=whole) for payload in vib.payloads)
    _note_contradictions(VibScan(vib, payloads=payloads))
    return VibInspection(
        vib=vib,
        payloads=payloads,
        blocks=blocks,
        claims=level_objections(vib),
        faults=faults,
    )


def _scan(vib: Vib, payload: StoredPayload, stream: BinaryIO, *, whole: bool) -> ScannedPayload:
    if payload.member is None:
        return ScannedPayload(stored=payload, fault="the archive has no member of this name")
    scanned = scan_payload(
        payload, vib.stored(payload, stream), vib.source.budget, depth=_depth(whole=whole)
    )
    size = payload.member.stored_size
    stream.seek(payload.member.data_offset + max(0, size - GZIP_TRAILER))
    return with_trailer(scanned, stream.read(min(size, GZIP_TRAILER)))


def _note_contradictions(scan: VibScan) -> None:
    """Add to the oddities of payloads whose size or packing contradicts the descriptor."""
    by_name = {payload.name: payload for payload in scan.payloads}
    for check in (type_unlike_content, unreadable_payload, wrong_size):
        for fault in check.faults(scan):
            payload = by_name[fault.where]
            if fault.what != payload.fault:
                payload.oddities = (fault.what, *payload.oddities)


def _depth(*, whole: bool) -> Depth:
    return Depth.ENTRIES if whole else Depth.START


def _inspect_loose(source: Source, *, whole: bool) -> ScannedPayload:
    payload = StoredPayload(name=Path(source.name).name, declared=None, member=None)
    with source.open() as stream:
        scanned = scan_payload(
            payload,
            read_chunks(stream, source.size),
            source.budget,
            depth=_depth(whole=whole),
            size=source.size,
        )
        stream.seek(max(0, source.size - GZIP_TRAILER))
        return with_trailer(scanned, stream.read(GZIP_TRAILER))


def _inspect_bundle(subject: OpenBundle, *, whole: bool) -> BundleInspection:
    vibs: list[VibInspection] = []
    faults: list[Problem] = []
    for source in subject.sources:
        try:
            vibs.append(inspect_vib(Vib.from_source(source), whole=whole))
        except FormatError as error:
            faults += error.problems
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

    try:
        return pkcs7.parse_blocks(signature), ()
    except FormatError as error:
        return (), error.problems


def _tree(folder: Path) -> Iterator[ArchiveEntry]:
    """Yield the contents of a folder as payload entries, sorted by path."""
    budget = Budget(str(folder), 0)
    for parent, folders, files in os.walk(folder):
        folders.sort()
        for name in sorted([*folders, *files]):
            budget.spend(Work.ENTRIES)
            path = Path(parent, name)
            yield _tree_entry(path, path.relative_to(folder).as_posix())


def _tree_entry(path: Path, name: str) -> ArchiveEntry:
    status = path.lstat()
    kind = EntryKind.FILE
    if stat.S_ISLNK(status.st_mode):
        kind = EntryKind.SYMLINK
    elif stat.S_ISDIR(status.st_mode):
        kind = EntryKind.DIRECTORY
    return ArchiveEntry(
        path=name,
        kind=kind,
        mode=stat.S_IMODE(status.st_mode),
        size=status.st_size if kind is EntryKind.FILE else 0,
        link=str(path.readlink()) if kind is EntryKind.SYMLINK else "",
        uid=status.st_uid,
        gid=status.st_gid,
        mtime=int(status.st_mtime),
    )


def print_file(
    subjects: Iterable[Subject], path: str, write: Callable[[memoryview], object]
) -> None:
    """Write the first file at a path, piece by piece; reads the payload only up to its end.

    Raises:
        FormatError: there is no such file, or the payload is damaged before its end.
    """
    relative = path.strip("/")
    for file, pieces in chain.from_iterable(map(contents_of, subjects)):
        entry = file.entry
        if entry.path != relative:
            continue
        if entry.kind.is_link:
            raise FormatError(
                f"is a link to {entry.link}",
                where=path,
                remedy="print the file that it links to",
            )
        if not entry.kind.is_file:
            raise FormatError("is not a file", where=path)
        left = entry.size
        for piece in pieces:
            write(piece)
            left -= len(piece)
        if left:
            raise FormatError("the payload ends before the end of this file", where=path)
        return
    raise FormatError("no payload contains this file", where=path)
