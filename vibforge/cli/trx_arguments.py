"""What the commands of `vibforge trx` share: arguments, reading, writing, their verdict."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from vibforge import errors
from vibforge.cli.arguments import tell, words_of
from vibforge.esxi import paths, release
from vibforge.files import inputs
from vibforge.files import publication as files_publication
from vibforge.trx import option as trx_release

File = Annotated[Path, typer.Argument(metavar="FILE", help="A file, or - for standard input.")]
Output = Annotated[
    Path | None,
    typer.Option("--output", "-o", metavar="FILE", help="Write it here, not to stdout."),
]
Linuxptp = Annotated[
    list[str] | None,
    typer.Option(metavar="RELEASE", help="For linuxptp 3.1.1, 4.0, …; may be repeated."),
]


def releases_of(linuxptp: list[str] | None, esxi: list[str] | None) -> tuple[str, ...]:
    """The releases that the options name; says so where they are inferred."""
    tell_inferred(esxi)
    return trx_release.chosen(words_of(linuxptp), release.parse_releases(words_of(esxi)))


def tell_inferred(esxi: list[str] | None) -> None:
    """Say which linuxptp releases are checked for, where an ESXi release does not tell."""
    for host in release.parse_releases(words_of(esxi)):
        carried = trx_release.carried_by(host)
        if carried == ():
            continue  # it has no TRX, which is an error
        tell(
            f"ESXi {host}: linuxptp {trx_release.span(carried)} is inferred; "
            "the vendor does not say."
            if carried
            else f"ESXi {host}: its linuxptp is not known, so every candidate counts."
        )


def name_of(path: Path) -> str:
    """A path as it can be printed anywhere."""
    return str(path).encode("utf-8", "backslashreplace").decode("utf-8")


def read(path: Path, most: int | None = None) -> bytes:
    """The bytes of FILE, no more than it may have."""
    return inputs.read_input(path, most or paths.TRX_CONF_LIMIT, errors.TrxError)


def write(text: str, output: Path | None) -> None:
    """Write a text to a file or to stdout; bytes that were no UTF-8 come out as they were."""
    data = text.encode("utf-8", "surrogateescape")
    if output is None:
        sys.stdout.buffer.write(data)
        sys.stdout.flush()
        return

    with files_publication.Publication(output.parent) as publication:
        publication.write(output.name, data)
        publication.publish()
