"""Sections as Markdown: what is untrusted stays text, by the tests of an independent reader."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vibforge.report.sections import (
    Bullets,
    Cell,
    Code,
    Facts,
    Heading,
    Lines,
    Marked,
    Paragraph,
    Section,
    Table,
    at_start,
    fenced,
    inline,
    markdown,
)

pytest.importorskip("markdown_it", reason="no markdown-it-py to read Markdown with")
from markdown_it import MarkdownIt
from markdown_it.token import Token

HOSTILE = (
    "a|b",
    "`x`",
    "```",
    "<script>alert(1)</script>",
    "[x](javascript:alert(1))",
    "![x](http://x/y)",
    "two\nlines",
    "# heading",
    "- item",
    "+ item",
    "1. item",
    "1) item",
    "===",
    "&lt;b&gt;",
    "**bold** _it_ ~~gone~~",
    "back\\slash \\| end",
    "\x1b[31mred",
    "\u202egnp.exe",
    "> quote",
    "    indented",
)
TEXTS = st.text(max_size=40) | st.sampled_from(HOSTILE)


def reader() -> MarkdownIt:
    return MarkdownIt("commonmark").enable(["table", "strikethrough"])


def said(tokens: list[Token]) -> str:
    """What a reader sees of inline tokens; no markup may be left but text."""
    parts = []
    for token in tokens:
        for child in token.children or []:
            assert child.type in {"text", "softbreak", "text_special"}, child.type
            parts.append(child.content)
    return "".join(parts)


def shown(text: str) -> str:
    """What Markdown should show of an untrusted text."""
    one_line = " ".join(text.split())
    if one_line.isprintable():
        return one_line
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode() for char in one_line
    )


@given(TEXTS)
def test_a_paragraph_reads_as_its_text(text: str) -> None:
    tokens = reader().parse(at_start(text))
    assert [token.type for token in tokens] in (
        [],
        ["paragraph_open", "inline", "paragraph_close"],
    )
    assert said(tokens) == shown(text).strip()


@given(st.lists(st.tuples(TEXTS, TEXTS), min_size=1, max_size=4))
def test_a_table_keeps_its_cells(rows: list[tuple[str, str]]) -> None:
    table = Table((("a", False), ("b", True)), tuple(rows))
    tokens = reader().parse(markdown("t", [Section("s", "S", (table,))]))
    kinds = [token.type for token in tokens]
    assert kinds.count("tr_open") == len(rows) + 1
    assert kinds.count("td_open") == 2 * len(rows)
    cells = [said([tokens[at + 1]]) for at, token in enumerate(tokens) if token.type == "td_open"]
    assert cells == [shown(text).strip() or "-" for row in rows for text in row]


@given(st.lists(TEXTS, min_size=1, max_size=5))
def test_lines_stay_in_their_fence(lines: list[str]) -> None:
    tokens = reader().parse("\n".join(fenced(lines, "sh")))
    assert [token.type for token in tokens] == ["fence"]
    assert tokens[0].info == "sh"
    assert tokens[0].content.count("\n") == len(lines)


@given(TEXTS)
def test_a_list_and_a_heading_stay_what_they_are(text: str) -> None:
    blocks = (Bullets((text, text)), Heading(text))
    tokens = reader().parse(markdown("t", [Section("s", "S", blocks)]))
    kinds = [token.type for token in tokens]
    assert kinds.count("list_item_open") == 2
    assert kinds.count("heading_open") == 3
    assert "html_block" not in kinds


@pytest.mark.parametrize(
    ("cell", "written"),
    [
        ("", "-"),
        ("a|b", "a\\|b"),
        (Code("esx.audit"), "`esx.audit`"),
        (Marked("no|w", "bad"), "**no\\|w**"),
        (Marked("live", "good", "[measured]"), "**live** \\[measured\\]"),
    ],
)
def test_a_cell(cell: Cell, written: str) -> None:
    text = markdown("t", [Section("s", "S", (Facts((("label", cell),)),))])
    assert f"| label | {written} |" in text


def test_a_text_inside_a_line_is_not_escaped_as_its_start() -> None:
    assert inline("-f") == "-f"
    assert at_start("-f") == "\\-f"
    assert at_start("1.0") == "1\\.0"
    assert not re.search(r"\n", inline("a\nb\rc\u2028d"))
    assert markdown("x", [Section("p", "P", (Paragraph("y"), Lines(("a",))))]) == (
        "# x\n\n## P\n\ny\n\n```\na\n```\n"
    )
