"""What the VIB asks of a host: hardware, releases, other VIBs."""

from collections.abc import Iterator
from functools import lru_cache
from typing import TYPE_CHECKING

from vibforge.checks.extensibility import violations
from vibforge.esxi import messages
from vibforge.esxi.acceptance import AcceptanceLevel
from vibforge.esxi.release import Certainty
from vibforge.esxi.table import (
    Cell,
    Fact,
    ReleaseRow,
    has_components,
    has_path_lists,
    has_unseen_path_lists,
    releases_where,
)
from vibforge.findings.check import Fault, InstallStep, Reaction, Severity, check
from vibforge.vib.relationships import DRIVER_API, Constraint, Provisions, provision

if TYPE_CHECKING:
    from vibforge.vib.scan import Described


@check("VF218", Severity.ERROR, Certainty.MEASURED, minds=has_path_lists)
def path_outside_list(subject: "Described") -> Iterator[Fault]:
    """A path is not on the list that ESXi allows at the VIB's level.

    Why: the install stops with "{EXTENSIBILITY}" and names no path; an ISO
    upgrade halts with the VIB installed.

    Remedy: move the files below opt/, build with layout = "boot-copy", or install with --force on a
    host without Secure Boot.

    Evidence: the list was tried on 6.7; other releases have one too, and theirs was not seen.
    """
    of = subject.descriptor
    for path in violations(of.level, of.file_list).paths:
        yield Fault(path, f"is on no list of level {of.level}")


@check("VF219", Severity.ERROR, Certainty.MEASURED, minds=has_path_lists)
def overlay_not_allowed(subject: "Described") -> Iterator[Fault]:
    """A community VIB says that it is an overlay.

    Why: hosts refuse it as a violation of the extensibility rules.

    Remedy: overlay = false, and no path that another VIB has.

    Evidence: tried on 6.7.
    """
    if violations(subject.descriptor.level, (), overlay=bool(subject.descriptor.overlay)).overlay:
        yield Fault("<overlay>", "is true, which level community may not be")


@check("VF220", Severity.WARNING, Certainty.DOCUMENTED)
def depends_on_itself(subject: "Described") -> Iterator[Fault]:
    """The VIB depends on its own name.

    Why: VIB Author forbids it, and it says nothing: a host finds it met by the VIB itself.

    Remedy: remove the dependency.

    Evidence: VIB Author's manual.
    """
    for constraint in subject.descriptor.relationships.depends:
        if constraint.name == subject.descriptor.name:
            yield Fault("<depends>", f"{constraint} is the VIB itself")


@check("VF221", Severity.NOTE, Certainty.INFERRED, minds=has_components)
def no_software_platform(subject: "Described") -> Iterator[Fault]:
    """The VIB does not say for which ESXi it is.

    Why: every vendor VIB built for 7.0.3 and later has <softwarePlatform>, and vLCM matches
    components by it; what a host does without one was not tried.

    Remedy: <softwarePlatform version="8.*" locale="" productLineID="embeddedEsx"/>.

    Evidence: vendor descriptors from 7.0 to 9.0.
    """
    if not subject.descriptor.system_requires.software_platforms:
        yield Fault("<system-requires>", "has no <softwarePlatform>")


@check("VF222", Severity.NOTE, Certainty.MEASURED)
def maintenance_mode_unsaid(subject: "Described") -> Iterator[Fault]:
    """The descriptor does not say whether maintenance mode is needed.

    Why: hosts take silence as yes, so a live install then stops with MaintenanceModeError.

    Remedy: <maintenance-mode>false</maintenance-mode>, if nothing that runs depends on it.

    Evidence: tried on 6.7.
    """
    if subject.descriptor.system_requires.maintenance_mode is None:
        yield Fault("<system-requires>", "does not speak of maintenance-mode")


@check("VF224", Severity.NOTE, Certainty.UNKNOWN, minds=has_unseen_path_lists)
def community_init_script(subject: "Described") -> Iterator[Fault]:
    """A community VIB carries an init script.

    Why: 6.7 has etc/init.d on its community list; lists before it kept that for partners, and one
    report from 7 or 8 says so again. Theirs was not seen.

    Remedy: try the install with --dry-run first; --force gets past it without Secure Boot.

    Evidence: tried on 6.7; reports.
    """
    if subject.descriptor.level is AcceptanceLevel.COMMUNITY:
        for path in subject.descriptor.file_list:
            if path.startswith("etc/init.d/"):
                yield Fault(path, "may be kept for partners by this release")


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
    reaction=Reaction(InstallStep.PROFILE, messages.REPLACES_ITSELF),
)
def replaces_itself(subject: "Described") -> Iterator[Fault]:
    """The VIB replaces itself: its own name, or something that it provides.

    Why: the host's own code stops "{REPLACES_ITSELF}", whatever the flags.

    Remedy: take it out of `replaces`; a newer version of a VIB replaces the older one anyway.

    Evidence: tried on 6.7.
    """
    for constraint in _naming_itself(subject, subject.descriptor.relationships.replaces):
        what = f"names {constraint}, which is the VIB itself"
        yield Fault("<replaces>", what, values={"vibs": subject.descriptor.vib_id})


@check("VF233", Severity.ERROR, Certainty.MEASURED)
def conflicts_with_itself(subject: "Described") -> Iterator[Fault]:
    """The VIB conflicts with itself: with its own name, or something that it provides.

    Why: hosts stop "{CONFLICT.title}", and name the VIB alone.

    Remedy: take it out of `conflicts`; two versions of a VIB are never installed together anyway.

    Evidence: tried on 6.7.
    """
    for constraint in _naming_itself(subject, subject.descriptor.relationships.conflicts):
        yield Fault("<conflicts>", f"names {constraint}, which is the VIB itself")


def _naming_itself(
    subject: "Described", constraints: tuple[Constraint, ...]
) -> Iterator[Constraint]:
    """Yield what the VIB's own name, or something that it provides, meets."""
    own = Provisions(subject.descriptor.provides)
    return (constraint for constraint in constraints if own.meet(constraint))


@lru_cache(_TOLD)
def _told(constraint: Constraint) -> str:
    lacking = f"releases without it: {releases_where(_lacks(constraint))}"
    return f"depends on {constraint}; {lacking.replace(': none', ': none that is known')}"


def _lacks(constraint: Constraint) -> Fact:
    """Return the question whether a release fails to provide what a constraint names."""

    def fact(row: ReleaseRow) -> Cell[bool] | None:
        found = provision(row.release, constraint)
        return None if found.met is None else Cell(not found.met, found.certainty, _SOURCE)

    return fact


CHECKS = (
    path_outside_list,
    overlay_not_allowed,
    depends_on_itself,
    no_software_platform,
    maintenance_mode_unsaid,
    community_init_script,
    requirement_not_provided,
    vmklinux_driver,
    replaces_itself,
    conflicts_with_itself,
)
