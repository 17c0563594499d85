"""How a verification looks: one fact a line, then the verdict."""

from collections.abc import Iterator

from vibforge.operations.verification import Fact, Outcome, Verification
from vibforge.report.paint import Paint
from vibforge.report.plain import plain

_ROLES = {
    Outcome.HELD: "good",
    Outcome.WARNING: "warn",
    Outcome.FAILED: "bad",
    Outcome.NOT_CHECKED: "dim",
}
_WIDTH = max(len(outcome) for outcome in Outcome)


def verification_text(found: Verification, paint: Paint) -> str:
    """Show the facts of a file and its verdict; a bundle's own verdict comes last."""
    lines = list(_lines(found, paint))
    if found.parts:
        lines += [paint(plain(found.name), "strong"), _verdict(found, paint)]
    return "\n".join(lines)


def _lines(found: Verification, paint: Paint) -> Iterator[str]:
    yield paint(plain(found.name), "strong")
    if found.vib_id:
        yield f"  {plain(found.vib_id)}"
    for each in found.facts:
        yield _fact_line(each, paint)
    for part in found.parts:
        yield from _lines(part, paint)
    if not found.parts:
        yield _verdict(found, paint)


def _fact_line(fact: Fact, paint: Paint) -> str:
    outcome = paint(f"{fact.outcome:<{_WIDTH}}", _ROLES[fact.outcome])
    subject = f"{fact.subject}: " if fact.subject else ""
    reason = f" ({fact.reason})" if fact.reason else ""
    text = " ".join(f"{subject}{fact.statement}{reason}".split())
    return f"  {outcome}  {fact.topic:<10}  {plain(text)}"


def _verdict(found: Verification, paint: Paint) -> str:
    counts = [
        (outcome, sum(fact.outcome is outcome for fact in found.all_facts)) for outcome in Outcome
    ]
    text = ", ".join(f"{count} {outcome}" for outcome, count in counts if count)
    word = "good" if found.held else "bad"
    return f"  {paint(word, word)}: {text}"
