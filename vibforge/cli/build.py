"""`vibforge build` and `vibforge schema`."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from vibforge.api import build as api
from vibforge.cli.arguments import (
    Allow,
    Because,
    Compression,
    CompressionOption,
    Json,
    Pkcs11Module,
    Quiet,
    Settings,
    Verbose,
    environment_of,
    options_of,
    paint,
    print_json,
    progress,
    reasons_of,
    settings_of,
    show,
    tell,
    terminal_passphrase,
)
from vibforge.report import build as report
from vibforge.report import documents, plain
from vibforge.report import schema as report_schema


def build(  # noqa: PLR0913 - the options of the command
    project: Annotated[
        Path,
        typer.Argument(metavar="[PROJECT]", help="Recipe, stage directory or payload tree."),
    ] = Path(),
    *,
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="DIR", help="Folder for the built files.")
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
        str | None,
        typer.Option(
            metavar="VERSION",
            help="Version: 1.2.0-1 (v1.2.0 and 1.2.0 mean that), git (the last tag and the commits "
            "since), or git+digest.",
        ),
    ] = None,
    vendor: Annotated[str | None, typer.Option(metavar="NAME", help="Name of the vendor.")] = None,
    layout: Annotated[
        str | None,
        typer.Option(
            metavar="LAYOUT",
            help="plain, or boot-copy: installs without -f, see the documentation.",
        ),
    ] = None,
    settings: Settings = None,
    compression: Compression = CompressionOption.FAST,
    bundle: Annotated[
        bool | None,
        typer.Option(
            "--bundle/--no-bundle",
            help="Also make an offline bundle. Default: only if the recipe has [bundle].",
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
        bool, typer.Option("--dry-run", help="Show what would be built; write nothing.")
    ] = False,
    if_changed: Annotated[
        bool,
        typer.Option(
            "--if-changed",
            help="Build only if the result would differ from the build.json in DIR.",
        ),
    ] = False,
    unsigned: Annotated[
        bool, typer.Option("--unsigned", help="Do not sign, although the recipe names a key.")
    ] = False,
    previous: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="PATH",
            help="Refuse other bytes than were published for this version, and a version below "
            "those published: a VIB, bundle, build.json, SHA256SUMS or folder. Repeatable.",
        ),
    ] = None,
    overwrite: Annotated[
        bool,
        typer.Option(
            "--overwrite",
            help="Replace a VIB of the same version that has other bytes; for the desk.",
        ),
    ] = False,
    verbose: Verbose = False,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Build a VIB, with the instructions to install it.

    PROJECT is a folder with a vibforge.toml, a VIB Author stage directory (descriptor.xml and
    payloads/NAME/…), or a plain tree of files with the paths they will have on the host. Findings
    of lint are printed; they do not change the exit code. --dry-run does not open the key.
    """
    chosen = options_of(
        {
            "acceptance-level": acceptance_level,
            "name": name,
            "version": version,
            "vendor": vendor,
            "layout": layout,
        }
    )
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
            unsigned=unsigned,
            previous=previous,
            overwrite=overwrite,
            passphrase=terminal_passphrase(),
            on_progress=on_progress,
        )
    for ending in result.expiring if quiet else ():
        tell(f"{paint(sys.stderr)('warning:', 'warn')} {plain.plain(str(ending))}")
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
            help="recipe, or a command's output: the middle part of `format` in its --json.",
        ),
    ] = "recipe",
) -> None:
    """Print the JSON Schema of a recipe (for editors) or of a command's --json output."""
    print_json(report_schema.schema(name))
