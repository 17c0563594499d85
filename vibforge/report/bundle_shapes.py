"""What several commands tell programs of bundles: platforms, bulletins, announced VIBs."""

from vibforge.model.bulletin import Bulletin
from vibforge.model.bundle_index import Platform
from vibforge.model.bundle_vib import DepotVib
from vibforge.report.shapes import Facts


def platform(of: Platform) -> Facts:
    """Return what a vendor index says that a metadata zip is for."""
    return {
        "product_id": of.product_id,
        "version": of.version,
        "locale": of.locale or None,
        "url": of.url,
        "channels": list(of.channels),
    }


def bulletin(of: Bulletin) -> Facts:
    """Return a bulletin; `component` is None where it is none."""
    component = {"name": of.component_name, "version": of.component_version}
    texts = {
        "vendor": "vendor",
        "summary": "summary",
        "severity": "severity",
        "category": "category",
        "urgency": "urgency",
        "release_type": "releaseType",
        "kb_url": "kbUrl",
        "contact": "contact",
        "release_date": "releaseDate",
    }
    return {
        "id": of.id,
        "component": component if of.is_component else None,
        **{name: of.value(tag) or None for name, tag in texts.items()},
        "platforms": [
            {"product_id": each.product_line_id, "version": each.version} for each in of.platforms
        ],
        "vib_ids": list(of.vib_ids),
    }


def announced(of: DepotVib) -> Facts:
    """Return what the metadata of a bundle says of a VIB in it."""
    return {
        "vib_id": of.descriptor.vib_id,
        "path": of.relative_path,
        "size": of.packed_size,
        "acceptance_level": of.descriptor.acceptance_level,
        "checksums": [
            {"checksum_type": each.checksum_type, "digest": each.digest.lower()}
            for each in of.checksums
        ],
    }
