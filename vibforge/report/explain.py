"""How the explanation of host messages looks."""

from collections.abc import Iterator, Sequence

from vibforge.host.known_messages import Recognised
from vibforge.report.folding import WIDTH, fold
from vibforge.report.paint import Paint
from vibforge.report.plain import plain

_REBUILD = {
    "yes": "helps",
    "no": "does not help",
    "sometimes": "helps only where the cause is in the VIB",
}


def explain_text(found: Sequence[Recognised], paint: Paint, width: int = WIDTH) -> str:
    """Show what was found, one message after the other, in lines of `width` columns."""
    if not found:
        return "Nothing in this text is known here. `vibforge plan` may tell what a host does."
    return fold("\n\n".join("\n".join(_lines(one, paint)) for one in found), min(width, WIDTH))


def _lines(of: Recognised, paint: Paint) -> Iterator[str]:
    message = of.message
    yield paint(message.title, "strong") + paint(f"  ({message.id}, line {of.line})", "dim")
    if of.excerpt:
        yield _line("  | ", plain(of.excerpt))
    for name, value in of.names:
        yield f"  {name}: {plain(value)}"
    yield _line("  Why: ", f"{message.cause} [{message.certainty}]")
    yield _line("  What helps: ", message.remedy)
    yield f"  Building the VIB anew {_REBUILD[message.rebuild]}."
    if message.rules:
        yield f"  Found beforehand by: vibforge lint --select {','.join(message.rules)}"
    for link in message.evidence:
        yield f"  See {link}"


def _line(head: str, text: str) -> str:
    return head + " ".join(text.split())
