"""Rules about the file's characters and about lines that are no settings."""

import re
from collections.abc import Iterable, Iterator

from vibforge.findings.check import Severity
from vibforge.model.certainty import Certainty
from vibforge.trx.document import Form, Line
from vibforge.trx.finding import Fault, rule
from vibforge.trx.subject import Subject

_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029]")
_SURROGATE = re.compile("[\udc80-\udcff]")


@rule(Severity.ERROR, Certainty.INFERRED)
def byte_order_mark(subject: Subject) -> Iterator[Fault]:
    """The file begins with a byte order mark.

    It sticks to the first namespace, which trx-ctl then does not know.
    """
    if subject.conf.byte_order_mark:
        yield Fault(
            line=1,
            what="the file begins with a byte order mark",
            remedy="Save it as UTF-8 without BOM.",
        )


@rule(Severity.ERROR, Certainty.INFERRED)
def not_utf_8(subject: Subject) -> Iterator[Fault]:
    """A line has bytes that are no UTF-8. All names and words of linuxptp are ASCII."""
    for line in subject.conf.lines:
        if not line.text.isascii() and (found := _SURROGATE.search(line.text)):
            yield Fault(
                line=line.number,
                column=found.start() + 1,
                what=f"byte 0x{ord(found[0]) - 0xDC00:02x} is not UTF-8",
                remedy="Write the line anew in ASCII.",
            )


@rule(Severity.ERROR, Certainty.INFERRED)
def control_character(subject: Subject) -> Iterator[Fault]:
    """A line has a control character.

    No editor shows it, and it becomes part of a name or value.
    """
    for line in subject.conf.lines:
        if found := _CONTROLS.search(line.text):
            yield Fault(
                line=line.number,
                column=found.start() + 1,
                what=f"control character U+{ord(found[0]):04X}",
                remedy="Remove it.",
            )


@rule(Severity.WARNING, Certainty.UNKNOWN)
def non_ascii(subject: Subject) -> Iterator[Fault]:
    """A line has a character beyond ASCII.

    It may be a look-alike letter, a space of another kind, or one that cannot be seen. In a
    name or a word it makes another name; what TRX does with it in a text is not known.
    """
    for line in subject.conf.lines:
        if line.text.isascii():
            continue
        found = next((letter for letter in line.text if _is_foreign(letter)), None)
        if found:
            name = _name_of(found)
            yield Fault(
                line=line.number,
                column=line.text.index(found) + 1,
                what=f"U+{ord(found):04X} ({name.lower()}) is not ASCII",
                remedy="Type the line anew; it was perhaps pasted from a document.",
            )


def _name_of(letter: str) -> str:
    import unicodedata  # noqa: PLC0415 - a megabyte that few files need

    return unicodedata.name(letter, "no name")


def _is_foreign(letter: str) -> bool:
    return not (letter.isascii() or _SURROGATE.match(letter) is not None or _CONTROLS.match(letter))


@rule(Severity.WARNING, Certainty.UNKNOWN)
def carriage_return(subject: Subject) -> Iterator[Fault]:
    """Lines end in CR and LF, as Windows writes them.

    ptp4l drops the CR (tried), but nobody has shown that trx-ctl does.
    """
    yield from _first_of_many(
        (line for line in subject.conf.lines if line.text.endswith("\r")),
        "line ends in CR and LF",
        "lines end in CR and LF",
        "Save the file with line feeds alone.",
    )


@rule(Severity.NOTE, Certainty.UNKNOWN)
def no_final_line_feed(subject: Subject) -> Iterator[Fault]:
    """The last line has no line feed; some readers lose such a line."""
    if subject.conf.lines and not subject.conf.ends_with_line_feed:
        yield Fault(
            line=subject.conf.lines[-1].number,
            what="the last line does not end in a line feed",
            remedy="End it with one.",
        )


@rule(Severity.NOTE, Certainty.INFERRED)
def no_settings(subject: Subject) -> Iterator[Fault]:
    """The file sets nothing, so it could as well not be there."""
    if not any(line.form in {Form.SETTING, Form.PORT} for line in subject.conf.lines):
        yield Fault(line=0, what="the file sets nothing", remedy="Leave the file out.")


@rule(Severity.WARNING, Certainty.UNKNOWN)
def blank_line(subject: Subject) -> Iterator[Fault]:
    """A line is blank.

    How trx-ctl reads it is not known: a split at `:` leaves one part where it wants two.
    """
    yield from _first_of_many(
        subject.lines(Form.BLANK), "blank line", "blank lines", "Remove blank lines."
    )


@rule(Severity.WARNING, Certainty.UNKNOWN)
def comment(subject: Subject) -> Iterator[Fault]:
    """A line is a comment. How trx-ctl reads it is not known: it may take it for a setting."""
    yield from _first_of_many(
        subject.lines(Form.COMMENT),
        "comment line",
        "comment lines",
        "Keep comments beside the file, in the recipe of the VIB for instance.",
    )


def _first_of_many(lines: Iterable[Line], one: str, many: str, remedy: str) -> Iterator[Fault]:
    found = [line.number for line in lines]
    if found:
        what = one if len(found) == 1 else f"{len(found)} {many}, this is the first"
        yield Fault(line=found[0], what=what, remedy=remedy)


RULES = (
    byte_order_mark,
    not_utf_8,
    control_character,
    non_ascii,
    carriage_return,
    no_final_line_feed,
    no_settings,
    blank_line,
    comment,
)
