"""A host as the rules of an install see it; what is None is not known, and is never guessed."""

from msgspec import Struct

from vibforge.errors import Problem
from vibforge.esxi.acceptance import AcceptanceLevel
from vibforge.esxi.release import Release
from vibforge.host.package import Package

DEFAULT_LEVEL = AcceptanceLevel.PARTNER
"""A host's own level after its installation."""


class Hardware(Struct, frozen=True, kw_only=True):
    """What SMBIOS says; each OEM string counts as a vendor (format.md#system-requirements)."""

    vendor: str
    model: str
    oem_strings: tuple[str, ...] | None = None


class Host(Struct, frozen=True, kw_only=True):
    """Facts of one host. `bootbank_free` is in bytes, of the alternative bootbank."""

    release: Release
    acceptance_level: AcceptanceLevel | None = None
    secure_boot: bool | None = None
    tpm: bool | None = None
    maintenance_mode: bool | None = None
    reboot_pending: bool | None = None
    pending: tuple[str, ...] = ()
    """What the next boot changes, where that is known: `+ ID` comes, `- ID` goes."""
    stateless: bool | None = None
    managed_by_image: bool | None = None
    hardware: Hardware | None = None
    bootbank_free: int | None = None
    installed: tuple[Package, ...] = ()
    installed_known: bool = False
    """Whether `installed` is all that the host holds."""
    notes: tuple[Problem, ...] = ()
    """What of the facts is missing, odd or in contradiction."""

    @property
    def knows_all_files(self) -> bool:
        return self.installed_known and all(package.files_known for package in self.installed)

    @property
    def knows_all_relationships(self) -> bool:
        return self.installed_known and all(p.relationships_known for p in self.installed)


def stock_host(release: Release) -> Host:
    """Return a host as it is after a plain installation, without Secure Boot, in service."""
    return Host(
        release=release,
        acceptance_level=DEFAULT_LEVEL,
        secure_boot=False,
        tpm=False,
        maintenance_mode=False,
        reboot_pending=False,
        stateless=False,
        managed_by_image=False,
    )
