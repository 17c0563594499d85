"""What is offered to a host: a VIB file or a bundle, and what a host refuses when it reads it."""

from dataclasses import dataclass

from vibforge.findings.check import Step
from vibforge.host.package import Package
from vibforge.host.prediction import Refusal
from vibforge.host.reading import refusals
from vibforge.model.vib import Vib
from vibforge.scan.vib import VibScan


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
    """Return what a VIB file offers; its payloads are read once."""
    scan = VibScan(vib)
    return Offer(
        name=name,
        packages=(Package(descriptor=vib.descriptor, signature=scan.signature),),
        refusals=tuple(refusals(scan, Step.READING)),
        damage=tuple(refusals(scan, Step.PAYLOADS)),
    )
