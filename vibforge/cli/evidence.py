"""`vibforge evidence`: SBOMs and provenance of packages."""

from pathlib import Path
from typing import Annotated

import typer

from vibforge.api import evidence as api
from vibforge.cli.arguments import Json, print_json, print_text, tell
from vibforge.evidence.sbom import SbomFormat
from vibforge.report import documents
from vibforge.report import evidence as report

app = typer.Typer(
    name="evidence",
    help="Make evidence about packages for those who approve them.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

Package = Annotated[Path, typer.Argument(metavar="FILE", help="VIB or offline bundle.")]
Output = Annotated[
    Path | None,
    typer.Option("--output", "-o", metavar="FILE", help="Write to this file, not to stdout."),
]


@app.command()
def sbom(
    package: Package,
    *,
    form: Annotated[
        SbomFormat,
        typer.Option("--as", metavar="WORD", help="cyclonedx (1.6) or spdx (2.3), both as JSON."),
    ] = SbomFormat.CYCLONEDX,
    output: Output = None,
    as_json: Json = False,
) -> None:
    """Describe a VIB or bundle by an SBOM that names every file with its digests.

    The same package gives the same bytes, on every machine.
    """
    made = api.make_sbom(package, output, form=form)
    if as_json:
        print_json(documents.evidence.EvidenceSbom.of(made, output))
    elif output is None:
        print_text(made.data.decode("ascii"), end="")
    else:
        tell(report.sbom_text(made, output))
