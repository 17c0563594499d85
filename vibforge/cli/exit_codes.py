"""Every exit code of a command: the table in `--help`, README and the vocabulary."""

from enum import IntEnum
from typing import NamedTuple


class ExitCode(IntEnum):
    """Exit code of a command that no signal stopped."""

    GOOD = 0
    BAD_VERDICT = 1
    COULD_NOT = 2
    BUG = 3
    NOT_POSSIBLE_HERE = 4


SIGNAL_BASE = 128
"""A command that signal N stops exits with this plus N, as a shell reports it."""
PIPE_SIGNAL = 13
"""POSIX's number of SIGPIPE, for systems without it."""


class ExitCodeRow(NamedTuple):
    """A line of the table."""

    code: str
    meaning: str


TABLE = (
    ExitCodeRow(str(ExitCode.GOOD.value), "good: done, and the verdict is good"),
    ExitCodeRow(str(ExitCode.BAD_VERDICT.value), "done, but the verdict is bad"),
    ExitCodeRow(
        str(ExitCode.COULD_NOT.value),
        "could not be done, or not for every file: the message says what, where and what to do; "
        "2 takes precedence over 1",
    ),
    ExitCodeRow(str(ExitCode.BUG.value), "a bug in vibforge: please report it"),
    ExitCodeRow(
        str(ExitCode.NOT_POSSIBLE_HERE.value),
        "not possible on this machine: `trx rehearse` and `trx sniff` lack linuxptp, namespaces or "
        "rights, `trx log --stability` lacks allantools, `evidence` lacks the libraries of SBOMs, "
        "`repro` lacks the record's compressor or all that --vary names",
    ),
    ExitCodeRow(
        str(SIGNAL_BASE + PIPE_SIGNAL), "the reader of the output closed it, as `head` does"
    ),
    ExitCodeRow(f"{SIGNAL_BASE} + N", "signal N stopped the command: 130 by Ctrl-C, 143 by `kill`"),
)


def markdown() -> str:
    """Return the table as README and the vocabulary show it."""
    rows = [f"| {row.code} | {row.meaning} |" for row in TABLE]
    return "\n".join(["| code | meaning |", "| --- | --- |", *rows])
