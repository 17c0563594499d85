"""What is offered to a host: a VIB file or a bundle, and what a host refuses when it reads it."""

from collections.abc import Iterator
from dataclasses import dataclass

from vibforge.checks.registry import VIB_CHECKS
from vibforge.findings.check import Step
from vibforge.host.package import Package
from vibforge.host.prediction import Refusal
from vibforge.host.reading import refusal
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


def refusals(scan: VibScan, step: Step) -> Iterator[Refusal]:
    """Yield what a host refuses at a step, in the order of the checks."""
    for check in VIB_CHECKS:
        if check.reaction and check.reaction.step is step:
            for fault in check.faults(scan):
                yield refusal(check, fault, scan.descriptor.vib_id)
