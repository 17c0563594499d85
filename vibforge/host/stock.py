"""What an ESXi of a release is known to bring, and the host that a VIB is held against by default.

Only families of names that were seen in vendor VIBs or in public reports are decided; for every
other name the answer is that it is not known (vib-format 2.6).
"""

import posixpath
import re
from dataclasses import dataclass
from functools import lru_cache

from vibforge.host.matching import INSTALLER, matches
from vibforge.host.release import ESXI_65, ESXI_67, ESXI_70, ESXI_80, ESXI_90, Release
from vibforge.model.acceptance import AcceptanceLevel
from vibforge.model.certainty import Certainty
from vibforge.model.relationships import Constraint, Provide

_VMKAPI = re.compile(r"vmkapi_(incompat_)?(\d+)_(\d+)_0_0")
_DRIVER_API = "com.vmware.driverAPI-9.2."
_NEWEST_VMKAPI = (
    (ESXI_65, (2, 4)),
    (ESXI_67, (2, 5)),
    (ESXI_70, (2, 6)),
    (Release(7, 0, 3), (2, 9)),
    (ESXI_80, (2, 10)),
    (Release(8, 0, 1), (2, 11)),
    (Release(8, 0, 2), (2, 12)),
    (Release(8, 0, 3), (2, 13)),
    (ESXI_90, (3, 0)),
)
"""The vmkapi that vendor drivers of each release ask for."""
_OLDEST_VMKAPI_TO_67 = (2, 2)
"""6.7 brings 2.2 to 2.5; public reports show that 7.0 and 8.0 have dropped 2.1 and 2.2."""

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


def provision(release: Release, constraint: Constraint) -> Provision:
    """Return whether a plain ESXi of `release` meets `constraint`."""
    name = constraint.name
    if (brought := _brought(release, name)) is not None:
        return Provision(matches(constraint, brought), Certainty.INFERRED)
    if name in {INSTALLER.name, "zstd-compression"}:
        return Provision(
            name == INSTALLER.name and matches(constraint, INSTALLER), Certainty.INFERRED
        )
    if name.startswith(_DRIVER_API):
        return Provision(release < ESXI_70, Certainty.DOCUMENTED)
    if (api := _VMKAPI.fullmatch(name)) is not None:
        return _vmkapi(release, (int(api[2]), int(api[3])), only=bool(api[1]))
    return Provision(None, Certainty.UNKNOWN)


def _brought(release: Release, name: str) -> Provide | None:
    """Return the provide of this name that a release is known to bring."""
    if name == "esx-version":
        return Provide(name=name, version=f"{release.dotted}-0")
    if name == "esximage" or (name == "zstd-compression" and release.unpacks_zstd):
        return Provide(name=name, version="1.0")
    return None


def _vmkapi(release: Release, wanted: tuple[int, int], *, only: bool) -> Provision:
    newest = max(api for since, api in _NEWEST_VMKAPI if since <= max(release, ESXI_65))
    if wanted == newest or wanted > newest:
        standing = (
            Certainty.MEASURED if (release.major, release.minor) == (6, 7) else Certainty.DOCUMENTED
        )
        return Provision(wanted == newest, standing)
    if only:
        return Provision(met=False, certainty=Certainty.INFERRED)
    if wanted <= _OLDEST_VMKAPI_TO_67 and release >= ESXI_70:
        return Provision(met=False, certainty=Certainty.DOCUMENTED)
    if release < ESXI_70:
        met = wanted >= _OLDEST_VMKAPI_TO_67
        return Provision(
            met,
            Certainty.MEASURED if (release.major, release.minor) == (6, 7) else Certainty.INFERRED,
        )
    return Provision(None, Certainty.UNKNOWN)


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
