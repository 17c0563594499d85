"""Where a key's passphrase or a token's PIN comes from on the command line."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vibforge.errors import SigningError

Pkcs11Module = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="PKCS#11 library of a key in a token; the only one that a recipe may use. It goes "
        "before PKCS11_MODULE_PATH.",
    ),
]

if TYPE_CHECKING:
    from vibforge.signing.passphrase import Passphrase


def environment_of(pkcs11_module: Path | None) -> Mapping[str, str]:
    """Return the environment in which keys are opened, with the library that the user named."""
    if pkcs11_module is None:
        return os.environ
    from vibforge.signing.key_source import MODULE_VARIABLE  # noqa: PLC0415 - only with a token

    return {**os.environ, MODULE_VARIABLE: str(pkcs11_module)}


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
    return answer.encode("utf-8", "surrogateescape")
