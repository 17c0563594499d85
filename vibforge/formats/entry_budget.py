"""How much a VIB's payloads may list: names and entries of strangers stay in memory."""

from dataclasses import dataclass, field

from vibforge.errors import FormatError

ENTRY_LIMIT = 200_000
"""Entries of all payloads of a VIB, at about 1 KiB each; large vendor payloads have 10,000."""
NAMES_LIMIT = 64 * 1024 * 1024
"""Characters of all names, link targets and pax headers of a VIB: they stay in memory."""


@dataclass(slots=True)
class EntryBudget:
    """How many entries, and characters of their names, may still come; payloads can share one."""

    entries: int = field(default_factory=lambda: ENTRY_LIMIT)
    names: int = field(default_factory=lambda: NAMES_LIMIT)

    def spend(self, *, entries: int = 0, names: int = 0) -> None:
        """Count what was met.

        Raises:
            FormatError: it is too much.
        """
        self.entries -= entries
        self.names -= names
        if self.entries < 0:
            raise FormatError(f"more than {ENTRY_LIMIT} entries")
        if self.names < 0:
            raise FormatError(f"names of more than {NAMES_LIMIT} characters in all")
