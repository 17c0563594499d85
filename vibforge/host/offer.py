"""What is offered to a host: a VIB file or a bundle, and what a host would make of reading it."""

from dataclasses import dataclass

from vibforge.errors import FormatError
from vibforge.host.package import Package, Signature
from vibforge.host.prediction import Refusal
from vibforge.host.reading import payload_refusals, refusals
from vibforge.model.vib import Vib


@dataclass(frozen=True, kw_only=True, slots=True)
class Offer:
    """A file with VIBs in it."""

    name: str
    packages: tuple[Package, ...] = ()
    refusals: tuple[Refusal, ...] = ()
    damage: tuple[Refusal, ...] = ()
    is_bundle: bool = False
    is_component: bool = False
    """Whether the bundle's bulletins are components, which hosts from 7.0 on and vLCM take."""


def offer_of(vib: Vib, name: str) -> Offer:
    """Return what a VIB file offers; its payloads are hashed once."""
    return Offer(
        name=name,
        packages=(package_of(vib),),
        refusals=refusals(vib),
        damage=tuple(payload_refusals(vib)),
    )


def package_of(vib: Vib) -> Package:
    """Return a VIB as the rules of an install see it."""
    return Package(descriptor=vib.descriptor, signature=signature_of(vib))


def signature_of(vib: Vib) -> Signature:
    """Tell what a signature is worth as far as its own arithmetic goes; not whom to trust."""
    if not vib.is_signed:
        return Signature.MISSING
    from vibforge.formats.pkcs7 import (  # noqa: PLC0415 - most VIBs are unsigned
        PEM_LABEL,
        check_block,
        read_blocks,
    )

    try:
        blocks = read_blocks(vib.signature)
    except FormatError:
        return Signature.MALFORMED
    first = blocks[0] if blocks else None
    if first is None or first.fault or first.label != PEM_LABEL:
        return Signature.MALFORMED
    held = check_block(first, vib.descriptor_bytes).held
    return Signature.BROKEN if held is False else Signature.UNKNOWN
