"""What a VIB's signatures show: arithmetic, signer, level, dates, strict rules, and the policy.

Whether a signer is to be trusted needs the certificates of those whom a host trusts.
"""

import contextlib
from collections.abc import Iterator

from vibforge.errors import FormatError
from vibforge.findings.check import Topic
from vibforge.formats.pkcs7 import Block, read_blocks
from vibforge.model.vib import Vib
from vibforge.operations.verification import REQUIRED_SIGNATURE, Fact, fact
from vibforge.trust.claims import claim
from vibforge.trust.gate import level_ruling, signature_ruling
from vibforge.trust.judging import judge
from vibforge.trust.policy import NO_POLICY, TrustPolicy
from vibforge.trust.ruling import BlockJudgement, Ruling, TrustJudgement


def signed_facts(vib: Vib, policy: TrustPolicy) -> Iterator[Fact]:
    """Yield the facts of each signature block, then whether they suit the acceptance level."""
    try:
        read_blocks(vib.signature)
    except FormatError as error:
        yield fact(Topic.SIGNATURE, "can be read", holds=False, reason=error.problems[0].what)
    judgement = judgement_of(vib, policy)
    for judged in judgement.blocks:
        yield from _block_facts(judged, judgement)
    if vib.descriptor.has_level:
        yield from _level_facts(judgement)
    if judgement.blocks:
        yield _strict_fact(judgement, policy)
    yield from policy_facts(judgement, policy)


def policy_facts(judgement: TrustJudgement, policy: TrustPolicy) -> Iterator[Fact]:
    """Yield whether signatures and level meet what the policy demands, if it demands anything."""
    if policy.demands_signature:
        signature = signature_ruling(judgement, policy)
        yield fact(
            Topic.POLICY,
            REQUIRED_SIGNATURE,
            holds=bool(signature.held),
            reason="; ".join(signature.reasons),
            warns=signature.held is None,
        )
    if policy.require_level is not None:
        statement = (
            f"the level is {policy.require_level.esxcli_name} or higher, as the policy requires"
        )
        yield _ruled(Topic.POLICY, statement, level_ruling(judgement, policy.require_level, policy))


def judgement_of(vib: Vib, policy: TrustPolicy = NO_POLICY) -> TrustJudgement:
    """Judge the signatures of a VIB; those that cannot be read at all count as none."""
    blocks: tuple[Block, ...] = ()
    with contextlib.suppress(FormatError):
        blocks = read_blocks(vib.signature)
    level = vib.descriptor.level
    return judge(
        blocks,
        vib.descriptor_bytes,
        level,
        policy.store,
        policy.at,
        budget=vib.source.budget,
    )


def _block_facts(judged: BlockJudgement, judgement: TrustJudgement) -> Iterator[Fact]:
    subject = f"signature {judged.number}"
    check = judged.check
    yield fact(
        Topic.SIGNATURE,
        "is over this descriptor, by the key of its certificate",
        holds=False if judged.block.fault else check.held,
        reason=check.reason,
        subject=subject,
    )
    if check.certificate is None:
        return
    yield _signer_fact(judged, judgement, subject)
    yield fact(Topic.DATES, _dates(judged), holds=None, reason="for information", subject=subject)


def _signer_fact(judged: BlockJudgement, judgement: TrustJudgement, subject: str) -> Fact:
    """Tell whether a host believes this signer; one that it believes is enough for a VIB."""
    ruling = judged.host
    holds, reason = ruling.held, "; ".join(ruling.reasons)
    if holds is False and judgement.host.held:
        holds, reason = None, f"a host refuses it ({reason}), and takes another signature"
    name = judged.check.certificate.subject if judged.check.certificate else ""
    if judged.known_as:
        name = f"{name} (known by its fingerprint: {judged.known_as})"
    return fact(Topic.SIGNER, f"{name} is trusted", holds=holds, reason=reason, subject=subject)


def _dates(judged: BlockJudgement) -> str:
    signed = judged.block.signers[0].signing_time
    when = f"signed {signed:%Y-%m-%d}" if signed else "signed at an unknown time"
    certificate = judged.check.certificate
    if certificate is None:
        return when
    first, last = certificate.not_before, certificate.not_after
    return f"{when}, certificate valid {first:%Y-%m-%d} to {last:%Y-%m-%d}"


def _level_facts(judgement: TrustJudgement) -> Iterator[Fact]:
    statement = f"signatures suit acceptance level {judgement.level}"
    yield _ruled(Topic.LEVEL, statement, claim(judgement))
    if len(judgement.blocks) > 1 and judgement.host.held:
        first = judgement.host_first_only
        yield fact(
            Topic.LEVEL,
            "ESXi 6.5 and 6.7.0, which read the first signature only, take it too",
            holds=first.held or None,
            reason="; ".join(first.reasons),
        )


def _strict_fact(judgement: TrustJudgement, policy: TrustPolicy) -> Fact:
    """Tell what strict rules say; they fail a VIB only where the caller wants that."""
    ruling = judgement.strict
    if not policy.strict and ruling.held is False:
        ruling = Ruling(held=None, reasons=("a stricter host may refuse it", *ruling.reasons))
    return _ruled(Topic.STRICT, "a signature holds by strict X.509 rules", ruling)


def _ruled(topic: Topic, statement: str, ruling: Ruling) -> Fact:
    return fact(topic, statement, holds=ruling.held, reason="; ".join(ruling.reasons))
