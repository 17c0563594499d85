"""What is offered to a host: a VIB file or a bundle, and what a host refuses when it reads it."""

from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum

from msgspec import Struct, field

from vibforge.checks.payloads import missing_parent_directory
from vibforge.checks.vib_checks import VIB_CHECKS
from vibforge.esxi import messages
from vibforge.findings.check import InstallStep
from vibforge.formats.inflating import CUT_SHORT, DAMAGED, Codec
from vibforge.formats.streams import ALGORITHMS, Hasher
from vibforge.host.package import Package, PayloadContent
from vibforge.host.prediction import Refusal
from vibforge.host.reading import refusal
from vibforge.vib.archive import Vib
from vibforge.vib.descriptor import Layer, Payload
from vibforge.vib.identity import DESCRIPTOR_NAME, SIGNATURE_NAME
from vibforge.vib.payload_scan import ScannedPayload
from vibforge.vib.scan import VibScan
from vibforge.vib.signature import Signature, reading_error

_DAMAGE = {
    "incorrect data check": messages.DAMAGED_GZIP(),
    "incorrect length check": messages.WRONG_LENGTH_IN_GZIP(),
}
"""What Python's gzip says, by what zlib says."""


class BundleReader(StrEnum):
    """Who reads an offline bundle."""

    ESXCLI = "esxcli software vib install -d"
    COMPONENT = "esxcli software component apply -d"
    VLCM = "vLCM import"
    IMAGE_BUILDER = "Image Builder"
    UPDATE_MANAGER = "Update Manager"


class InstallCandidate(Struct, frozen=True, kw_only=True):
    """A file with VIBs in it."""

    name: str
    packages: tuple[Package, ...] = ()
    refusals: tuple[Refusal, ...] = ()
    damage: tuple[Refusal, ...] = ()
    is_bundle: bool = False
    is_component: bool = False
    """Whether the bundle's bulletins are components, which hosts from 7.0 on and vLCM take."""
    of_readers: Mapping[BundleReader, tuple[Refusal, ...]] = field(default_factory=dict)
    """What those who read offline bundles refuse of the bundle itself."""
    of_payloads: tuple[Refusal, ...] = ()
    """What a host refuses of the VIBs when it reads their payloads."""


NOTHING = InstallCandidate(name="")


def joint_offer(offers: Sequence[InstallCandidate]) -> InstallCandidate:
    """Return what several files offer that are named in one command."""
    return InstallCandidate(
        name=" + ".join(offer.name for offer in offers),
        packages=tuple(package for offer in offers for package in offer.packages),
        refusals=tuple(refusal for offer in offers for refusal in offer.refusals),
        damage=tuple(refusal for offer in offers for refusal in offer.damage),
        is_bundle=all(offer.is_bundle for offer in offers),
        is_component=all(offer.is_component for offer in offers),
        of_readers={
            reader: tuple(r for offer in offers for r in offer.of_readers.get(reader, ()))
            for reader in BundleReader
        },
        of_payloads=tuple(refusal for offer in offers for refusal in offer.of_payloads),
    )


def offer_of(vib: Vib, name: str) -> InstallCandidate:
    """Return what a VIB file offers; its payloads are read once."""
    return offer_of_scan(VibScan(vib), name)


def offer_of_scan(scan: VibScan, name: str) -> InstallCandidate:
    """Return what a scanned VIB offers."""
    vib = scan.vib
    malformed = scan.signature is Signature.MALFORMED
    package = Package(
        descriptor=vib.descriptor,
        signature=scan.signature,
        signature_says=reading_error(vib.signature) if malformed else "",
        contents=tuple(_contents(scan)),
        missing_folders=tuple(fault.where for fault in missing_parent_directory.faults(scan)),
    )
    return InstallCandidate(
        name=name,
        packages=(package,),
        refusals=tuple(refusals(scan, InstallStep.READING)),
        of_payloads=tuple(refusals(scan, InstallStep.PAYLOADS)),
    )


def _contents(scan: VibScan) -> Iterator[PayloadContent]:
    """Yield what is in the declared payloads, in the order of their names."""
    read = {each.name: each for each in scan.payloads}
    own = {DESCRIPTOR_NAME: scan.vib.descriptor_bytes, SIGNATURE_NAME: scan.vib.signature}
    for declared in sorted(scan.descriptor.payloads, key=lambda each: each.name):
        if (payload := read.get(declared.name)) is None:
            yield _member(declared, own[declared.name])
        else:
            yield PayloadContent(
                payload=declared,
                present=payload.stored.member is not None,
                stored=_digests(payload, Layer.STORED),
                unpacked={} if payload.fault else _digests(payload, Layer.CONTENT),
                unpacking=_unpacking(payload),
            )


def _member(declared: Payload, data: bytes) -> PayloadContent:
    """Return what is in a payload that has the name of a member that is none."""
    hasher = Hasher(ALGORITHMS)
    hasher.take(data)
    return PayloadContent(
        payload=declared,
        stored=hasher.digests,
        unpacking=messages.NOT_GZIP() if data else messages.CUT_GZIP(),
    )


def _digests(payload: ScannedPayload, layer: Layer) -> dict[str, str]:
    return payload.hashers[layer].digests if layer in payload.hashers else {}


def _unpacking(payload: ScannedPayload) -> str:
    """Return the words with which the host's unpacking stops (tried on 6.7)."""
    if not payload.stored_size or payload.fault == CUT_SHORT:
        return messages.CUT_GZIP()
    if payload.fault.startswith(DAMAGED):
        reason = payload.fault.removeprefix(DAMAGED)
        return next((told for words, told in _DAMAGE.items() if words in reason), reason)
    return "" if Codec.GZIP in payload.compression else messages.NOT_GZIP()


def refusals(scan: VibScan, step: InstallStep) -> Iterator[Refusal]:
    """Yield what a host refuses at a step, in the order of the checks."""
    for check in VIB_CHECKS:
        if check.reaction and check.reaction.step is step:
            for fault in check.faults(scan):
                yield refusal(check, fault, scan.descriptor.vib_id)
