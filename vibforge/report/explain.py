"""The reference page of the rules, and the texts of `vibforge explain`."""

from collections.abc import Iterator, Sequence
from typing import Any

from vibforge.api.explain import Explanation
from vibforge.findings.check import Check
from vibforge.host.known_messages import Recognised
from vibforge.packages.lint import CHECKS
from vibforge.report.paint import Paint
from vibforge.report.plain import WIDTH, fold, plain

PAGE = "docs/reference/rules.md"
_FAMILIES = {
    "1": "Container",
    "2": "Descriptor",
    "3": "Payload",
    "4": "trx.conf",
    "5": "Signature",
    "6": "Bundle",
}
_HEAD = """\
# Rules of `vibforge lint`

Made from the rules themselves by `make docs`; a test holds this page against them.

Severity says how bad it is, certainty how sure: **measured** was tried on a host's installer,
**documented** is the vendor's word or seen in the vendor's files, **inferred** is concluded, and
**unknown** is open. `vibforge explain VF218` prints one of these entries. A recipe allows a rule
with a reason:

```toml
[[allow]]
rule = "VF218"
because = "the file has to stand there; hosts are installed with -f"
```
"""


def rule_text(rule: Check[Any]) -> str:
    """Return what `vibforge explain VF…` prints."""
    title = f"trx.conf: {rule.name}" if rule.id == rule.name else f"{rule.id} {rule.name}"
    return f"{title}\n{_facts(rule)}\n\n{rule.manual}"


def rules_page() -> str:
    """Return the page of all rules, in Markdown."""
    return "\n".join(_page_lines())


def _page_lines() -> Iterator[str]:
    yield _HEAD
    family = ""
    for rule in CHECKS:
        if rule.id[2] != family:
            family = rule.id[2]
            yield f"## {_FAMILIES[family]}\n"
        yield f"### {rule.id} {rule.name}\n"
        yield f"*{_facts(rule)}*\n"
        yield f"{marked(rule.manual)}\n"


def _facts(rule: Check[Any]) -> str:
    return f"{rule.severity}, {rule.certainty}; releases: {rule.releases}"


def marked(manual: str) -> str:
    """Return a text with the first word of its paragraphs in bold and angle brackets escaped."""
    text = manual.replace("<", "\\<")
    for word in ("Why:", "Remedy:", "Evidence:"):
        text = text.replace(f"\n{word}", f"\n**{word}**")
    return text


_REBUILD = {
    "yes": "helps",
    "no": "does not help",
    "sometimes": "helps only where the cause is in the VIB",
}


def explanation_text(explanation: Explanation, paint: Paint, width: int = WIDTH) -> str:
    """Show the requested rule, or the messages that were recognised."""
    if explanation.rule is not None:
        return rule_text(explanation.rule)
    return explain_text(explanation.messages, paint, width)


def explain_text(found: Sequence[Recognised], paint: Paint, width: int = WIDTH) -> str:
    """Show each recognised message, in lines of `width` columns."""
    if not found:
        return (
            "vibforge recognises nothing in this text. `vibforge plan` predicts what a host does."
        )
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
        yield f"  To find it before the install: vibforge lint --select {','.join(message.rules)}"
    for link in message.evidence:
        yield f"  See {link}"


def _line(head: str, text: str) -> str:
    return head + " ".join(text.split())
