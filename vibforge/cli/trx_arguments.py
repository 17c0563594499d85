"""Arguments of the commands of `vibforge trx`, and how these read and write files."""

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from vibforge import errors
from vibforge.cli.arguments import tell, words_of
from vibforge.esxi import paths, release
from vibforge.files import inputs
from vibforge.files import publication as files_publication
from vibforge.trx import option as trx_release

if TYPE_CHECKING:
    from collections.abc import Callable

    from vibforge.files.inputs import Several

_Result = TypeVar("_Result")
File = Annotated[Path, typer.Argument(metavar="FILE", help="A file, or - for standard input.")]
Files = Annotated[
    list[Path], typer.Argument(metavar="FILE…", help="Files, or - for standard input.")
]
Output = Annotated[
    Path | None,
    typer.Option("--output", "-o", metavar="FILE", help="Write to this file, not to stdout."),
]
Linuxptp = Annotated[
    list[str] | None,
    typer.Option(metavar="VERSION", help="linuxptp version: 3.1.1, 4.0, …; may be repeated."),
]


def releases_of(linuxptp: list[str] | None, esxi: list[str] | None) -> tuple[str, ...]:
    """Return the linuxptp versions that the options name; print a note if they are inferred."""
    tell_inferred(esxi)
    return trx_release.chosen(words_of(linuxptp), release.parse_releases(words_of(esxi)))


def tell_inferred(esxi: list[str] | None) -> None:
    """Print a note for each ESXi release whose linuxptp version is inferred or not known."""
    for host in release.parse_releases(words_of(esxi)):
        carried = trx_release.carried_by(host)
        if carried == ():
            continue  # this release has no TRX; the check reports that
        tell(
            f"ESXi {host}: linuxptp {trx_release.span(carried)} is inferred; "
            "the vendor does not document it."
            if carried
            else f"ESXi {host}: its linuxptp version is not known, so all candidates are checked."
        )


def name_of(path: Path) -> str:
    """Return a path as text that can be printed in any encoding."""
    return str(path).encode("utf-8", "backslashreplace").decode("utf-8")


def each_of(files: Iterable[Path], look: "Callable[[Path], _Result]") -> "Several[_Result]":
    """Call `look` for each file; a file that cannot be read does not keep the others from it."""
    return inputs.each_file(files, look)


def read(path: Path, most: int | None = None) -> bytes:
    """Return the bytes of FILE, at most `most` (default: the limit of a trx.conf)."""
    return inputs.read_input(path, most or paths.TRX_CONF_LIMIT, errors.TrxError)


def write(text: str, output: Path | None) -> None:
    """Write a text to a file or to stdout; bytes that are not UTF-8 stay unchanged."""
    data = text.encode("utf-8", "surrogateescape")
    if output is None:
        sys.stdout.buffer.write(data)
        sys.stdout.flush()
        return
    files_publication.write_file(output, data)
