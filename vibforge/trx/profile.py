"""The PTP profiles (`data/profiles.json`), and the trx.conf that each makes."""

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from functools import cache

from msgspec import Struct

from vibforge.errors import Problem, TrxError
from vibforge.trx.check import CheckResult, check
from vibforge.trx.conf import NAMESPACES, TrxConf
from vibforge.trx.option import CANDIDATES, shipped_table
from vibforge.trx.rules.agreement import SHARED

Settings = tuple[tuple[str, str, str], ...]
"""(namespace, key, value) triples in the order of the file."""


class Profile(Struct, frozen=True, kw_only=True):
    """One PTP profile, from the client's side.

    `domains` are the lowest and highest domain that the profile allows, None where no source
    says. `impossible` says why trx.conf cannot express the profile, empty where it can.
    """

    name: str
    title: str
    min_linuxptp: str
    ptp4l: Mapping[str, str]
    phc2sys: Mapping[str, str]
    domains: tuple[int, int] | None
    impossible: str
    not_recommended: bool
    sources: tuple[str, ...]
    notes: tuple[str, ...]


@cache
def _table() -> tuple[Mapping[str, str], Mapping[str, Profile]]:
    raw = shipped_table("profiles")
    found = {
        name: Profile(
            name=name,
            title=facts["title"],
            min_linuxptp=facts["min_linuxptp"],
            ptp4l=facts["ptp4l"],
            phc2sys=facts["phc2sys"],
            domains=tuple(facts["domains"]) if "domains" in facts else None,
            impossible=facts.get("impossible", ""),
            not_recommended=facts.get("not_recommended", False),
            sources=tuple(facts["sources"]),
            notes=tuple(facts["notes"]),
        )
        for name, facts in raw["profiles"].items()
    }
    return raw["role"], found


def profiles() -> Mapping[str, Profile]:
    """Return every profile by its name."""
    return _table()[1]


def profile_named(name: str) -> Profile:
    """Return one profile.

    Raises:
        TrxError: there is none of that name.
    """
    found = profiles().get(name)
    if found is None:
        near = [known for known in profiles() if name and name.lower() in known]
        near = near or get_close_matches(name, profiles(), n=1, cutoff=0.5)
        hint = f"Did you mean {' or '.join(near)}? " if near else ""
        raise TrxError(
            f"there is no profile {name!r}", remedy=f"{hint}`vibforge trx profiles` lists them."
        )
    return found


def trx_conf_of(
    profile: Profile, *, domain: int | None = None, changes: Sequence[str] = ()
) -> TrxConf:
    """Make the trx.conf of a profile.

    The role comes first, as `slaveOnly 1`, the one spelling that linuxptp 2.0 to 4.4 all take.
    What ptp4l and phc2sys must have alike is written for both.

    Args:
        profile: which profile.
        domain: the PTP domain, where not the profile's own.
        changes: `[namespace:]key=value` each; the namespace is ptp4l where none is given.

    Raises:
        TrxError: trx.conf cannot express the profile, the domain is outside it, or a change is
            not of that form.
    """
    _refuse_impossible(profile)
    settings = {("ptp4l", key): value for key, value in {**_table()[0], **profile.ptp4l}.items()}
    settings |= {("phc2sys", key): value for key, value in profile.phc2sys.items()}
    if domain is not None:
        _refuse_domain(profile, domain)
        settings["ptp4l", "domainNumber"] = settings["phc2sys", "domainNumber"] = str(domain)
    changed = _changes(changes)
    settings |= changed
    for key in SHARED:
        if ("ptp4l", key) in changed and ("phc2sys", key) not in changed:
            settings["phc2sys", key] = changed["ptp4l", key]
    ordered = sorted(settings.items(), key=lambda item: NAMESPACES.index(item[0][0]))
    return TrxConf.of((namespace, key, value) for (namespace, key), value in ordered)


def _refuse_impossible(profile: Profile) -> None:
    if profile.impossible:
        raise TrxError(
            f"trx.conf cannot express {profile.name} ({profile.title})", remedy=profile.impossible
        )


def _refuse_domain(profile: Profile, domain: int) -> None:
    if profile.domains and not profile.domains[0] <= domain <= profile.domains[1]:
        lowest, highest = profile.domains
        raise TrxError(
            f"domain {domain} is not one of {profile.name}, which has {lowest} to {highest}",
            remedy=f"To go outside the profile all the same: --set domainNumber={domain}",
        )


def _changes(changes: Sequence[str]) -> dict[tuple[str, str], str]:
    found = {}
    problems = []
    for change in changes:
        name, sign, value = change.partition("=")
        namespace, colon, key = name.partition(":")
        if not colon:
            namespace, key = "ptp4l", name
        if not sign or not key or namespace not in NAMESPACES or _breaks_a_line(key, value):
            remedy = "Write [ptp4l:|phc2sys:|sys2vmw:]key=value, of one line."
            problems.append(Problem(what=f"{change!r} sets nothing", remedy=remedy))
        else:
            found[namespace, key] = value
    if problems:
        raise TrxError.from_problems(problems)
    return found


def _breaks_a_line(key: str, value: str) -> bool:
    return not value.strip() or not f"{key}{value}".isprintable() or len(key.split()) != 1


class NewTrxConf(Struct, frozen=True, kw_only=True):
    """The bytes of a new trx.conf, its profile and what the rules say of it: no errors."""

    data: bytes
    profile: Profile
    result: CheckResult


def new_trx_conf(
    name: str,
    *,
    domain: int | None = None,
    changes: Sequence[str] = (),
    releases: Sequence[str] = CANDIDATES,
) -> NewTrxConf:
    """Make the trx.conf of the profile `name`; the arguments are those of `trx_conf_of`.

    Raises:
        TrxError: no such profile, one that trx.conf cannot express, a domain outside it, or a
            file that could not work with any of `releases`.
    """
    profile = profile_named(name)
    data = trx_conf_of(profile, domain=domain, changes=changes).serialise()
    result = check(data, releases=releases)
    result.require(name)
    return NewTrxConf(data=data, profile=profile, result=result)
