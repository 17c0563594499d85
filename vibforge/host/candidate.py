"""Files to install: VIBs and bundles, and what a host refuses when it reads them."""

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
"""The messages of Python's gzip module, by the messages of zlib."""


class BundleReader(StrEnum):
    """The programs that read offline bundles."""

    ESXCLI = "esxcli software vib install -d"
    COMPONENT = "esxcli software component apply -d"
    VLCM = "vLCM import"
    IMAGE_BUILDER = "Image Builder"
    UPDATE_MANAGER = "Update Manager"


class InstallCandidate(Struct, frozen=True, kw_only=True):
    """A VIB file or an offline bundle, and the refusals it causes while it is read."""

    name: str
    packages: tuple[Package, ...] = ()
    refusals: tuple[Refusal, ...] = ()
    damage: tuple[Refusal, ...] = ()
    is_bundle: bool = False
    is_component: bool = False
    """Whether the bundle's bulletins are components, which 7.0 and later and vLCM install."""
    reader_refusals: Mapping[BundleReader, tuple[Refusal, ...]] = field(default_factory=dict)
    """Why each reader of offline bundles refuses the bundle itself."""
    payload_refusals: tuple[Refusal, ...] = ()
    """Why a host refuses the VIBs when it reads their payloads."""


NO_CANDIDATE = InstallCandidate(name="")


def join_candidates(candidates: Sequence[InstallCandidate]) -> InstallCandidate:
    """Return one candidate for several files that one command installs."""
    return InstallCandidate(
        name=" + ".join(candidate.name for candidate in candidates),
        packages=tuple(package for candidate in candidates for package in candidate.packages),
        refusals=tuple(refusal for candidate in candidates for refusal in candidate.refusals),
        damage=tuple(refusal for candidate in candidates for refusal in candidate.damage),
        is_bundle=all(candidate.is_bundle for candidate in candidates),
        is_component=all(candidate.is_component for candidate in candidates),
        reader_refusals={
            reader: tuple(
                r for candidate in candidates for r in candidate.reader_refusals.get(reader, ())
            )
            for reader in BundleReader
        },
        payload_refusals=tuple(
            refusal for candidate in candidates for refusal in candidate.payload_refusals
        ),
    )


def candidate_from_vib(vib: Vib, name: str) -> InstallCandidate:
    """Return a VIB file as a candidate; reads its payloads once."""
    return candidate_from_scan(VibScan(vib), name)


def candidate_from_scan(scan: VibScan, name: str) -> InstallCandidate:
    """Return a scanned VIB as a candidate."""
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
        payload_refusals=tuple(refusals(scan, InstallStep.PAYLOADS)),
    )


def _contents(scan: VibScan) -> Iterator[PayloadContent]:
    """Yield the content of each declared payload, sorted by name."""
    scanned = {payload.name: payload for payload in scan.payloads}
    members = {DESCRIPTOR_NAME: scan.vib.descriptor_bytes, SIGNATURE_NAME: scan.vib.signature}
    for declared in sorted(scan.descriptor.payloads, key=lambda payload: payload.name):
        if (payload := scanned.get(declared.name)) is None:
            yield _member_content(declared, members[declared.name])
        else:
            yield PayloadContent(
                payload=declared,
                present=payload.stored.member is not None,
                stored=_digests(payload, Layer.STORED),
                unpacked={} if payload.fault else _digests(payload, Layer.CONTENT),
                unpacking=_unpacking(payload),
            )


def _member_content(declared: Payload, data: bytes) -> PayloadContent:
    """Return the content of a payload that is named like the descriptor or the signature."""
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
    """Return the message with which the host's unpacking fails (tried on 6.7); else empty."""
    if not payload.stored_size or payload.fault == CUT_SHORT:
        return messages.CUT_GZIP()
    if payload.fault.startswith(DAMAGED):
        reason = payload.fault.removeprefix(DAMAGED)
        return next((message for words, message in _DAMAGE.items() if words in reason), reason)
    return "" if Codec.GZIP in payload.compression else messages.NOT_GZIP()


def refusals(scan: VibScan, step: InstallStep) -> Iterator[Refusal]:
    """Yield the refusals of a host at one step, in the order of the checks."""
    for check in VIB_CHECKS:
        if check.reaction and check.reaction.step is step:
            for fault in check.faults(scan):
                yield refusal(check, fault, scan.descriptor.vib_id)
