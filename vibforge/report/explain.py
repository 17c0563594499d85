"""How the explanation of host messages looks."""

import textwrap
from collections.abc import Iterator, Sequence
from typing import Any

from vibforge.host.known_messages import Recognised
from vibforge.report.paint import Paint

_WIDTH = 96
_REBUILD = {
    "yes": "helps",
    "no": "does not help",
    "sometimes": "helps only where the cause is in the VIB",
}


def text(found: Sequence[Recognised], paint: Paint) -> str:
    """Show what was found, one message after the other."""
    if not found:
        return "Nothing in this text is known here. `vibforge plan` may tell what a host does."
    return "\n\n".join("\n".join(_lines(one, paint)) for one in found)


def _lines(of: Recognised, paint: Paint) -> Iterator[str]:
    message = of.message
    yield paint(message.title, "strong") + paint(f"  ({message.id}, line {of.line})", "dim")
    if of.excerpt:
        yield from _wrapped("  | ", of.excerpt)
    for name, value in of.names:
        yield f"  {name}: {value}"
    yield from _wrapped("  Why: ", f"{message.cause} [{message.certainty}]")
    yield from _wrapped("  What helps: ", message.remedy)
    yield f"  Building the VIB anew {_REBUILD[message.rebuild]}."
    if message.rules:
        yield f"  Found beforehand by: vibforge lint --select {','.join(message.rules)}"
    for link in message.evidence:
        yield f"  See {link}"


def _wrapped(head: str, text: str) -> list[str]:
    return textwrap.wrap(
        head + text,
        width=_WIDTH,
        subsequent_indent="    ",
        break_long_words=False,
        break_on_hyphens=False,
    )


def explain_json(found: Sequence[Recognised]) -> dict[str, Any]:
    """Return the facts of `explain --json` for host messages."""
    return {
        "format": "vibforge/explain/1",
        "messages": [
            {
                "id": one.message.id,
                "title": one.message.title,
                "line": one.line,
                "excerpt": one.excerpt,
                "names": dict(one.names),
                "cause": one.message.cause,
                "remedy": one.message.remedy,
                "rebuild": one.message.rebuild,
                "certainty": one.message.certainty.value,
                "rules": list(one.message.rules),
                "evidence": list(one.message.evidence),
            }
            for one in found
        ],
    }
