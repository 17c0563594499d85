"""The VIBs that an install or update passes over, and why.

A VIB whose ID is installed is never installed again, whatever its content: the host says "Host is
not changed.", reports success, and keeps the old files (tried on 6.7 and 6.5).
"""

from collections.abc import Iterator

from vibforge.host.image import unequal_attribute
from vibforge.host.install.run import Run
from vibforge.host.package import Package
from vibforge.host.prediction import Cause

ALREADY_INSTALLED = "is installed already"
OLD_FILES = "the host keeps the OLD FILES and reports success"
"""The part of the words by which a plan knows the most dangerous of all answers."""


def skipped(run: Run) -> Iterator[Cause]:
    """Yield why each VIB is passed over."""
    for package in run.change.skipped:
        yield Cause(what=_why(run, package), subject=package.id, certainty=run.sure)


def _why(run: Run, package: Package) -> str:
    if not package.is_installable:
        return f"is of type {package.descriptor.type or 'none'}, which changes nothing on a host"
    held = next((each for each in run.host.installed if each.id == package.id), None)
    if held is None:
        return "updates nothing that is installed"
    if unequal := unequal_attribute(package, held):
        return (
            f"is installed already with other {unequal.attribute}: {OLD_FILES}; build it under "
            "another version"
        )
    if not (held.payloads_known and package.payloads_known):
        return (
            f"{ALREADY_INSTALLED} by its ID; if its content is another one, {OLD_FILES}: the facts "
            "do not hold its descriptor"
        )
    return ALREADY_INSTALLED
