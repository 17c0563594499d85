"""Rules about the lines themselves, before any option is looked up."""

import re
from collections.abc import Iterable, Iterator

from vibforge.trx.document import NAMESPACES, Form, Line
from vibforge.trx.finding import Certainty, Fault, Severity, rule, shown
from vibforge.trx.subject import Subject

LONGEST_LINE = 1023
"""Bytes of one line that ptp4l reads at once: 1023 pass and 1024 do not, tried on 3.1.1."""

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


@rule(Severity.ERROR, Certainty.INFERRED)
def no_namespace(subject: Subject) -> Iterator[Fault]:
    """A line has no `:`, so it names no program. trx-ctl wants two parts and gets one."""
    for line in subject.lines(Form.BARE):
        words = line.text.split()
        known = bool(words) and words[0] in subject.catalogue.options
        remedy = f"ptp4l:{' '.join(words)}" if known else "<namespace>:<key> <value>"
        yield Fault(
            line=line.number,
            what=f"`{shown(line.text)}` has no namespace",
            remedy=f"Write it as `{shown(remedy)}`.",
        )


@rule(Severity.ERROR, Certainty.INFERRED)
def section_header(subject: Subject) -> Iterator[Fault]:
    """A line opens a section.

    trx.conf has none: everything lands in `[global]`. Behind a namespace, ptp4l takes `[name]`
    for an interface of that name (tried).
    """
    remedy = "Remove it; every ptp4l line is in [global] already."
    for line in subject.lines(Form.SECTION):
        yield Fault(line=line.number, what="a section header", remedy=remedy)
    for line in subject.conf.settings:
        if line.key.startswith("["):
            what = f"`{shown(line.key)}` is a section header, not a key"
            yield Fault(line=line.number, column=line.key_column, what=what, remedy=remedy)


@rule(Severity.ERROR, Certainty.DOCUMENTED)
def unknown_namespace(subject: Subject) -> Iterator[Fault]:
    """The namespace is none of `ptp4l`, `phc2sys` and `sys2vmw`, the three of ESXi 8.0.2."""
    for line in subject.conf.lines:
        if line.form in {Form.SETTING, Form.PORT} and line.namespace not in NAMESPACES:
            yield Fault(
                line=line.number,
                what=f"unknown namespace `{shown(line.namespace)}`",
                remedy=f"Known: {', '.join(NAMESPACES)}, in small letters.",
            )


@rule(Severity.ERROR, Certainty.DOCUMENTED)
def port_section(subject: Subject) -> Iterator[Fault]:
    """A line names a port.

    trx-ctl splits it at both `:`, gets three parts where it wants two and stops with an
    exception: TRX does not start at all. TRX has one interface, so the same line without the
    port does the same.
    """
    for line in subject.lines(Form.PORT):
        yield Fault(
            line=line.number,
            column=len(line.namespace) + 2,
            what=f"the port `{shown(line.port)}` makes three parts, and TRX does not start",
            remedy=f"Write `{shown(f'{line.namespace}:{line.key} {line.value}'.rstrip())}`.",
        )


@rule(Severity.ERROR, Certainty.UNKNOWN)
def colon_in_value(subject: Subject) -> Iterator[Fault]:
    """The value has a `:`.

    If trx-ctl splits the whole line there, it gets three parts and TRX does not start, as with
    a port; nobody has shown that it splits only what stands before the space.
    """
    for line in subject.conf.settings:
        if ":" in line.value:
            yield Fault(
                line=line.number,
                column=line.value_column + line.value.index(":"),
                what=f"the value `{shown(line.value)}` has a `:` and may stop TRX",
                remedy="Leave the line out, or try it on a host that may lose its clock.",
            )


@rule(Severity.WARNING, Certainty.UNKNOWN)
def tab(subject: Subject) -> Iterator[Fault]:
    """A tab stands in a line.

    Key and value are known to stand apart by a space; ptp4l takes tabs (tried), trx-ctl may
    not.
    """
    for line in subject.conf.settings:
        if "\t" in line.text:
            column = line.text.index("\t") + 1
            yield Fault(
                line=line.number, column=column, what="a tab", remedy=f"`{shown(line.canonical)}`"
            )


@rule(Severity.WARNING, Certainty.UNKNOWN)
def extra_space(subject: Subject) -> Iterator[Fault]:
    """There is more space than the one between key and value.

    It stands before the namespace, around the `:`, doubled, or at the end. Whether trx-ctl
    drops it is not known.
    """
    for line in subject.conf.settings:
        text = line.text.removesuffix("\r")
        if "\t" not in text and line.key and text != line.canonical.rstrip(" "):
            yield Fault(
                line=line.number,
                what="more space than the one between key and value",
                remedy=f"`{shown(line.canonical)}`",
            )


@rule(Severity.ERROR, Certainty.MEASURED)
def equals_sign(subject: Subject) -> Iterator[Fault]:
    """An `=` stands between key and value, where linuxptp wants space and nothing else."""
    for line in subject.conf.settings:
        key, sign, value = line.key.partition("=")
        if sign or line.value.startswith("="):
            value = value or line.value.lstrip("= ")
            yield Fault(
                line=line.number,
                column=line.key_column,
                what="an `=` between key and value",
                remedy=f"Write `{shown(f'{line.namespace}:{key} {value}'.rstrip())}`.",
            )


@rule(Severity.ERROR, Certainty.MEASURED)
def no_value(subject: Subject) -> Iterator[Fault]:
    """A key has no value, or a namespace no key. linuxptp refuses the line and stops."""
    for line in subject.conf.settings:
        if not line.value and "=" not in line.key:
            what = f"`{shown(line.key)}` has no value" if line.key else "the line has no key"
            yield Fault(
                line=line.number,
                column=line.key_column,
                what=what,
                remedy="Give it one, or leave the line out for the default.",
            )


@rule(Severity.ERROR, Certainty.MEASURED)
def line_too_long(subject: Subject) -> Iterator[Fault]:
    """Key and value are longer than the 1023 bytes that linuxptp reads of a line.

    It takes the rest for another line.
    """
    for line in subject.conf.lines:
        if len(line.text) * 4 <= LONGEST_LINE:
            continue
        body = line.text[line.key_column - 1 :]
        size = len(body.encode("utf-8", "surrogateescape"))
        if size > LONGEST_LINE:
            yield Fault(
                line=line.number,
                what=f"{size} bytes where linuxptp reads {LONGEST_LINE}",
                remedy="Shorten the value.",
            )


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
    no_namespace,
    section_header,
    unknown_namespace,
    port_section,
    colon_in_value,
    tab,
    extra_space,
    equals_sign,
    no_value,
    line_too_long,
)
