"""What `lint --json` prints."""

from typing import TYPE_CHECKING, Annotated, Self

from msgspec import Meta

from vibforge.findings.check import Severity
from vibforge.report.documents.shape import (
    AllGood,
    Document,
    NotRead,
    Path,
    Shape,
    Sure,
    Unreadable,
    says,
)

if TYPE_CHECKING:
    from vibforge.findings.check import Finding
    from vibforge.packages.lint import LintResult


class LintedFile(Shape, frozen=True):
    """What was looked at."""

    path: Path


class LintFinding(Shape, frozen=True):
    """A finding of a rule."""

    rule: Annotated[str, Meta(pattern=r"^VF\d{3}$"), says("ID of the rule.")]
    name: Annotated[str, says("Name of the rule.")]
    severity: Annotated[Severity, says("How bad it is.")]
    certainty: Sure
    path: Annotated[str, says("The file; `bundle.zip:member` in a bundle.")]
    where: Annotated[str | None, says("Where in it.")]
    what: Annotated[str, says("What is wrong.")]
    because: Annotated[str | None, says("The reason, where the recipe allows it.")]
    source: Annotated[
        str | None, says("The file to edit: in a project, the one that causes the finding.")
    ] = None
    line: Annotated[int | None, says("The line in `source`, counted from 1, where known.")] = None

    @classmethod
    def of(cls, finding: "Finding") -> Self:
        """Return a finding as programs read it."""
        return cls(
            rule=finding.rule,
            name=finding.name,
            severity=finding.severity,
            certainty=finding.certainty,
            path=finding.file,
            where=finding.where or None,
            what=finding.what,
            because=finding.because or None,
            source=finding.source.path if finding.source else None,
            line=(finding.source.line or None) if finding.source else None,
        )


class Lint(Document, tag="vibforge/lint/1", frozen=True):
    """What is wrong with VIBs, bundles and projects."""

    good: AllGood
    files: Annotated[tuple[LintedFile, ...], says("What was looked at.")]
    findings: Annotated[
        tuple[LintFinding, ...], says("Findings, those that are allowed among them.")
    ]
    unreadable: NotRead
    keys_not_opened: Annotated[
        tuple[Path, ...],
        says(
            "The projects whose recipe names a key, which lint does not open: it takes their VIBs "
            "for signed."
        ),
    ]

    @classmethod
    def of(cls, result: "LintResult") -> Self:
        """Tell what was found, and what could not be read."""
        return cls(
            good=result.good,
            files=tuple(LintedFile(path=file) for file in result.files),
            findings=tuple(map(LintFinding.of, result.findings)),
            unreadable=Unreadable.all_of(result.unreadable),
            keys_not_opened=result.keys_not_opened,
        )
