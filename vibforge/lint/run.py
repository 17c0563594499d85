"""Hold VIBs and bundles against the rules that were chosen."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Self

from vibforge.esxi.release import Release
from vibforge.esxi.table import STOCK_TARGETS
from vibforge.lint.registry import BUNDLE_RULES, RULES, RULES_BY_ID, VIB_RULES, chosen
from vibforge.lint.rule import Fault, Finding, Looked, Rule, Severity
from vibforge.lint.subject import BundleSubject, VibSubject
from vibforge.model.certainty import Certainty

if TYPE_CHECKING:
    from vibforge.model.allowance import Allowance

FAULT_LIMIT = 100
"""Faults of one rule in one file that are listed; the last one tells how many more there are."""


@dataclass(frozen=True, kw_only=True)
class Choice:
    """Which rules, for which releases, and what is allowed in spite of them.

    Raises:
        ModelError: a word names no rule.
    """

    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    targets: tuple[Release, ...] = STOCK_TARGETS
    allowances: "tuple[Allowance, ...]" = ()

    def __post_init__(self) -> None:
        _ = self.rules

    @cached_property
    def rules(self) -> frozenset[str]:
        """The IDs of the rules that are chosen."""
        return chosen(self.select, self.ignore, self.targets)


@dataclass(frozen=True, kw_only=True, slots=True)
class LintResult:
    """What was found in the files, in their order."""

    files: tuple[str, ...]
    findings: tuple[Finding, ...]

    @classmethod
    def of(cls, results: Iterable["LintResult"]) -> Self:
        """Put results together, in their order."""
        every = tuple(results)
        return cls(
            files=tuple(file for result in every for file in result.files),
            findings=tuple(finding for result in every for finding in result.findings),
        )

    @property
    def open(self) -> tuple[Finding, ...]:
        """The findings that no reason allows."""
        return tuple(finding for finding in self.findings if not finding.because)

    def count(self, severity: Severity) -> int:
        return sum(finding.severity is severity for finding in self.open)

    @property
    def good(self) -> bool:
        """Whether there is no error but those that are allowed."""
        return not self.count(Severity.ERROR)


def lint(subjects: Iterable[VibSubject | BundleSubject], choice: Choice) -> LintResult:
    """Hold subjects against the rules.

    Raises:
        LimitError: what is in a subject is beyond the budget of its file.
    """
    files: list[str] = []
    found: list[Finding] = []
    for subject in subjects:
        files.append(subject.name)
        found += (
            _for_targets(finding, choice.targets) for finding in _findings(subject, choice.rules)
        )
    return LintResult(files=tuple(files), findings=tuple(_allowed(found, choice.allowances)))


def _for_targets(finding: Finding, targets: Sequence[Release]) -> Finding:
    """Weaken a finding of which no target is known to mind."""
    concerns = [(release, RULES_BY_ID[finding.rule].concerns(release)) for release in targets]
    if any(minds for _, minds in concerns):
        return finding
    unknown = ", ".join(str(release) for release, minds in concerns if minds is None)
    return replace(
        finding,
        severity=max(finding.severity, Severity.WARNING, key=list(Severity).index),
        certainty=Certainty.UNKNOWN,
        what=f"{finding.what}; whether {unknown} minds is not known",
    )


def _findings(subject: VibSubject | BundleSubject, ids: frozenset[str]) -> Iterator[Finding]:
    if isinstance(subject, VibSubject):
        yield from _of(subject, subject.name, VIB_RULES, ids)
        return
    yield from _of(subject, subject.name, BUNDLE_RULES, ids)
    for member, vib in subject.vibs:
        name = f"{subject.name}:{member}"
        yield from _of(VibSubject(vib, name), name, VIB_RULES, ids)


def _of(
    subject: Looked, file: str, rules: Sequence[Rule[Looked]], ids: frozenset[str]
) -> Iterator[Finding]:
    for rule in rules:
        if rule.id in ids:
            for fault in _bounded(rule.faults(subject)):
                yield Finding(
                    rule=rule.id,
                    name=rule.name,
                    severity=fault.severity or rule.severity,
                    certainty=fault.certainty or rule.certainty,
                    file=file,
                    where=fault.where,
                    what=fault.what,
                )


def _bounded(faults: Iterator[Fault]) -> Iterator[Fault]:
    for count, fault in enumerate(faults):
        if count >= FAULT_LIMIT:
            rest = sum(1 for _ in faults) + 1
            yield replace(fault, where="", what=f"and {rest} more")
            return
        yield fault


def _allowed(findings: Iterable[Finding], allowances: "Sequence[Allowance]") -> Iterator[Finding]:
    names = {rule.name: rule.id for rule in RULES}
    reasons = {names.get(a.rule.lower(), a.rule.upper()): a.because for a in allowances}
    for finding in findings:
        yield replace(finding, because=reasons.get(finding.rule, ""))
