"""Every check by id and name, and packages held against the chosen ones."""

from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from itertools import islice
from typing import TYPE_CHECKING, Self

from msgspec import Struct
from msgspec.structs import replace

from vibforge.bundle import checks
from vibforge.bundle.scan import BundleScan
from vibforge.checks.vib_checks import VIB_CHECKS
from vibforge.errors import ModelError
from vibforge.esxi.release import Certainty, Release
from vibforge.esxi.table import STOCK_TARGETS, TABLE, row_of
from vibforge.files.inputs import Unreadable
from vibforge.findings.check import Check, Finding, Severity, Subject_contra, finding
from vibforge.vib.scan import VibScan

if TYPE_CHECKING:
    from vibforge.findings.check import Allowance


BUNDLE_CHECKS: tuple[Check[BundleScan], ...] = checks.CHECKS
CHECKS: tuple[Check[VibScan] | Check[BundleScan], ...] = tuple(
    sorted((*VIB_CHECKS, *BUNDLE_CHECKS), key=lambda rule: rule.id)
)

_NEAR_ID = 0.85
"""So like are ids with a digit too many or too few; all of them share two letters."""


def find_rule(text: str) -> Check[VibScan] | Check[BundleScan] | None:
    """Return the rule of this id or name, None where there is none."""
    wanted = text.strip()
    return next((r for r in CHECKS if wanted.upper() == r.id or wanted.lower() == r.name), None)


def chosen(
    select: Sequence[str], ignore: Sequence[str], targets: Iterable[Release]
) -> frozenset[str]:
    """Return the ids of the rules that are asked for.

    Args:
        select: ids, names or beginnings of ids (`VF3`); everything if empty.
        ignore: the same, for what is left out.
        targets: releases; a rule that is known to concern none of them is left out.

    Raises:
        ModelError: one of the words fits no rule.
    """
    wanted = _matching(select) if select else {rule.id for rule in CHECKS}
    releases = tuple(targets)
    concerned = {rule.id for rule in CHECKS if any(rule.concerns(r) is not False for r in releases)}
    return frozenset((wanted & concerned) - _matching(ignore))


def unknown_rule(word: str) -> ModelError:
    """Return the error for a word that is no rule, with those that are like it."""
    from difflib import get_close_matches  # noqa: PLC0415 - only for a wrong word

    ids, names = {rule.id: rule.id for rule in CHECKS}, {rule.name: rule.id for rule in CHECKS}
    near = get_close_matches(word.upper(), ids, cutoff=_NEAR_ID)
    near += [f"{names[name]} {name}" for name in get_close_matches(word.lower(), names)]
    return ModelError(
        f"there is no rule {word!r}",
        remedy=f"did you mean {' or '.join(near)}?"
        if near
        else "`vibforge lint` names the rule of each finding",
    )


def _matching(words: Iterable[str]) -> set[str]:
    found: set[str] = set()
    for word in words:
        ids = {r.id for r in CHECKS if r.id.startswith(word.upper()) or r.name == word.lower()}
        if not ids or not word:
            raise unknown_rule(word)
        found |= ids
    return found


FAULT_LIMIT = 100
"""Faults of one rule in one file that are listed; the last one tells how many more there are."""


class CheckSelection(Struct, frozen=True, kw_only=True, dict=True):
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


class LintResult(Struct, frozen=True, kw_only=True):
    """What was found in the files, in their order, and the files that cannot be read."""

    files: tuple[str, ...]
    findings: tuple[Finding, ...]
    unreadable: tuple[Unreadable, ...] = ()

    @classmethod
    def of(cls, results: Iterable["LintResult"]) -> Self:
        """Put results together, in their order."""
        every = tuple(results)
        return cls(
            files=tuple(file for result in every for file in result.files),
            findings=tuple(finding for result in every for finding in result.findings),
            unreadable=tuple(file for result in every for file in result.unreadable),
        )

    @property
    def open(self) -> tuple[Finding, ...]:
        """The findings that no reason allows."""
        return tuple(finding for finding in self.findings if not finding.because)

    def count(self, severity: Severity) -> int:
        return sum(each.count for each in self.open if each.severity is severity)

    @property
    def good(self) -> bool:
        """Whether every file could be read, and no error was found but those that are allowed."""
        return not self.unreadable and not self.count(Severity.ERROR)


def lint(subjects: Iterable[VibScan | BundleScan], choice: CheckSelection) -> LintResult:
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
