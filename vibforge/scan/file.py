"""What the first bytes of a file in a payload tell about it."""

from collections.abc import Iterable
from dataclasses import dataclass

from vibforge.esxi.paths import TRX_CONF, TRX_CONF_LIMIT
from vibforge.formats.budget import Budget, Work
from vibforge.formats.elf import MAGIC as ELF_MAGIC
from vibforge.formats.tar_entries import TarEntry
from vibforge.formats.tar_header import Entry, EntryKind

_SCRIPT_LIMIT = 64 * 1024
"""Bytes of a script in which line ends are looked at."""
_SHEBANG_LIMIT = 256
_FIXED = 2
"""ET_EXEC of ELF."""
FIREWALL = "etc/vmware/firewall/"
_FIREWALL_LIMIT = 256 * 1024
"""Bytes of a firewall rule set that are kept; the largest of a host image has 4 KB."""
_LEAST_JUDGED = 256
"""Bytes that a file counts which is judged, however small it is: beginning takes time, too."""
_FILES = frozenset({EntryKind.FILE, EntryKind.SHARED_FILE})


@dataclass(frozen=True, slots=True)
class Program:
    """The header of an ELF file: its machine number, and whether it is relocatable."""

    machine: int
    is_relocatable: bool
    """True for object files, as kernel modules are."""
    is_fixed: bool = False
    """True for programs that are linked to fixed addresses: never a library."""


@dataclass(kw_only=True, slots=True)
class ScannedFile:
    """A file of a payload: its entry, and what its first bytes tell."""

    found: TarEntry
    shebang: str = ""
    """What follows `#!`; empty where the file does not start so."""
    has_crlf: bool = False
    """Whether a text file that hosts run or parse has Windows line ends."""
    program: Program | None = None
    """Set for ELF files."""
    content: bytes = b""
    """The content of a trx.conf or of a firewall rule set; empty for every other file."""

    @property
    def is_plain(self) -> bool:
        """Whether its first bytes tell nothing."""
        return not (self.shebang or self.has_crlf or self.program or self.content)

    @property
    def entry(self) -> Entry:
        return self.found.entry

    @property
    def path(self) -> str:
        return self.found.entry.path

    @property
    def is_file(self) -> bool:
        return self.found.entry.kind in _FILES


def scan_file(found: TarEntry, content: Iterable[memoryview], budget: Budget) -> ScannedFile:
    """Return what the first bytes of a file tell; `content` is not read further than needed.

    Raises:
        LimitError: the files that are kept for checks are too many for the budget.
    """
    if found.entry.kind not in _FILES or not found.entry.size:
        return ScannedFile(found=found)
    kept = _kept(found.entry.path)
    if kept:
        budget.spend(Work.JUDGED, max(_LEAST_JUDGED, min(found.entry.size, kept)))
    head = _head(content, kept or _SCRIPT_LIMIT, whole=bool(kept))
    if head.startswith(ELF_MAGIC):
        return ScannedFile(found=found, program=_program(head))
    shebang = ""
    if head.startswith(b"#!"):
        shebang = head[2:_SHEBANG_LIMIT].partition(b"\n")[0].decode("latin-1").strip()
    return ScannedFile(
        found=found,
        shebang=shebang,
        has_crlf=bool(shebang or kept) and b"\r\n" in head,
        content=head if kept else b"",
    )


def _kept(path: str) -> int:
    """Return how many bytes of a file are kept; 0 for files whose content no check reads."""
    if path.endswith(TRX_CONF):
        return TRX_CONF_LIMIT
    return _FIREWALL_LIMIT if path.startswith(FIREWALL) and path.endswith(".xml") else 0


def _head(content: Iterable[memoryview], limit: int, *, whole: bool) -> bytes:
    head = b""
    for piece in content:
        head += bytes(piece[: limit - len(head)])
        if len(head) >= limit or not (whole or head.startswith(b"#!")):
            break
    return head


def _program(head: bytes) -> Program:
    """Read machine and type of an ELF header (offsets 18 and 16; byte 5 is the byte order)."""
    order = "big" if head[5:6] == b"\2" else "little"
    number = {at: int.from_bytes(head[at : at + 2], order) for at in (16, 18)}  # type: ignore[arg-type] # a literal
    return Program(
        machine=number[18], is_relocatable=number[16] == 1, is_fixed=number[16] == _FIXED
    )
