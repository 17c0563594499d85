"""Read what `trx rehearse --json` and `trx log --json` printed, as evidence of a change record."""

import hashlib
from pathlib import Path
from typing import Annotated, TypeVar

import msgspec
from msgspec import Meta, Struct

from vibforge.errors import FormatError
from vibforge.files.inputs import read_file

RESULT_LIMIT = 16 * 1024 * 1024
"""Most bytes of a result; a rehearsal of ten minutes has a megabyte."""
CLOCK_LOG_LIMIT = 20
"""Most results of clock logs in one record."""
ITEM_LIMIT = 1_000
"""Logs, and verdicts on limits, in the results of one clock log."""
WORD_LIMIT = 4_000
"""Characters of one text in a result; the longest that vibforge writes has 300."""
_Result = TypeVar("_Result", bound=Struct)
_Text = Annotated[str, Meta(max_length=WORD_LIMIT)]
_Sha256 = Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]


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

    sha256: _Sha256
    verdict: _Text
    good: bool
    meaning: _Text
    against: _Text
    linuxptp_release: _Text
    limits: _Text = ""


class LimitResult(Struct, frozen=True):
    """Whether the clock of a host kept a limit; times in nanoseconds."""

    host_name: _Text
    limit: _Text
    limit_ns: float
    verdict: _Text
    total_ns: float | None = None


class LogSource(Struct, frozen=True):
    """A log that was read."""

    sha256: _Sha256


class ClockLogResult(Struct, frozen=True, tag_field="format", tag="vibforge/trx-log/1"):
    """What the logs of clocks say."""

    good: bool
    sources: Annotated[tuple[LogSource, ...], Meta(max_length=ITEM_LIMIT)]
    verdicts: Annotated[tuple[LimitResult, ...], Meta(max_length=ITEM_LIMIT)]
    unproven: Annotated[tuple[_Text, ...], Meta(max_length=ITEM_LIMIT)] = ()


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
