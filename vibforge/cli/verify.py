"""`vibforge verify`."""

from pathlib import Path
from typing import Annotated

import typer

from vibforge.api import verify as api
from vibforge.cli.arguments import (
    At,
    Json,
    RequireLevel,
    RequireSigned,
    Strict,
    Trust,
    check_moment_of,
    exit_unless,
    paint,
    print_json,
    print_report,
    progress,
)
from vibforge.files import inputs
from vibforge.report import documents
from vibforge.report import verify as report


def verify(  # noqa: PLR0913 - the options of the command
    files: Annotated[list[Path], typer.Argument(metavar="FILE…", help="VIBs or bundles.")],
    *,
    trust: Trust = None,
    strict: Strict = False,
    at: At = None,
    require_signed: RequireSigned = False,
    require_level: RequireLevel = None,
    sbom: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Fail files that this SBOM does not describe."),
    ] = None,
    attestation: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Fail files that this attestation is not about, and all files unless it is SLSA "
            "provenance by a signer from --trust.",
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Check VIBs and bundles against their own metadata: sizes, digests, file lists, signatures.

    Exit code 1 means that a check failed. With warnings only, the exit code is 0.
    """
    with progress("verifying") as on_progress:
        verified = api.verify(
            files,
            trust=trust or (),
            strict=strict,
            at=check_moment_of(at),
            require_signed=require_signed,
            require_level=require_level,
            sbom=sbom,
            attestation=attestation,
            on_progress=on_progress,
        )
    if as_json:
        print_json(documents.verify.Verify.of(verified))
    else:
        colours = paint()
        for index, (_path, each) in enumerate(verified.found):
            print_report(("\n" if index else "") + report.verification_text(each, colours))
    inputs.require_readable(verified.unreadable)
    exit_unless(good=verified.good)
