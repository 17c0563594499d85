"""When a constraint is met: how ESXi compares what VIBs ask for with what others provide.

The rules were tried on 6.7 (vib-format 2.6).
"""

import operator
from collections.abc import Callable, Iterable

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


def met_by(constraint: Constraint, provides: Iterable[Provide]) -> bool:
    """Whether any of `provides` meets `constraint`."""
    return any(matches(constraint, provide) for provide in provides)


def _holds(relation: str, found: Version, wanted: Version) -> bool:
    return relation in _COMPARISONS and _COMPARISONS[relation](found, wanted)


_COMPARISONS: dict[str, Callable[[Version, Version], bool]] = {
    Relation.LESS: operator.lt,
    Relation.LESS_OR_EQUAL: operator.le,
    Relation.EQUAL: operator.eq,
    Relation.GREATER_OR_EQUAL: operator.ge,
    Relation.GREATER: operator.gt,
}
