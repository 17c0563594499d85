"""Compare a file with its own statements, by the checks that do so."""

from collections.abc import Iterator, Sequence

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

_FAULT_LIMIT = 5
"""Faults of one check that are told one by one; a last fact counts the others."""


def stated_facts(
    checks: Sequence[Check[Subject_contra]], subject: Subject_contra, *, strict: bool = False
) -> Iterator[Fact]:
    """Yield what becomes of each statement of a file.

    Args:
        checks: every check of the registry for this kind of file; those that compare nothing with
            a statement are skipped.
        subject: the scanned file.
        strict: weak digests fail instead of giving a warning.
    """
    for check in checks:
        if check.contradiction is not None:
            yield from _facts(check, check.contradiction, subject, strict=strict)


def _facts(
    check: Check[Subject_contra],
    contradiction: Contradiction,
    subject: Subject_contra,
    *,
    strict: bool,
) -> Iterator[Fact]:
    none, faults = True, 0
    for result in check.results(subject):
        none = False
        faults += isinstance(result, Fault)
        if faults <= _FAULT_LIMIT or not isinstance(result, Fault):
            yield _fact(check, contradiction, result, strict=strict)
    if none:
        yield Fact(
            topic=contradiction.topic,
            subject="",
            statement=contradiction.claim,
            outcome=Outcome.HELD,
        )
    if faults > _FAULT_LIMIT:
        more = Fault("", f"and {faults - _FAULT_LIMIT} more")
        yield _fact(check, contradiction, more, strict=strict)


def _fact(
    check: Check[Subject_contra], contradiction: Contradiction, result: Result, *, strict: bool
) -> Fact:
    topic = contradiction.topic
    if isinstance(result, Held):
        return _told(topic, result.where, result.claim, Outcome.HELD)
    if isinstance(result, Unchecked):
        return _told(topic, result.where, result.claim, Outcome.NOT_CHECKED, result.why)
    is_error = (result.severity or check.severity) is Severity.ERROR
    fails = is_error or (strict and topic is Topic.COVERAGE)
    outcome = Outcome.FAILED if fails else Outcome.WARNING
    claim = result.claim or contradiction.claim
    return _told(topic, result.where, claim, outcome, f"{result.what} ({check.id})")


def _told(topic: Topic, subject: str, statement: str, outcome: Outcome, reason: str = "") -> Fact:
    return Fact(topic=topic, subject=subject, statement=statement, outcome=outcome, reason=reason)
