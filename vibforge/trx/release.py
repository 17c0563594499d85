"""The releases of linuxptp, and which of them TRX may carry.

The vendor does not publish which linuxptp TRX runs. TRX came with 7.0 U2 in 2021, when the same
vendor's Photon OS shipped 3.1. The table of ESXi releases infers the numbers from Photon's
packages of the time.
"""

import re
from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from typing import TYPE_CHECKING

from vibforge.errors import Problem, TrxError
from vibforge.esxi import table

if TYPE_CHECKING:
    from vibforge.esxi.release import Release

RELEASES = (
    *("1.6", "1.7", "1.8", "1.9.2", "2.0", "3.0", "3.1", "3.1.1"),
    *("4.0", "4.1", "4.2", "4.3", "4.4", "unreleased"),
)
"""Oldest first; `unreleased` is the development branch of 2026-06-14."""

RANK = {name: place for place, name in enumerate(RELEASES)}

CANDIDATES = RELEASES[RANK["3.0"] : RANK["4.4"] + 1]
"""What TRX may carry as long as nobody has looked: the releases of 2020 to 2024."""


_VERSION = re.compile(r"v?(\d{1,4})\.(\d{1,4})(?:\.(\d{1,4}))?(?:[-+~].*)?", re.ASCII)
"""`4.4`, git's `v4.4-12-g0123abc`, Debian's `3.1.1-4+b2`."""


def numbers_of(version: str) -> tuple[int, int, int] | None:
    """Return the three numbers of a version of linuxptp, None where it is not one."""
    found = _VERSION.fullmatch(version)
    return (int(found[1]), int(found[2]), int(found[3] or 0)) if found else None


_NUMBERS = {name: numbers for name in RELEASES if (numbers := numbers_of(name))}


def release_of(version: str) -> str | None:
    """Return the known release that has the options of `version`, None where there is none.

    A package and a patch release have those of their release: `v2.0.1` counts as 2.0.
    """
    ours = numbers_of(version)
    if ours is None:
        return version if version in RANK else None
    same = [name for name, known in _NUMBERS.items() if known[:2] == ours[:2] and known <= ours]
    return same[-1] if same else None


def newest_up_to(version: str) -> str | None:
    """Return the newest known release that is not newer than `version`, None where none is."""
    ours = numbers_of(version)
    older = [name for name, known in _NUMBERS.items() if ours is not None and known <= ours]
    return older[-1] if older else None


def chosen(linuxptp: Iterable[str] = (), esxi: "Iterable[Release]" = ()) -> tuple[str, ...]:
    """Return the linuxptp releases to check against, oldest first.

    Args:
        linuxptp: versions of linuxptp, as `release_of` takes them.
        esxi: ESXi releases; each adds the linuxptp releases that its TRX may carry, and all
            candidates where nobody knows.

    Raises:
        TrxError: a version is of no known release, or an ESXi release has no TRX.
    """
    asked, hosts = {name: release_of(name) for name in linuxptp}, tuple(esxi)
    problems = [
        _unknown("linuxptp", name, RELEASES) for name, release in asked.items() if release is None
    ]
    problems += [
        Problem(what=f"ESXi {host} has no TRX", remedy="TRX came with 7.0 U2: name that or later")
        for host in hosts
        if carried_by(host) == ()
    ]
    if problems:
        raise TrxError.of(problems)
    names = {name for name in asked.values() if name}
    names |= {name for host in hosts for name in carried_by(host) or CANDIDATES}
    return tuple(sorted(names, key=RANK.__getitem__)) or CANDIDATES


def carried_by(host: "Release") -> tuple[str, ...] | None:
    """Return the linuxptp releases that TRX of an ESXi release may carry; None: nobody knows."""
    cell = table.row_of(host).linuxptp
    return cell.value if cell else None


def span(releases: Sequence[str]) -> str:
    """Say `releases` shortly: `3.0 to 3.1.1, 4.3`."""
    runs: list[list[str]] = []
    for name in releases:
        if runs and RANK[name] == RANK[runs[-1][-1]] + 1:
            runs[-1].append(name)
        else:
            runs.append([name])
    return ", ".join(run[0] if len(run) == 1 else f"{run[0]} to {run[-1]}" for run in runs)


def _unknown(what: str, name: str, known: tuple[str, ...]) -> Problem:
    near = get_close_matches(name, known, n=1)
    hint = f"{near[0]}? " if near else ""
    return Problem(
        what=f"{name!r} is no release of {what} that vibforge knows",
        remedy=f"{hint}Known: {', '.join(known)}.",
    )
