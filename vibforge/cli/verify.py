"""`vibforge verify`."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from vibforge.cli.arguments import print_json
from vibforge.cli.progress import progress
from vibforge.cli.several import raise_problems
from vibforge.errors import VibforgeError
from vibforge.report.paint import Paint, wants_colour

_BAD = 1


def verify(
    files: Annotated[list[Path], typer.Argument(help="VIBs or bundles.")],
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print the facts as JSON.")] = False,
) -> None:
    """Hold VIBs and bundles against what they say of themselves.

    Exit code 1 means that a fact failed.
    """
    from vibforge.operations.verify_all import verify_all  # noqa: PLC0415 - `--version` loads no codec
    from vibforge.report import verify as report  # noqa: PLC0415 - the same

    with progress("verifying") as on_progress:
        results = verify_all(files, on_progress)
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
        paint = Paint(wants_colour(sys.stdout))
        for index, (_path, each) in enumerate(found):
            typer.echo(("\n" if index else "") + report.verification_text(each, paint))
    raise_problems(problems)
    if not all(each.held for _path, each in found):
        raise typer.Exit(_BAD)
