"""The page of the reference about traces, detection rules and controls, from their tables."""

from collections.abc import Iterator

from vibforge.esxi.controls import CONTROLS, EVIDENCE, ControlSubject, controls_of
from vibforge.esxi.traces import (
    CODE_RULE,
    DESCRIPTOR_RULE,
    DETECTIONS,
    TRACES,
    WATCHED_PATHS,
    Act,
    Detection,
)
from vibforge.report.sections import Block, Code, Heading, Paragraph, Section, Table, markdown


def traces_page() -> str:
    """Return docs/reference/traces.md."""
    sections = (
        Section("made", "Where this is from", (Paragraph(_HEAD),)),
        Section("traces", "What an act leaves on a host", (_traces(),)),
        Section("rules", "Detection rules", tuple(_rules())),
        Section("paths", "Paths that hunters look at", (_paths(),)),
        Section("controls", "Controls", tuple(_controls())),
    )
    return markdown("Traces of an install, and controls", sections)


_HEAD = (
    "Made by make docs from vibforge/esxi/traces.py and vibforge/esxi/controls.py. Nothing was "
    "tried on a host. Documented: the vendor or the publisher of a rule says so. Inferred: it "
    "follows from the wording. A question mark stands for what was not found in public. "
    "vibforge evidence change-record writes what of this concerns a package."
)


def _columns(*names: str) -> tuple[tuple[str, bool], ...]:
    return tuple((name, False) for name in names)


def _traces() -> Table:
    return Table(
        _columns("act", "trace", "name", "what it says", "how sure", "source"),
        tuple(
            (each.act, each.kind, Code(each.name), each.says, each.certainty, each.source)
            for each in TRACES
        ),
    )


def _rules() -> Iterator[Block]:
    yield Table(
        _columns("rule", "publisher", "fires on", "looks for", "priority", "how sure", "source"),
        tuple(
            (*_rule(each), each.certainty, each.source)
            for each in (*DETECTIONS, DESCRIPTOR_RULE, CODE_RULE)
        ),
    )


def _rule(rule: Detection) -> tuple[str, ...]:
    return (
        " ".join(filter(None, (rule.name, rule.id))),
        rule.publisher,
        ", ".join(act for act in Act if act in rule.acts) or "files",
        "; ".join(rule.matches),
        "; ".join(filter(None, (rule.priority, rule.technique))) or "-",
    )


def _paths() -> Table:
    return Table(
        _columns("path", "why"),
        tuple((", ".join(f"/{start}" for start in starts), why) for starts, why in WATCHED_PATHS),
    )


def _controls() -> Iterator[Block]:
    yield Paragraph(f"{len(CONTROLS)} controls, by what they are about.")
    for subject in ControlSubject:
        evidence = EVIDENCE[subject]
        yield Heading(str(subject))
        yield Paragraph(evidence.asks)
        yield Table(_columns("show it with"), tuple((Code(each),) for each in evidence.commands))
        yield Table(
            _columns("guide", "control", "severity", "how sure", "source"),
            tuple(
                (each.guide, Code(each.id), each.severity or "?", each.certainty, each.source)
                for each in controls_of(subject)
            ),
        )
