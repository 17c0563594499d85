"""VF2xx: what a VIB requires of a host: hardware, releases, other VIBs."""

from collections.abc import Iterator
from functools import lru_cache
from typing import TYPE_CHECKING

from vibforge.checks.extensibility import find_disallowed
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
    """VIBs of this acceptance level may not install a file at this path.

    Why: the install stops with "{EXTENSIBILITY}" and names no path. An
    upgrade by ISO stops if the VIB is installed.

    Remedy: move the files below opt/, build with layout = "boot-copy", or install with --force on a
    host without Secure Boot.

    Evidence: the path list was tried on 6.7. Other releases have one too; theirs was not seen.
    """
    level = subject.descriptor.level
    for path in find_disallowed(level, subject.descriptor.file_list).paths:
        yield Fault(path, f"{level.esxcli_name} VIBs may not install files here")


@check("VF219", Severity.ERROR, Certainty.MEASURED, minds=has_path_lists)
def overlay_not_allowed(subject: "Described") -> Iterator[Fault]:
    """A community VIB declares itself an overlay.

    Why: hosts stop with "{EXTENSIBILITY}".

    Remedy: set overlay = false, and do not use paths of another VIB.

    Evidence: tried on 6.7.
    """
    descriptor = subject.descriptor
    if find_disallowed(descriptor.level, (), overlay=bool(descriptor.overlay)).overlay:
        yield Fault("<overlay>", "is true, but community VIBs may not be overlays")


@check("VF220", Severity.WARNING, Certainty.DOCUMENTED)
def depends_on_itself(subject: "Described") -> Iterator[Fault]:
    """The VIB depends on its own name.

    Why: VIB Author forbids it, and it has no effect: the VIB itself meets the dependency.

    Remedy: remove the dependency.

    Evidence: VIB Author's manual.
    """
    for constraint in subject.descriptor.relationships.depends:
        if constraint.name == subject.descriptor.name:
            yield Fault("<depends>", f"names {constraint}, which is the VIB itself")


@check("VF221", Severity.NOTE, Certainty.INFERRED, minds=has_components)
def no_software_platform(subject: "Described") -> Iterator[Fault]:
    """The VIB does not declare which ESXi releases it is for.

    Why: every vendor VIB for 7.0.3 and later has <softwarePlatform>, and vLCM uses it to match
    components. How a host reacts without it was not tried.

    Remedy: add <softwarePlatform version="8.*" locale="" productLineID="embeddedEsx"/>.

    Evidence: vendor descriptors from 7.0 to 9.0.
    """
    if not subject.descriptor.system_requires.software_platforms:
        yield Fault("<system-requires>", "has no <softwarePlatform>")


@check("VF222", Severity.NOTE, Certainty.MEASURED)
def maintenance_mode_unsaid(subject: "Described") -> Iterator[Fault]:
    """The descriptor does not say whether the VIB requires maintenance mode.

    Why: hosts then require it, so a live install stops with MaintenanceModeError.

    Remedy: add <maintenance-mode>false</maintenance-mode>, if no running service depends on the
    VIB.

    Evidence: tried on 6.7.
    """
    if subject.descriptor.system_requires.maintenance_mode is None:
        yield Fault("<system-requires>", "has no <maintenance-mode>; hosts then require it")


@check("VF224", Severity.NOTE, Certainty.UNKNOWN, minds=has_unseen_path_lists)
def community_init_script(subject: "Described") -> Iterator[Fault]:
    """A community VIB contains an init script.

    Why: 6.7 allows community VIBs to install files in etc/init.d. Earlier lists reserved it for
    partners, and according to one report 7 or 8 does so again. Their lists were not seen.

    Remedy: try the install with --dry-run first; --force overrides a refusal on hosts without
    Secure Boot.

    Evidence: tried on 6.7; reports.
    """
    if subject.descriptor.level is AcceptanceLevel.COMMUNITY:
        for path in subject.descriptor.file_list:
            if path.startswith("etc/init.d/"):
                yield Fault(path, "is an init script, which this release may reserve for partners")


_CACHED_CONSTRAINTS = 16_384
"""Constraints whose releases are cached; `bundle modernise` asks for all of a bundle."""
_SOURCE = "what plain hosts of the release provide"


@check("VF230", Severity.ERROR, Certainty.INFERRED, one_target_suffices=True)
def requirement_not_provided(subject: "Described") -> Iterator[Fault]:
    """The VIB depends on an interface or a version that a release does not provide.

    Why: the install stops with "{DEPENDENCY.title}".

    Remedy: use the build of the VIB for this release.

    Evidence: the dependencies of vendor drivers for each release; public reports.
    """
    for constraint in subject.descriptor.relationships.depends:
        if not constraint.name.startswith(DRIVER_API):
            what = _name_releases_without(constraint)
            yield Fault("<depends>", what, minds=_lacks(constraint))


@check("VF231", Severity.ERROR, Certainty.DOCUMENTED)
def vmklinux_driver(subject: "Described") -> Iterator[Fault]:
    """The VIB contains a vmklinux driver, which 7.0 and later do not load.

    Why: 7.0 removed vmklinux. The driver does not work there, even if you repack it.

    Remedy: use a native driver for the device, or keep the host on 6.7.

    Evidence: the vendor's documentation of 7.0.
    """
    for constraint in subject.descriptor.relationships.depends:
        if constraint.name.startswith(DRIVER_API):
            what = f"depends on {constraint.name}: vmklinux drivers work only up to 6.7"
            yield Fault("<depends>", what, minds=_lacks(constraint))


@check(
    "VF232",
    Severity.ERROR,
    Certainty.MEASURED,
    reaction=Reaction(InstallStep.PROFILE, messages.REPLACES_ITSELF),
)
def replaces_itself(subject: "Described") -> Iterator[Fault]:
    """The VIB replaces itself: its own name, or something that it provides.

    Why: the host stops with "{REPLACES_ITSELF}"; no flag changes that.

    Remedy: remove it from `replaces`; a newer version of a VIB replaces the older one anyway.

    Evidence: tried on 6.7.
    """
    for constraint in _naming_itself(subject, subject.descriptor.relationships.replaces):
        what = f"names {constraint}, which is the VIB itself"
        yield Fault("<replaces>", what, values={"vibs": subject.descriptor.vib_id})


@check("VF233", Severity.ERROR, Certainty.MEASURED)
def conflicts_with_itself(subject: "Described") -> Iterator[Fault]:
    """The VIB conflicts with itself: with its own name, or something that it provides.

    Why: hosts stop with "{CONFLICT.title}", and name only this VIB.

    Remedy: remove it from `conflicts`; hosts never install two versions of a VIB anyway.

    Evidence: tried on 6.7.
    """
    for constraint in _naming_itself(subject, subject.descriptor.relationships.conflicts):
        yield Fault("<conflicts>", f"names {constraint}, which is the VIB itself")


def _naming_itself(
    subject: "Described", constraints: tuple[Constraint, ...]
) -> Iterator[Constraint]:
    """Yield the constraints that the VIB meets by its own name or by what it provides."""
    own = Provisions(subject.descriptor.provides)
    return (constraint for constraint in constraints if own.meet(constraint))


@lru_cache(_CACHED_CONSTRAINTS)
def _name_releases_without(constraint: Constraint) -> str:
    lacking = f"releases that do not provide it: {releases_where(_lacks(constraint))}"
    return f"depends on {constraint}; {lacking.replace(': none', ': none known')}"


def _lacks(constraint: Constraint) -> Fact:
    """Return the fact whether a release does not provide what a constraint names."""

    def fact(row: ReleaseRow) -> Cell[bool] | None:
        provided = provision(row.release, constraint)
        return None if provided.met is None else Cell(not provided.met, provided.certainty, _SOURCE)

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
