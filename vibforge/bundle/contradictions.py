"""Where the parts of a bundle's metadata, or a VIB and its depot, contradict each other."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from vibforge.vib.descriptor import Descriptor, MaintenanceMode

if TYPE_CHECKING:
    from vibforge.bundle.metadata import Bulletin, Bundle


def unlisted_vibs(bundle: "Bundle") -> "Iterator[tuple[Bulletin, str]]":
    """Yield the bulletins and the VIBs that they list, but the metadata does not describe."""
    known = {vib.descriptor.vib_id for vib in bundle.vibs}
    for bulletin in bundle.bulletins:
        for vib_id in bulletin.vib_ids:
            if vib_id not in known:
                yield bulletin, vib_id


def odd_platforms(bundle: "Bundle") -> Iterator[tuple[str, str]]:
    """Yield the path and fault of each part that declares other releases."""
    outer = {(platform.product_id, platform.version) for platform in bundle.platforms}
    inner = {(platform.product_id, platform.version) for platform in bundle.inner_platforms}
    if outer != inner:
        yield "vendor-index.xml", "declares other releases than its copy in the metadata"
    for bulletin in bundle.bulletins:
        own = {(platform.product_line_id, platform.version) for platform in bulletin.platforms}
        if not own:
            yield bulletin.member, "declares no release"
        elif not own <= outer:
            yield bulletin.member, "declares releases that the vendor index does not declare"


def bulletins_contradicted_by_vmware_xml(bundle: "Bundle") -> "Iterator[Bulletin]":
    """Yield the bulletins that vmware.xml contradicts or lacks; none if there is no vmware.xml."""
    if bundle.response is None:
        return
    stated = {bulletin.id: _compared_values(bulletin) for bulletin in bundle.response.bulletins}
    for bulletin in bundle.bulletins:
        if stated.get(bulletin.id) != _compared_values(bulletin):
            yield bulletin


def _compared_values(bulletin: "Bulletin") -> tuple[object, ...]:
    platforms = frozenset((p.product_line_id, p.version) for p in bulletin.platforms)
    vib_ids = frozenset(bulletin.vib_ids)
    return (bulletin.component_name, bulletin.component_version, platforms, vib_ids)


Reading = Callable[[Descriptor], Any]


def disagreements(own: Descriptor, announced: Descriptor) -> tuple[str, ...]:
    """Return the names of the descriptor's elements that a host finds unequal."""
    compared = dict(_ALWAYS)
    if _moment(own) == _moment(announced):
        compared |= _OF_ONE_DATE
    return tuple(name for name, read in compared.items() if read(own) != read(announced))


def _level(of: Descriptor) -> str:
    return of.level if of.has_level else of.acceptance_level or ""


def _moment(of: Descriptor) -> datetime | str:
    try:
        moment = datetime.fromisoformat((of.release_date or "").strip())
    except ValueError:
        return of.release_date or ""
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _payloads(of: Descriptor) -> set[object]:
    return {
        (
            *(payload.name, payload.type, payload.boot_order, payload.size or 0),
            frozenset((c.checksum_type, c.verify_process, c.digest) for c in payload.checksums),
        )
        for payload in of.payloads
    }


def _relations(of: Descriptor) -> tuple[frozenset[object], ...]:
    r = of.relationships
    groups = (r.depends, r.conflicts, r.replaces, r.provides, r.compatible_with)
    return tuple(frozenset(group) for group in groups)


def _maintenance_mode(of: Descriptor) -> MaintenanceMode:
    both = MaintenanceMode(on_install=True, on_remove=True)
    return of.system_requires.maintenance_mode or both


_ALWAYS: dict[str, Reading] = {
    "type": lambda of: of.type,
    "name": lambda of: of.name,
    "version": lambda of: of.version,
    "vendor": lambda of: of.vendor,
    "acceptance-level": _level,
    "file-list": lambda of: frozenset(of.file_list),
    "overlay": lambda of: bool(of.overlay),
    "payloads": _payloads,
}
_OF_ONE_DATE: dict[str, Reading] = {
    "summary": lambda of: of.summary,
    "description": lambda of: of.description,
    "urls": lambda of: frozenset(of.urls),
    "relationships": _relations,
    "software-tags": lambda of: frozenset(of.software_tags),
    "maintenance-mode": _maintenance_mode,
    "hwplatform": lambda of: frozenset(of.system_requires.hardware_platforms),
    "live-install-allowed": lambda of: bool(of.live_install_allowed),
    "live-remove-allowed": lambda of: bool(of.live_remove_allowed),
}
