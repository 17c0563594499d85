"""The VIBs that an install or update passes over, and why.

A VIB whose ID is installed is never installed again, whatever its content: the host says "Host is
not changed.", reports success, and keeps the old files (tried on 6.7 and 6.5).
"""

from collections.abc import Iterable, Iterator

from vibforge.esxi.table import standing
from vibforge.host.host import Host
from vibforge.host.image import unequal_attribute
from vibforge.host.package import Package
from vibforge.host.prediction import Cause

ALREADY_INSTALLED = "is installed already"
_OLD_FILES = "the host keeps the OLD FILES and reports success"


def skipped(host: Host, passed_over: Iterable[Package]) -> Iterator[Cause]:
    """Yield why each VIB is passed over."""
    for package in passed_over:
        yield Cause(what=_why(host, package), subject=package.id, certainty=standing(host.release))


def old_files(host: Host, offered: Iterable[Package]) -> Iterator[str]:
    """Yield the VIBs whose old files would stay though the host reports success."""
    for package in offered:
        if kept := _kept(host, package):
            yield f"{package.id} {kept}"


def _why(host: Host, package: Package) -> str:
    if not package.is_installable:
        return f"is of type {package.descriptor.type or 'none'}, which changes nothing on a host"
    if _held(host, package) is None:
        return "updates nothing that is installed"
    return _kept(host, package) or ALREADY_INSTALLED


def _held(host: Host, package: Package) -> Package | None:
    return next((each for each in host.installed if each.id == package.id), None)


def _kept(host: Host, package: Package) -> str:
    """Say that the old files stay; empty where the same VIB is installed, or none of its ID."""
    held = _held(host, package)
    if held is None or not package.is_installable:
        return ""
    if unequal := unequal_attribute(package, held):
        return (
            f"is installed already with other {unequal.attribute}: {_OLD_FILES}; build it under "
            "another version"
        )
    if held.is_only_listed:
        return (
            f"{ALREADY_INSTALLED} by its ID, and the facts lack its descriptor: if its content is "
            f"another one, {_OLD_FILES}"
        )
    return ""
