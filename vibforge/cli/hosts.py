"""`vibforge plan`, `vibforge host-facts` and `vibforge explain`."""

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from vibforge import resources
from vibforge.api import explain as api_explain
from vibforge.api import plan as api_plan
from vibforge.cli.arguments import (
    Esxi,
    Json,
    Trust,
    Verbose,
    columns,
    exit_unless,
    print_text,
    show,
    words_of,
)
from vibforge.files import inputs
from vibforge.host import known_messages
from vibforge.report import documents, plan_summary
from vibforge.report import explain as report
from vibforge.report import plan as report_plan
from vibforge.report.plain import WIDTH


def plan(  # noqa: PLR0913 - the options of the command
    files: Annotated[
        list[Path] | None, typer.Argument(help="VIBs and offline bundles.", metavar="FILE…")
    ] = None,
    *,
    together: Annotated[
        bool, typer.Option("--together", help="Install all files with one command.")
    ] = False,
    remove: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="Predict the removal of this VIB; the files' VIBs are assumed to be installed.",
        ),
    ] = None,
    host: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Facts of a host; see `vibforge host-facts`."),
    ] = None,
    esxi: Esxi = None,
    to: Annotated[
        str | None,
        typer.Option(metavar="RELEASE", help="Also predict an upgrade to this release."),
    ] = None,
    flags: Annotated[
        str, typer.Option(metavar="FLAGS", help='Options of esxcli, such as "--force --dry-run".')
    ] = "",
    route: Annotated[
        str,
        typer.Option(
            metavar="ROUTE",
            help="Way of installing: install, update, component, vlcm or image.",
        ),
    ] = "install",
    trust: Trust = None,
    verbose: Verbose = False,
    as_json: Json = False,
) -> None:
    """Predict whether a host installs VIBs, and what has to be done on it.

    Nothing is sent to a host. Without --host, predict for stock hosts of the releases given with
    --esxi, or of 6.5 to 9.0. Exit code 1 means that a file does not install as it is, or that a VIB
    is not removed.
    """
    result = api_plan.plan(
        files or (),
        together=together,
        remove=remove or (),
        host=host,
        esxi=words_of(esxi),
        to=to or "",
        flags=flags,
        route=route,
        trust=trust or (),
    )
    show(
        as_json,
        lambda: documents.plan.Plan.of(result),
        lambda paint: (
            report_plan.plan_text(result, paint, columns(WIDTH))
            if verbose
            else plan_summary.plan_summary(result, paint, columns(WIDTH))
        ),
    )
    inputs.require_readable(result.unreadable)
    exit_unless(good=result.good)


def host_facts() -> None:
    """Print the script that collects a host's facts for `plan --host` and `host-check`.

    Run it in the host's shell. It changes nothing and needs only BusyBox and esxcli. It lists the
    digests of the files of all VIBs that are not from VMware; name other VIBs and absolute paths as
    arguments to get their digests, too.
    """
    print_text(
        (resources.shipped("templates") / "host-facts.sh").read_text(encoding="utf-8"), end=""
    )


def explain(
    message: Annotated[
        str,
        typer.Argument(
            metavar="TEXT",
            help="A rule (VF218, port-section), a host's message, a log file, or - for standard "
            "input.",
        ),
    ],
    *,
    as_json: Json = False,
) -> None:
    """Explain a rule, or the host messages in a text or log: their cause and remedy.

    Exit code 1 means that vibforge recognises nothing in the text.
    """
    explanation = api_explain.explain(_text_or_log(message))
    show(
        as_json,
        lambda: documents.explain.Explain.of(explanation),
        lambda paint: report.explanation_text(explanation, paint, columns(WIDTH)),
    )
    exit_unless(good=explanation.good)


def _text_or_log(message: str) -> str | Path:
    """Return the message itself, or the log that it names."""
    if message == "-":
        return sys.stdin.buffer.read(known_messages.TEXT_LIMIT).decode("utf-8", "replace")
    is_log = os.path.isfile(message)  # noqa: PTH113 - Path raises for many messages
    return Path(message) if is_log else message
