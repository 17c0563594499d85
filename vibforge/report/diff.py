"""Texts about a comparison: plain, and Markdown for a merge request."""

from collections.abc import Iterable, Iterator
from itertools import groupby

from msgspec.structs import replace

from vibforge.comparison.differences import Comparison, Difference, Section
from vibforge.report.paint import Paint
from vibforge.report.plain import plain
from vibforge.report.sections import fenced, inline

_LINE_ROLES = {"+": "good", "-": "bad"}


def diff_text(found: Comparison, paint: Paint) -> str:
    """Show the differences section by section."""
    return "\n".join(_text_lines(found, paint))


def summary(found: Comparison) -> str:
    """Return in one line how the two differ."""
    count = sum(each.section.is_content for each in found.differences)
    if found.same_bytes:
        return "the same bytes"
    if not found.differences:
        return "the same content"
    if found.same_content:
        return "the same content, other bytes"
    return f"{count} difference{'' if count == 1 else 's'}"


def _text_lines(found: Comparison, paint: Paint) -> Iterator[str]:
    labels = f"{plain(found.old.label)} → {plain(found.new.label)}"
    yield f"{paint(labels, 'strong')}: {summary(found)}"
    for (vib, section), group in groupby(merged(found.differences), key=_place):
        yield paint(f"{section}{f' of {plain(vib)}' if vib else ''}", "strong")
        for each in group:
            yield f"  {difference_line(each, paint)}"
            for line in each.lines:
                yield paint(f"      {plain(line)}", _LINE_ROLES.get(line[:1], "note"))
            if each.more_lines:
                yield f"      … and {each.more_lines} more lines"


def merged(differences: Iterable[Difference]) -> Iterator[Difference]:
    """Yield the differences, with one for all releases of ESXi whose verdicts change alike."""
    for key, group in groupby(differences, key=_verdict):
        same = list(group)
        if key is None:
            yield from same
        else:
            yield replace(same[0], name=", ".join(each.name for each in same))


def _verdict(each: Difference) -> tuple[str, str | None, str | None] | None:
    return (each.vib, each.old, each.new) if each.section is Section.VERDICT else None


def _place(each: Difference) -> tuple[str, str]:
    return each.vib, str(each.section)


def difference_line(each: Difference, paint: Paint) -> str:
    """Show one difference: added, removed or changed."""
    line = plain(each.line)
    role = _LINE_ROLES.get(line[0])
    return paint(line, role) if role else line


def diff_markdown(found: Comparison) -> str:
    """Return the differences as Markdown: a table for each section, then the diffs of texts."""
    lines = [
        f"### {_cell(found.old.label)} → {_cell(found.new.label)}",
        "",
        f"{summary(found)}.",
        "",
    ]
    for (vib, section), group in groupby(merged(found.differences), key=_place):
        differences = list(group)
        lines += [f"#### {section}{f' of {_cell(vib)}' if vib else ''}", "", "| | old | new |"]
        lines += ["| --- | --- | --- |"]
        lines += [
            f"| {_cell(each.name)} | {_cell(each.old)} | {_cell(each.new)} |"
            for each in differences
        ]
        lines.append("")
        for each in differences:
            if each.lines:
                lines += [f"`{_cell(each.name)}`", "", *fenced(diff_lines(each), "diff"), ""]
    return "\n".join(lines).rstrip() + "\n"


def _cell(text: str | None) -> str:
    """Return untrusted text for a cell of a table: one line, with Markdown escaped."""
    return "-" if text is None else inline(text)


def diff_lines(each: Difference) -> tuple[str, ...]:
    """Return the diff of a text, and how many lines of it were left out."""
    more = (f"… and {each.more_lines} more lines",) if each.more_lines else ()
    return (*each.lines, *more)
