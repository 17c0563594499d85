"""Open a file or folder as a VIB, a bundle, a payload or a stage directory."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from msgspec import Struct

from vibforge.bundle.opening import OpenBundle, bundles_in
from vibforge.errors import FormatError, is_file, is_folder
from vibforge.files.inputs import FileSource, Source
from vibforge.formats.budget import SIGNATURE_LIMIT
from vibforge.formats.sniffing import HEAD_SIZE, FileKind, file_kind, not_a
from vibforge.vib import descriptor_reading
from vibforge.vib.archive import Vib
from vibforge.vib.descriptor import Descriptor
from vibforge.vib.identity import DESCRIPTOR_NAME, SIGNATURE_NAME

_PAYLOAD_KINDS = {FileKind.GZIP, FileKind.ZSTD, FileKind.VMTAR, FileKind.TAR}
_ANYTHING = "a VIB, an offline bundle, a payload or a stage folder"


class LoosePayload(Struct, frozen=True, kw_only=True):
    """A payload outside a VIB."""

    source: Source


class StageFolder(Struct, frozen=True, kw_only=True):
    """A folder as VIB Author reads it: descriptor.xml, and a tree for each payload in payloads/."""

    path: Path
    descriptor_bytes: bytes
    descriptor: Descriptor
    signature: bytes
    payloads: tuple[Path, ...]


Subject = Vib | OpenBundle | LoosePayload | StageFolder


@contextmanager
def opened(path: Path) -> Iterator[tuple[Subject, ...]]:
    """Open a file or folder; a zip that holds zips opens as the bundles in it.

    Raises:
        FormatError: it is none of these kinds.
    """
    with ExitStack() as stack:
        if is_folder(path):
            yield (_stage_folder(path),)
            return
        source = FileSource.from_path(path)
        stream = stack.enter_context(source.open())
        head = stream.read(HEAD_SIZE)
        kind = file_kind(head)
        if kind is FileKind.ARCHIVE:
            yield (Vib.from_source(source),)
        elif kind is FileKind.ZIP:
            yield tuple(bundles_in(source, stream, stack))
        elif kind in _PAYLOAD_KINDS:
            yield (LoosePayload(source=source),)
        else:
            raise not_a(_ANYTHING, head, source.name)


def _stage_folder(path: Path) -> StageFolder:
    descriptor = path / DESCRIPTOR_NAME
    if not is_file(descriptor):
        raise FormatError(
            f"a folder without {DESCRIPTOR_NAME}, not a stage folder",
            where=str(path),
            remedy="to see what a project would build, use `vibforge build --dry-run`",
        )
    data = descriptor.read_bytes()
    signature = path / SIGNATURE_NAME
    payloads = path / "payloads"
    return StageFolder(
        path=path,
        descriptor_bytes=data,
        descriptor=descriptor_reading.parse(data, str(descriptor)),
        signature=_small_file(signature) if is_file(signature) else b"",
        payloads=tuple(sorted(payloads.iterdir())) if is_folder(payloads) else (),
    )


def _small_file(path: Path) -> bytes:
    if path.stat().st_size > SIGNATURE_LIMIT:
        raise FormatError(f"more than {SIGNATURE_LIMIT} bytes", where=str(path))
    return path.read_bytes()
