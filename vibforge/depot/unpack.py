"""Unpack an offline bundle to the tree that hosts and Lifecycle Manager read over the web."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from vibforge.errors import DepotError
from vibforge.formats.byte_stream import read_chunks
from vibforge.operations.subjects import OpenBundle, opened
from vibforge.operations.unpack_folder import UnpackFolder

_MODE = 0o644


@dataclass(frozen=True, kw_only=True, slots=True)
class Unpacked:
    """A depot on disk; `files` are paths below `folder`."""

    folder: Path
    files: tuple[str, ...]
    size: int


@contextmanager
def opened_depot(path: Path) -> Iterator[OpenBundle]:
    """Open the one bundle in a file, if its members can be unpacked and served.

    Raises:
        FormatError: it is not a bundle, members are unsafe, or it unpacks to too much.
        DepotError: there are several bundles in it, or no index.
    """
    with opened(path) as subjects:
        if len(subjects) != 1 or not isinstance(subjects[0], OpenBundle):
            raise DepotError(
                "this is not one offline bundle",
                where=str(path),
                remedy="name the zip of one bundle; several in a zip are taken out with "
                "`vibforge extract`",
            )
        found = subjects[0]
        found.archive.require_fit()
        if not found.bundle.vendors:
            raise DepotError.of(found.bundle.faults)
        yield found


def unpack(path: Path, folder: Path) -> Unpacked:
    """Unpack a bundle into a folder, whole or not at all; nothing there is replaced.

    Raises:
        FormatError: it is not a bundle, is damaged, or its members are unsafe.
        DepotError: there are several bundles in it, or no index.
        OutputError: the folder cannot be written, or holds such files already.
    """
    with opened_depot(path) as bundle, UnpackFolder(folder) as target:
        for member in bundle.archive.members:
            with bundle.archive.open(member) as stream:
                target.write(member.name, read_chunks(stream, member.size), _MODE)
        target.keep()
        return Unpacked(
            folder=folder,
            files=tuple(member.name for member in bundle.archive.members),
            size=sum(member.size for member in bundle.archive.members),
        )
