"""The releases of linuxptp, and which of them TRX may carry.

Which linuxptp TRX runs is not published. TRX came with 7.0 U2/U3 in 2021, when the same vendor's
Photon OS shipped 3.1; the numbers by ESXi release are inferred from Photon's packages of the time.
"""

import re
from collections.abc import Iterable, Sequence
from difflib import get_close_matches

from vibforge.errors import Problem, TrxError

RELEASES = (
    *("1.6", "1.7", "1.8", "1.9.2", "2.0", "3.0", "3.1", "3.1.1"),
    *("4.0", "4.1", "4.2", "4.3", "4.4", "unreleased"),
)
"""Oldest first; `unreleased` is the development branch of 2026-06-14."""

RANK = {name: place for place, name in enumerate(RELEASES)}

CANDIDATES = RELEASES[RANK["3.0"] : RANK["4.4"] + 1]
"""What TRX may carry as long as nobody has looked: the releases of 2020 to 2024."""

ESXI = {
    "7.0U2": ("3.1", "3.1.1"),
    "7.0U3": ("3.1", "3.1.1"),
    "8.0": ("3.1", "3.1.1"),
    "8.0U1": ("3.1", "3.1.1"),
    "8.0U2": ("3.1.1", "4.0"),
    "8.0U3": ("4.0", "4.2"),
    "9.0": ("4.2",),
    "9.1": ("4.2",),
}
"""By ESXi release, inferred: that it is Photon's build is likely, the number less so."""


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


def chosen(linuxptp: Iterable[str] = (), esxi: Iterable[str] = ()) -> tuple[str, ...]:
    """Return the linuxptp releases that the names stand for, oldest first; all candidates of none.

    A name of linuxptp is what `release_of` takes, one of ESXi a key of `ESXI` in any case.

    Raises:
        TrxError: a name that is no release.
    """
    asked = {name: release_of(name) for name in linuxptp}
    hosts = {name: name.upper().replace(" ", "") for name in esxi}
    problems = [
        _unknown("linuxptp", name, RELEASES) for name, release in asked.items() if release is None
    ]
    problems += [
        _unknown("ESXi", name, tuple(ESXI)) for name, key in hosts.items() if key not in ESXI
    ]
    if problems:
        raise TrxError.of(problems)
    names = {name for name in asked.values() if name}
    names |= {name for key in hosts.values() for name in ESXI[key]}
    return tuple(sorted(names, key=RANK.__getitem__)) or CANDIDATES


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
