"""Read the passphrase or PIN of a key: from a file, a descriptor or the environment.

Never from an argument, which every user of the machine can see. The secret is read only if a key
needs it. Only a key in a token that signs several VIBs needs it more than once; see `once`.
"""

import os
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path

from vibforge.errors import SigningError

Passphrase = Callable[[], bytes]
"""Returns the secret, or raises SigningError."""

_NAME_IT = (
    "name the file or variable that holds the passphrase, not the passphrase itself; this message "
    "does not repeat the name, because it may be the secret"
)
_SIZE_LIMIT = 64 * 1024
"""Bytes read for a secret; only the first line is used."""


def once(passphrase: Passphrase) -> Passphrase:
    """Return a source that asks another one when it is first called, and keeps the secret."""
    return cache(passphrase)


def no_passphrase() -> bytes:
    """Refuse: the user named no passphrase.

    Raises:
        SigningError: always.
    """
    raise SigningError(
        "the key is encrypted, and no passphrase was given",
        remedy="use --passphrase-file, --passphrase-fd or --passphrase-env, or a terminal",
    )


def from_file(path: Path) -> Passphrase:
    """Return a reader of the first line of a file."""

    def read() -> bytes:
        try:
            with path.open("rb") as file:
                return _first_line(file.read(_SIZE_LIMIT), "the passphrase file")
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or "no file has such a name"
            raise SigningError(
                f"the passphrase file cannot be read: {reason}", remedy=_NAME_IT
            ) from error

    return read


def from_descriptor(number: int) -> Passphrase:
    """Return a reader of the first line of an open file descriptor."""

    def read() -> bytes:
        try:
            with os.fdopen(number, "rb", closefd=False) as file:
                return _first_line(file.read(_SIZE_LIMIT), "the file descriptor")
        except (OSError, OverflowError, TypeError, ValueError) as error:
            reason = getattr(error, "strerror", None) or "no descriptor has this number"
            raise SigningError(
                f"the passphrase cannot be read from the file descriptor: {reason}",
                remedy="give a descriptor that is open for reading: --passphrase-fd 3 3<FILE",
            ) from error

    return read


def from_environment(name: str, environment: Mapping[str, str]) -> Passphrase:
    """Return a reader of an environment variable."""

    def read() -> bytes:
        if name not in environment:
            raise SigningError(
                "the environment variable for the passphrase is not set",
                remedy=_NAME_IT,
            )
        return environment[name].encode("utf-8", "surrogateescape")

    return read


def _first_line(data: bytes, where: str) -> bytes:
    line = data.split(b"\n", 1)[0].removesuffix(b"\r")
    if not line:
        raise SigningError("the passphrase is empty", where=where)
    return line
