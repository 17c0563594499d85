"""The standard streams of a command: always open, and usable in any encoding.

A reader that closes the pipe (`vibforge inspect X | head -1`) ends the command silently with the
exit code of SIGPIPE. A result that cannot be written (`>/dev/full`) is an error like any other. A
closed stream (`>&-`) is replaced by the null device. Characters that the encoding lacks are written
in ASCII, so that every locale works.
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
    """A signal asked the command to stop; handlers undo unfinished work as it propagates."""

    def __init__(self, signum: int) -> None:
        super().__init__(signum)
        self.exit_code = SIGNAL_BASE + signum


class _Results(io.FileIO):
    """The stream for results: the first failure to write ends the command."""

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
    """The stream for notes and progress: failures to write are ignored."""

    def write(self, data: Any, /) -> int:  # noqa: ANN401 - any buffer
        with suppress(OSError):
            return super().write(data)
        return memoryview(data).nbytes


def prepare_streams() -> None:
    """Replace Python's standard streams with streams of these properties."""
    codecs.register_error(_ERRORS, _in_ascii)
    for number in (0, 1, 2):
        _fill(number)
    sys.stdin = sys.stdin or io.TextIOWrapper(io.BufferedReader(io.FileIO(0, closefd=False)))
    sys.stdout = _stream(sys.stdout, _Results, 1)
    sys.stderr = _stream(sys.stderr, _Talk, 2)


def _fill(number: int) -> None:
    """Open the null device in place of a closed stream, so that no file gets its number."""
    try:
        os.fstat(number)
    except OSError:
        os.open(os.devnull, os.O_RDWR)


def _stream(python: TextIO | None, kind: type[io.FileIO], number: int) -> TextIO:
    # With PYTHONUNBUFFERED the buffer is the raw file itself; a Windows console is no file.
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
