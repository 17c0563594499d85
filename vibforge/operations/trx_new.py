"""Write a trx.conf for a PTP profile, and judge it before anyone else sees it."""

from collections.abc import Sequence
from dataclasses import dataclass

from vibforge.trx.check import CheckResult, check
from vibforge.trx.profile import Profile, profile_named, trx_conf_of
from vibforge.trx.release import CANDIDATES


@dataclass(frozen=True, kw_only=True, slots=True)
class NewTrxConf:
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
