"""Read a small input file, or the standard input, no further than it may be long."""

import sys
from pathlib import Path

from vibforge.errors import VibforgeError

STANDARD_INPUT = "-"


def read_file(path: Path, most: int, error: type[VibforgeError]) -> bytes:
    """Return the bytes of a file, of which there may be `most`.

    Raises:
        VibforgeError: as `error`, where the file cannot be read or is longer.
    """
    try:
        with path.open("rb") as file:
            data = file.read(most + 1)
    except OSError as problem:
        raise error(f"cannot be read: {problem.strerror}", where=str(path)) from problem
    return _bounded(data, path, most, error)


def read_input(path: Path, most: int, error: type[VibforgeError]) -> bytes:
    """Return the bytes of `path`, of which there may be `most`; `-` is the standard input.

    Raises:
        VibforgeError: as `error`, where the file cannot be read or is longer.
    """
    if str(path) != STANDARD_INPUT:
        return read_file(path, most, error)
    try:
        data = sys.stdin.buffer.read(most + 1)
    except OSError as problem:
        raise error(f"cannot be read: {problem.strerror}", where=str(path)) from problem
    return _bounded(data, path, most, error)


def _bounded(data: bytes, path: Path, most: int, error: type[VibforgeError]) -> bytes:
    if len(data) > most:
        raise error(f"has more than {most} bytes", where=str(path))
    return data
