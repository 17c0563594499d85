"""Dependencies and conflicts between VIBs, and with the host."""

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import islice

from msgspec import Struct

from vibforge.esxi import messages
from vibforge.esxi.release import Certainty, Release
from vibforge.esxi.table import standing
from vibforge.host.host import Host
from vibforge.host.image import ImageChange
from vibforge.host.package import Package
from vibforge.host.prediction import Assumptions, Cause, ImageRefusal, ReportGroup, UnknownFact
from vibforge.vib.relationships import (
    INSTALLER,
    Constraint,
    Demands,
    Provide,
    Provision,
    Provisions,
    provision,
)

CONFLICT_LIMIT = 1_000
"""Most conflicts reported of one profile; 5,000 VIBs that exclude each other make 25 million."""
_NAMED_LIMIT = 20


def relationship_refusals(
    host: Host, change: ImageChange, assumptions: Assumptions
) -> Iterator[ImageRefusal]:
    """Yield unmet dependencies and conflicts; unknown dependencies only if there are no others."""
    profile = tuple(map(_CacheKey, change.profile))
    lacking = _lacking(profile, host.release, complete=host.knows_all_relationships)
    conflicts = (_conflict(host, change.profile[i], other) for i, other in _conflicts(profile))
    refusals = [*lacking.known, *conflicts]
    yield from refusals or _unknown_dependencies(lacking, assumptions)


def _unknown_dependencies(lacking: "_Lacking", assumptions: Assumptions) -> Iterator[ImageRefusal]:
    """Yield the dependencies we have no data about, in the branch where the host lacks them."""
    if not lacking.unknown:
        return
    unknown = UnknownFact(
        key="dependencies",
        if_yes=f"the host provides {lacking.names}",
        if_no=f"the host does not provide all of {lacking.names}",
    )
    if not assumptions.assume(unknown):
        yield from lacking.unknown


class _Lacking(Struct, frozen=True, kw_only=True):
    """The dependencies that are known to be unmet, and those we have no data about.

    `names` lists the constraints of the unknown dependencies.
    """

    known: tuple[ImageRefusal, ...]
    unknown: tuple[ImageRefusal, ...]
    names: str


@lru_cache(maxsize=16)
def _lacking(profile: "tuple[_CacheKey, ...]", release: Release, *, complete: bool) -> _Lacking:
    """Return the dependencies that no known VIB meets.

    Cached, as a prediction asks for the same profile once per branch and remedy.

    Args:
        profile: the VIBs of the host after the command.
        release: the release of the host.
        complete: whether `profile` contains every VIB of the host.
    """
    known: list[ImageRefusal] = []
    unknown: list[ImageRefusal] = []
    constraints: list[Constraint] = []
    for index, constraint in _unmet_here(profile):
        package = profile[index].package
        if complete:
            stock = Provision(met=False, certainty=standing(release))
        else:
            stock = provision(release, constraint)
        if stock.met is False:
            known.append(_dependency(package, constraint, stock.certainty))
        elif stock.met is None:
            unknown.append(_dependency(package, constraint, Certainty.UNKNOWN))
            constraints.append(constraint)
    return _Lacking(known=tuple(known), unknown=tuple(unknown), names=_named(constraints))


def _named(constraints: Iterable[Constraint]) -> str:
    names = list(dict.fromkeys(map(str, constraints)))
    rest = len(names) - _NAMED_LIMIT
    return ", ".join(names[:_NAMED_LIMIT]) + (f" and {rest} more" if rest > 0 else "")


def _dependency(package: Package, constraint: Constraint, certainty: Certainty) -> ImageRefusal:
    known = certainty is not Certainty.UNKNOWN
    lacks = "which nothing on the host provides" if known else "which the host may not provide"
    cause = Cause(
        what=f"depends on {constraint}, {lacks}",
        subject=package.id,
        certainty=certainty,
    )
    message = messages.DEPENDENCY(package.id, constraint=str(constraint))
    return ImageRefusal(group=ReportGroup.DEPENDENCY, message=message, causes=(cause,))


class _CacheKey(Struct, frozen=True, eq=False):
    """The relationships of a VIB, compared by identity as cache keys."""

    package: Package

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, _CacheKey):
            return NotImplemented
        ours, theirs = self.package.descriptor, other.package.descriptor
        return ours.relationships is theirs.relationships and ours.vib_id == theirs.vib_id

    def __hash__(self) -> int:
        return hash(self.package.descriptor.name)


@lru_cache(maxsize=4)
def _unmet_here(profile: tuple[_CacheKey, ...]) -> tuple[tuple[int, Constraint], ...]:
    """Return the index of a VIB and each of its dependencies that no VIB of the profile meets."""
    packages = [key.package for key in profile]
    provided = Provisions((INSTALLER, *(p for package in packages for p in package.provides)))
    return tuple(
        (index, constraint)
        for index, package in enumerate(packages)
        for constraint in package.descriptor.relationships.depends
        if not provided.meet(constraint)
    )


@lru_cache(maxsize=16)
def _conflicts(profile: tuple[_CacheKey, ...]) -> tuple[tuple[int, str], ...]:
    """Return the index of each VIB in conflict and the ID of the other VIB, which may be itself.

    Cached, as a prediction asks for the same profile once per branch and remedy.
    """
    packages = [key.package for key in profile]
    if not any(package.descriptor.relationships.conflicts for package in packages):
        return ()
    return tuple(islice(_pairs(packages), CONFLICT_LIMIT))


def _pairs(packages: Sequence[Package]) -> Iterator[tuple[int, str]]:
    named: dict[str, list[tuple[str, tuple[Provide, ...]]]] = {}
    named[INSTALLER.name] = [(INSTALLER.name, (INSTALLER,))]
    for package in packages:
        there = package.id, package.provides
        for name in {provide.name for provide in package.provides}:
            named.setdefault(name, []).append(there)
    for index, package in enumerate(packages):
        excluded = package.descriptor.relationships.conflicts
        demands = Demands(excluded)
        names = {constraint.name for constraint in excluded}
        others = dict(other for name in names for other in named.get(name, ()))
        for other, provides in sorted(others.items()):
            if any(map(demands.met_by, provides)):
                yield index, other


def _conflict(host: Host, package: Package, other: str) -> ImageRefusal:
    cause = Cause(
        what=f"conflicts with {other}", subject=package.id, certainty=standing(host.release)
    )
    message = messages.CONFLICT(vibs=", ".join(sorted({package.id, other})))
    return ImageRefusal(group=ReportGroup.DEPENDENCY, message=message, causes=(cause,))
