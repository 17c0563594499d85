"""`vibforge verify`."""

from pathlib import Path
from typing import Annotated

import typer

from vibforge.cli.arguments import Json, exit_unless, paint, print_json, print_report
from vibforge.cli.progress import progress
from vibforge.cli.trust import Trust, policy_of


def verify(
    files: Annotated[list[Path], typer.Argument(metavar="FILE…", help="VIBs or bundles.")],
    *,
    trust: Trust = None,
    strict: Annotated[
        bool, typer.Option("--strict", help="Fail what strict X.509 rules object to.")
    ] = False,
    at: Annotated[
        str | None,
        typer.Option(
            metavar="TIME",
            help="Hold dates against this moment, `now` or ISO 8601, not the signing time.",
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Hold VIBs and bundles against what they say of themselves.

    Exit code 1 means that a fact failed.
    """
    from vibforge.model.several import require_readable  # noqa: PLC0415 - `--version` is quick
    from vibforge.operations.verify_all import verify_all  # noqa: PLC0415 - the same
    from vibforge.report import verify as report  # noqa: PLC0415 - the same

    policy = policy_of(trust, at, strict=strict)
    with progress("verifying") as on_progress:
        verified = verify_all(files, on_progress, policy)
    if as_json:
        print_json(report.verifications_json(verified))
    else:
        colours = paint()
        for index, (_path, each) in enumerate(verified.found):
            print_report(("\n" if index else "") + report.verification_text(each, colours))
    require_readable(verified.unreadable)
    exit_unless(good=all(each.held for _path, each in verified.found))
