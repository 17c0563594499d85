"""All checks by ID and name, and the lint of packages with a selection of them."""

from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from itertools import islice
from pathlib import Path
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
from vibforge.findings.check import (
    Check,
    Finding,
    Severity,
    SourcePlace,
    Subject_contra,
    finding,
)
from vibforge.vib.scan import VibScan

if TYPE_CHECKING:
    from vibforge.findings.check import Allowance


BUNDLE_CHECKS: tuple[Check[BundleScan], ...] = checks.CHECKS
CHECKS: tuple[Check[VibScan] | Check[BundleScan], ...] = tuple(
    sorted((*VIB_CHECKS, *BUNDLE_CHECKS), key=lambda rule: rule.id)
)

_NEAR_ID = 0.85
"""Similarity of rule IDs that differ by one digit; all IDs share their first two letters."""


def find_rule(text: str) -> Check[VibScan] | Check[BundleScan] | None:
    """Return the rule with this ID or name; None if there is none."""
    word = text.strip()
    return next((r for r in CHECKS if word.upper() == r.id or word.lower() == r.name), None)


def chosen(
    select: Sequence[str], ignore: Sequence[str], targets: Iterable[Release]
) -> frozenset[str]:
    """Return the IDs of the selected rules.

    Args:
        select: IDs, names or prefixes of IDs (`VF3`); all rules if empty.
        ignore: IDs, names or prefixes of the rules to leave out.
        targets: releases; a rule that is known to concern none of them is left out.

    Raises:
        ModelError: a word matches no rule.
    """
    selected = _matching(select) if select else {rule.id for rule in CHECKS}
    releases = tuple(targets)
    concerned = {rule.id for rule in CHECKS if any(rule.concerns(r) is not False for r in releases)}
    return frozenset((selected & concerned) - _matching(ignore))


def unknown_rule(word: str) -> ModelError:
    """Return the error for a word that is not a rule; it suggests similar rules."""
    from difflib import get_close_matches  # noqa: PLC0415 - only for a wrong word

    ids, names = {rule.id: rule.id for rule in CHECKS}, {rule.name: rule.id for rule in CHECKS}
    near = get_close_matches(word.upper(), ids, cutoff=_NEAR_ID)
    near += [f"{names[name]} {name}" for name in get_close_matches(word.lower(), names)]
    return ModelError(
        f"there is no rule {word!r}",
        remedy=f"did you mean {' or '.join(near)}?"
        if near
        else "`vibforge lint` prints the rule of each finding",
    )


def _matching(words: Iterable[str]) -> set[str]:
    matching: set[str] = set()
    for word in words:
        ids = {r.id for r in CHECKS if r.id.startswith(word.upper()) or r.name == word.lower()}
        if not ids or not word:
            raise unknown_rule(word)
        matching |= ids
    return matching


FAULT_LIMIT = 100
"""Most faults of one rule listed for one file; a last finding counts the others."""


class CheckSelection(Struct, frozen=True, kw_only=True, dict=True):
    """The rules to check, the releases to check for, and the allowed findings.

    Raises:
        ModelError: a word matches no rule.
    """

    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    targets: tuple[Release, ...] = STOCK_TARGETS
    allowances: "tuple[Allowance, ...]" = ()

    def __post_init__(self) -> None:
        _ = self.rules

    @cached_property
    def rules(self) -> frozenset[str]:
        """The IDs of the selected rules."""
        return chosen(self.select, self.ignore, self.targets)


class LintResult(Struct, frozen=True, kw_only=True):
    """The findings in the files, in the order of the files, and the files that cannot be read.

    `keys_not_opened` names the projects whose recipe has a key: lint does not open it, and takes
    the VIB for one that the key signed.
    """

    files: tuple[str, ...]
    findings: tuple[Finding, ...]
    unreadable: tuple[Unreadable, ...] = ()
    keys_not_opened: tuple[str, ...] = ()

    @classmethod
    def of(cls, results: Iterable["LintResult"]) -> Self:
        """Return one result with the files and findings of several, in their order."""
        parts = tuple(results)
        return cls(
            files=tuple(file for part in parts for file in part.files),
            findings=tuple(finding for part in parts for finding in part.findings),
            unreadable=tuple(file for part in parts for file in part.unreadable),
            keys_not_opened=tuple(name for part in parts for name in part.keys_not_opened),
        )

    @property
    def open(self) -> tuple[Finding, ...]:
        """The findings that no `[[allow]]` entry allows."""
        return tuple(finding for finding in self.findings if not finding.because)

    def count(self, severity: Severity) -> int:
        return sum(finding.count for finding in self.open if finding.severity is severity)

    @property
    def good(self) -> bool:
        """Whether every file was read, and there is no error that is not allowed."""
        return not self.unreadable and not self.count(Severity.ERROR)


def with_file(result: LintResult, file: Path) -> LintResult:
    """Return the findings about a VIB or a bundle, each with the file itself as its place."""
    place = SourcePlace(str(file))
    found = (replace(each, source=place) for each in result.findings)
    return replace(result, findings=tuple(found))


def lint(subjects: Iterable[VibScan | BundleScan], choice: CheckSelection) -> LintResult:
    """Check subjects with the selected rules.

    Raises:
        LimitError: the content of a subject exceeds the budget of its file.
    """
    files: list[str] = []
    findings: list[Finding] = []
    for subject in subjects:
        files.append(subject.name)
        for result in _findings(subject, choice.rules):
            relevant = _for_targets(result, choice.targets)
            findings += [relevant] if relevant is not None else []
    return LintResult(files=tuple(files), findings=tuple(_allowed(findings, choice.allowances)))


def _for_targets(result: Finding, targets: Sequence[Release]) -> Finding | None:
    """Drop a finding that concerns no target; weaken one whose effect on the targets is unknown."""
    if result.minds is None:
        return result
    cells = {release: result.minds(row_of(release)) for release in targets}
    if any(cell and cell.value for cell in cells.values()):
        known = TABLE if tuple(targets) == STOCK_TARGETS else targets
        fits_some = any((cell := result.minds(row_of(r))) and not cell.value for r in known)
        is_note = result.one_target_suffices and fits_some
        return replace(result, severity=Severity.NOTE) if is_note else result
    if None not in cells.values():
        return None
    unknown = ", ".join(str(release) for release, cell in cells.items() if cell is None)
    return replace(
        result,
        severity=max(result.severity, Severity.WARNING, key=list(Severity).index),
        certainty=Certainty.UNKNOWN,
        what=f"{result.what}; whether it matters on {unknown} is not known",
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
    for result in findings:
        yield replace(result, because=reasons.get(result.rule, ""))
