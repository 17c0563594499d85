"""VF23x: what the VIB depends on, and the releases that do not provide it; what it replaces."""

from collections.abc import Iterator
from functools import lru_cache
from typing import TYPE_CHECKING

from vibforge.esxi import messages
from vibforge.esxi.certainty import Certainty
from vibforge.esxi.table import Cell, Fact, Row, releases_where
from vibforge.findings.check import Fault, Reaction, Severity, Step, check
from vibforge.vib.relationships import DRIVER_API, Constraint, Provisions, provision

if TYPE_CHECKING:
    from vibforge.vib.scan import Described

_TOLD = 16_384
"""Constraints whose releases are looked for once: `bundle modernise` asks for each of its own."""
_SOURCE = "what plain hosts of the release provide"


@check("VF230", Severity.ERROR, Certainty.INFERRED, one_target_suffices=True)
def requirement_not_provided(subject: "Described") -> Iterator[Fault]:
    """A release lacks an interface or a version that the VIB depends on.

    Why: the install stops with "{DEPENDENCY.title}".

    Remedy: use the build of the VIB that is made for the release.

    Evidence: what vendor drivers for each release depend on; public reports.
    """
    for constraint in subject.descriptor.relationships.depends:
        if not constraint.name.startswith(DRIVER_API):
            yield Fault("<depends>", _told(constraint), minds=_lacks(constraint))


@check("VF231", Severity.ERROR, Certainty.DOCUMENTED)
def vmklinux_driver(subject: "Described") -> Iterator[Fault]:
    """The VIB holds a vmklinux driver, which 7.0 and later do not load.

    Why: 7.0 removed vmklinux. The driver does not work there, and repacking it does not help.

    Remedy: use a native driver for the device, or keep the host on 6.7.

    Evidence: the vendor's documentation of 7.0.
    """
    for constraint in subject.descriptor.relationships.depends:
        if constraint.name.startswith(DRIVER_API):
            what = f"depends on {constraint.name}: a vmklinux driver, which works up to 6.7 at most"
            yield Fault("<depends>", what, minds=_lacks(constraint))


@check(
    "VF232",
    Severity.ERROR,
    Certainty.MEASURED,
    reaction=Reaction(Step.PROFILE, messages.REPLACES_ITSELF),
)
def replaces_itself(subject: "Described") -> Iterator[Fault]:
    """The VIB replaces itself: its own name, or something that it provides.

    Why: the host's own code stops "{REPLACES_ITSELF}", whatever the flags.

    Remedy: take it out of `replaces`; a newer version of a VIB replaces the older one anyway.

    Evidence: tried on 6.7.
    """
    of = subject.descriptor
    own = Provisions(of.provides)
    for constraint in of.relationships.replaces:
        if own.meet(constraint):
            what = f"names {constraint}, which is the VIB itself"
            yield Fault("<replaces>", what, values={"vibs": of.vib_id})


@lru_cache(_TOLD)
def _told(constraint: Constraint) -> str:
    lacking = f"releases without it: {releases_where(_lacks(constraint))}"
    return f"depends on {constraint}; {lacking.replace(': none', ': none that is known')}"


def _lacks(constraint: Constraint) -> Fact:
    """Return the question whether a release fails to provide what a constraint names."""

    def fact(row: Row) -> Cell[bool] | None:
        found = provision(row.release, constraint)
        return None if found.met is None else Cell(not found.met, found.certainty, _SOURCE)

    return fact


CHECKS = (requirement_not_provided, vmklinux_driver, replaces_itself)
