"""What VIBs ask of each other and of the host: dependencies and conflicts."""

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
from vibforge.host.prediction import Assumptions, Cause, ReportGroup, Trouble, UnknownFact
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
"""Conflicts of one profile that are told: 5,000 VIBs that exclude each other make 25 million."""
_NAMED_LIMIT = 20


def relationship_troubles(
    host: Host, change: ImageChange, answers: Assumptions
) -> Iterator[Trouble]:
    """Yield what is unmet or in conflict; the open questions only if nothing is known to fail."""
    profile = tuple(map(_Asked, change.profile))
    lacking = _lacking(profile, host.release, complete=host.knows_all_relationships)
    conflicts = (_conflict(host, change.profile[i], other) for i, other in _conflicts(profile))
    found = [*lacking.known, *conflicts]
    yield from found or _open_dependencies(lacking, answers)


def _open_dependencies(lacking: "_Lacking", answers: Assumptions) -> Iterator[Trouble]:
    """Yield the dependencies of which nobody here can tell, if it is assumed that they fail."""
    if not lacking.unknown:
        return
    question = UnknownFact(
        key="dependencies",
        if_yes=f"the host provides {lacking.names}",
        if_no=f"the host does not provide all of {lacking.names}",
    )
    if not answers.ask(question):
        yield from lacking.unknown


class _Lacking(Struct, frozen=True, kw_only=True):
    """The dependencies that are known not to be met, and those of which nobody here can tell.

    `names` are what the unknown ones ask for.
    """

    known: tuple[Trouble, ...]
    unknown: tuple[Trouble, ...]
    names: str


@lru_cache(maxsize=16)
def _lacking(profile: "tuple[_Asked, ...]", release: Release, *, complete: bool) -> _Lacking:
    """Look for the dependencies that nothing known meets.

    A prediction asks for the same profile once for each possible host and each remedy.

    Args:
        profile: the VIBs that the host would hold.
        release: that of the host.
        complete: whether all that is on the host is in `profile`.
    """
    known: list[Trouble] = []
    unknown: list[Trouble] = []
    asked: list[Constraint] = []
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
            asked.append(constraint)
    return _Lacking(known=tuple(known), unknown=tuple(unknown), names=_named(asked))


def _named(constraints: Iterable[Constraint]) -> str:
    names = list(dict.fromkeys(map(str, constraints)))
    rest = len(names) - _NAMED_LIMIT
    return ", ".join(names[:_NAMED_LIMIT]) + (f" and {rest} more" if rest > 0 else "")


def _dependency(package: Package, constraint: Constraint, certainty: Certainty) -> Trouble:
    known = certainty is not Certainty.UNKNOWN
    lacks = "which nothing on the host provides" if known else "which the host may not provide"
    cause = Cause(
        what=f"asks for {constraint}, {lacks}",
        subject=package.id,
        certainty=certainty,
    )
    message = messages.DEPENDENCY(package.id, constraint=str(constraint))
    return Trouble(group=ReportGroup.DEPENDENCY, message=message, causes=(cause,))


class _Asked(Struct, frozen=True, eq=False):
    """What a VIB asks for and provides; two of them are compared in no time."""

    package: Package

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, _Asked):
            return NotImplemented
        ours, theirs = self.package.descriptor, other.package.descriptor
        return ours.relationships is theirs.relationships and ours.vib_id == theirs.vib_id

    def __hash__(self) -> int:
        return hash(self.package.descriptor.name)


@lru_cache(maxsize=4)
def _unmet_here(profile: tuple[_Asked, ...]) -> tuple[tuple[int, Constraint], ...]:
    """Return what the VIBs of a profile do not provide each other, with the place of who asks."""
    packages = [asked.package for asked in profile]
    provided = Provisions((INSTALLER, *(p for package in packages for p in package.provides)))
    return tuple(
        (index, constraint)
        for index, package in enumerate(packages)
        for constraint in package.descriptor.relationships.depends
        if not provided.meet(constraint)
    )


@lru_cache(maxsize=16)
def _conflicts(profile: tuple[_Asked, ...]) -> tuple[tuple[int, str], ...]:
    """Return the place of each VIB in conflict with the ID of the other, which may be itself.

    A prediction asks for the same profile once for each possible host and each remedy.
    """
    packages = [asked.package for asked in profile]
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


def _conflict(host: Host, package: Package, other: str) -> Trouble:
    cause = Cause(
        what=f"conflicts with {other}", subject=package.id, certainty=standing(host.release)
    )
    message = messages.CONFLICT(vibs=", ".join(sorted({package.id, other})))
    return Trouble(group=ReportGroup.DEPENDENCY, message=message, causes=(cause,))
