"""What the commands of `vibforge trx` share: arguments, reading, writing, their verdict."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from vibforge.cli.arguments import tell, words_of

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
    from vibforge.trx.release import carried_by, chosen, span  # noqa: PLC0415 - only to judge

    if not esxi:
        return chosen(words_of(linuxptp))
    from vibforge.esxi.release import parse_releases  # noqa: PLC0415 - hardly anybody names one

    named = parse_releases(words_of(esxi))
    releases = chosen(words_of(linuxptp), named)
    for host in named:
        carried = carried_by(host)
        tell(
            f"ESXi {host}: linuxptp {span(carried)} is inferred; the vendor does not say."
            if carried
            else f"ESXi {host}: its linuxptp is not known, so every candidate counts."
        )
    return releases


def name_of(path: Path) -> str:
    """A path as it can be printed anywhere."""
    return str(path).encode("utf-8", "backslashreplace").decode("utf-8")


def read(path: Path, most: int | None = None) -> bytes:
    """The bytes of FILE, no more than it may have."""
    from vibforge.errors import TrxError  # noqa: PLC0415 - for the commands that read
    from vibforge.esxi.paths import TRX_CONF_LIMIT  # noqa: PLC0415 - the same
    from vibforge.files.inputs import read_input  # noqa: PLC0415 - the same

    return read_input(path, most or TRX_CONF_LIMIT, TrxError)


def write(text: str, output: Path | None) -> None:
    """Write a text to a file or to stdout; bytes that were no UTF-8 come out as they were."""
    data = text.encode("utf-8", "surrogateescape")
    if output is None:
        sys.stdout.buffer.write(data)
        sys.stdout.flush()
        return
    from vibforge.files.publication import Publication  # noqa: PLC0415 - only for files

    with Publication(output.parent) as publication:
        publication.write(output.name, data)
        publication.publish()
