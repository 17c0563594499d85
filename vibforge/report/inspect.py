"""Texts about an inspection and an extraction."""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from vibforge.bundle.metadata import Bundle
from vibforge.errors import ModelError, Problem
from vibforge.esxi.acceptance import AcceptanceLevel, known_signer
from vibforge.packages.extract import Extracted
from vibforge.packages.inspect import BundleInspection, Inspection, StageInspection, VibInspection
from vibforge.report import units
from vibforge.report.paint import Paint
from vibforge.report.plain import entry_line, labelled, listing_line, plain, wrapped
from vibforge.vib.descriptor import Descriptor
from vibforge.vib.payload_scan import ScannedPayload

if TYPE_CHECKING:
    from vibforge.formats.pkcs7 import Block, CmsSigner


_SHOWN_ENTRIES = 40
_WARNING = "  ! "


def inspection_text(found: Inspection, paint: Paint, width: int) -> str:
    """Show an inspection, in lines of `width` columns as far as words allow."""
    return "\n".join(_View(paint, width).lines(found))


def listing(found: Inspection) -> Iterator[str]:
    """Yield one line for each entry of all payloads: mode, owner, group, bytes, path, link."""
    match found:
        case VibInspection():
            for payload in found.payloads:
                yield from listing(payload)
        case BundleInspection():
            for vib in found.vibs:
                yield from listing(vib)
        case ScannedPayload():
            yield from (listing_line(entry.entry) for entry in found.entries)
        case StageInspection():
            for _name, entries in found.trees:
                yield from (listing_line(entry) for entry in entries)


class _View:
    """Formats an inspection for one terminal width."""

    def __init__(self, paint: Paint, width: int) -> None:
        self._paint = paint
        self._width = width

    def lines(self, found: Inspection) -> Iterator[str]:
        match found:
            case VibInspection():
                return self.vib(found)
            case BundleInspection():
                return self.bundle(found)
            case ScannedPayload():
                return self.loose(found)
            case StageInspection():
                return self.stage(found)

    def vib(self, found: VibInspection) -> Iterator[str]:
        of = found.vib.descriptor
        yield self._title(of.vib_id)
        yield from self._fact(
            "file", f"{found.vib.source.name} ({units.size(found.vib.source.size)})"
        )
        yield from self._descriptor(of)
        for payload in found.payloads:
            yield ""
            yield from self._payload(payload)
        yield ""
        yield from self._signatures(found.blocks)
        yield from self._warnings(found.claims)
        yield from self._oddities([*found.vib.faults, *of.faults, *found.faults], _unknown(of))

    def bundle(self, found: BundleInspection) -> Iterator[str]:
        of = found.bundle
        yield self._title(f"Offline bundle {plain(of.name)}")
        yield from self._fact("file", f"{units.size(found.size)}, {len(of.members)} members")
        yield from self._bundle_facts(of)
        yield from self._oddities([*of.faults, *found.faults], ())
        for vib in found.vibs:
            yield ""
            yield from self.vib(vib)

    def loose(self, found: ScannedPayload) -> Iterator[str]:
        yield from self._payload(found)
        yield from self._oddities((), ())

    def stage(self, found: StageInspection) -> Iterator[str]:
        of = found.folder.descriptor
        yield self._title(f"Stage folder {plain(str(found.folder.path))}")
        yield from self._descriptor(of)
        for name, entries in found.trees:
            yield ""
            yield self._title(f"Payload {plain(name)}")
            yield from (entry_line(entry) for entry in entries[:_SHOWN_ENTRIES])
            yield from self._more(len(entries))
        yield ""
        yield from self._signatures(found.blocks)
        yield from self._oddities([*of.faults, *found.faults], _unknown(of))

    def _title(self, text: str) -> str:
        return self._paint(plain(text), "strong")

    def _fact(self, label: str, text: str) -> Iterator[str]:
        return labelled(label, text, self._width)

    def _descriptor(self, of: Descriptor) -> Iterator[str]:
        for label, text in _descriptor_facts(of):
            yield from self._fact(label, text)

    def _bundle_facts(self, of: Bundle) -> Iterator[str]:
        vendor = dict(of.vendor)
        yield from self._fact(
            "vendor", f"{vendor.get('name', '-')} (code {vendor.get('code', '-')})"
        )
        for platform in of.platforms:
            yield from self._fact("platform", f"{platform.product_id} {platform.version}")
        for bulletin in of.bulletins:
            label = "component" if bulletin.is_component else "bulletin"
            name = f"{bulletin.component_name} {bulletin.component_version}".strip()
            yield from self._fact(label, name or bulletin.value("id"))
            yield from self._fact("", bulletin.value("summary"))

    def _payload(self, found: ScannedPayload) -> Iterator[str]:
        declared = found.stored.declared
        kind = declared.type if declared else "not declared"
        holds = [*found.compression, found.form or found.content_kind]
        yield self._title(f"Payload {found.name}") + f"  {plain(kind)}"
        yield from self._fact("holds", ", ".join(holds))
        yield from self._fact("size", _sizes(found))
        for entry in found.entries[:_SHOWN_ENTRIES]:
            yield entry_line(entry.entry)
        if found.is_complete:
            yield from self._more(len(found.entries))
        else:
            yield "  … and more entries; --files reads and shows all"
        yield from self._warnings(found.oddities)
        yield from self._warnings(str(fault) for fault in found.faults)
        for entry in found.entries:
            yield from self._warnings(f"/{entry.entry.path}: {odd}" for odd in entry.oddities)

    def _more(self, count: int) -> Iterator[str]:
        if count > _SHOWN_ENTRIES:
            yield f"  … and {count - _SHOWN_ENTRIES} more entries; --files shows all"

    def _signatures(self, blocks: "tuple[Block, ...]") -> Iterator[str]:
        if not blocks:
            yield self._title("Not signed")
        for number, block in enumerate(blocks, 1):
            yield self._title(f"Signature {number}") + f"  {block.encoding}"
            yield from self._warnings([block.fault] if block.fault else [])
            for signer in block.signers:
                yield from self._signer(block, signer)
            for certificate in block.certificates:
                first, last = certificate.not_before, certificate.not_after
                valid = f"valid {first:%Y-%m-%d} to {last:%Y-%m-%d}"
                yield from self._fact("certificate", f"{certificate.key}, {valid}")
                yield from self._fact("", f"SHA-256 {certificate.sha256}")

    def _signer(self, block: "Block", signer: "CmsSigner") -> Iterator[str]:
        certificate = block.certificate_of(signer)
        when = signer.signing_time.isoformat() if signer.signing_time else "-"
        how = f"{signer.digest_algorithm}, {signer.signature_algorithm}"
        yield from self._fact("signed", f"{when}, {how}")
        yield from self._fact("by", certificate.subject if certificate else "-")
        if certificate and (known := known_signer(certificate.sha256, certificate.issuer)):
            yield from self._fact("known as", known)
        yield from self._fact("issuer", signer.issuer or f"key {signer.subject_key_id}")

    def _oddities(self, problems: Iterable[Problem], notes: Iterable[str]) -> Iterator[str]:
        lines = [*(str(problem) for problem in problems), *notes]
        if lines:
            yield ""
            yield self._title("Oddities")
            yield from self._warnings(lines)

    def _warnings(self, texts: Iterable[str]) -> Iterator[str]:
        for text in texts:
            first, *others = wrapped(text, self._width - len(_WARNING)) or [""]
            yield self._paint(_WARNING, "warn") + first
            yield from (" " * len(_WARNING) + line for line in others)


def _descriptor_facts(of: Descriptor) -> Iterator[tuple[str, str]]:
    yield "summary", of.summary
    if of.description != of.summary:
        yield "description", of.description
    yield "level", _level(of.acceptance_level)
    yield "date", of.release_date or "-"
    yield "install", _install(of)
    for platform in of.system_requires.software_platforms:
        yield "platform", f"{platform.product_line_id} {platform.version} {platform.locale}"
    for hardware in of.system_requires.hardware_platforms:
        yield "hardware", f"{hardware.vendor} {hardware.model}"
    relations = of.relationships
    yield "depends", ", ".join(map(str, relations.depends))
    yield "conflicts", ", ".join(map(str, relations.conflicts))
    yield "replaces", ", ".join(map(str, relations.replaces))
    yield "provides", ", ".join(map(str, relations.provides))
    yield "compatible", ", ".join(map(str, relations.compatible_with))
    yield "tags", ", ".join(of.software_tags)
    for url in of.urls:
        yield "url", f"{url.key} {url.link}"


def _level(text: str | None) -> str:
    try:
        level = AcceptanceLevel.of_descriptor(text or AcceptanceLevel.COMMUNITY)
    except ModelError:
        return f"{text} (not a level)"
    return f"{level} ({level.esxcli_name})" + ("" if text else ", not stated")


def _install(of: Descriptor) -> str:
    mode = of.system_requires.maintenance_mode
    facts = {
        "live install": of.live_install_allowed,
        "live remove": of.live_remove_allowed,
        "maintenance mode to install": True if mode is None else mode.on_install,
        "maintenance mode to remove": True if mode is None else mode.on_remove,
        "stateless": of.stateless_ready,
        "overlay": of.overlay,
    }
    return ", ".join(name for name, value in facts.items() if value) or "with a reboot"


def _sizes(found: ScannedPayload) -> str:
    stored = units.size(found.stored_size)
    if found.content_size is None:
        return stored
    ratio = f" ({found.ratio:.1f} : 1)" if found.ratio else ""
    return f"{stored}, {units.size(found.content_size)} unpacked{ratio}"


def _unknown(of: Descriptor) -> Iterator[str]:
    yield from (f"unknown element: {text}" for text in of.unknown)
    yield from (f"unknown part: {part.path} {part.text}" for part in of.unknown_parts)
    yield from (f"<{tag}> occurs more than once" for tag in of.repeated)


def extracted_text(done: Extracted) -> str:
    """Return how many paths were written to which folder, and what was left out."""
    noun = "path" if len(done.paths) == 1 else "paths"
    lines = [f"{len(done.paths)} {noun} in {plain(str(done.folder))}"]
    lines += [f"  left out: {plain(' '.join(str(left).split()))}" for left in done.left_out]
    return "\n".join(lines)
