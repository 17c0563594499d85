"""`vibforge verify`."""

from pathlib import Path
from typing import Annotated

import typer

from vibforge.cli.arguments import Json, exit_unless, paint, print_json, print_report
from vibforge.cli.progress import progress
from vibforge.cli.several import raise_problems
from vibforge.cli.trust import Trust, policy_of
from vibforge.errors import VibforgeError


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
    from vibforge.operations.verify_all import verify_all  # noqa: PLC0415 - `--version` loads no codec
    from vibforge.report import verify as report  # noqa: PLC0415 - the same

    policy = policy_of(trust, at, strict=strict)
    with progress("verifying") as on_progress:
        results = verify_all(files, on_progress, policy)
    problems = [
        problem
        for _path, each in results
        if isinstance(each, VibforgeError)
        for problem in each.problems
    ]
    found = [(str(path), each) for path, each in results if not isinstance(each, VibforgeError)]
    if as_json:
        print_json(report.verifications_json(found))
    else:
        colours = paint()
        for index, (_path, each) in enumerate(found):
            print_report(("\n" if index else "") + report.verification_text(each, colours))
    raise_problems(problems)
    exit_unless(good=all(each.held for _path, each in found))
