"""`vibforge host-check`."""

from pathlib import Path
from typing import Annotated

import typer

from vibforge import errors
from vibforge.cli.arguments import Json, Verbose, exit_unless, show
from vibforge.files import inputs
from vibforge.host import facts as host_facts
from vibforge.host import timekeeping
from vibforge.packages import host_check as packages_host_check
from vibforge.project import recorded_vib
from vibforge.report import documents
from vibforge.report import host_check as report
from vibforge.trx.log import limits as log_limits


def host_check(  # noqa: PLR0913 - the options of the command
    facts: Annotated[
        Path,
        typer.Argument(
            metavar="FILE", help="Output of the script of `vibforge host-facts`; - for stdin."
        ),
    ],
    *,
    vib: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="FILE",
            help="Compare the host with this VIB or the VIB of this build.json; may be repeated.",
        ),
    ] = None,
    trx_log: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Output of `vibforge trx log --json` for this host's log. Default: the log lines "
            "among the facts.",
        ),
    ] = None,
    limit: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="Check this limit: g8271-4, rts25, … or a time such as 1.5us; may be repeated.",
        ),
    ] = None,
    verbose: Verbose = False,
    as_json: Json = False,
) -> None:
    """Check whether a host still has its VIBs as they were built, and keeps time as configured.

    Exit code 1 means that a file of a VIB differs, is missing or is not known, that another version
    is installed, or that the host is configured for PTP and does not keep time by it, or that this
    is not known.
    """
    if trx_log and limit:
        raise errors.ModelError(
            "--limit does not go with --trx-log", remedy="give it to `vibforge trx log`"
        )
    found = packages_host_check.check_host(
        inputs.read_input(facts, host_facts.SIZE_LIMIT, errors.ModelError),
        [recorded_vib.recorded_vib(path) for path in vib or ()],
        inputs.read_input(trx_log, timekeeping.LOG_RESULT_LIMIT, errors.ModelError)
        if trx_log
        else None,
        limits=log_limits.limits_of(limit or []),
        where=str(facts),
        log_where=str(trx_log),
    )
    show(
        as_json,
        lambda: documents.host_check.HostCheck.of(found),
        lambda paint: report.check_text(found, paint, everything=verbose),
    )
    exit_unless(good=found.good)
