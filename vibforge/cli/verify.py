"""`vibforge verify`."""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vibforge.cli.arguments import Json, exit_unless, moment_of, paint, print_json, print_report
from vibforge.cli.progress import progress
from vibforge.cli.several import raise_problems
from vibforge.errors import VibforgeError

if TYPE_CHECKING:
    from vibforge.trust.policy import TrustPolicy


def verify(
    files: Annotated[list[Path], typer.Argument(metavar="FILE…", help="VIBs or bundles.")],
    *,
    trust: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="DIR|FILE",
            help="Whom to trust: a host's folder of certificates, or PEM files; may be repeated.",
        ),
    ] = None,
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

    policy = _policy(trust, at, strict=strict)
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


def _policy(trust: list[Path] | None, at: str | None, *, strict: bool) -> "TrustPolicy":
    from vibforge.trust.policy import TrustPolicy  # noqa: PLC0415 - `--version` is quick

    moment = datetime.now(UTC) if at == "now" else moment_of(at, "--at")
    if not trust:
        return TrustPolicy(at=moment, strict=strict)
    from vibforge.trust.store import read_store  # noqa: PLC0415 - needs OpenSSL

    return TrustPolicy(store=read_store(trust), at=moment, strict=strict)
