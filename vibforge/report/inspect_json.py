"""How an inspection looks to programs: `vibforge/inspect/1`."""

from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Any

from vibforge.esxi.known_signers import known_signer
from vibforge.formats.tar_entries import TarEntry
from vibforge.model.bundle import Bundle
from vibforge.model.descriptor import Descriptor, Payload
from vibforge.model.several import Several
from vibforge.model.vib import Vib
from vibforge.operations.inspect import (
    BundleInspection,
    Inspection,
    StageInspection,
    VibInspection,
)
from vibforge.report import bundle_shapes, shapes, units
from vibforge.scan.payload import ScannedPayload

if TYPE_CHECKING:
    from vibforge.formats.pkcs7 import Block, Signer

Facts = dict[str, Any]


def inspections_json(files: Several[tuple[Inspection, ...]]) -> Facts:
    """Return the facts of `inspect --json`: for each path, what was found there."""
    return {
        "format": "vibforge/inspect/1",
        "files": [
            {"path": str(path), **inspection_facts(each)}
            for path, all_in_it in files.found
            for each in all_in_it
        ],
        "unreadable": shapes.unreadable(files.unreadable),
    }


def inspection_facts(found: Inspection) -> Facts:
    """Return the facts of one file, with its `kind` first."""
    match found:
        case VibInspection():
            return {"kind": "vib", **_vib(found)}
        case BundleInspection():
            return {"kind": "bundle", **_bundle(found)}
        case ScannedPayload():
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
        "faults": shapes.faults([*found.vib.faults, *found.vib.descriptor.faults, *found.faults]),
    }


def _bundle(found: BundleInspection) -> Facts:
    of = found.bundle
    return {
        "name": of.name,
        "size": found.size,
        **_bundle_facts(of),
        "vibs": [_vib(vib) for vib in found.vibs],
        "faults": shapes.faults([*of.faults, *found.faults]),
    }


def _bundle_facts(of: Bundle) -> Facts:
    return {
        "members": list(of.members),
        "metadata_members": list(of.metadata_members),
        "vendors": [{"name": each.name, "code": each.code} for each in of.vendors],
        "vendor_fields": dict(of.vendor),
        "platforms": [bundle_shapes.platform(each) for each in of.platforms],
        "bulletins": [
            {**bundle_shapes.bulletin(each), "member": each.member, "fields": dict(each.fields)}
            for each in of.bulletins
        ],
        "announced": [{**bundle_shapes.announced(each), "member": each.member} for each in of.vibs],
    }


def _stage(found: StageInspection) -> Facts:
    of = found.folder.descriptor
    return {
        "name": str(found.folder.path),
        "vib_id": of.vib_id,
        "descriptor": descriptor_facts(of),
        "trees": [
            {"name": name, "entries": [shapes.entry(entry) for entry in entries]}
            for name, entries in found.trees
        ],
        "signatures": [_block(block) for block in found.blocks],
        "faults": shapes.faults([*of.faults, *found.faults]),
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
            "mtime_text": member.mtime_text,
            "owner_text": member.uid_text,
            "group_text": member.gid_text,
            "mode_text": member.mode_text,
            "slash": member.has_slash,
        }
        for member in vib.archive.members
    ]


def _payload(found: ScannedPayload) -> Facts:
    return {
        "name": found.name,
        "declared": _declared(found.stored.declared),
        "size": found.stored_size,
        "uncompressed_size": found.content_size,
        "ratio": round(found.ratio, 3) if found.ratio else None,
        "compression": [each.value for each in found.compression],
        "form": found.form.value if found.form else None,
        "tar_magics": list(found.magics),
        "entries": [_found_entry(entry) for entry in found.entries],
        "complete": found.is_complete,
        "oddities": list(found.oddities),
        "faults": shapes.faults(found.faults),
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
        **shapes.entry(found.entry),
        "stored_name": found.name,
        "owner_name": found.owner,
        "group_name": found.group,
        "oddities": list(found.oddities),
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
                "not_before": units.utc(each.not_before),
                "not_after": units.utc(each.not_after),
                "sha256": each.sha256,
                "key": each.key,
                "known_as": known_signer(each.sha256, each.issuer) or None,
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
    return units.utc(when) if when else None
