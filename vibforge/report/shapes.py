"""What several commands tell programs, each in one shape: entries, faults, bulletins, findings."""

from collections.abc import Iterable
from typing import Any

from vibforge.errors import Problem
from vibforge.formats.tar_header import Entry
from vibforge.host.prediction import Cause
from vibforge.model.bulletin import Bulletin
from vibforge.model.bundle_index import Platform
from vibforge.model.bundle_vib import DepotVib
from vibforge.report import units
from vibforge.report.plain import kind_name, moment

Facts = dict[str, Any]


def faults(problems: Iterable[Problem]) -> list[Facts]:
    """Return problems as programs read them."""
    return [
        {"what": each.what, "where": each.where or None, "remedy": each.remedy or None}
        for each in problems
    ]


def entry(of: Entry) -> Facts:
    """Return an entry of a payload."""
    return {
        "path": of.path,
        "kind": kind_name(of.kind),
        "mode": units.mode(of.mode),
        "owner": of.uid,
        "group": of.gid,
        "size": of.size,
        "link": of.link or None,
        "mtime": moment(of.mtime),
    }


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


def cause(of: Cause) -> Facts:
    """Return why a host or a reader does what it does."""
    return {
        "what": of.what,
        "subject": of.subject or None,
        "certainty": of.certainty.value,
        "rule": of.rule or None,
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
