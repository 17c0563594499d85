"""Say what hosts will do with VIBs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from vibforge.api.arguments import path_of, paths_of, policy_of, targets_of, typed_errors, words_of
from vibforge.errors import ModelError
from vibforge.esxi import release
from vibforge.host import command, facts, routes
from vibforge.packages import plan as packages_plan

if TYPE_CHECKING:
    from collections.abc import Iterable

    from vibforge.host.host import Host
    from vibforge.packages.plan import Plan
    from vibforge.signing.store import TrustStore


@typed_errors
def plan(  # noqa: PLR0913 - each one is a thing that a caller decides
    files: str | Path | Iterable[str | Path] = (),
    *,
    together: bool = False,
    remove: str | Iterable[str] = (),
    host: str | Path | Host | None = None,
    esxi: str | Iterable[str] = (),
    to: str = "",
    flags: str = "",
    route: str = "install",
    trust: str | Path | Iterable[str | Path] | TrustStore = (),
) -> Plan:
    """Say what a host will do with VIBs, and what it takes. Nothing is sent to a host.

    Args:
        files: VIBs and offline bundles; a file that cannot be read is listed in `unreadable`.
        together: install all files by one command, or none.
        remove: installed VIBs to remove instead; the VIBs of `files` are taken as installed.
        host: the facts of a host, as the script of `vibforge host-facts` prints them; if None,
            predict for stock hosts.
        esxi: the releases of the stock hosts: `8.0U3`; 6.5 to 9.0 if none is named.
        to: a release that the host is upgraded to afterwards.
        flags: what esxcli is given: `--force --dry-run`.
        route: whose outcome decides whether the plan is good: `install`, `update`, `component`,
            `vlcm` or `image`.
        trust: whom the hosts trust: a folder of certificates, PEM files, or `read_store`.

    Raises:
        ModelError: there is nothing to plan, or an argument contradicts another or is malformed.
        FormatError: a file of `trust` cannot be read.

    Examples:
        >>> from vibforge import Plan, plan
        >>> plan("acme.vib", esxi="6.7", flags="--force").good
        True
        >>> result: Plan = plan("acme.vib", esxi=["7.0", "8.0"])
        >>> result.good
        False
        >>> [host.label for host in result.files[0].hosts]
        ['stock 7.0', 'stock 8.0']
        >>> plan("acme.vib", host="facts.json").files[0].hosts[0].label
        'this host'
    """
    names = words_of(remove)
    paths = paths_of(files) if files else ()
    _check_question(paths, names, route=route, to=to, together=together)
    known = _host_of(host)
    targets, policy = targets_of(esxi), policy_of(trust)
    given = command.Flags.parse(flags)
    if names:
        return packages_plan.plan_removal(
            names, installed=paths, host=known, targets=targets, flags=given, policy=policy
        )
    return packages_plan.plan(
        paths,
        host=known,
        targets=targets,
        flags=given,
        route=routes.parse_route(route),
        upgrade_to=release.Release.parse(to) if to else None,
        policy=policy,
        together=together,
    )


def _check_question(
    files: tuple[Path, ...], remove: tuple[str, ...], *, route: str, to: str, together: bool
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


def _host_of(host: str | Path | Host | None) -> Host | None:
    if not isinstance(host, str | Path):
        return host
    try:
        with path_of(host).open("rb") as file:
            return facts.read_facts(file.read(facts.SIZE_LIMIT + 1), str(host))
    except OSError as error:
        raise ModelError(f"cannot be read: {error.strerror}", where=str(host)) from error
