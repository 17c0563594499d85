"""Where a key's passphrase or a token's PIN comes from on the command line."""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from vibforge.errors import SigningError

if TYPE_CHECKING:
    from vibforge.signing.passphrase import Passphrase


def passphrase_of(file: Path | None, descriptor: int | None, variable: str | None) -> "Passphrase":
    """Choose the source that was named; a terminal is asked if none was."""
    from vibforge.signing import passphrase  # noqa: PLC0415 - only commands that sign need it

    if file is not None:
        return passphrase.from_file(file)
    if descriptor is not None:
        return passphrase.from_descriptor(descriptor)
    if variable is not None:
        return passphrase.from_environment(variable, os.environ)
    return terminal_passphrase() or passphrase.no_passphrase


def terminal_passphrase() -> "Passphrase | None":
    """Return what asks at the terminal; None where there is none."""
    return _ask if sys.stdin.isatty() else None


def _ask() -> bytes:
    try:
        answer: str = typer.prompt("Passphrase", hide_input=True, err=True)
    except typer.Abort as error:
        raise SigningError("no passphrase was given") from error
    return answer.encode("utf-8")
