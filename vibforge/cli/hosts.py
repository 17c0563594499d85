"""`vibforge plan`, `vibforge host-facts` and `vibforge explain`."""

import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vibforge import resources
from vibforge.cli.arguments import (
    Esxi,
    Json,
    Trust,
    Verbose,
    columns,
    exit_unless,
    policy_of,
    print_text,
    show,
    words_of,
)
from vibforge.errors import ModelError
from vibforge.esxi import release, table
from vibforge.files import inputs
from vibforge.host import command, known_messages, routes
from vibforge.host import facts as facts_module
from vibforge.packages import lint
from vibforge.packages import plan as packages_plan
from vibforge.report import documents, plan_summary
from vibforge.report import explain as report
from vibforge.report import plan as report_plan
from vibforge.report.plain import WIDTH

if TYPE_CHECKING:
    from vibforge.host.host import Host


_RULE_ID = re.compile(r"VF\d+", re.IGNORECASE)
_RULE_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


def plan(  # noqa: PLR0913 - the options of the command
    files: Annotated[
        list[Path] | None, typer.Argument(help="VIBs and offline bundles.", metavar="FILE…")
    ] = None,
    *,
    together: Annotated[
        bool, typer.Option("--together", help="Install all files by one command, or none.")
    ] = False,
    remove: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="Remove this installed VIB instead; the VIBs of the files are taken as installed.",
        ),
    ] = None,
    host: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Facts of a host; see `vibforge host-facts`."),
    ] = None,
    esxi: Esxi = None,
    to: Annotated[
        str | None,
        typer.Option(metavar="RELEASE", help="Also say what an upgrade to this release says."),
    ] = None,
    flags: Annotated[
        str, typer.Option(metavar="FLAGS", help='What esxcli is given: "--force --dry-run".')
    ] = "",
    route: Annotated[
        str,
        typer.Option(
            metavar="ROUTE",
            help="Whose outcome counts: install, update, component, vlcm or image.",
        ),
    ] = "install",
    trust: Trust = None,
    verbose: Verbose = False,
    as_json: Json = False,
) -> None:
    """Say what a host will do with VIBs, and what it takes.

    Nothing is sent to a host. Without --host, predict for stock hosts of the releases named by
    --esxi, or of 6.5 to 9.0. Exit code 1 means that a file does not install as it is, or that a VIB
    is not removed.
    """
    _check_plan(files, remove, route=route, to=to, together=together)

    facts = _facts(host) if host else None
    targets = release.parse_releases(words_of(esxi)) or table.STOCK_TARGETS
    given, policy = command.Flags.parse(flags), policy_of(trust)
    if remove:
        result = packages_plan.plan_removal(
            remove, installed=files or (), host=facts, targets=targets, flags=given, policy=policy
        )
    else:
        result = packages_plan.plan(
            files or (),
            host=facts,
            targets=targets,
            flags=given,
            route=routes.parse_route(route),
            upgrade_to=release.Release.parse(to) if to else None,
            policy=policy,
            together=together,
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


def _check_plan(
    files: list[Path] | None,
    remove: list[str] | None,
    *,
    route: str,
    to: str | None,
    together: bool,
) -> None:
    """Insist on a question that can be answered.

    Raises:
        ModelError: nothing is to be planned, or two things at once.
    """
    if not (files or remove):
        raise ModelError(
            "there is nothing to plan",
            remedy="name VIBs or bundles, or an installed VIB with --remove NAME",
        )
    others = [word for word, given in (("--to", to), ("--together", together)) if given]
    others += [f"--route {route}"] if route != "install" else []
    if remove and others:
        raise ModelError(
            f"--remove does not go with {', '.join(others)}",
            remedy="plan the removal by itself, then what comes after it",
        )


def host_facts() -> None:
    """Print the script that collects a host's facts for `plan --host` and `host-check`.

    Run it in the host's shell: it reads, changes nothing, and needs nothing but BusyBox and esxcli.
    Its arguments are names of VIBs and absolute paths whose digests are wanted, beside those of the
    VIBs that are not from VMware.
    """
    print_text(
        (resources.shipped("templates") / "host-facts.sh").read_text(encoding="utf-8"), end=""
    )


def explain(
    message: Annotated[
        str,
        typer.Argument(
            metavar="TEXT",
            help="A rule (VF218, port-section), a host's message, a file with a log, or - for "
            "standard input.",
        ),
    ],
    *,
    as_json: Json = False,
) -> None:
    """Explain a rule, or the messages of hosts in a text or log: why, and what helps.

    Exit code 1 means that nothing in the text is known here.
    """
    if _explained_rule(message.strip(), as_json=as_json):
        return
    found = known_messages.recognise(_text_of(message))
    show(
        as_json,
        lambda: documents.explain.Explain.of(found),
        lambda paint: report.explain_text(found, paint, columns(WIDTH)),
    )
    exit_unless(good=bool(found))


def _text_of(message: str) -> str:
    """Return the message itself, or the log that it names."""
    if message == "-":
        return sys.stdin.buffer.read().decode("utf-8", "replace")
    if not os.path.isfile(message):  # noqa: PTH113 - a message is often no path that Path takes
        return message
    return Path(message).read_bytes().decode("utf-8", "replace")


def _explained_rule(word: str, *, as_json: bool) -> bool:
    """Explain a rule, where the word is one: an id always, a name if there is a rule of it."""
    is_id = _RULE_ID.fullmatch(word) is not None
    if not (is_id or _RULE_NAME.fullmatch(word)):
        return False

    rule = report.find_manual(word)
    if rule is None and is_id:
        raise lint.unknown_rule(word)
    if rule is not None:
        show(
            as_json,
            lambda: documents.explain.Explain.of_rule(rule),
            lambda _: report.rule_text(rule),
        )
    return rule is not None


def _facts(path: Path) -> "Host":
    try:
        with path.open("rb") as file:
            return facts_module.read_facts(file.read(facts_module.SIZE_LIMIT + 1), str(path))
    except OSError as error:
        raise ModelError(f"cannot be read: {error.strerror}", where=str(path)) from error
