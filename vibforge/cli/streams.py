"""The standard streams as commands find them: always there, and in any encoding.

A reader that goes away (`vibforge inspect X | head -1`) ends the command without a word and with
the exit code of SIGPIPE; a result that cannot be written (`>/dev/full`) is an error like any other;
a closed stream (`>&-`) is one that nobody reads. Letters that the encoding lacks are written in
ASCII, so that no locale stops a command.
"""

import codecs
import io
import os
import signal
import sys
from contextlib import suppress
from typing import Any, TextIO

from vibforge.cli.exit_codes import PIPE_SIGNAL, SIGNAL_BASE
from vibforge.errors import OutputError

_IN_ASCII = dict(
    zip(
        "→…µ▁▂▃▄▅▆▇█",
        ["->", "...", "u", *"_.,-=+*#"],
        strict=True,
    )
)
_ERRORS = "vibforge-in-ascii"
_PIPE = getattr(signal, "SIGPIPE", PIPE_SIGNAL)


class Stopped(BaseException):
    """A signal asked the command to stop; what it had begun is undone on the way out."""

    def __init__(self, signum: int) -> None:
        super().__init__(signum)
        self.exit_code = SIGNAL_BASE + signum


class _Results(io.FileIO):
    """Where results go: a failure ends the command, once."""

    _failed = False

    def write(self, data: Any, /) -> int:  # noqa: ANN401 - any buffer
        if self._failed:
            return memoryview(data).nbytes
        try:
            return super().write(data)
        except OSError as error:
            self._failed = True
            if isinstance(error, BrokenPipeError):
                raise Stopped(_PIPE) from None
            raise OutputError(f"standard output: {error.strerror}") from error


class _Talk(io.FileIO):
    """Where notes and progress go: the work goes on whether or not somebody listens."""

    def write(self, data: Any, /) -> int:  # noqa: ANN401 - any buffer
        with suppress(OSError):
            return super().write(data)
        return memoryview(data).nbytes


def prepare_streams() -> None:
    """Put streams with these properties in the place of Python's own."""
    codecs.register_error(_ERRORS, _in_ascii)
    for number in (0, 1, 2):
        _fill(number)
    sys.stdin = sys.stdin or io.TextIOWrapper(io.BufferedReader(io.FileIO(0, closefd=False)))
    sys.stdout = _stream(sys.stdout, _Results, 1)
    sys.stderr = _stream(sys.stderr, _Talk, 2)


def _fill(number: int) -> None:
    """Let nobody read or write where a stream is closed, so that no file takes its number."""
    try:
        os.fstat(number)
    except OSError:
        os.open(os.devnull, os.O_RDWR)


def _stream(python: TextIO | None, kind: type[io.FileIO], number: int) -> TextIO:
    # PYTHONUNBUFFERED leaves the raw file alone; a Windows console is no file at all.
    if python is not None and type(getattr(python.buffer, "raw", python.buffer)) is not io.FileIO:
        return python
    return io.TextIOWrapper(
        io.BufferedWriter(kind(number, "w", closefd=False)),
        encoding=python.encoding if python else "utf-8",
        errors=_ERRORS,
        line_buffering=number != 1 or os.isatty(number),
    )


def _in_ascii(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    letters = error.object[error.start : error.end]
    return "".join(_IN_ASCII.get(letter) or _escape(letter) for letter in letters), error.end


def _escape(letter: str) -> str:
    return letter.encode("ascii", "backslashreplace").decode("ascii")
