"""Make the trees that are packed, the same on every machine and from no file of it."""

import random
from collections.abc import Iterator
from pathlib import Path

from benchmarks import content

_STAMP = ".complete"


def tree(folder: Path, files: int, size: int) -> Path:
    """Make a tree of `files` files with `size` bytes in all; one that is there is kept."""
    if (folder / _STAMP).exists():
        return folder / "tree"
    base = content.content()
    at = 0
    for number, length in enumerate(_lengths(files, size)):
        path = folder / "tree" / "opt" / f"d{number // 500:03}" / f"f{number:06}"
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as file:
            for start, stop in _pieces(at, length):
                file.write(base[start:stop])
        at = (at + length) % content.SIZE
    (folder / _STAMP).touch()
    return folder / "tree"


def trx_conf(folder: Path) -> Path:
    """Make a tree with a trx.conf of about 200 bytes."""
    path = folder / "tree" / "etc" / "vmware" / "trx.conf"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(
        "ptp4l:delay_mechanism P2P\nptp4l:network_transport UDPv4\nptp4l:logAnnounceInterval 1\n"
        "ptp4l:logMinPdelayReqInterval 0\nptp4l:announceReceiptTimeout 3\nptp4l:domainNumber 0\n"
    )
    return folder / "tree"


def _lengths(files: int, size: int) -> Iterator[int]:
    chance = random.Random(11)
    weights = [chance.expovariate(1) + 0.05 for _ in range(files)]
    scale, given = size / sum(weights), 0
    for number, weight in enumerate(weights):
        length = size - given if number == files - 1 else int(weight * scale)
        given += length
        yield length


def _pieces(at: int, length: int) -> Iterator[tuple[int, int]]:
    while length:
        count = min(length, content.SIZE - at)
        yield at, at + count
        at, length = (at + count) % content.SIZE, length - count
