"""The page of a change record."""

from collections.abc import Sequence

from msgspec.structs import replace

from vibforge.errors import escaped
from vibforge.evidence.assessment import RiskGrade
from vibforge.evidence.change_record import ChangeRecord
from vibforge.evidence.results import Attachment
from vibforge.report.change_record import sections_of, title_of, verdict_of
from vibforge.report.page.kit import made_at, render
from vibforge.report.sections import (
    Block,
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
)


def change_record_page(record: ChangeRecord, attachments: Sequence[Attachment]) -> str:
    """Return the page of a record; the same record makes the same bytes.

    Args:
        record: the record.
        attachments: all files of the folder but the record itself.
    """
    kept = None if record.grade is RiskGrade.HIGH else True
    sections = [_printable(section) for section in sections_of(record, attachments)]
    sections[0] = replace(sections[0], blocks=sections[0].blocks[1:])  # the head has the verdict
    return render(
        "change_record.html",
        title=escaped(title_of(record)),
        good=False if record.objections else kept,
        verdict=escaped(verdict_of(record)),
        facts=[("made", made_at(record.made.at)), ("SHA-256", record.sha256)],
        sections=sections,
    )


def _printable(section: Section) -> Section:
    """Escape the control characters of a section; the template escapes its markup."""
    return replace(section, blocks=tuple(map(_block, section.blocks)))


def _block(block: Block) -> Block:
    match block:
        case Heading() | Paragraph():
            return replace(block, text=escaped(block.text))
        case Facts():
            return Facts(tuple((escaped(label), _cell(cell)) for label, cell in block.pairs))
        case Bullets():
            return Bullets(tuple(map(escaped, block.items)))
        case Table():
            return replace(block, rows=tuple(tuple(map(_cell, row)) for row in block.rows))
        case Lines():
            return replace(block, lines=tuple(map(escaped, block.lines)))


def _cell(cell: Cell) -> Cell:
    match cell:
        case Code():
            return cell
        case Marked():
            return replace(cell, text=escaped(cell.text), more=escaped(cell.more))
        case _:
            return escaped(cell)
