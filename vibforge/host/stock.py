"""What an ESXi of a release is known to bring, and the host that a VIB is held against by default.

Only families of names that were seen in vendor VIBs or in public reports are decided; for every
other name the answer is that it is not known (vib-format 2.6).
"""

import posixpath
import re
from dataclasses import dataclass
from functools import lru_cache

from vibforge.esxi.release import Release
from vibforge.esxi.table import Row, is_known, row_of
from vibforge.host.matching import INSTALLER, matches
from vibforge.model.acceptance import AcceptanceLevel
from vibforge.model.certainty import Certainty
from vibforge.model.relationships import Constraint, Provide

_VMKAPI = re.compile(r"vmkapi_(incompat_)?(\d{1,9})_(\d{1,9})_0_0")
_DRIVER_API = "com.vmware.driverAPI-"
_ZSTD = "zstd-compression"

SHIPPED_PATHS = frozenset(
    {
        "bin/busybox",
        "bin/sh",
        "etc/hosts",
        "etc/inittab",
        "etc/ntp.conf",
        "etc/passwd",
        "etc/profile",
        "etc/rc.local.d/local.sh",
        "etc/resolv.conf",
        "etc/shadow",
        "etc/ssh/sshd_config",
        "etc/vmware/config",
        "etc/vmware/esx.conf",
        "etc/vmware/firewall/service.xml",
        "etc/vmware/hostd/config.xml",
        "sbin/esxcli",
        "sbin/init",
    }
)
"""Files that every ESXi is known to bring itself; its own file lists are far longer."""


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
    if name.startswith(_DRIVER_API):
        apis = row.driver_apis
        return Provision(name in apis.value, apis.certainty) if apis else _NOT_KNOWN
    if (api := _VMKAPI.fullmatch(name)) is not None:
        return _vmkapi(row, (int(api[2]), int(api[3])), only=bool(api[1]))
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


DEFAULT_LEVEL = AcceptanceLevel.PARTNER
"""A host's own level after its installation (vib-format 7)."""


def host_path(path: str) -> str:
    """Return where an entry of a file list lands on a host."""
    return posixpath.normpath("/" + path.lstrip("/"))


@lru_cache(maxsize=64)
def host_paths(file_list: tuple[str, ...]) -> frozenset[str]:
    """Return where the entries of a file list land; those that end in `/` are left out.

    A prediction asks for the same list once for each possible host.
    """
    return frozenset(host_path(path) for path in file_list if path[-1:] != "/")


def shipped_among(file_list: tuple[str, ...]) -> tuple[str, ...]:
    """Return those paths on a host that ESXi brings itself, sorted."""
    landed = host_paths(file_list)
    return tuple(path for path in sorted(f"/{own}" for own in SHIPPED_PATHS) if path in landed)
