"""Check a VIB or a bundle against its own statements, in one pass over the file."""

import os
from collections.abc import Sequence
from pathlib import Path

from vibforge.checks.registry import BUNDLE_CHECKS
from vibforge.checks.vib_checks import VIB_CHECKS
from vibforge.errors import FormatError
from vibforge.findings.check import Topic
from vibforge.model.vib import Vib
from vibforge.operations.facts.signatures import signature_facts
from vibforge.operations.facts.stated import stated_facts
from vibforge.operations.subjects import OpenBundle, Subject, opened
from vibforge.operations.verification import REQUIRED_SIGNATURE, Fact, Verification, fact
from vibforge.scan.bundle import BundleScan, bundle_scan
from vibforge.scan.payload import Progress, no_progress
from vibforge.scan.vib import VibScan
from vibforge.trust.policy import NO_POLICY, TrustPolicy


def verify(subject: Vib | str | os.PathLike[str], policy: TrustPolicy = NO_POLICY) -> Verification:
    """Verify a VIB, or whatever VIB or bundle is at a path.

    Without a store in the `policy`, the signature's arithmetic is checked, and whether its signer
    is to be trusted is told as not checked.

    Raises:
        FormatError: it is neither a VIB nor a bundle, or cannot be read.
    """
    if isinstance(subject, Vib):
        return verify_vib(subject.afresh(), policy=policy)
    return verify_path(Path(subject), policy=policy)


def verify_path(
    path: Path, progress: Progress = no_progress, policy: TrustPolicy = NO_POLICY
) -> Verification:
    """Verify the VIB or the bundle in a file; several bundles in one zip become its parts.

    Raises:
        FormatError: it is neither a VIB nor a bundle, or cannot be read.
    """
    with opened(path) as subjects:
        found = tuple(verify_subject(one, str(path), progress, policy) for one in subjects)
    return found[0] if len(found) == 1 else Verification(name=str(path), parts=found)


def verify_subject(
    subject: Subject,
    where: str,
    progress: Progress = no_progress,
    policy: TrustPolicy = NO_POLICY,
) -> Verification:
    """Verify what `subjects.opened` opened from `where`.

    Raises:
        FormatError: it is neither a VIB nor a bundle.
    """
    match subject:
        case Vib():
            return verify_vib(subject, progress, policy)
        case OpenBundle():
            return _verify_bundle(subject, progress, policy)
        case _:
            raise FormatError("only a VIB or a bundle says what it should be", where=where)


def verify_vib(
    vib: Vib, progress: Progress = no_progress, policy: TrustPolicy = NO_POLICY
) -> Verification:
    """Verify a VIB; its payloads are read once, in the order of the file.

    Raises:
        FormatError: the file cannot be read any more.
    """
    return verify_scan(VibScan(vib, progress=progress), policy)


def verify_scan(scan: VibScan, policy: TrustPolicy = NO_POLICY) -> Verification:
    """Verify a VIB whose payloads a scan reads."""
    facts = (
        *stated_facts(VIB_CHECKS, scan, policy=policy),
        *signature_facts(scan.vib, policy),
    )
    return Verification(name=scan.vib.source.name, vib_id=scan.descriptor.vib_id, facts=facts)


def verify_bundle_scan(
    scan: BundleScan, parts: Sequence[Verification], policy: TrustPolicy
) -> Verification:
    """Verify what a bundle states; `parts` are the verifications of its VIBs."""
    facts = list(stated_facts(BUNDLE_CHECKS, scan))
    if policy.demands_signature and not parts:
        facts.append(_nothing_signed())
    return Verification(name=scan.name, facts=tuple(facts), parts=tuple(parts))


def _verify_bundle(subject: OpenBundle, progress: Progress, policy: TrustPolicy) -> Verification:
    scan = bundle_scan(subject.bundle, subject.sources, inside=False)
    parts = [verify_vib(vib, progress, policy) for _member, vib in scan.vibs]
    return verify_bundle_scan(scan, parts, policy)


def _nothing_signed() -> Fact:
    """Return the fact that a bundle without VIBs has nothing that could be signed."""
    reason = "the bundle holds no VIB"
    return fact(Topic.POLICY, REQUIRED_SIGNATURE, holds=False, reason=reason)
