"""Whether vibforge itself would read a VIB that a build makes: the budget of its file says so."""

from collections.abc import Iterator, Sequence

from vibforge.errors import PayloadError, Problem
from vibforge.formats.budget import LIMITS, Work
from vibforge.formats.tar_header import BLOCK, Entry, EntryKind, header_count
from vibforge.operations.collect import PayloadTree

_REMEDY = {
    Work.UNPACKED: "leave out large files of zeros or of repeated bytes, and make them on the host",
    Work.ENTRIES: "put small files into fewer, larger ones, or spread them over several packages",
    Work.NAMES: "shorten the paths, or spread the files over several packages",
}


def check_readable(name: str, size: int, trees: Sequence[PayloadTree]) -> None:
    """Refuse a VIB that commands such as `verify` would refuse to read.

    Args:
        name: the file name of the VIB.
        size: its bytes.
        trees: what its payloads were made of.

    Raises:
        PayloadError: reading it once would be beyond the budget of a file of this size.
    """
    if problems := list(_problems(name, size, trees)):
        raise PayloadError.of(problems)


def amounts(trees: Sequence[PayloadTree]) -> dict[Work, int]:
    """Return what it takes to read the payloads of these trees once."""
    entries = [entry for tree in trees for entry in tree.entries]
    return {
        Work.UNPACKED: sum(tree.image_size for tree in trees),
        Work.ENTRIES: len(entries),
        Work.NAMES: sum(map(_name_size, entries)),
    }


def _name_size(entry: Entry) -> int:
    slash = entry.kind is EntryKind.DIRECTORY
    long_names = (header_count(entry) - 1) // 2
    return len(entry.path) + slash + len(entry.link) + long_names * BLOCK


def _problems(name: str, size: int, trees: Sequence[PayloadTree]) -> Iterator[Problem]:
    for work, amount in amounts(trees).items():
        limit = LIMITS[work].of(size)
        if amount > limit:
            yield Problem(
                what=f"`vibforge verify` would refuse the VIB: {amount} {work}, and the limit for "
                f"a file of {size} bytes is {limit}",
                where=name,
                remedy=_REMEDY[work],
            )
