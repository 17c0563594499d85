"""Give the content of one file of a payload, without unpacking the rest to disk."""

from collections.abc import Callable, Iterable
from itertools import chain

from vibforge.errors import FormatError
from vibforge.formats.tar_header import EntryKind
from vibforge.operations.extract import contents_of
from vibforge.operations.subjects import Subject

_FILES = {EntryKind.FILE, EntryKind.SHARED_FILE}
_LINKS = {EntryKind.SYMLINK, EntryKind.HARD_LINK}


def print_file(
    subjects: Iterable[Subject], path: str, write: Callable[[memoryview], object]
) -> None:
    """Write the first file of that path, piece by piece; the payload is read no further.

    Raises:
        FormatError: there is no such file, or the payload is damaged before its end.
    """
    wanted = path.strip("/")
    for found, pieces in chain.from_iterable(map(contents_of, subjects)):
        if found.entry.path != wanted:
            continue
        if found.entry.kind in _LINKS:
            raise FormatError(
                f"it is a link to {found.entry.link}",
                where=path,
                remedy="print what it leads to",
            )
        if found.entry.kind not in _FILES:
            raise FormatError("it is not a file", where=path)
        left = found.entry.size
        for piece in pieces:
            write(piece)
            left -= len(piece)
        if left:
            raise FormatError("cut short", where=path)
        return
    raise FormatError("there is no such file in it", where=path)
