"""Read what `trx rehearse --json` and `trx log --json` printed, as evidence of a change record."""

import hashlib
from pathlib import Path
from typing import TypeVar

import msgspec
from msgspec import Struct

from vibforge.errors import FormatError
from vibforge.files.inputs import read_file

RESULT_LIMIT = 16 * 1024 * 1024
"""Most bytes of a result; a rehearsal of ten minutes has a megabyte."""
CLOCK_LOG_LIMIT = 20
"""Most results of clock logs in one record."""
LIMIT_VERDICT_LIMIT = 1_000
"""Most verdicts on limits in the results of one clock log."""
_Result = TypeVar("_Result", bound=Struct)


class Attachment(Struct, frozen=True, kw_only=True):
    """A file that goes with a record: its name in the folder, and its bytes."""

    name: str
    data: bytes
    what: str

    @property
    def sha256(self) -> str:
        """The SHA-256 of the bytes, in hex."""
        return hashlib.sha256(self.data).hexdigest()


class RehearsalResult(Struct, frozen=True, tag_field="format", tag="vibforge/trx-rehearse/1"):
    """A rehearsal of a trx.conf: `sha256` is that of the trx.conf, `verdict` a code."""

    sha256: str
    verdict: str
    good: bool
    meaning: str
    against: str
    linuxptp_release: str
    limits: str = ""


class LimitResult(Struct, frozen=True):
    """Whether the clock of a host kept a limit; times in nanoseconds."""

    host_name: str
    limit: str
    limit_ns: float
    verdict: str
    total_ns: float | None = None


class LogSource(Struct, frozen=True):
    """A log that was read."""

    sha256: str


class ClockLogResult(Struct, frozen=True, tag_field="format", tag="vibforge/trx-log/1"):
    """What the logs of clocks say."""

    good: bool
    sources: tuple[LogSource, ...]
    verdicts: tuple[LimitResult, ...]
    unproven: tuple[str, ...] = ()


def read_rehearsal(path: Path) -> tuple[RehearsalResult, Attachment]:
    """Read the result of a rehearsal.

    Raises:
        FormatError: the file is no such result.
    """
    data, result = _read(path, RehearsalResult, "vibforge trx rehearse --json")
    return result, Attachment(name="rehearsal.json", data=data, what="result of the rehearsal")


def read_clock_log(path: Path, number: int) -> tuple[ClockLogResult, Attachment]:
    """Read the result of clock logs; `number` makes the name of its copy.

    Raises:
        FormatError: the file is no such result.
    """
    data, result = _read(path, ClockLogResult, "vibforge trx log --json")
    if len(result.verdicts) > LIMIT_VERDICT_LIMIT:
        raise FormatError(f"more than {LIMIT_VERDICT_LIMIT} verdicts on limits", where=str(path))
    return result, Attachment(
        name=f"clock-log-{number}.json", data=data, what="result of the clock logs"
    )


def _read(path: Path, kind: type[_Result], command: str) -> tuple[bytes, _Result]:
    data = read_file(path, RESULT_LIMIT, FormatError)
    try:
        return data, msgspec.json.decode(data, type=kind)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise FormatError(
            f"not the result of `{command}`: {error}",
            where=str(path),
            remedy=f"write it with `{command} > FILE`",
        ) from error
