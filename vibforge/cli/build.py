"""`vibforge build` and `vibforge schema`."""

from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

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
    settings_of,
    show,
    terminal_passphrase,
    words_of,
)
from vibforge.formats import deflating
from vibforge.project import build as project_build
from vibforge.project import bundle_of_build as project_bundle
from vibforge.project import judge_build as project_judge_build
from vibforge.project import plan_build as project_plan_build
from vibforge.project import up_to_date
from vibforge.report import build as report
from vibforge.report import bundle as report_bundle
from vibforge.report import documents
from vibforge.report import schema as report_schema
from vibforge.report.paint import Paint
from vibforge.trx import check

if TYPE_CHECKING:
    from vibforge.bundle.opening import Written
    from vibforge.formats.deflating import CompressionLevel
    from vibforge.project.build import Built
    from vibforge.project.plan_build import BuildPlan


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
    plan = project_plan_build.plan_build(
        project,
        settings=settings_of(settings or []) | chosen,
        environment=environment_of(pkcs11_module),
        allow=check.allowances(words_of(allow), because or ()) if allow or because else (),
        instructions=instructions,
    )
    plan = _bundled(plan, bundle)
    if dry_run:
        would = project_judge_build.judge_plan(plan)
        show(
            as_json,
            lambda: documents.build.Build.of_plan(plan, would),
            lambda colours: report.plan_text(plan, would, colours),
        )
        return
    level = (
        deflating.CompressionLevel.FAST
        if compression is CompressionOption.FAST
        else deflating.CompressionLevel.BEST
    )
    built = _build(plan, output, level, if_changed=if_changed)
    written = _bundle(plan, output, built=built is not None)
    if built is None:
        show(
            as_json,
            lambda: documents.build.Build.of_unchanged(plan, output, written),
            lambda colours: report.unchanged_text(plan, output) + _bundle_text(written, colours),
        )
        return
    judged = project_judge_build.judge_build(built)
    text = report.built_text if verbose else report.built_summary
    show(
        as_json,
        lambda: documents.build.Build.of(built, judged, written),
        lambda colours: (
            "\n".join(str(path) for path in _written_paths(built, written))
            if quiet
            else text(built, judged, colours) + _bundle_text(written, colours)
        ),
    )


def _written_paths(built: "Built", bundle: "Written | None") -> Iterator[Path]:
    yield built.vib_path
    if bundle:
        yield bundle.path


def _build(
    plan: "BuildPlan", output: Path, level: "CompressionLevel", *, if_changed: bool
) -> "Built | None":
    """Build, or return None where the folder already holds the result."""
    signer = project_build.open_key(plan, terminal_passphrase())
    if if_changed and up_to_date.is_up_to_date(plan, output, level=level, signer=signer):
        return None
    with progress("packing") as on_progress:
        return project_build.build_plan(
            plan, output, level=level, on_progress=on_progress, signer=signer
        )


def _bundled(plan: "BuildPlan", wanted: bool | None) -> "BuildPlan":  # noqa: FBT001 - as the option
    """Decide about the bundle, before anything is packed."""
    if wanted is None and plan.recipe.bundle is None:
        return plan

    return (
        project_bundle.without_bundle(plan) if wanted is False else project_bundle.with_bundle(plan)
    )


def _bundle(plan: "BuildPlan", output: Path, *, built: bool) -> "Written | None":
    """Make the bundle that the recipe wants, unless nothing was built and it is there."""
    if plan.recipe.bundle is None:
        return None

    return (
        project_bundle.bundle_of(plan, output)
        if built or not up_to_date.has_bundle(plan, output)
        else None
    )


def _bundle_text(bundle: "Written | None", colours: Paint) -> str:
    if bundle is None:
        return ""

    return f"\n\n{report_bundle.written_text(bundle, colours)}"


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
