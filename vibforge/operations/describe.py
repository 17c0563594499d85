"""Turn a recipe and what was packed into the descriptor of the VIB."""

from collections.abc import Iterable

from vibforge.formats.gzip_member import Member
from vibforge.model.descriptor import (
    GUNZIP,
    Checksum,
    Descriptor,
    MaintenanceMode,
    Payload,
    SystemRequires,
)
from vibforge.model.recipe import PayloadRecipe, Recipe
from vibforge.model.release_date import ReleaseDate


def describe(
    recipe: Recipe,
    date: ReleaseDate,
    files: Iterable[str],
    payloads: Iterable[tuple[PayloadRecipe, Member]],
) -> Descriptor:
    """Return the descriptor; payloads and file list are put into the order that readers expect."""
    return Descriptor(
        type=recipe.type,
        name=recipe.name,
        version=recipe.version,
        vendor=recipe.vendor,
        summary=recipe.summary or recipe.name,
        description=recipe.description or recipe.summary or recipe.name,
        release_date=str(date),
        urls=recipe.urls,
        relationships=recipe.relationships,
        software_tags=recipe.software_tags,
        system_requires=SystemRequires(
            maintenance_mode=recipe.system_requires.maintenance_mode or MaintenanceMode(),
            hardware_platforms=recipe.system_requires.hardware_platforms,
            software_platforms=recipe.system_requires.software_platforms,
        ),
        file_list=tuple(sorted(files)),
        acceptance_level=recipe.acceptance_level,
        live_install_allowed=recipe.live_install_allowed,
        live_remove_allowed=recipe.live_remove_allowed,
        cimom_restart=recipe.cimom_restart,
        stateless_ready=recipe.stateless_ready,
        overlay=recipe.overlay,
        payloads=tuple(_payload(payload, member) for payload, member in payloads),
    )


def _payload(recipe: PayloadRecipe, member: Member) -> Payload:
    """Declare a payload with its digests in VMware's order.

    ESXi 6.5 takes the last sha-256 it meets for the stored bytes, whatever it is of, 8.0 insists
    on the one of the unpacked bytes, and Secure Boot of 6.7 looks for the sha-1 (vib-format 2.7).
    """
    return Payload(
        name=recipe.name,
        type=recipe.type,
        size=member.size,
        uncompressed_size=member.content_size,
        boot_order=recipe.boot_order,
        vfat_name=recipe.vfat_name,
        checksums=(
            Checksum(checksum_type="sha-256", digest=member.content_sha256, verify_process=GUNZIP),
            Checksum(checksum_type="sha-256", digest=member.sha256),
            Checksum(checksum_type="sha-1", digest=member.content_sha1, verify_process=GUNZIP),
        ),
    )
