"""Sections of a document, written once: as Markdown here, and on a page by its template.

All text may be untrusted. `Code` is for constants of vibforge alone.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import ClassVar

from msgspec import Struct

from vibforge.report.plain import plain


class Code(Struct, frozen=True):
    """A constant text in the letters of a program."""

    text: str


class Marked(Struct, frozen=True):
    """A text in the colour of a role: `good`, `bad` or `warn`, and more text without it."""

    text: str
    role: str
    more: str = ""


Cell = str | Code | Marked


class Heading(Struct, frozen=True):
    """A heading inside a section."""

    kind: ClassVar[str] = "heading"
    text: str


class Paragraph(Struct, frozen=True):
    """Some sentences."""

    kind: ClassVar[str] = "paragraph"
    text: str


class Facts(Struct, frozen=True):
    """Labels with their texts."""

    kind: ClassVar[str] = "facts"
    pairs: tuple[tuple[str, Cell], ...]


class Bullets(Struct, frozen=True):
    """A list."""

    kind: ClassVar[str] = "bullets"
    items: tuple[str, ...]


class Table(Struct, frozen=True):
    """A table; a column is its head and whether it holds numbers."""

    kind: ClassVar[str] = "table"
    columns: tuple[tuple[str, bool], ...]
    rows: tuple[tuple[Cell, ...], ...]


class Lines(Struct, frozen=True):
    """Lines as they are: commands, a diff, a form; `language` is a word of Markdown's fences."""

    kind: ClassVar[str] = "lines"
    lines: tuple[str, ...]
    language: str = ""


Block = Heading | Paragraph | Facts | Bullets | Table | Lines


class Section(Struct, frozen=True):
    """A part of a document with a heading; `id` is its anchor."""

    id: str
    title: str
    blocks: tuple[Block, ...]


_MARKUP = re.compile(r"[\\`*_\[\]<>|#&~!$]")
_START = re.compile(r"^([-+=]|\d+[.)])")


def inline(text: str) -> str:
    """Return untrusted text for a place inside a line of Markdown."""
    return _MARKUP.sub(r"\\\g<0>", plain(" ".join(text.split())))


def at_start(text: str) -> str:
    """Return untrusted text for the start of a line of Markdown."""
    return _START.sub(_escaped_start, inline(text))


def _escaped_start(match: re.Match[str]) -> str:
    """Keep the start of a line from being a list or a heading."""
    start = match[1]
    return f"\\{start}" if len(start) == 1 else f"{start[:-1]}\\{start[-1]}"


def fenced(lines: Sequence[str], language: str = "") -> list[str]:
    """Return lines in a code fence that is longer than any run of backticks in them."""
    longest = max((len(run) for line in lines for run in re.findall("`+", line)), default=0)
    fence = "`" * max(3, longest + 1)
    return [f"{fence}{language}", *map(plain, lines), fence]


def markdown(title: str, sections: Iterable[Section]) -> str:
    """Return a document as Markdown."""
    lines = [f"# {inline(title)}", ""]
    for section in sections:
        lines += [f"## {inline(section.title)}", ""]
        for block in section.blocks:
            lines += [*_block_lines(block), ""]
    return "\n".join(lines).rstrip("\n") + "\n"


def _block_lines(block: Block) -> Iterator[str]:
    match block:
        case Heading():
            yield f"### {inline(block.text)}"
        case Paragraph():
            yield at_start(block.text)
        case Facts():
            yield from ("| | |", "| --- | --- |")
            yield from (f"| {inline(label)} | {_cell(cell)} |" for label, cell in block.pairs)
        case Bullets():
            yield from (f"- {at_start(item)}" for item in block.items)
        case Table():
            yield f"| {' | '.join(inline(name) for name, _ in block.columns)} |"
            rules = ("---:" if is_number else "---" for _, is_number in block.columns)
            yield f"| {' | '.join(rules)} |"
            yield from (f"| {' | '.join(map(_cell, row))} |" for row in block.rows)
        case Lines():
            yield from fenced(block.lines, block.language)


def _cell(cell: Cell) -> str:
    match cell:
        case Code():
            return f"`{cell.text}`"
        case Marked():
            return f"**{inline(cell.text)}** {inline(cell.more)}".rstrip()
        case _:
            return inline(cell) or "-"
