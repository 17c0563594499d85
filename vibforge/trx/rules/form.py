"""Rules about the file's characters and about lines that are no settings."""

import re
from collections.abc import Iterable, Iterator

from vibforge.esxi.certainty import Certainty
from vibforge.findings.check import WHOLE_FILE, Fault, Severity, check, fault_at
from vibforge.trx.document import Form, Line
from vibforge.trx.subject import Subject

_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029]")
_SURROGATE = re.compile("[\udc80-\udcff]")


@check("", Severity.ERROR, Certainty.INFERRED)
def byte_order_mark(subject: Subject) -> Iterator[Fault]:
    """The file begins with a byte order mark.

    Why: it sticks to the first namespace, which trx-ctl then does not know.

    Remedy: Save it as UTF-8 without BOM.

    Evidence: follows from how trx-ctl takes a line apart (the public analysis of TRX in ESXi
    8.0.2).
    """
    if subject.conf.byte_order_mark:
        yield fault_at((1, 1), "the file begins with a byte order mark")


@check("", Severity.ERROR, Certainty.INFERRED)
def not_utf_8(subject: Subject) -> Iterator[Fault]:
    """A line has bytes that are no UTF-8.

    Why: all names and words of linuxptp are ASCII, so such a byte is never part of one.

    Remedy: Write the line anew in ASCII.

    Evidence: the option tables of linuxptp; what trx-ctl does with the bytes is inferred.
    """
    for line in subject.conf.lines:
        if not line.text.isascii() and (found := _SURROGATE.search(line.text)):
            yield fault_at(
                (line.number, found.start() + 1),
                f"byte 0x{ord(found[0]) - 0xDC00:02x} is not UTF-8",
            )


@check("", Severity.ERROR, Certainty.INFERRED)
def control_character(subject: Subject) -> Iterator[Fault]:
    """A line has a control character.

    Why: no editor shows it, and it becomes part of a name or value.

    Remedy: Remove it.

    Evidence: follows from how linuxptp takes a line apart.
    """
    for line in subject.conf.lines:
        if found := _CONTROLS.search(line.text):
            yield fault_at(
                (line.number, found.start() + 1), f"control character U+{ord(found[0]):04X}"
            )


@check("", Severity.WARNING, Certainty.UNKNOWN)
def non_ascii(subject: Subject) -> Iterator[Fault]:
    """A line has a character beyond ASCII.

    Why: it may be a look-alike letter, a space of another kind, or one that cannot be seen. In
    a name or a word it makes another name; what TRX does with it in a text is not known.

    Remedy: Type the line anew; it was perhaps pasted from a document.

    Evidence: linuxptp compares names and words byte by byte; nobody has shown how trx-ctl reads
    it.
    """
    for line in subject.conf.lines:
        if line.text.isascii():
            continue
        found = next((letter for letter in line.text if _is_foreign(letter)), None)
        if found:
            name = _name_of(found)
            yield fault_at(
                (line.number, line.text.index(found) + 1),
                f"U+{ord(found):04X} ({name.lower()}) is not ASCII",
            )


def _name_of(letter: str) -> str:
    import unicodedata  # noqa: PLC0415 - a megabyte that few files need

    return unicodedata.name(letter, "no name")


def _is_foreign(letter: str) -> bool:
    return not (letter.isascii() or _SURROGATE.match(letter) is not None or _CONTROLS.match(letter))


@check("", Severity.WARNING, Certainty.UNKNOWN)
def carriage_return(subject: Subject) -> Iterator[Fault]:
    """Lines end in CR and LF, as Windows writes them.

    Why: ptp4l drops the CR, and trx-ctl may take it for a part of the value.

    Remedy: Save the file with line feeds alone.

    Evidence: ptp4l was tried with such a file; nobody has shown how trx-ctl reads it.
    """
    yield from _first_of_many(
        (line for line in subject.conf.lines if line.text.endswith("\r")),
        "line ends in CR and LF",
        "lines end in CR and LF",
    )


@check("", Severity.NOTE, Certainty.UNKNOWN)
def no_final_line_feed(subject: Subject) -> Iterator[Fault]:
    """The last line has no line feed.

    Why: some readers lose such a line.

    Remedy: End it with one.

    Evidence: nobody has shown how trx-ctl reads it.
    """
    if subject.conf.lines and not subject.conf.ends_with_line_feed:
        yield fault_at(subject.conf.lines[-1].at_start, "the last line does not end in a line feed")


@check("", Severity.NOTE, Certainty.INFERRED)
def no_settings(subject: Subject) -> Iterator[Fault]:
    """The file sets nothing.

    Why: it could as well not be there.

    Remedy: Leave the file out.

    Evidence: ESXi has no trx.conf unless somebody puts one there.
    """
    if not any(line.form in {Form.SETTING, Form.PORT} for line in subject.conf.lines):
        yield fault_at(WHOLE_FILE, "the file sets nothing")


@check("", Severity.WARNING, Certainty.UNKNOWN)
def blank_line(subject: Subject) -> Iterator[Fault]:
    """A line is blank.

    Why: a split at `:` leaves one part of it where trx-ctl wants two.

    Remedy: Remove blank lines.

    Evidence: nobody has shown how trx-ctl reads it.
    """
    yield from _first_of_many(subject.lines(Form.BLANK), "blank line", "blank lines")


@check("", Severity.WARNING, Certainty.UNKNOWN)
def comment(subject: Subject) -> Iterator[Fault]:
    """A line is a comment.

    Why: trx-ctl may take it for a setting.

    Remedy: Keep comments beside the file, in the recipe of the VIB for instance.

    Evidence: nobody has shown how trx-ctl reads it.
    """
    yield from _first_of_many(subject.lines(Form.COMMENT), "comment line", "comment lines")


def _first_of_many(lines: Iterable[Line], one: str, many: str) -> Iterator[Fault]:
    found = [line.number for line in lines]
    if found:
        what = one if len(found) == 1 else f"{len(found)} {many}, this is the first"
        yield fault_at((found[0], 1), what)


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
