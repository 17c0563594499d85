"""Hold VIBs and bundles against the rules that were chosen."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import islice
from typing import TYPE_CHECKING, Self

from vibforge.checks.registry import BUNDLE_CHECKS, CHECKS, chosen
from vibforge.checks.vib_checks import VIB_CHECKS
from vibforge.esxi.release import Release
from vibforge.esxi.table import STOCK_TARGETS, TABLE, row_of
from vibforge.findings.check import Check, Finding, Severity, Subject_contra, finding
from vibforge.model.certainty import Certainty
from vibforge.scan.bundle import BundleScan
from vibforge.scan.vib import VibScan

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
        return sum(each.count for each in self.open if each.severity is severity)

    @property
    def good(self) -> bool:
        """Whether there is no error but those that are allowed."""
        return not self.count(Severity.ERROR)


def lint(subjects: Iterable[VibScan | BundleScan], choice: Choice) -> LintResult:
    """Hold subjects against the rules.

    Raises:
        LimitError: what is in a subject is beyond the budget of its file.
    """
    files: list[str] = []
    found: list[Finding] = []
    for subject in subjects:
        files.append(subject.name)
        findings = (_for_targets(one, choice.targets) for one in _findings(subject, choice.rules))
        found += (one for one in findings if one is not None)
    return LintResult(files=tuple(files), findings=tuple(_allowed(found, choice.allowances)))


def _for_targets(found: Finding, targets: Sequence[Release]) -> Finding | None:
    """Drop a finding that no target minds, and weaken one that none is known to mind."""
    if found.minds is None:
        return found
    cells = {release: found.minds(row_of(release)) for release in targets}
    if any(cell and cell.value for cell in cells.values()):
        known = TABLE if tuple(targets) == STOCK_TARGETS else targets
        fits_some = any((cell := found.minds(row_of(r))) and not cell.value for r in known)
        is_note = found.one_target_suffices and fits_some
        return replace(found, severity=Severity.NOTE) if is_note else found
    if None not in cells.values():
        return None
    unknown = ", ".join(str(release) for release, cell in cells.items() if cell is None)
    return replace(
        found,
        severity=max(found.severity, Severity.WARNING, key=list(Severity).index),
        certainty=Certainty.UNKNOWN,
        what=f"{found.what}; whether it matters on {unknown} is not known",
    )


def _findings(subject: VibScan | BundleScan, ids: frozenset[str]) -> Iterator[Finding]:
    if isinstance(subject, VibScan):
        yield from _of(subject, subject.name, VIB_CHECKS, ids)
        return
    yield from _of(subject, subject.name, BUNDLE_CHECKS, ids)
    for member, vib in subject.vibs:
        name = f"{subject.name}:{member}"
        yield from _of(VibScan(vib, name), name, VIB_CHECKS, ids)


def _of(
    subject: Subject_contra, file: str, checks: Sequence[Check[Subject_contra]], ids: frozenset[str]
) -> Iterator[Finding]:
    for check in checks:
        if check.id in ids:
            faults = check.faults(subject)
            yield from (finding(check, fault, file) for fault in islice(faults, FAULT_LIMIT))
            if (first := next(faults, None)) is not None:
                rest = sum(1 for _ in faults) + 1
                more = replace(first, where="", what=f"and {rest} more")
                yield replace(finding(check, more, file), count=rest)


def _allowed(findings: Iterable[Finding], allowances: "Sequence[Allowance]") -> Iterator[Finding]:
    names = {rule.name: rule.id for rule in CHECKS}
    reasons = {names.get(a.rule.lower(), a.rule.upper()): a.because for a in allowances}
    for each in findings:
        yield replace(each, because=reasons.get(each.rule, ""))
