"""What `trx check --json` prints, and what other documents tell of the rules for trx.conf."""

from typing import TYPE_CHECKING, Annotated, Self

from msgspec import Meta

from vibforge.findings.check import Severity
from vibforge.report.documents.shape import Document, Shape, says
from vibforge.report.documents.shapes import Count, Good, LineNumber, Sure

if TYPE_CHECKING:
    from vibforge.findings.check import Finding
    from vibforge.trx.check import CheckResult

Linuxptp = Annotated[str, Meta(pattern=r"^\d+\.\d+(\.\d+)?$"), says("A release of linuxptp.")]
JudgedFor = Annotated[tuple[Linuxptp, ...], says("Releases of linuxptp that it was judged for.")]


class Counts(Shape, frozen=True):
    """Findings that count, by severity."""

    error: Annotated[Count, says("Errors.")]
    warning: Annotated[Count, says("Warnings.")]
    note: Annotated[Count, says("Notes.")]

    @classmethod
    def of(cls, result: "CheckResult") -> Self:
        """Count what was found."""
        return cls(
            error=result.counts[Severity.ERROR],
            warning=result.counts[Severity.WARNING],
            note=result.counts[Severity.NOTE],
        )


class Allowed(Shape, frozen=True):
    """A rule on trx.conf that was allowed to be broken."""

    rule: Annotated[str, says("Its name.")]
    because: Annotated[str, says("The reason given.")]
    lines: Annotated[tuple[Count, ...], says("Lines that break it.")]

    @classmethod
    def all_of(cls, result: "CheckResult | None") -> tuple[Self, ...]:
        """Return the rules that were allowed to be broken, none where there is no trx.conf."""
        if result is None:
            return ()
        return tuple(
            cls(
                rule=each.rule,
                because=each.because,
                lines=tuple(one.line for one in result.allowed if one.rule == each.rule),
            )
            for each in result.allowances
        )


AllowedRules = Annotated[tuple[Allowed, ...], says("What was allowed, and why.")]


class TrxFinding(Shape, frozen=True):
    """A finding of the rules on trx.conf."""

    rule: Annotated[str, says("Name of the rule.")]
    severity: Annotated[Severity, says("How bad it is.")]
    certainty: Sure
    line: Annotated[LineNumber | None, says("Counts from 1; null for the file as a whole.")]
    column: Annotated[LineNumber | None, says("Counts from 1.")]
    what: Annotated[str, says("What is wrong.")]
    remedy: Annotated[str | None, says("What to do.")]
    linuxptp_releases: Annotated[
        tuple[Linuxptp, ...],
        says("Releases of linuxptp that it is about; all that were asked for where it is empty."),
    ]
    because: Annotated[str | None, says("The reason, where it is allowed.")]

    @classmethod
    def of(cls, finding: "Finding") -> Self:
        """Return a finding as programs read it, with the reason where it is allowed."""
        return cls(
            rule=finding.rule,
            severity=finding.severity,
            certainty=finding.certainty,
            line=finding.line or None,
            column=finding.column if finding.line else None,
            what=finding.what,
            remedy=finding.remedy or None,
            linuxptp_releases=tuple(finding.linuxptp),
            because=finding.because or None,
        )


class TrxCheck(Document, tag="vibforge/trx-check/1", frozen=True):
    """The verdict on a trx.conf."""

    path: Annotated[str, says("The file, `-` for standard input.")]
    good: Good
    linuxptp_releases: JudgedFor
    counts: Counts
    findings: Annotated[tuple[TrxFinding, ...], says("By line; those that are allowed last.")]
    more: Annotated[Count, says("Findings that are not listed.")]
    allowed: AllowedRules

    @classmethod
    def of(cls, result: "CheckResult", where: str) -> Self:
        """Tell every finding, those that are allowed last."""
        return cls(
            path=where,
            good=result.good,
            linuxptp_releases=tuple(result.releases),
            counts=Counts.of(result),
            findings=tuple(map(TrxFinding.of, (*result.findings, *result.allowed))),
            more=result.more,
            allowed=Allowed.all_of(result),
        )
