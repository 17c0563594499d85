"""Compare a file with its own statements, by the checks that do so."""

from collections.abc import Iterator, Sequence

from vibforge.checks.container import uncovered_table
from vibforge.checks.signature import bytes_around_signature
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
from vibforge.operations.verification import Fact, Outcome
from vibforge.trust.policy import NO_POLICY, TrustPolicy

_UNCOVERED = frozenset({uncovered_table.id, bytes_around_signature.id})
"""Checks that find bytes which neither a signature nor a digest covers."""
_FAULT_LIMIT = 5
"""Faults of one check that are told one by one; a last fact counts the others."""


def stated_facts(
    checks: Sequence[Check[Subject_contra]],
    subject: Subject_contra,
    *,
    policy: TrustPolicy = NO_POLICY,
) -> Iterator[Fact]:
    """Yield what becomes of each statement of a file.

    Args:
        checks: every check of the registry for this kind of file; those that compare nothing with
            a statement are skipped.
        subject: the scanned file.
        policy: what the caller demands; bytes that no strong digest covers fail a strict policy,
            and members that nothing covers fail one that demands a signature.
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
        return _told(topic, result.where, result.claim, Outcome.HELD)
    if isinstance(result, Unchecked):
        return _told(topic, result.where, result.claim, Outcome.NOT_CHECKED, result.why)
    is_error = (result.severity or check.severity) is Severity.ERROR
    fails = is_error or (topic is Topic.COVERAGE and _demands(policy, check))
    outcome = Outcome.FAILED if fails else Outcome.WARNING
    claim = result.claim or contradiction.claim
    return _told(topic, result.where, claim, outcome, f"{result.what} ({check.id})")


def _demands(policy: TrustPolicy, check: Check[Subject_contra]) -> bool:
    """Whether a policy does not tolerate a weak cover, or bytes that nothing covers at all."""
    return policy.demands_signature if check.id in _UNCOVERED else policy.strict


def _told(topic: Topic, subject: str, statement: str, outcome: Outcome, reason: str = "") -> Fact:
    return Fact(topic=topic, subject=subject, statement=statement, outcome=outcome, reason=reason)
