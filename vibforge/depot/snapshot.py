"""A depot on disk as it was at one moment: what becomes of its zip later does not change it."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from vibforge.depot.unpack import opened_depot, unpack
from vibforge.errors import DepotError
from vibforge.formats.byte_stream import read_chunks
from vibforge.operations.publish import TEMPORARY, explained


@dataclass(frozen=True, kw_only=True, slots=True)
class Snapshot:
    """The files of a depot by name: its members, and the zip itself as `zip_name`."""

    files: dict[str, Path]
    zip_name: str
    has_components: bool


@contextmanager
def snapshot(path: Path) -> Iterator[Snapshot]:
    """Copy a bundle to a temporary folder and unpack the copy there; both go in the end.

    Raises:
        FormatError: it is not a bundle, is damaged or was changed meanwhile, or its members are
            unsafe.
        DepotError: there are several bundles in it, no index, or a member has the zip's name.
        OutputError: the temporary folder cannot be written, or is too small.
    """
    with explained(TEMPORARY):
        folder = tempfile.TemporaryDirectory(prefix="vibforge-depot-")
    with folder as name:
        copy, tree = Path(name, "bundle.zip"), Path(name, "tree")
        with opened_depot(path) as found, found.container.open() as stream:
            with explained(TEMPORARY), copy.open("wb") as file:
                for piece in read_chunks(stream, found.container.size):
                    file.write(piece)
            has_components = bool(found.bundle.components)
        files = {each: tree / each for each in unpack(copy, tree).files}
        zip_name = f"{path.stem}.zip"
        if zip_name in files:
            raise DepotError(
                f"its member {zip_name} has the name of the bundle",
                where=str(path),
                remedy="rename the bundle's file",
            )
        yield Snapshot(
            files=files | {zip_name: copy}, zip_name=zip_name, has_components=has_components
        )
