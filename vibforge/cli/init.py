"""`vibforge init`."""

from pathlib import Path
from typing import Annotated

import typer

from vibforge.cli.arguments import print_text, tell
from vibforge.errors import shell_line
from vibforge.project import initialise as project_initialise


def init(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="New or empty folder.")],
    *,
    template: Annotated[
        str,
        typer.Option(metavar="NAME", help="trx-conf, files, firewall-rule or init-script."),
    ] = "trx-conf",
    name: Annotated[str | None, typer.Option(metavar="NAME", help="Name of the VIB.")] = None,
) -> None:
    """Start a project with a commented recipe and example files."""
    for path in project_initialise.initialise(folder, template, name):
        print_text(str(folder / path))
    tell(f"Next: edit the files, then  {shell_line('vibforge', 'build', folder)}")
