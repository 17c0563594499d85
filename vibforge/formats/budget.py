"""Limit the work that an untrusted file may cause: one budget for each file that a user names.

The code that opens the file makes the budget and passes it to every reader of its content: members
of archives, zips in zips, descriptors, payloads. Members share the budget of their file, so the
limits hold at any depth of nesting. Each kind of work has a limit: a fixed part plus a factor times
the file's size. The fixed parts keep a file below 1 MB within 5 seconds of processor time and
300 MB of memory for any command; the factors keep larger files linear.
"""

from enum import StrEnum
from typing import NamedTuple

from vibforge.errors import LimitError


class Work(StrEnum):
    """A kind of work; the value names its unit."""

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
    """A limit on one kind of work: `fixed` plus `factor` for each byte of the file."""

    fixed: int
    factor: float
    reason: str

    def of(self, size: int) -> int:
        """Return the limit for a file of `size` bytes."""
        return self.fixed + int(size * self.factor)


_MIB = 1024 * 1024
SIGNATURE_LIMIT = _MIB
"""Bytes of a VIB's signature member; two signatures with their certificates have 5 KB."""
LINE_CHARGE = 40
"""Bytes charged for each line of a log in an archive: short lines cost more than their bytes."""

LIMITS = {
    Work.UNPACKED: Limit(
        128 * _MIB,
        64,
        "Output of zip, gzip and zstd, for each layer and each reading. Payloads unpack to 2 to 11 "
        "times their size, and a command reads them up to 5 times. The slowest five digests "
        "together take 6 s for 1 GB.",
    ),
    Work.KEPT: Limit(
        16 * _MIB,
        8,
        "Descriptors, signatures, metadata zips and their files, each time they are read. "
        "XML in a bundle is packed to a tenth of its size, and makes up a hundredth of the bundle.",
    ),
    Work.MARKUP: Limit(
        200_000,
        1 / 6,
        "The `<` and `=` of XML, counted each time before it is parsed; each takes up to 500 bytes "
        "of memory. The file list of a descriptor has two per file, and `bundle verify` reads it "
        "5 times. Real VIBs and bundles have up to 370.",
    ),
    Work.ENTRIES: Limit(
        4_500,
        1 / 512,
        "Files, folders and links of all payloads, about 1 KiB of memory each, and folders that "
        "only paths name; extraction takes 0.1 to 0.7 ms for each, depending on the disk. "
        "Folders that are opened again, because an archive jumps between them, are charged as "
        "well. Large vendor payloads have 10,000 in several MB.",
    ),
    Work.NAMES: Limit(
        4 * _MIB,
        2,
        "Names, link targets and pax headers of tars; XML without a field, kept as text.",
    ),
    Work.MEMBERS: Limit(
        5_000,
        1 / 64,
        "Members of ar archives and of gzip files, frames of zstd files. A VIB has two plus one "
        "for each payload, a payload has one.",
    ),
    Work.PAYLOADS: Limit(
        1_000,
        1 / 512,
        "Payloads in descriptors, each time one is read: `plan` checks each for every host. "
        "The largest VIB of a host image has about 130.",
    ),
    Work.RELATIONSHIPS: Limit(
        6_000,
        1 / 512,
        "Relationships in descriptors, each time one is read: `plan` compares them for each host. "
        "Real VIBs and bundles have up to 8.",
    ),
    Work.DIRECTORY: Limit(
        1 * _MIB,
        1 / 8,
        "Central directories, which are kept in memory; a member has 46 bytes plus its name.",
    ),
    Work.JUDGED: Limit(
        384 * 1024,
        1 / 16,
        "The kept bytes of each trx.conf and firewall rule set in a payload: at most 256 KiB, and "
        "at least 256 bytes are charged. `lint` takes up to 8 s for 1 MB. Real ones have 4 KB.",
    ),
    Work.SIGNATURES: Limit(
        2_000,
        1 / 1024,
        "Signatures of descriptors, certificates and revocation lists, for each key tried on them, "
        "which takes up to 2 ms. A signed VIB needs six to twelve.",
    ),
    Work.FOUND: Limit(
        16 * _MIB,
        32,
        "Logs that `trx log` finds below a compression or in an archive, each reading; it takes a "
        "second for 20 MB. Real logs shrink to a tenth. "
        f"Each line is charged {LINE_CHARGE} bytes more.",
    ),
}
"""Fixed part, factor and reason of each limit."""


class Budget:
    """The work that is still allowed for one file."""

    def __init__(self, name: str, size: int) -> None:
        """Make the budget of a file.

        Args:
            name: the file's name in messages.
            size: its bytes.
        """
        self._name = name
        self._size = size
        self._left = {work: limit.of(size) for work, limit in LIMITS.items()}

    def left(self, work: Work) -> int:
        """Return how much of a kind of work is still allowed."""
        return self._left[work]

    def spend(self, work: Work, amount: int = 1) -> None:
        """Charge work to the budget, before doing it if its amount is known.

        Raises:
            LimitError: the budget is spent.
        """
        self.foresee(work, amount)
        self._left[work] -= amount

    def foresee(self, work: Work, amount: int) -> None:
        """Refuse announced work that exceeds the budget, without charging it.

        Raises:
            LimitError: the work exceeds the budget.
        """
        if amount > self._left[work]:
            limit = LIMITS[work].of(self._size)
            raise LimitError(
                f"more than {limit} {work}, the limit for a file of {self._size} bytes",
                where=self._name,
                remedy="real packages stay far below this limit; check the source of the file",
            )
