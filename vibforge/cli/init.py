"""`vibforge init`."""

from pathlib import Path
from typing import Annotated

import typer


def init(
    folder: Annotated[Path, typer.Argument(help="New or empty folder.")],
    *,
    template: Annotated[
        str, typer.Option(help="trx-conf, files, firewall-rule or init-script.")
    ] = "trx-conf",
    name: Annotated[str | None, typer.Option(help="Name of the VIB.")] = None,
) -> None:
    """Start a project: a commented recipe and an example tree."""
    from vibforge.operations.initialise import initialise  # noqa: PLC0415 - only here

    for path in initialise(folder, template, name):
        typer.echo(folder / path)
    typer.echo(f"Next: edit the files, then  vibforge build {folder}", err=True)
