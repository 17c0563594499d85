"""The result of a verification: facts that held, failed or were not checked, and the verdict."""

import contextlib
from collections.abc import Iterator, Sequence
from enum import StrEnum

from msgspec import Struct

from vibforge.checks.container import uncovered_table
from vibforge.checks.signature import bytes_around_signature
from vibforge.errors import FormatError, Problem, VerificationError
from vibforge.findings.check import (
    Check,
    Contradiction,
    Fault,
    Held,
    Result,
    Severity,
    Subject_contra,
    Topic,
    Unchecked,
)
from vibforge.formats.pkcs7 import Block, parse_blocks
from vibforge.signing import judging
from vibforge.signing.expiry import WARNED_DAYS, block_expiries
from vibforge.signing.host_rules import BlockJudgement, Ruling, TrustJudgement
from vibforge.signing.judging import claim, judge, level_ruling, signature_ruling
from vibforge.signing.policy import NO_POLICY, TrustPolicy, unsigned_claim
from vibforge.vib.archive import Vib

REQUIRED_SIGNATURE = "a signature is valid, as the policy requires"
"""The statement for a policy that requires a signature, for VIBs and bundles."""


class Outcome(StrEnum):
    """The outcome of one fact."""

    HELD = "held"
    WARNING = "warning"
    """It does not hold, but only a stricter policy fails the file."""
    FAILED = "failed"
    NOT_CHECKED = "not checked"


class Fact(Struct, frozen=True, kw_only=True):
    """One fact: topic, statement and outcome, and the reason if the statement does not hold."""

    topic: Topic
    subject: str
    statement: str
    outcome: Outcome
    reason: str = ""

    @property
    def failure(self) -> str:
        """The text of an error for a fact that does not hold."""
        return f'"{self.statement}" does not hold: {self.reason}'


class Verification(Struct, frozen=True, kw_only=True):
    """The facts of one VIB, or of a bundle with its VIBs as `parts`.

    `name` is the file it was read from; `vib_id` is empty for a bundle.
    """

    name: str
    vib_id: str = ""
    facts: tuple[Fact, ...] = ()
    parts: tuple["Verification", ...] = ()

    @property
    def all_facts(self) -> Iterator[Fact]:
        """The facts, including those of the parts."""
        yield from self.facts
        for part in self.parts:
            yield from part.all_facts

    @property
    def held(self) -> bool:
        """Whether no fact failed; warnings and facts that were not checked are ignored."""
        return all(fact.outcome is not Outcome.FAILED for fact in self.all_facts)

    def require(self) -> "Verification":
        """Return this verification if it held.

        Raises:
            VerificationError: facts failed; each is a problem.
        """
        if failed := self.problems:
            raise VerificationError.from_problems(failed)
        return self

    @property
    def problems(self) -> tuple[Problem, ...]:
        """The facts that failed, as problems of the file."""
        return tuple(
            Problem(what=fact.failure, where=self._where(fact))
            for fact in self.all_facts
            if fact.outcome is Outcome.FAILED
        )

    def _where(self, fact: Fact) -> str:
        return f"{self.name}:{fact.subject}" if fact.subject else self.name


def fact(  # noqa: PLR0913 - the parts of a fact
    topic: Topic,
    statement: str,
    *,
    holds: bool | None,
    reason: str = "",
    subject: str = "",
    warns: bool = False,
) -> Fact:
    """Return a fact.

    Args:
        topic: the topic.
        statement: what should hold.
        holds: whether it holds; None if it was not checked.
        reason: why it does not hold, or was not checked; dropped if it holds.
        subject: the payload, signature or member.
        warns: whether a statement that does not hold is a warning instead of a failure.
    """
    outcome = Outcome.NOT_CHECKED
    if holds is not None:
        outcome = Outcome.HELD if holds else Outcome.WARNING if warns else Outcome.FAILED
    return Fact(
        topic=topic,
        subject=subject,
        statement=statement,
        outcome=outcome,
        reason="" if holds else reason,
    )


_UNCOVERED = frozenset({uncovered_table.id, bytes_around_signature.id})
"""Checks that find bytes without cover by a signature or a digest."""
_FAULT_LIMIT = 5
"""Most faults of one check that are listed; a last fact counts the others."""


def stated_facts(
    checks: Sequence[Check[Subject_contra]],
    subject: Subject_contra,
    *,
    policy: TrustPolicy = NO_POLICY,
) -> Iterator[Fact]:
    """Yield a fact for each statement of a file.

    Args:
        checks: all checks for this kind of file; those without a contradiction are skipped.
        subject: the scanned file.
        policy: a strict policy fails payloads that no strong digest covers; a policy that requires
            a signature fails bytes that nothing covers.
    """
    for check in checks:
        if check.contradiction is not None:
            yield from _facts(check, check.contradiction, subject, policy=policy)


def _facts(
    check: Check[Subject_contra],
    contradiction: Contradiction,
    subject: Subject_contra,
    *,
    policy: TrustPolicy,
) -> Iterator[Fact]:
    none, faults = True, 0
    for result in check.results(subject):
        none = False
        faults += isinstance(result, Fault)
        if faults <= _FAULT_LIMIT or not isinstance(result, Fault):
            yield _fact(check, contradiction, result, policy=policy)
    if none:
        yield Fact(
            topic=contradiction.topic,
            subject="",
            statement=contradiction.claim,
            outcome=Outcome.HELD,
        )
    if faults > _FAULT_LIMIT:
        more = Fault("", f"and {faults - _FAULT_LIMIT} more")
        yield _fact(check, contradiction, more, policy=policy)


def _fact(
    check: Check[Subject_contra],
    contradiction: Contradiction,
    result: Result,
    *,
    policy: TrustPolicy,
) -> Fact:
    topic = contradiction.topic
    if isinstance(result, Held):
        return _make_fact(topic, result.where, result.claim, Outcome.HELD)
    if isinstance(result, Unchecked):
        return _make_fact(topic, result.where, result.claim, Outcome.NOT_CHECKED, result.why)
    is_error = (result.severity or check.severity) is Severity.ERROR
    fails = is_error or (topic is Topic.COVERAGE and _demands(policy, check))
    outcome = Outcome.FAILED if fails else Outcome.WARNING
    claim = result.claim or contradiction.claim
    return _make_fact(topic, result.where, claim, outcome, f"{result.what} ({check.id})")


def _demands(policy: TrustPolicy, check: Check[Subject_contra]) -> bool:
    """Return whether the policy fails a file because of this check of coverage."""
    return policy.demands_signature if check.id in _UNCOVERED else policy.strict


def _make_fact(
    topic: Topic, subject: str, statement: str, outcome: Outcome, reason: str = ""
) -> Fact:
    return Fact(topic=topic, subject=subject, statement=statement, outcome=outcome, reason=reason)


def signed_facts(vib: Vib, policy: TrustPolicy) -> Iterator[Fact]:
    """Yield the facts of each signature block, then whether they allow the acceptance level."""
    try:
        parse_blocks(vib.signature)
    except FormatError as error:
        yield fact(Topic.SIGNATURE, "can be read", holds=False, reason=error.problems[0].what)
    judgement = judgement_of(vib, policy)
    for judged in judgement.blocks:
        yield from _block_facts(judged, judgement, policy)
    if vib.descriptor.has_level:
        yield from _level_facts(judgement)
    if judgement.blocks:
        yield _strict_fact(judgement, policy)
    yield from policy_facts(judgement, policy)


def policy_facts(judgement: TrustJudgement, policy: TrustPolicy) -> Iterator[Fact]:
    """Yield whether signatures and level meet the requirements of the policy, if it has any."""
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
    """Judge the signatures of a VIB; unreadable signatures are ignored."""
    blocks: tuple[Block, ...] = ()
    with contextlib.suppress(FormatError):
        blocks = parse_blocks(vib.signature)
    level = vib.descriptor.level
    return judge(
        blocks,
        vib.descriptor_bytes,
        level,
        policy.store,
        policy.at,
        budget=vib.source.budget,
    )


def _block_facts(
    judged: BlockJudgement, judgement: TrustJudgement, policy: TrustPolicy
) -> Iterator[Fact]:
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
    for ending in block_expiries(judged, policy.now) if policy.now else ():
        yield fact(
            Topic.DATES,
            f"its certificates stay valid for {WARNED_DAYS} days",
            holds=False,
            reason=str(ending),
            subject=subject,
            warns=True,
        )


def _signer_fact(judged: BlockJudgement, judgement: TrustJudgement, subject: str) -> Fact:
    """Return whether a host trusts this signer; a VIB requires only one trusted signer."""
    ruling = judged.host
    holds, reason = ruling.held, "; ".join(ruling.reasons)
    if holds is False and judgement.host.held:
        holds, reason = None, f"a host refuses it ({reason}), but accepts another signature"
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
            "ESXi 6.5 and 6.7.0, which read only the first signature, accept it too",
            holds=first.held or None,
            reason="; ".join(first.reasons),
        )


def _strict_fact(judgement: TrustJudgement, policy: TrustPolicy) -> Fact:
    """Return the fact of the strict rules, which fail a VIB only if the policy is strict."""
    ruling = judgement.strict
    if not policy.strict and ruling.held is False:
        ruling = Ruling(held=None, reasons=("a stricter host may refuse it", *ruling.reasons))
    return _ruled(Topic.STRICT, "a signature holds by strict X.509 rules", ruling)


def _ruled(topic: Topic, statement: str, ruling: Ruling) -> Fact:
    return fact(topic, statement, holds=ruling.held, reason="; ".join(ruling.reasons))


def signature_facts(vib: Vib, policy: TrustPolicy = NO_POLICY) -> Iterator[Fact]:
    """Yield the facts of each signature block, of the acceptance level and of the policy."""
    if vib.is_signed:
        yield from signed_facts(vib, policy)
    elif policy.demands_signature:
        yield from policy_facts(judgement_of(vib, policy), policy)


def level_objections(vib: Vib) -> tuple[str, ...]:
    """Return why the signatures do not allow the level that a VIB claims, with any trust store."""
    level = vib.descriptor.level
    if not vib.descriptor.has_level or not level.needs_signature:
        return ()
    if not vib.is_signed:
        return (unsigned_claim(level),)

    claimed = judging.claim(judgement_of(vib))
    return claimed.reasons if claimed.held is False else ()
