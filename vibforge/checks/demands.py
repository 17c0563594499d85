"""VF2xx: what the VIB asks of a host: paths, an overlay, other VIBs, a platform, a mode."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from vibforge.checks.extensibility import violations
from vibforge.esxi.acceptance import AcceptanceLevel
from vibforge.esxi.certainty import Certainty
from vibforge.esxi.table import has_components, has_path_lists, has_unseen_path_lists
from vibforge.findings.check import Fault, Severity, check

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


CHECKS = (
    path_outside_list,
    overlay_not_allowed,
    depends_on_itself,
    no_software_platform,
    maintenance_mode_unsaid,
    community_init_script,
)
