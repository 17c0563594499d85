"""Where a VIB's own descriptor and what a depot says of it disagree (vib-format 9.4).

Hosts compare by meaning, not by bytes: some things always, others only where both have the same
release date (tried on 6.7). Software platforms are not compared: even a vendor's bundle of 7.0.3
leaves them out of the metadata.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from vibforge.model.descriptor import Descriptor, MaintenanceMode

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
