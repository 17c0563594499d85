"""In which order the files of a log are read, and which host each is of.

Rotated files come in any order. Those that have a time of day are read by it; where it lacks the
year, the longest time without a file is where the year begins. The others are read by the number of
their rotation, the highest first, as both logrotate and ESXi number them.
"""

import re
from collections.abc import Iterable, Sequence
from itertools import pairwise
from pathlib import Path

from msgspec import Struct

from vibforge.errors import VibforgeError
from vibforge.files.sources import FoundFile, Opener
from vibforge.trx.log import lines
from vibforge.trx.log.lines import LINE, Lines, wall_of

_HEAD = 64 * 1024
"""Bytes in which the first line with a time has to stand."""
_YEAR = 366 * 86400.0

WANTED = re.compile(
    r"(?:.*/)?(?:trx(?:[.-]?log)?(?:[.-]\d+)*(?:\.log|\.txt)?|[^/]*(?:ptp4l|phc2sys|linuxptp)[^/]*)",
    re.IGNORECASE,
)
_NO_LOG = re.compile(
    r".*(?:\.(?:conf|cfg|json|service|sh|py|md)|(?:ptp4l|phc2sys)\.8)", re.IGNORECASE
)
_ROTATION = re.compile(r"(?P<stem>.*?)(?:\.log)?(?:[.-](?P<number>\d{1,8}))?(?:\.log|\.txt)?")
_PROGRAMS = frozenset({"trx", "ptp4l", "phc2sys", "linuxptp"})
"""Names that say nothing of the host: logs of them in one folder are of one host."""
_OF_SUPPORT = re.compile(r"(?:.*[/:])?esx-(?P<host>.+?)-\d{4}-\d\d-\d\d--\d\d\.\d\d[^/:]*[/:].*")


def is_clock_log(path: str) -> bool:
    """Whether a file in a folder or archive is taken for a clock log, by its name."""
    return bool(WANTED.fullmatch(path)) and not _NO_LOG.fullmatch(path)


class Part(Struct, frozen=True):
    """A file of a log, with the host that its lines are of unless they say another one."""

    name: str
    host: str
    chunks: Opener


class _Start(Struct, frozen=True):
    """Where a file begins."""

    file: FoundFile
    log: str
    """What the files of one log have in common: a host's name, or a path without rotation."""
    rotation: int
    wall: float | None
    has_year: bool
    seconds: float


def ordered(files: Iterable[FoundFile]) -> tuple[Part, ...]:
    """Return files in the order in which their lines were written, log by log."""
    logs: dict[str, list[_Start]] = {}
    for file in files:
        start = _start_of(file)
        logs.setdefault(start.log, []).append(start)
    names = _short_names(logs)
    return tuple(
        Part(start.file.name, names[log], start.file.chunks)
        for log in sorted(logs)
        for start in _in_order(logs[log])
    )


def _short_names(logs: Iterable[str]) -> dict[str, str]:
    """Return the last parts of each path, as many as tell it from the others."""
    names: dict[str, str] = {}
    for log in logs:
        parts = log.split("/")
        endings = ("/".join(parts[-count:]) for count in range(1, len(parts)))
        others = [f"/{other}" for other in logs if other != log]
        alone = (end for end in endings if not any(other.endswith(f"/{end}") for other in others))
        names[log] = next(alone, log)
    return names


def _in_order(starts: Sequence[_Start]) -> list[_Start]:
    walls = [start.wall for start in starts if start.wall is not None]
    if len(walls) < len(starts):
        return sorted(starts, key=lambda start: (-start.rotation, start.seconds, start.file.name))
    first = 0.0 if all(start.has_year for start in starts) else _first_of_year(walls)
    year = float("inf") if not first else _YEAR
    return sorted(
        starts,
        key=lambda start: (((start.wall or 0.0) - first) % year, start.seconds, start.file.name),
    )


def _first_of_year(times: Iterable[float]) -> float:
    """Return the time behind the longest break, on a year that is a circle."""
    around = sorted(times)
    breaks = [(after - before, after) for before, after in pairwise(around)]
    return max([*breaks, (around[0] + _YEAR - around[-1], around[0])])[1]


def _start_of(file: FoundFile) -> _Start:
    stem, rotation = _stem_of(file.name)
    row = _first_row(file.chunks)
    wall = wall_of(row[lines.WALL]) if row else None
    return _Start(
        file=file,
        log=_log_of(file, stem),
        rotation=rotation,
        wall=wall.seconds if wall else None,
        has_year=wall.has_year if wall else False,
        seconds=float(row[lines.SECONDS]) if row else 0.0,
    )


def log_name(path: Path) -> str:
    """Return the name of a log for lines that tell no host."""
    return _stem_of(path.name)[0] or path.name


def _stem_of(path: str) -> tuple[str, int]:
    match = _ROTATION.fullmatch(re.sub(r"(?:\.gz|\.zst)$", "", path))
    if not match:
        return path, -1
    return match["stem"], int(match["number"]) if match["number"] else -1


def _log_of(file: FoundFile, stem: str) -> str:
    """Return the host that a vm-support archive names, or else what the file is called."""
    if match := _OF_SUPPORT.fullmatch(file.name):
        return match["host"]
    folder, _, name = stem.rpartition("/")
    return folder if folder and name.lower() in _PROGRAMS else stem


def _first_row(chunks: Opener) -> lines.RawRow | None:
    """Return the first line of a program with a time."""
    head = b""
    try:
        for block in Lines().blocks(chunks()):
            row = next((row for row in LINE.findall(block[:_HEAD]) if row[lines.SECONDS]), None)
            head += block
            if row or len(head) >= _HEAD:
                return row
    except VibforgeError:
        return None  # told when the whole is read
    return None
