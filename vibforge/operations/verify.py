"""Hold a VIB or a bundle against what it says of itself: one pass over the file."""

import os
from pathlib import Path

from vibforge.errors import FormatError
from vibforge.model.vib import Vib
from vibforge.operations.facts.bundle import agreement_fact, bundle_facts, unreadable
from vibforge.operations.facts.payloads import (
    FoundFiles,
    Progress,
    coverage_fact,
    name_facts,
    payload_facts,
    table_facts,
)
from vibforge.operations.facts.signatures import signature_facts
from vibforge.operations.subjects import OpenBundle, Subject, opened
from vibforge.operations.verification import REQUIRED_SIGNATURE, Fact, Topic, Verification, fact
from vibforge.trust.policy import NO_POLICY, TrustPolicy

_NAMED_LIMIT = 5
"""Paths that a reason names; more are counted."""


def _no_progress(_size: int) -> None:
    """Tell nobody."""


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
    path: Path, progress: Progress = _no_progress, policy: TrustPolicy = NO_POLICY
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
    progress: Progress = _no_progress,
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
    vib: Vib, progress: Progress = _no_progress, policy: TrustPolicy = NO_POLICY
) -> Verification:
    """Verify a VIB; its payloads are read once, in the order of the file.

    Raises:
        FormatError: the file cannot be read any more.
    """
    facts = [_container_fact(vib), _descriptor_fact(vib)]
    files = FoundFiles.against(vib.descriptor.file_list)
    facts += name_facts(vib)
    facts += table_facts(vib, fails=policy.demands_signature)
    with vib.source.open() as stream:
        for payload in vib.payloads:
            facts += payload_facts(vib, payload, stream, files, progress)
            if payload.declared:
                facts.append(coverage_fact(payload.declared, strict=policy.strict))
    facts.append(_file_list_fact(files))
    facts += signature_facts(vib, policy)
    return Verification(name=vib.source.name, vib_id=vib.descriptor.vib_id, facts=tuple(facts))


def _container_fact(vib: Vib) -> Fact:
    reason = "; ".join(str(fault) for fault in vib.faults)
    return fact(Topic.CONTAINER, "members as a host wants them", holds=not reason, reason=reason)


def _descriptor_fact(vib: Vib) -> Fact:
    reasons = [fault.what for fault in vib.descriptor.faults]
    reasons += [f"<{tag}> occurs more than once" for tag in vib.descriptor.repeated]
    reason = "; ".join(reasons)
    return fact(Topic.DESCRIPTOR, "values that can be read", holds=not reason, reason=reason)


def _file_list_fact(files: FoundFiles) -> Fact:
    statement = "the file list names what the payloads hold"
    if files.unread:
        names = ", ".join(files.unread)
        return fact(Topic.FILES, statement, holds=None, reason=f"{names} could not be read")
    reasons = [
        _named("not in a payload", {path for path, is_met in files.met.items() if not is_met}),
        _named("not in the list", files.unlisted),
    ]
    reason = "; ".join(filter(None, reasons))
    return fact(Topic.FILES, statement, holds=not reason, reason=reason)


def _named(what: str, paths: set[str]) -> str:
    named = sorted(paths)[:_NAMED_LIMIT]
    more = f" and {len(paths) - len(named)} more" if len(paths) > len(named) else ""
    return f"{what}: {', '.join(named)}{more}" if paths else ""


def _verify_bundle(subject: OpenBundle, progress: Progress, policy: TrustPolicy) -> Verification:
    facts = list(bundle_facts(subject))
    announced = {each.relative_path: each for each in subject.bundle.vibs}
    parts = []
    for source in subject.sources:
        path = source.name.removeprefix(f"{subject.bundle.name}:")
        try:
            vib = Vib.from_source(source)
            facts.append(agreement_fact(vib, announced.get(path), path))
            parts.append(verify_vib(vib, progress, policy))
        except FormatError as error:
            facts.append(unreadable(error, source.name))
    if policy.demands_signature and not subject.sources:
        facts.append(_nothing_signed())
    return Verification(name=subject.bundle.name, facts=tuple(facts), parts=tuple(parts))


def _nothing_signed() -> Fact:
    """Return the fact that a bundle without VIBs has nothing that could be signed."""
    reason = "the bundle holds no VIB"
    return fact(Topic.POLICY, REQUIRED_SIGNATURE, holds=False, reason=reason)
