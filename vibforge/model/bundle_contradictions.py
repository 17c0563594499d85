"""Where the parts of a bundle's metadata contradict each other (vib-format 9.2 to 9.5)."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vibforge.model.bulletin import Bulletin
    from vibforge.model.bundle import Bundle


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
