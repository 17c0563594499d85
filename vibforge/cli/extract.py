"""`vibforge extract`."""

from pathlib import Path
from typing import Annotated

import typer

from vibforge.api import inspect as api
from vibforge.cli.arguments import Folder, Json, show
from vibforge.report import documents, inspect


def extract(  # noqa: PLR0913 - the options of the command
    file: Annotated[Path, typer.Argument(metavar="FILE", help="VIB, bundle or loose payload.")],
    paths: Annotated[
        list[str] | None,
        typer.Argument(metavar="[PATH…]", help="Files or folders in it; all if none."),
    ] = None,
    *,
    folder: Folder,
    payloads_only: Annotated[
        bool, typer.Option("--payloads-only", help="The members as they are stored.")
    ] = False,
    stage: Annotated[
        bool, typer.Option("--stage", help="A project that `vibforge build` makes the VIB of.")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace files that are there.")] = False,
    owners: Annotated[
        bool, typer.Option("--owners", help="Keep owners and set-id bits; needs root.")
    ] = False,
    devices: Annotated[bool, typer.Option("--devices", help="Make devices and pipes.")] = False,
    outside_links: Annotated[
        bool, typer.Option("--outside-links", help="Make links that lead out of the folder.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Take files out of a VIB or bundle, into a folder and nowhere else."""
    done = api.extract(
        file,
        folder,
        paths=paths or (),
        payloads_only=payloads_only,
        stage=stage,
        force=force,
        owners=owners,
        devices=devices,
        outside_links=outside_links,
    )
    show(
        as_json, lambda: documents.inspect.Extract.of(done), lambda _: inspect.extracted_text(done)
    )
