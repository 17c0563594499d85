"""What `explain --json` prints."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Self

from vibforge.findings.check import Check, Severity
from vibforge.host.known_messages import Rebuild
from vibforge.report.documents.shape import Document, Shape, says
from vibforge.report.documents.shapes import Good, LineNumber, Sure

if TYPE_CHECKING:
    from vibforge.host.known_messages import Recognised


class LintRule(Shape, frozen=True):
    """A rule of lint, or for trx.conf."""

    rule: Annotated[str, says("ID.")]
    name: Annotated[str, says("Name.")]
    severity: Annotated[Severity, says("How bad it is.")]
    certainty: Sure
    releases: Annotated[str, says("Releases of ESXi that it is about.")]
    manual: Annotated[str, says("Why, remedy and evidence.")]

    @classmethod
    def of(cls, rule: Check[Any]) -> Self:
        """Return a rule as programs read it."""
        return cls(
            rule=rule.id,
            name=rule.name,
            severity=rule.severity,
            certainty=rule.certainty,
            releases=rule.releases,
            manual=rule.manual,
        )


class Message(Shape, frozen=True):
    """A message of a host that was recognised."""

    id: Annotated[str, says("ID.")]
    title: Annotated[str, says("Title.")]
    line: Annotated[LineNumber, says("Where it begins in the text.")]
    excerpt: Annotated[str | None, says("What stands there.")]
    names: Annotated[Mapping[str, str], says("What it is about: `vib`, `path`, …")]
    cause: Annotated[str, says("Why.")]
    remedy: Annotated[str, says("What helps.")]
    rebuild: Annotated[Rebuild, says("Whether building the VIB anew helps.")]
    certainty: Sure
    rules: Annotated[tuple[str, ...], says("Rules of lint that find it beforehand.")]
    evidence: Annotated[tuple[str, ...], says("Where it was seen.")]

    @classmethod
    def of(cls, found: "Recognised") -> Self:
        """Return a message as programs read it."""
        known = found.message
        return cls(
            id=known.id,
            title=known.title,
            line=found.line,
            excerpt=found.excerpt or None,
            names=dict(found.names),
            cause=known.cause,
            remedy=known.remedy,
            rebuild=known.rebuild,
            certainty=known.certainty,
            rules=known.rules,
            evidence=known.evidence,
        )


class Explain(Document, tag="vibforge/explain/1", frozen=True):
    """What a rule of lint or the messages of a host mean."""

    good: Good
    lint_rule: Annotated[LintRule | None, says("The rule, where one was asked for.")]
    messages: Annotated[tuple[Message, ...], says("Messages that were recognised.")]

    @classmethod
    def of(cls, found: "Sequence[Recognised]") -> Self:
        """Explain the messages that were found in a text."""
        return cls(good=bool(found), lint_rule=None, messages=tuple(map(Message.of, found)))

    @classmethod
    def of_rule(cls, rule: Check[Any]) -> Self:
        """Explain a rule."""
        return cls(good=True, lint_rule=LintRule.of(rule), messages=())
