"""The ledger of an output folder of make: what later targets must know, and build.json cannot say.

build.json depends on nothing but the build. What depends on the history of the folder, files of
earlier builds, the checksums, and who made the folder, is in a hidden file beside it.
"""

import contextlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from vibforge.errors import FormatError, OutputError
from vibforge.operations.built_folder import BuiltFolder, is_plain_name, read_record
from vibforge.operations.folder_handle import OutputFolder
from vibforge.operations.publish import Publication, explained
from vibforge.operations.record import (
    FILE_LIMIT,
    RECORD_LIMIT,
    WrittenFile,
    parse,
    serialise,
)

LEDGER_NAME = ".vibforge.json"
LEDGER_FORMAT = "vibforge/ledger/1"


@dataclass(frozen=True, kw_only=True, slots=True)
class Ledger:
    """What make's targets wrote into a folder apart from the latest build."""

    made_folder: bool = False
    """Whether a target made the folder; `clean` removes no other."""
    files: tuple[WrittenFile, ...] = ()


def parse_ledger(data: bytes, where: str) -> Ledger:
    """Read a ledger.

    Raises:
        FormatError: it is malformed.
    """
    found = parse(data, LEDGER_FORMAT, where)
    return Ledger(made_folder=found.facts.get("made_folder") is True, files=found.files)


def read_ledger(folder: Path) -> Ledger:
    """Return the ledger of a folder; an empty one if there is no readable one."""
    try:
        with BuiltFolder(folder, follow=True) as opened:
            data = opened.read(LEDGER_NAME, RECORD_LIMIT)
            return Ledger() if data is None else parse_ledger(data, str(folder / LEDGER_NAME))
    except (FileNotFoundError, OutputError, FormatError):
        return Ledger()


@contextlib.contextmanager
def keeping_ledgers(output: Path, folder: Path) -> Iterator[None]:
    """Note in the ledgers what is made, and what is left over, while a project is built.

    Other targets wait, so that of several versions that are built at once none is forgotten.

    Args:
        output: the folder of all projects.
        folder: that of the project: `output` itself, or a folder in it.

    Raises:
        OutputError: `output` cannot be made, or a ledger cannot be written.
    """
    made_output = folder != output and _make(output)
    try:
        with alone_in(folder) as made_folder:
            before = read_record(folder)
            yield
            written = before.files if before else ()
            update_ledger(folder, made_folder=made_folder, written=written)
    except BaseException:
        if made_output:
            with contextlib.suppress(OSError):  # another project was built into it meanwhile
                output.rmdir()
        raise
    if made_output:
        update_ledger(output, made_folder=True)


@contextlib.contextmanager
def alone_in(folder: Path) -> Iterator[bool]:
    """Make a folder if it is missing, and keep other targets out; give whether it was made.

    A folder that was made and stays empty is removed again.
    """
    keep = True
    while keep:
        place = OutputFolder(folder)
        try:
            with explained(folder):
                handle = place.open()
            with handle.held():
                keep = not handle.is_still(folder)  # `clean` may have removed it meanwhile
                if not keep:
                    yield place.is_made
        finally:
            place.close(keep=keep)


def update_ledger(
    folder: Path, *, made_folder: bool = False, written: Sequence[WrittenFile] = ()
) -> None:
    """Add to a folder's ledger; it forgets files that are gone, and those of the latest build.

    Args:
        folder: the folder.
        made_folder: whether this process made the folder.
        written: files that the latest build does not list.

    Raises:
        OutputError: it cannot be written.
    """
    with alone_in(folder):
        before = read_ledger(folder)
        after = _after(before, folder, written, made_folder=made_folder)
        if after == before:
            return
        with Publication(folder) as publication:
            facts = {"format": LEDGER_FORMAT, "made_folder": after.made_folder}
            publication.write(LEDGER_NAME, serialise(facts, after.files))
            publication.publish()


def _after(
    before: Ledger, folder: Path, written: Sequence[WrittenFile], *, made_folder: bool
) -> Ledger:
    latest = read_record(folder)
    names = {file.name for file in latest.files} if latest else set()
    files = {file.name: file for file in (*before.files, *written) if file.name not in names}
    present = tuple(file for file in files.values() if _is_there(folder, file))
    return Ledger(made_folder=made_folder or before.made_folder, files=present[-FILE_LIMIT:])


def _make(folder: Path) -> bool:
    """Make a folder, and return whether it was not there."""
    output = OutputFolder(folder)
    try:
        with explained(folder):
            output.open()
        return output.is_made
    finally:
        output.close(keep=True)


def _is_there(folder: Path, file: WrittenFile) -> bool:
    return is_plain_name(file.name) and os.path.lexists(folder / file.name)
