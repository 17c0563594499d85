"""All checks of a VIB, and the checks that decide which releases can use it."""

from collections.abc import Iterator

from vibforge.checks import (
    container,
    descriptor_text,
    files,
    identity,
    payloads,
    reader,
    requirements,
    signature,
    trx,
)
from vibforge.checks.payloads import (
    digest_order_breaks_old_hosts,
    no_gunzip_sha256,
    zstd_before_nine,
)
from vibforge.checks.requirements import requirement_not_provided, vmklinux_driver
from vibforge.esxi.release import Certainty, Release
from vibforge.esxi.table import Cell, row_of
from vibforge.findings.check import Check, Fault, Finding, Severity, finding
from vibforge.vib.scan import Described, VibScan

_VIB_TOPICS = (
    container.CHECKS,
    reader.CHECKS,
    descriptor_text.CHECKS,
    identity.CHECKS,
    requirements.CHECKS,
    payloads.CHECKS,
    files.CHECKS,
    trx.CHECKS,
    signature.CHECKS,
)
VIB_CHECKS: tuple[Check[VibScan], ...] = tuple(
    sorted((rule for topic in _VIB_TOPICS for rule in topic), key=lambda rule: rule.id)
)


_RULING_OUT: tuple[Check[Described], ...] = (
    no_gunzip_sha256,
    digest_order_breaks_old_hosts,
    zstd_before_nine,
    requirement_not_provided,
    vmklinux_driver,
)
"""Checks of a descriptor whose refusal no flag overrides."""


def obstacles(subject: Described, release: Release) -> Iterator[Fault]:
    """Yield the known faults that keep hosts of a release from using a VIB."""
    return (fault for fault, cell in _faults(subject, release) if cell and cell.value)


def sure_obstacles(subject: Described, release: Release) -> Iterator[Fault]:
    """Yield the obstacles that are measured or documented, not inferred."""
    for fault, cell in _faults(subject, release):
        if cell and cell.value and cell.certainty is not Certainty.INFERRED:
            yield fault


def doubts(subject: Described, release: Release) -> Iterator[Fault]:
    """Yield faults that may keep hosts of a release from using a VIB; the facts are not known."""
    return (fault for fault, cell in _faults(subject, release) if cell is None)


def _faults(subject: Described, release: Release) -> Iterator[tuple[Fault, Cell[bool] | None]]:
    """Yield each fault, and whether the release refuses it; None if that is not known."""
    row = row_of(release)
    for check in _RULING_OUT:
        for fault in check.faults(subject):
            minds = fault.minds or check.minds
            yield fault, minds(row) if minds else None


def errors_on_every_release(scan: VibScan) -> Iterator[Finding]:
    """Yield the errors of a VIB that do not depend on the release."""
    for check in VIB_CHECKS:
        for fault in check.faults(scan):
            is_error = (fault.severity or check.severity) is Severity.ERROR
            if is_error and check.minds is None and fault.minds is None:
                yield finding(check, fault, scan.name)
