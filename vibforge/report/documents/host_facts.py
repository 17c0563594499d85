"""The shape of what `vibforge plan --host` reads; vibforge.host.facts reads it, with its notes."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

from msgspec import UNSET, UnsetType

from vibforge.report.documents.shape import Document, Shape, says
from vibforge.report.documents.shapes import Count


class Hardware(Shape, frozen=True):
    """What a host is."""

    vendor: Annotated[str, says("SMBIOS vendor.")]
    model: Annotated[str, says("SMBIOS product.")]
    oem_strings: Annotated[tuple[str, ...] | UnsetType, says("OEM strings.")] = UNSET


class HostFacts(Document, tag="vibforge/host-facts/1", frozen=True):
    """What `vibforge plan --host` reads: what was collected, or facts under their names, or both.

    The script of `vibforge host-facts` collects it.
    """

    title: ClassVar[str] = "Facts of a host"

    collector: Annotated[int | UnsetType, says("Number of the script.")] = UNSET
    collected: Annotated[Mapping[str, Any] | UnsetType, says("Answers of esxcli.")] = UNSET
    name: Annotated[str | UnsetType, says("A name for people.")] = UNSET
    version: Annotated[str | UnsetType, says("Release of ESXi.")] = UNSET
    acceptance_level: Annotated[str | UnsetType | None, says("Level of the host.")] = UNSET
    hardware: Annotated[Hardware | UnsetType | None, says("Hardware.")] = UNSET
    bootbank_free: Annotated[
        Count | UnsetType | None, says("Free bytes of the alternative bootbank.")
    ] = UNSET
    secure_boot: Annotated[bool | UnsetType | None, says("UEFI Secure Boot.")] = UNSET
    tpm: Annotated[bool | UnsetType | None, says("TPM.")] = UNSET
    maintenance_mode: Annotated[bool | UnsetType | None, says("Maintenance mode.")] = UNSET
    reboot_pending: Annotated[bool | UnsetType | None, says("A change waits for a reboot.")] = UNSET
    stateless: Annotated[bool | UnsetType | None, says("Boots over the network.")] = UNSET
    managed_by_image: Annotated[bool | UnsetType | None, says("vLCM manages it with an image.")] = (
        UNSET
    )
    pending_vibs: Annotated[
        tuple[str, ...] | UnsetType | None,
        says("What the next boot changes: `+ ID` comes, `- ID` goes."),
    ] = UNSET
    vibs: Annotated[Any, says("Installed VIBs: descriptors, or name, version and vendor.")] = UNSET
