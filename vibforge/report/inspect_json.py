"""How an inspection looks to programs: `vibforge/inspect/1`."""

from collections.abc import Iterable
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Any

from vibforge.errors import Problem
from vibforge.formats.tar_entries import TarEntry
from vibforge.formats.tar_header import Entry
from vibforge.model.bundle import Bundle
from vibforge.model.descriptor import Descriptor, Payload
from vibforge.model.vib import Vib
from vibforge.operations.inspect import (
    BundleInspection,
    Inspection,
    PayloadInspection,
    StageInspection,
    VibInspection,
)
from vibforge.report import units
from vibforge.report.plain import kind_name, moment
from vibforge.trust.known_signers import known_signer

if TYPE_CHECKING:
    from vibforge.formats.pkcs7 import Block, Signer

Facts = dict[str, Any]


def inspections_json(found: Iterable[tuple[str, Inspection]]) -> Facts:
    """Return the facts of `inspect --json`: for each path, what was found there."""
    return {
        "format": "vibforge/inspect/1",
        "files": [{"path": path, **inspection_facts(each)} for path, each in found],
    }


def inspection_facts(found: Inspection) -> Facts:
    """Return the facts of one file, with its `kind` first."""
    match found:
        case VibInspection():
            return {"kind": "vib", **_vib(found)}
        case BundleInspection():
            return {"kind": "bundle", **_bundle(found)}
        case PayloadInspection():
            return {"kind": "payload", **_payload(found)}
        case StageInspection():
            return {"kind": "stage", **_stage(found)}


def _vib(found: VibInspection) -> Facts:
    return {
        "name": found.vib.source.name,
        "size": found.vib.source.size,
        "vib_id": found.vib.descriptor.vib_id,
        "descriptor": descriptor_facts(found.vib.descriptor),
        "members": _members(found.vib),
        "payloads": [_payload(payload) for payload in found.payloads],
        "signatures": [_block(block) for block in found.blocks],
        "claims": list(found.claims),
        "faults": _texts([*found.vib.faults, *found.vib.descriptor.faults, *found.faults]),
    }


def _bundle(found: BundleInspection) -> Facts:
    of = found.bundle
    return {
        "name": of.name,
        "size": found.size,
        **_bundle_facts(of),
        "vibs": [_vib(vib) for vib in found.vibs],
        "faults": _texts([*of.faults, *found.faults]),
    }


def _bundle_facts(of: Bundle) -> Facts:
    return {
        "members": list(of.members),
        "vendor": dict(of.vendor),
        "platforms": [
            {
                "product_id": each.product_id,
                "version": each.version,
                "locale": each.locale,
                "url": each.url,
                "channels": list(each.channels),
            }
            for each in of.platforms
        ],
        "metadata_members": list(of.metadata_members),
        "bulletins": [
            {
                "member": each.member,
                "component": each.is_component,
                "component_name": each.component_name or None,
                "component_version": each.component_version or None,
                "vib_ids": list(each.vib_ids),
                "fields": dict(each.fields),
            }
            for each in of.bulletins
        ],
        "announced": [
            {
                "member": each.member,
                "vib_id": each.descriptor.vib_id,
                "relative_path": each.relative_path,
                "packed_size": each.packed_size,
                "checksums": [asdict(checksum) for checksum in each.checksums],
            }
            for each in of.vibs
        ],
    }


def _stage(found: StageInspection) -> Facts:
    of = found.folder.descriptor
    return {
        "name": str(found.folder.path),
        "vib_id": of.vib_id,
        "descriptor": descriptor_facts(of),
        "trees": [
            {"name": name, "entries": [_entry(entry) for entry in entries]}
            for name, entries in found.trees
        ],
        "signatures": [_block(block) for block in found.blocks],
        "faults": _texts([*of.faults, *found.faults]),
    }


def descriptor_facts(of: Descriptor) -> Facts:
    """Return what a descriptor says."""
    relations = of.relationships
    mode = of.system_requires.maintenance_mode
    return {
        "name": of.name,
        "version": of.version,
        "vendor": of.vendor,
        "type": of.type,
        "summary": of.summary,
        "description": of.description,
        "release_date": of.release_date,
        "urls": [asdict(url) for url in of.urls],
        "relationships": {
            "depends": [str(each) for each in relations.depends],
            "conflicts": [str(each) for each in relations.conflicts],
            "replaces": [str(each) for each in relations.replaces],
            "provides": [str(each) for each in relations.provides],
            "compatible_with": [str(each) for each in relations.compatible_with],
        },
        "software_tags": list(of.software_tags),
        "system_requires": {
            "maintenance_mode": asdict(mode) if mode else None,
            "hardware_platforms": [asdict(each) for each in of.system_requires.hardware_platforms],
            "software_platforms": [asdict(each) for each in of.system_requires.software_platforms],
        },
        "file_list": list(of.file_list),
        "acceptance_level": of.acceptance_level,
        "live_install_allowed": of.live_install_allowed,
        "live_remove_allowed": of.live_remove_allowed,
        "cimom_restart": of.cimom_restart,
        "stateless_ready": of.stateless_ready,
        "overlay": of.overlay,
        "unknown": list(of.unknown),
        "unknown_parts": [asdict(part) for part in of.unknown_parts],
        "repeated": list(of.repeated),
    }


def _members(vib: Vib) -> list[Facts]:
    return [
        {
            "name": member.name,
            "offset": member.header_offset,
            "size": member.size,
            "stored_size": member.stored_size,
            "mtime": member.mtime_text,
            "owner": member.uid_text,
            "group": member.gid_text,
            "mode": member.mode_text,
            "slash": member.has_slash,
        }
        for member in vib.archive.members
    ]


def _payload(found: PayloadInspection) -> Facts:
    return {
        "name": found.payload.name,
        "declared": _declared(found.payload.declared),
        "size": found.stored_size,
        "uncompressed_size": found.content_size,
        "ratio": round(found.ratio, 3) if found.ratio else None,
        "compression": [each.value for each in found.compression],
        "form": found.form.value if found.form else None,
        "tar_magics": list(found.magics),
        "entries": [_found_entry(entry) for entry in found.entries],
        "oddities": list(found.oddities),
        "faults": _texts(found.faults),
    }


def _declared(payload: Payload | None) -> Facts | None:
    if payload is None:
        return None
    return {
        "type": payload.type,
        "size": payload.size,
        "uncompressed_size": payload.uncompressed_size,
        "boot_order": payload.boot_order,
        "vfat_name": payload.vfat_name or None,
        "checksums": [asdict(checksum) for checksum in payload.checksums],
        "other_attributes": dict(payload.other_attributes),
    }


def _found_entry(found: TarEntry) -> Facts:
    return {
        **_entry(found.entry),
        "stored_name": found.name,
        "owner_name": found.owner,
        "group_name": found.group,
        "oddities": list(found.oddities),
    }


def _entry(entry: Entry) -> Facts:
    return {
        "path": entry.path,
        "kind": kind_name(entry.kind),
        "mode": units.mode(entry.mode),
        "owner": entry.uid,
        "group": entry.gid,
        "size": entry.size,
        "link": entry.link or None,
        "mtime": moment(entry.mtime),
    }


def _block(block: "Block") -> Facts:
    return {
        "encoding": block.encoding,
        "label": block.label,
        "fault": block.fault or None,
        "attached": block.content is not None,
        "signers": [_signer(signer) for signer in block.signers],
        "certificates": [
            {
                "subject": each.subject,
                "issuer": each.issuer,
                "serial_number": f"{each.serial_number:x}",
                "not_before": each.not_before.isoformat(),
                "not_after": each.not_after.isoformat(),
                "sha256": each.sha256,
                "key": each.key,
                "known_as": known_signer(each.sha256) or None,
            }
            for each in block.certificates
        ],
    }


def _signer(signer: "Signer") -> Facts:
    number = signer.serial_number
    return {
        "issuer": signer.issuer or None,
        "serial_number": None if number is None else f"{number:x}",
        "subject_key_id": signer.subject_key_id or None,
        "digest_algorithm": signer.digest_algorithm,
        "signature_algorithm": signer.signature_algorithm,
        "signed_attributes": list(signer.signed_attributes),
        "signing_time": _time(signer.signing_time),
    }


def _time(when: datetime | None) -> str | None:
    return when.isoformat() if when else None


def _texts(problems: Iterable[Problem]) -> list[str]:
    return [str(problem) for problem in problems]
