"""`vibforge bump`."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from vibforge.api import bump as api
from vibforge.cli.arguments import Json, show
from vibforge.errors import ModelError
from vibforge.report import bump as report
from vibforge.report import documents


class PartOption(StrEnum):
    """The part of the version that grows."""

    MAJOR = "major"
    MINOR = "minor"
    PATCH = "patch"
    RELEASE = "release"


def bump(
    project: Annotated[
        Path,
        typer.Argument(metavar="[PROJECT]", help="Folder with a vibforge.toml, or the recipe."),
    ] = Path(),
    *,
    part: Annotated[
        PartOption | None,
        typer.Option(
            metavar="WORD", help="What grows: major, minor, patch or release (the default)."
        ),
    ] = None,
    version: Annotated[
        str | None,
        typer.Option(
            metavar="VERSION", help="Set this version: 1.2.0-1 (v1.2.0 and 1.2.0 mean that)."
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Set the next version in a vibforge.toml; nothing else in the file changes."""
    if part is not None and version is not None:
        raise ModelError("--part and --version exclude each other", remedy="leave one of them out")
    result = api.bump(project, (part or PartOption.RELEASE).value, version=version)
    show(
        as_json,
        lambda: documents.bump.Bump.of(result),
        lambda paint: report.bump_text(result, paint),
    )
