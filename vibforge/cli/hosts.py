"""`vibforge plan`, `vibforge host-facts` and `vibforge explain`."""

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vibforge.cli.arguments import (
    Esxi,
    Json,
    columns,
    exit_unless,
    print_text,
    show,
    words_of,
)
from vibforge.errors import ModelError
from vibforge.report.folding import WIDTH

if TYPE_CHECKING:
    from vibforge.host.host import Host


_RULE_ID = re.compile(r"VF\d{3}", re.IGNORECASE)


def plan(  # noqa: PLR0913 - the options of the command
    files: Annotated[list[Path], typer.Argument(help="VIBs and offline bundles.", metavar="FILE…")],
    *,
    host: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Facts of a host; see `vibforge host-facts`."),
    ] = None,
    esxi: Esxi = None,
    origin: Annotated[
        str | None,
        typer.Option("--from", metavar="RELEASE", help="One stock host, of this release."),
    ] = None,
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
    as_json: Json = False,
) -> None:
    """Say what a host will do with VIBs, and what it takes.

    Nothing is sent to a host. Without --host these are stock hosts: of the releases of --esxi, or
    of 6.5 to 9.0. Exit code 1 means that a file does not go in as it is.
    """
    from vibforge.host.flags import Flags  # noqa: PLC0415 - `--version` predicts nothing
    from vibforge.host.release import Release, parse_releases  # noqa: PLC0415 - the same
    from vibforge.host.routes import parse_route  # noqa: PLC0415 - the same
    from vibforge.operations.plan import plan as plan_files  # noqa: PLC0415 - the same
    from vibforge.report.plan import plan_json, plan_text  # noqa: PLC0415 - the same

    result = plan_files(
        files,
        host=_facts(host) if host else None,
        targets=parse_releases([origin] if origin else words_of(esxi)),
        flags=Flags.parse(flags),
        route=parse_route(route),
        upgrade_to=Release.parse(to) if to else None,
    )
    show(
        as_json,
        lambda: plan_json(result),
        lambda paint: plan_text(result, paint, columns(WIDTH)),
    )
    exit_unless(good=result.good)


def host_facts() -> None:
    """Print the script that collects a host's facts for `vibforge plan --host`.

    Run it in the host's shell: it reads, changes nothing, and needs nothing but BusyBox and esxcli.
    """
    from vibforge.resources import shipped  # noqa: PLC0415 - only here

    print_text((shipped("templates") / "host-facts.sh").read_text(encoding="utf-8"), end="")


def explain(
    message: Annotated[
        str,
        typer.Argument(
            metavar="TEXT",
            help="A rule (VF218), a host's message, or - for a log on standard input.",
        ),
    ],
    *,
    as_json: Json = False,
) -> None:
    """Explain a lint rule, or the messages of hosts in a text: why, and what helps.

    Exit code 1 means that nothing in the text is known here.
    """
    from vibforge.host.known_messages import recognise  # noqa: PLC0415 - only here
    from vibforge.report import explain as report  # noqa: PLC0415 - only here

    if _RULE_ID.fullmatch(message.strip()):
        _explain_rule(message, as_json=as_json)
        return
    text = sys.stdin.buffer.read().decode("utf-8", "replace") if message == "-" else message
    found = recognise(text)
    show(
        as_json,
        lambda: report.explain_json(found),
        lambda paint: report.explain_text(found, paint, columns(WIDTH)),
    )
    exit_unless(good=bool(found))


def _explain_rule(word: str, *, as_json: bool) -> None:
    from vibforge.lint.registry import find_rule  # noqa: PLC0415 - messages do without the rules
    from vibforge.report import rules as report  # noqa: PLC0415 - the same

    rule = find_rule(word)
    if rule is None:
        raise ModelError(f"there is no rule {word}", remedy=f"see {report.PAGE}")
    show(as_json, lambda: report.rule_json(rule), lambda _: report.rule_text(rule))


def _facts(path: Path) -> "Host":
    from vibforge.host.facts import SIZE_LIMIT, read_facts  # noqa: PLC0415 - the same

    try:
        with path.open("rb") as file:
            return read_facts(file.read(SIZE_LIMIT + 1), str(path))
    except OSError as error:
        raise ModelError(f"cannot be read: {error.strerror}", where=str(path)) from error
