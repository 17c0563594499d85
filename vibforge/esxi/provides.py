"""Whether a plain ESXi of a release provides what a VIB depends on.

Only families of names that occur in vendor VIBs or in public reports are decided; for every other
name the answer is "not known".
"""

import re
from dataclasses import dataclass

from vibforge.esxi.inbox import INBOX_RELEASE, is_inbox
from vibforge.esxi.matching import INSTALLER, matches
from vibforge.esxi.release import Release
from vibforge.esxi.table import Row, is_known, row_of
from vibforge.model.certainty import Certainty
from vibforge.model.relationships import Constraint, Provide

_VMKAPI = re.compile(r"vmkapi_(incompat_)?(\d{1,9})_(\d{1,9})_0_0")
DRIVER_API = "com.vmware.driverAPI-"
"""How the names of vmklinux driver interfaces begin."""
_ZSTD = "zstd-compression"


_INTERFACES = ("vmkapi_", DRIVER_API, "libvmkuser", "uwglibc")
_OF_ESXI = (*_INTERFACES, "esx-version", "esximage", _ZSTD)


def is_interface(name: str) -> bool:
    """Whether a driver or program does not run without this (names seen on a host of 6.7)."""
    return name.startswith(_INTERFACES)


def is_of_esxi(name: str) -> bool:
    """Whether only ESXi itself provides this, so that no other VIB can be installed for it."""
    return name.startswith(_OF_ESXI)


@dataclass(frozen=True, slots=True)
class Provision:
    """Whether a constraint is met, as far as is known, and how sure that is."""

    met: bool | None
    certainty: Certainty


_NOT_KNOWN = Provision(None, Certainty.UNKNOWN)


def provision(release: Release, constraint: Constraint) -> Provision:
    """Return whether a plain ESXi of `release` meets `constraint`."""
    name, row = constraint.name, row_of(release)
    if name == INSTALLER.name:
        return Provision(matches(constraint, INSTALLER), Certainty.INFERRED)
    if name == "esximage":
        return _by_version(constraint, "1.0") if is_known(release) else _NOT_KNOWN
    if name == "esx-version":
        return (
            _by_version(constraint, f"{row.esx_version.value}-0") if row.esx_version else _NOT_KNOWN
        )
    if name == _ZSTD:
        return _zstd(constraint, row)
    if name.startswith(DRIVER_API):
        apis = row.driver_apis
        return Provision(name in apis.value, apis.certainty) if apis else _NOT_KNOWN
    if (api := _VMKAPI.fullmatch(name)) is not None:
        return _vmkapi(row, (int(api[2]), int(api[3])), only=bool(api[1]))
    if release == INBOX_RELEASE and is_inbox(name) and not constraint.relation:
        return Provision(met=True, certainty=Certainty.MEASURED)
    return _NOT_KNOWN


def _by_version(constraint: Constraint, version: str) -> Provision:
    """Compare with a version that every host of the release is taken to provide."""
    provided = Provide(name=constraint.name, version=version)
    return Provision(matches(constraint, provided), Certainty.INFERRED)


def _zstd(constraint: Constraint, row: Row) -> Provision:
    """A release provides `zstd-compression` where it installs payloads of type vzstd."""
    if row.payload_types is None:
        return _NOT_KNOWN
    if "vzstd" in row.payload_types.value:
        return _by_version(constraint, "1.0")
    return Provision(met=False, certainty=Certainty.INFERRED)


def _vmkapi(row: Row, wanted: tuple[int, int], *, only: bool) -> Provision:
    """Compare with the vmkapi span of a release; `only` is set for `vmkapi_incompat_…`."""
    if row.vmkapi is None:
        return _NOT_KNOWN
    span, certainty = row.vmkapi.value, row.vmkapi.certainty
    if wanted == span.newest and (span.is_newest_known or not only):
        return Provision(met=True, certainty=certainty)
    if span.oldest is not None:
        return Provision(not only and span.oldest <= wanted <= span.newest, certainty)
    if wanted > span.newest or (only and wanted == span.newest):
        known = False if span.is_newest_known else None
        return Provision(known, Certainty.INFERRED if span.is_newest_known else Certainty.UNKNOWN)
    if only:
        return Provision(met=False, certainty=Certainty.INFERRED)
    if span.dropped is not None and wanted <= span.dropped:
        return Provision(met=False, certainty=Certainty.DOCUMENTED)
    return _NOT_KNOWN
