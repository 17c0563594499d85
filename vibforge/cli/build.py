"""`vibforge build` and `vibforge schema`."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from vibforge.api import build as api
from vibforge.cli.arguments import (
    Allow,
    Because,
    Json,
    Pkcs11Module,
    Quiet,
    Settings,
    Verbose,
    environment_of,
    print_json,
    progress,
    reasons_of,
    settings_of,
    show,
    terminal_passphrase,
)
from vibforge.report import build as report
from vibforge.report import documents
from vibforge.report import schema as report_schema


class CompressionOption(StrEnum):
    """How hard to compress."""

    FAST = "fast"
    BEST = "best"


def build(  # noqa: PLR0913 - the options of the command
    project: Annotated[
        Path,
        typer.Argument(metavar="[PROJECT]", help="Recipe, stage directory or payload tree."),
    ] = Path(),
    *,
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="DIR", help="Folder for what is made.")
    ] = Path("dist"),
    acceptance_level: Annotated[
        str | None,
        typer.Option(
            metavar="LEVEL",
            help="Acceptance level: community, partner, accepted or certified, or as ESXi prints "
            "them.",
        ),
    ] = None,
    name: Annotated[str | None, typer.Option(metavar="NAME", help="Name of the VIB.")] = None,
    version: Annotated[
        str | None, typer.Option(metavar="VERSION", help="Version, such as 1.2.0-1.")
    ] = None,
    vendor: Annotated[str | None, typer.Option(metavar="NAME", help="Name of the vendor.")] = None,
    layout: Annotated[
        str | None,
        typer.Option(
            metavar="LAYOUT", help="plain, or boot-copy: needs no -f; see the documentation."
        ),
    ] = None,
    settings: Settings = None,
    compression: Annotated[
        CompressionOption, typer.Option(help="fast, or best: twice the time for about 2% less.")
    ] = CompressionOption.FAST,
    bundle: Annotated[
        bool | None,
        typer.Option(
            "--bundle/--no-bundle",
            help="Also make an offline bundle; if not given: where the recipe has [bundle].",
            show_default=False,
        ),
    ] = None,
    allow: Allow = None,
    because: Because = None,
    pkcs11_module: Pkcs11Module = None,
    instructions: Annotated[
        bool, typer.Option(help="Also write INSTALL.md and the scripts for the host.")
    ] = True,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would be made; write nothing.")
    ] = False,
    if_changed: Annotated[
        bool,
        typer.Option(
            "--if-changed",
            help="Build only if the result would differ from what build.json in DIR lists.",
        ),
    ] = False,
    verbose: Verbose = False,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Build a VIB, with the instructions to install it.

    PROJECT is a folder with a vibforge.toml, a VIB Author stage directory (descriptor.xml and
    payloads/NAME/…), or a plain tree of files as they shall appear on the host. What lint finds in
    the VIB is told and does not change the exit code.
    """
    given = {
        "acceptance-level": acceptance_level,
        "name": name,
        "version": version,
        "vendor": vendor,
        "layout": layout,
    }
    chosen = {key: value for key, value in given.items() if value is not None}
    with progress("packing") as on_progress:
        result = api.build(
            project,
            output,
            settings=settings_of(settings or []) | chosen,
            environment=environment_of(pkcs11_module),
            compression=compression.value,
            bundle=bundle,
            allow=reasons_of(allow, because),
            instructions=instructions,
            dry_run=dry_run,
            if_changed=if_changed,
            passphrase=terminal_passphrase(),
            on_progress=on_progress,
        )
    show(
        as_json,
        lambda: documents.build.Build.of(result),
        lambda colours: (
            report.written_paths(result)
            if quiet and not dry_run
            else report.build_text(result, colours, verbose=verbose)
        ),
    )


def schema(
    name: Annotated[
        str,
        typer.Argument(
            metavar="[NAME]",
            help="recipe, or the middle part of the `format` that a --json begins with.",
        ),
    ] = "recipe",
) -> None:
    """Print the JSON Schema of a recipe, for editors, or of what a command prints with --json."""
    print_json(report_schema.schema(name))
