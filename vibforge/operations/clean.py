"""Remove what builds and make's targets wrote into a folder, and nothing else."""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from vibforge.errors import Problem
from vibforge.operations.built_folder import BuiltFolder
from vibforge.operations.ledger import LEDGER_NAME, Ledger, parse_ledger
from vibforge.operations.publish import explained
from vibforge.operations.record import (
    FORMAT,
    RECORD_LIMIT,
    RECORD_NAME,
    WrittenFile,
    parse,
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Cleaned:
    """The result of cleaning a folder."""

    removed: tuple[Path, ...]
    kept: tuple[Problem, ...]
    """Files that a list names and that are not what was written, each with the reason."""


def clean(output: Path, folders: Sequence[Path] = ()) -> Cleaned:
    """Remove the files that build.json and the ledger of each folder list, then these lists.

    A file stays if it is not, byte for byte, what was written, and then the lists stay as well.
    A folder goes if it is empty and one of make's targets made it.

    Args:
        output: the folder of all projects, cleaned last.
        folders: folders in it, those of single projects, to be cleaned first.

    Raises:
        FormatError: a list is malformed; nothing of its folder was removed.
        OutputError: a folder or a list is a link, or cannot be read or removed.
    """
    results: list[Cleaned] = []
    with contextlib.suppress(FileNotFoundError), BuiltFolder(output) as opened:
        results += [_clean_within(opened, path) for path in folders if path != output]
        results.append(_clean(opened, output.rmdir))
    return Cleaned(
        removed=tuple(path for each in results for path in each.removed),
        kept=tuple(problem for each in results for problem in each.kept),
    )


def _clean_within(output: BuiltFolder, path: Path) -> Cleaned:
    try:
        with BuiltFolder(path, parent=output) as folder:
            return _clean(folder, lambda: output.rmdir(path.name))
    except FileNotFoundError:
        return Cleaned(removed=(), kept=())


def _clean(folder: BuiltFolder, rmdir: Callable[[], None]) -> Cleaned:
    """Clean a folder while no target writes into it; `rmdir` removes it if it is empty."""
    with folder.held():
        lists, ledger = _lists(folder)
        removed, kept = _remove_all(folder, lists)
        if ledger.made_folder and not kept:
            with contextlib.suppress(OSError):  # it has other files
                rmdir()
                removed = (*removed, folder.path)
    return Cleaned(removed=removed, kept=kept)


def _lists(folder: BuiltFolder) -> tuple[dict[str, tuple[WrittenFile, ...]], Ledger]:
    """Read the lists of files, by the names of the lists, before anything is removed."""
    lists: dict[str, tuple[WrittenFile, ...]] = {}
    ledger = Ledger()
    if (data := folder.read(RECORD_NAME, RECORD_LIMIT)) is not None:
        lists[RECORD_NAME] = parse(data, FORMAT, str(folder.path / RECORD_NAME)).files
    if (data := folder.read(LEDGER_NAME, RECORD_LIMIT)) is not None:
        ledger = parse_ledger(data, str(folder.path / LEDGER_NAME))
        lists[LEDGER_NAME] = ledger.files
    return lists, ledger


def _remove_all(
    folder: BuiltFolder, lists: dict[str, tuple[WrittenFile, ...]]
) -> tuple[tuple[Path, ...], tuple[Problem, ...]]:
    removed: list[Path] = []
    kept: list[Problem] = []
    for files in lists.values():
        kept += _remove(folder, files, removed)
    for name in lists if not kept else ():
        with explained(folder.path / name):
            folder.unlink(name)
        removed.append(folder.path / name)
    return tuple(removed), tuple(kept)


def _remove(
    folder: BuiltFolder, files: tuple[WrittenFile, ...], removed: list[Path]
) -> Iterator[Problem]:
    """Remove the files of one list; yield those that are kept."""
    for file in dict.fromkeys(files):
        objection = folder.remove(file)
        if objection:
            yield Problem(
                what=f"kept: {objection}",
                where=str(folder.path / file.name),
                remedy="remove it by hand if nobody needs it",
            )
        elif objection == "":
            removed.append(folder.path / file.name)
