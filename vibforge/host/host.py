"""The facts of a host that decide an install. None means not known; vibforge never guesses."""

from msgspec import Struct

from vibforge.errors import Problem
from vibforge.esxi.acceptance import AcceptanceLevel
from vibforge.esxi.release import Release
from vibforge.host.package import Package

DEFAULT_LEVEL = AcceptanceLevel.PARTNER
"""The acceptance level of a host after a plain installation."""


class Hardware(Struct, frozen=True, kw_only=True):
    """SMBIOS values; hosts treat each OEM string as a vendor (format.md#system-requirements)."""

    vendor: str
    model: str
    oem_strings: tuple[str, ...] | None = None


class Host(Struct, frozen=True, kw_only=True):
    """Facts of one host; `bootbank_free` is the free space of the alternative bootbank in bytes."""

    release: Release
    acceptance_level: AcceptanceLevel | None = None
    secure_boot: bool | None = None
    tpm: bool | None = None
    maintenance_mode: bool | None = None
    reboot_pending: bool | None = None
    pending: tuple[str, ...] = ()
    """What the next boot changes, if known: `+ ID` installs, `- ID` removes a VIB."""
    stateless: bool | None = None
    managed_by_image: bool | None = None
    hardware: Hardware | None = None
    bootbank_free: int | None = None
    installed: tuple[Package, ...] = ()
    installed_known: bool = False
    """Whether `installed` contains every VIB of the host."""
    notes: tuple[Problem, ...] = ()
    """Facts that are missing, malformed or contradictory."""

    @property
    def knows_all_files(self) -> bool:
        return self.installed_known and all(package.files_known for package in self.installed)

    @property
    def knows_all_relationships(self) -> bool:
        return self.installed_known and all(p.relationships_known for p in self.installed)


def stock_host(release: Release) -> Host:
    """Return a host after a plain installation: no Secure Boot, not in maintenance mode."""
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
