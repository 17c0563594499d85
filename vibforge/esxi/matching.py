"""When a constraint is met: how ESXi compares what VIBs ask for with what others provide.

The rules were tried on 6.7 (vib-format 2.6).
"""

import operator
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from vibforge.model.relationships import Constraint, Provide, Relation
from vibforge.model.version import Version

INSTALLER = Provide(name="installer:esximage", version="1.0")
"""A provide that every host has."""


def matches(constraint: Constraint, provide: Provide) -> bool:
    """Whether `provide` meets `constraint`.

    A relation is never met by a provide without a version. A version without a release part is
    compared with the part before the `-` alone, so `= 1.0` is met by 1.0-5 and `>> 1.0` is not
    met by 1.0-9.
    """
    if constraint.name != provide.name:
        return False
    if not constraint.relation:
        return True
    if not provide.version:
        return False
    wanted, found = Version(constraint.version), Version(provide.version)
    if wanted.parts[1] is None:
        found = Version(found.parts[0])
    return _holds(constraint.relation, found, wanted)


class Provisions:
    """What a set of VIBs provides, by name: a question takes the same time for any number."""

    def __init__(self, provides: Iterable[Provide]) -> None:
        self._versions: dict[str, set[str]] = {}
        for provide in provides:
            self._versions.setdefault(provide.name, set()).add(provide.version)
        self._bounds: dict[tuple[str, bool], _Bounds] = {}

    def meet(self, constraint: Constraint) -> bool:
        """Whether anything in the set meets `constraint`."""
        name = constraint.name
        if name not in self._versions:
            return False
        if not constraint.relation:
            return True
        wanted = Version(constraint.version)
        short = wanted.parts[1] is None
        if (name, short) not in self._bounds:
            self._bounds[name, short] = _Bounds.of(self._versions[name], short=short)
        return self._bounds[name, short].meet(constraint.relation, wanted)


@dataclass(frozen=True, slots=True)
class _Bounds:
    """The versions under one name: the lowest and the highest tell whether any meets a relation."""

    versions: frozenset[Version]
    ends: tuple[Version, ...]

    @classmethod
    def of(cls, texts: Iterable[str], *, short: bool) -> "_Bounds":
        """Take versions, whole or without their release part; an empty text is none."""
        found = frozenset(map(Version, texts)) - {Version("")}
        if short:
            found = frozenset(Version(version.parts[0]) for version in found)
        return cls(found, (min(found), max(found)) if found else ())

    def meet(self, relation: str, wanted: Version) -> bool:
        if relation == Relation.EQUAL:
            return wanted in self.versions
        return any(_holds(relation, end, wanted) for end in self.ends)


class Demands:
    """A set of constraints, indexed: whether a provide meets any of them."""

    def __init__(self, constraints: Iterable[Constraint]) -> None:
        self._names: set[str] = set()
        self._bare: set[str] = set()
        self._wanted: dict[tuple[str, bool, str], set[Version]] = {}
        for one in constraints:
            self._names.add(one.name)
            if not one.relation:
                self._bare.add(one.name)
                continue
            wanted = Version(one.version)
            kind = (one.name, wanted.parts[1] is None, one.relation)
            self._wanted.setdefault(kind, set()).add(wanted)
        self._ends = {kind: (min(found), max(found)) for kind, found in self._wanted.items()}

    def met_by(self, provide: Provide) -> bool:
        """Whether `provide` meets any of the constraints."""
        if provide.name in self._bare:
            return True
        if provide.name not in self._names or not provide.version:
            return False
        whole = Version(provide.version)
        return any(
            self._met(provide.name, short, Version(whole.parts[0]) if short else whole)
            for short in (False, True)
        )

    def _met(self, name: str, short: bool, found: Version) -> bool:  # noqa: FBT001 - see the key
        for relation in Relation:
            kind = (name, short, relation.value)
            if relation is Relation.EQUAL:
                if found in self._wanted.get(kind, ()):
                    return True
            elif any(_holds(relation, found, end) for end in self._ends.get(kind, ())):
                return True
        return False


def _holds(relation: str, found: Version, wanted: Version) -> bool:
    return relation in _COMPARISONS and _COMPARISONS[relation](found, wanted)


_COMPARISONS: dict[str, Callable[[Version, Version], bool]] = {
    Relation.LESS: operator.lt,
    Relation.LESS_OR_EQUAL: operator.le,
    Relation.EQUAL: operator.eq,
    Relation.GREATER_OR_EQUAL: operator.ge,
    Relation.GREATER: operator.gt,
}
