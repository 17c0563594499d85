"""Remove what builds wrote into a folder; write SHA256SUMS over what is there."""

import contextlib
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from msgspec import Struct

from vibforge.errors import OutputError, Problem
from vibforge.files.publication import Publication, explained
from vibforge.project.ledger import (
    FORMAT,
    LEDGER_NAME,
    RECORD_LIMIT,
    RECORD_NAME,
    BuiltFolder,
    Ledger,
    WrittenFile,
    WrittenKind,
    alone_in,
    parse_ledger,
    parse_record,
    read_record,
    update_ledger,
)


class Cleaned(Struct, frozen=True, kw_only=True):
    """The result of cleaning a folder."""

    removed: tuple[Path, ...]
    kept: tuple[Problem, ...]
    """Listed files that are not as they were written, each with the reason."""


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
        lists[RECORD_NAME] = parse_record(data, FORMAT, str(folder.path / RECORD_NAME)).files
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
                remedy="remove it by hand if you do not need it",
            )
        elif objection == "":
            removed.append(folder.path / file.name)


CHECKSUMS_NAME = "SHA256SUMS"
_LISTED = {WrittenKind.VIB, WrittenKind.BUNDLE}


def write_checksums(output: Path, folders: Sequence[Path]) -> Path:
    """Write SHA256SUMS for the files of the latest builds into some folders.

    Args:
        output: the folder that the file belongs into.
        folders: the builds' folders, `output` itself or folders in it. Lines are in the order of
            the bytes of the files' paths.

    Raises:
        OutputError: a folder has no build, a file was changed after the build, or the list cannot
            be written.
    """
    with alone_in(output):
        return _write(output, folders)


def _write(output: Path, folders: Sequence[Path]) -> Path:
    problems: list[Problem] = []
    lines = sorted(line for folder in folders for line in _lines(output, folder, problems))
    if problems:
        raise OutputError.from_problems(problems)
    data = b"".join(_line(name, sha256) for name, sha256 in lines)
    with Publication(output) as publication:
        publication.write(CHECKSUMS_NAME, data)
        publication.publish()
    update_ledger(output, written=[WrittenFile.of(WrittenKind.CHECKSUMS, CHECKSUMS_NAME, data)])
    return output / CHECKSUMS_NAME


def _lines(output: Path, folder: Path, problems: list[Problem]) -> Iterator[tuple[bytes, str]]:
    """Yield the path from `output`, and the digest, of each file of a build's that is listed."""
    found = read_record(folder)
    if found is None:
        problems.append(_problem(folder / RECORD_NAME, "is missing, so nothing was built here"))
        return
    with BuiltFolder(folder, follow=True) as opened:
        for file in found.files:
            if file.kind not in _LISTED:
                continue
            objection = opened.difference(file)
            if objection != "":
                problems.append(_problem(folder / file.name, objection or "is gone"))
            path = (folder / file.name).relative_to(output).as_posix()
            yield b"./" + os.fsencode(path), file.sha256


def _line(name: bytes, sha256: str) -> bytes:
    r"""Return a line as coreutils writes it: `\` in front says that the name has escapes."""
    escaped = name.replace(b"\\", b"\\\\").replace(b"\n", b"\\n").replace(b"\r", b"\\r")
    mark = b"\\" if escaped != name else b""
    return mark + sha256.encode("ascii") + b"  " + escaped + b"\n"


def _problem(path: Path, what: str) -> Problem:
    return Problem(what=what, where=str(path), remedy="build again: make package")
