"""Where the parts of a bundle's metadata, or a VIB and its depot, contradict each other."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from vibforge.vib.descriptor import Descriptor, MaintenanceMode

if TYPE_CHECKING:
    from vibforge.bundle.metadata import Bulletin, Bundle


def unlisted_vibs(bundle: "Bundle") -> "Iterator[tuple[Bulletin, str]]":
    """Yield the VIBs that bulletins list and the metadata does not announce."""
    known = {vib.descriptor.vib_id for vib in bundle.vibs}
    for bulletin in bundle.bulletins:
        for vib_id in bulletin.vib_ids:
            if vib_id not in known:
                yield bulletin, vib_id


def odd_platforms(bundle: "Bundle") -> Iterator[tuple[str, str]]:
    """Yield place and fault where the two vendor indexes and the bulletins name other releases."""
    outer = {(platform.product_id, platform.version) for platform in bundle.platforms}
    inner = {(platform.product_id, platform.version) for platform in bundle.inner_platforms}
    if outer != inner:
        yield "vendor-index.xml", "names other releases than its copy in the metadata"
    for bulletin in bundle.bulletins:
        own = {(platform.product_line_id, platform.version) for platform in bulletin.platforms}
        if not own:
            yield bulletin.member, "names no release"
        elif not own <= outer:
            yield bulletin.member, "names releases that the vendor index does not name"


def unlike_response(bundle: "Bundle") -> "Iterator[Bulletin]":
    """Yield the bulletins of which vmware.xml, if there is one, says something else or nothing."""
    if bundle.response is None:
        return
    told = {bulletin.id: _meaning(bulletin) for bulletin in bundle.response.bulletins}
    for bulletin in bundle.bulletins:
        if told.get(bulletin.id) != _meaning(bulletin):
            yield bulletin


def _meaning(of: "Bulletin") -> tuple[object, ...]:
    platforms = frozenset((p.product_line_id, p.version) for p in of.platforms)
    return (of.component_name, of.component_version, platforms, frozenset(of.vib_ids))


Reading = Callable[[Descriptor], Any]


def disagreements(own: Descriptor, announced: Descriptor) -> tuple[str, ...]:
    """Return what a host would find unequal, by the names of the descriptor's elements."""
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
