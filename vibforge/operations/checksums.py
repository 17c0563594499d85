"""Write SHA256SUMS, which `sha256sum --check` reads, over the VIBs and bundles of builds."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from vibforge.errors import OutputError, Problem
from vibforge.operations.built_folder import BuiltFolder, read_record
from vibforge.operations.ledger import alone_in, update_ledger
from vibforge.operations.publish import Publication
from vibforge.operations.record import RECORD_NAME, FileKind, WrittenFile

CHECKSUMS_NAME = "SHA256SUMS"
_LISTED = {FileKind.VIB, FileKind.BUNDLE}


def write_checksums(output: Path, folders: Sequence[Path]) -> Path:
    """Write SHA256SUMS over what the latest builds into some folders made.

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
        raise OutputError.of(problems)
    data = b"".join(_line(name, sha256) for name, sha256 in lines)
    with Publication(output) as publication:
        publication.write(CHECKSUMS_NAME, data)
        publication.publish()
    update_ledger(output, written=[WrittenFile.of(FileKind.CHECKSUMS, CHECKSUMS_NAME, data)])
    return output / CHECKSUMS_NAME


def _lines(output: Path, folder: Path, problems: list[Problem]) -> Iterator[tuple[bytes, str]]:
    """Yield the path from `output`, and the digest, of each file of a build's that is listed."""
    found = read_record(folder)
    if found is None:
        problems.append(_problem(folder / RECORD_NAME, "there is no record of a build here"))
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
