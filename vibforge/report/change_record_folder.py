"""Write the folder of a change record: all of its files, or none."""

import hashlib
from pathlib import Path

from vibforge.errors import OutputError
from vibforge.evidence.change_record import ChangeRecord
from vibforge.files.publication import Publication, explained
from vibforge.report import documents
from vibforge.report.change_record import change_record_markdown
from vibforge.report.page.change_record import change_record_page

MARKDOWN, PAGE, FACTS, SUMS = "change-record.md", "change-record.html", "record.json", "SHA256SUMS"
_SHOWN_NAMES = 3


def write_record(record: ChangeRecord, folder: Path) -> tuple[str, ...]:
    """Write a record into a folder of its own; return the names of the files.

    The folder may be missing, empty, or hold nothing but files that this record has, too.

    Raises:
        OutputError: the folder holds other files, or cannot be written. It is as it was.
    """
    files = _files(record)
    with Publication(folder) as publication:
        _check_alone(folder, files)
        for name, data in files.items():
            publication.write(name, data)
        publication.publish(lambda: _check_alone(folder, files))
    return tuple(files)


def _files(record: ChangeRecord) -> dict[str, bytes]:
    """Return the files of a record by name; the last one has the digests of the others."""
    attachments = record.attachments
    facts = documents.change_record.ChangeRecord.of(record, attachments)
    files = {
        MARKDOWN: change_record_markdown(record, attachments).encode("utf-8", "backslashreplace"),
        PAGE: change_record_page(record, attachments).encode("utf-8", "backslashreplace"),
        FACTS: documents.shape.json_text(facts).encode("ascii") + b"\n",
        **{each.name: each.data for each in attachments},
    }
    sums = [f"{hashlib.sha256(data).hexdigest()}  {name}\n" for name, data in files.items()]
    return {**files, SUMS: "".join(sums).encode("ascii")}


def _check_alone(folder: Path, files: dict[str, bytes]) -> None:
    """Insist that a folder holds no file that does not belong to the record.

    Raises:
        OutputError: it holds one, or cannot be read.
    """
    with explained(folder):
        names = {each.name for each in folder.iterdir()} if folder.is_dir() else set()
    foreign = sorted(name for name in names - files.keys() if not _is_partial(name))
    if foreign:
        shown = ", ".join(foreign[:_SHOWN_NAMES])
        more = len(foreign) - _SHOWN_NAMES
        raise OutputError(
            f"the folder holds files that are not of this record: {shown}"
            f"{f' and {more} more' if more > 0 else ''}",
            where=str(folder),
            remedy="name a new or empty folder; nothing was changed",
        )


def _is_partial(name: str) -> bool:
    """Whether a name is that of a file that is being published."""
    return name.startswith(".vibforge-") and name.endswith(".partial")
