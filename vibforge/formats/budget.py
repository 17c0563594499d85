"""How much work a file from a stranger may cause: one budget for each file that a user names.

A budget is made where the file is opened and handed to every reader of what is in it: members of
archives, zips in zips, descriptors, payloads. No member gets a budget of its own, so the limits
hold however deep an attack is nested. Each kind of work has a limit that is a fixed part plus a
factor of the file's size. The fixed parts keep a file below 1 MB within 5 seconds of processor time
and 300 MB of memory for any command; the factors keep larger files linear.
"""

from enum import StrEnum
from typing import NamedTuple

from vibforge.errors import LimitError


class Work(StrEnum):
    """A kind of work; the value says what is counted."""

    UNPACKED = "bytes unpacked"
    KEPT = "bytes read into memory"
    MARKUP = "tags and attributes of XML"
    ENTRIES = "files, folders and links"
    NAMES = "characters of names"
    MEMBERS = "members of archives"
    PAYLOADS = "payloads declared"
    RELATIONSHIPS = "constraints and provides"
    DIRECTORY = "bytes of zip directories"
    JUDGED = "bytes of settings in payloads"
    SIGNATURES = "signatures tried"
    FOUND = "bytes of files found in archives"


class Limit(NamedTuple):
    """A limit on one kind of work: `fixed`, and `factor` for each byte of the file."""

    fixed: int
    factor: float
    reason: str

    def of(self, size: int) -> int:
        """Return the limit for a file of `size` bytes."""
        return self.fixed + int(size * self.factor)


_MIB = 1024 * 1024
SIGNATURE_LIMIT = _MIB
"""Bytes of a VIB's signature member; two signatures with their certificates take 5 KB."""

LIMITS = {
    Work.UNPACKED: Limit(
        128 * _MIB,
        64,
        "What comes out of zip, gzip and zstd, each layer and each reading. Payloads unpack to 2 "
        "to 11 times their size, and a command reads up to 5 times. The slowest five digests "
        "together take 6 s for 1 GB.",
    ),
    Work.KEPT: Limit(
        16 * _MIB,
        8,
        "Descriptors, signatures, metadata zips and their files, each time they are read. "
        "XML in a bundle shrinks to a tenth and is a hundredth of it.",
    ),
    Work.MARKUP: Limit(
        200_000,
        1 / 6,
        "Counted as `<` and `=` before XML is parsed, each time; each takes up to 500 bytes of "
        "memory. The list of files in a descriptor takes two a file, and `bundle verify` reads it "
        "5 times. "
        "Real VIBs and bundles have up to 370.",
    ),
    Work.ENTRIES: Limit(
        4_500,
        1 / 512,
        "Entries of all payloads, about 1 KiB of memory each, and folders that only their paths "
        "name. Extraction takes 0.1 to 0.7 ms for one, as the disk has it; folders that are opened "
        "again because an archive jumps between them count, too. Large vendor payloads have 10,000 "
        "in several MB.",
    ),
    Work.NAMES: Limit(
        4 * _MIB,
        2,
        "Names, link targets and pax headers of tars; XML that no field knows, kept as text.",
    ),
    Work.MEMBERS: Limit(
        5_000,
        1 / 64,
        "Members of ar archives and of gzip files, frames of zstd files. A VIB has two and one for "
        "each payload, a payload one.",
    ),
    Work.PAYLOADS: Limit(
        1_000,
        1 / 512,
        "Payloads in descriptors, each time one is read: `plan` looks at each for every host. "
        "The largest VIB of a host image has about 130.",
    ),
    Work.RELATIONSHIPS: Limit(
        6_000,
        1 / 512,
        "What descriptors depend on, conflict with, replace and provide, each time one is read: "
        "`plan` compares them on each host. Real VIBs and bundles have up to 8.",
    ),
    Work.DIRECTORY: Limit(
        1 * _MIB,
        1 / 8,
        "Central directories, which are kept in memory; a member takes 46 bytes and its name.",
    ),
    Work.JUDGED: Limit(
        384 * 1024,
        1 / 16,
        "What is kept of each trx.conf and firewall rule set in a payload: 256 KiB at the most, "
        "and 256 bytes count at the least. `lint` takes up to 8 s for 1 MB. Real ones have 4 KB.",
    ),
    Work.SIGNATURES: Limit(
        2_000,
        1 / 1024,
        "Signatures of descriptors, certificates and revocation lists, each time a key is tried on "
        "one, which takes up to 2 ms. A signed VIB takes six to twelve.",
    ),
    Work.FOUND: Limit(
        32 * _MIB,
        64,
        "Logs that `trx log` finds below a compression or in an archive, each reading; it takes a "
        "second for 20 MB. Real logs shrink to a tenth.",
    ),
}
"""Fixed part, factor and reason of each limit."""


class Budget:
    """What may still be done with one file."""

    def __init__(self, name: str, size: int) -> None:
        """Make the budget of a file.

        Args:
            name: the file, for messages.
            size: its bytes.
        """
        self._name = name
        self._size = size
        self._left = {work: limit.of(size) for work, limit in LIMITS.items()}

    def left(self, work: Work) -> int:
        """Return how much of a kind of work may still be done."""
        return self._left[work]

    def spend(self, work: Work, amount: int = 1) -> None:
        """Count work, before it is done where its amount is known.

        Raises:
            LimitError: it is too much.
        """
        self.foresee(work, amount)
        self._left[work] -= amount

    def foresee(self, work: Work, amount: int) -> None:
        """Refuse work that is announced, without counting it.

        Raises:
            LimitError: it is too much.
        """
        if amount > self._left[work]:
            limit = LIMITS[work].of(self._size)
            raise LimitError(
                f"more than {limit} {work}, the limit for a file of {self._size} bytes",
                where=self._name,
                remedy="real packages stay far below this limit: check where the file comes from",
            )
