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
        typer.Argument(metavar="[PATH…]", help="Files or folders to extract. Default: all."),
    ] = None,
    *,
    folder: Folder,
    payloads_only: Annotated[
        bool, typer.Option("--payloads-only", help="Extract the members as they are stored.")
    ] = False,
    stage: Annotated[
        bool,
        typer.Option("--stage", help="Write a project from which `vibforge build` makes the VIB."),
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace existing files.")] = False,
    owners: Annotated[
        bool, typer.Option("--owners", help="Keep owners and set-id bits; needs root.")
    ] = False,
    devices: Annotated[bool, typer.Option("--devices", help="Create devices and pipes.")] = False,
    outside_links: Annotated[
        bool, typer.Option("--outside-links", help="Create links that point outside the folder.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Extract files of a VIB or bundle into a folder, never outside it."""
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
