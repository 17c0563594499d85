"""Lines of a trx.conf that ESXi or linuxptp cannot read."""

import re
from collections.abc import Iterable, Iterator

from vibforge.esxi.release import Certainty
from vibforge.findings.check import WHOLE_FILE, Fault, Severity, check, fault_at
from vibforge.trx.conf import NAMESPACES, Line, LineForm, shown
from vibforge.trx.option import ValueKind
from vibforge.trx.subject import Subject

_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029]")
_SURROGATE = re.compile("[\udc80-\udcff]")


@check("", Severity.ERROR, Certainty.INFERRED)
def byte_order_mark(subject: Subject) -> Iterator[Fault]:
    """The file begins with a byte order mark.

    Why: it becomes part of the first namespace, and trx-ctl then does not recognise that name.

    Remedy: Save the file as UTF-8 without BOM.

    Evidence: follows from how trx-ctl splits a line (the public analysis of TRX in ESXi 8.0.2).
    """
    if subject.conf.byte_order_mark:
        yield fault_at((1, 1), "the file begins with a byte order mark")


@check("", Severity.ERROR, Certainty.INFERRED)
def not_utf_8(subject: Subject) -> Iterator[Fault]:
    """A line has bytes that are not UTF-8.

    Why: all names and words of linuxptp are ASCII, so such a byte never belongs to one.

    Remedy: Type the line again in ASCII.

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

    Why: editors do not show it, and it becomes part of a name or value.

    Remedy: Remove it.

    Evidence: follows from how linuxptp splits a line.
    """
    for line in subject.conf.lines:
        if found := _CONTROLS.search(line.text):
            yield fault_at(
                (line.number, found.start() + 1), f"control character U+{ord(found[0]):04X}"
            )


@check("", Severity.WARNING, Certainty.UNKNOWN)
def non_ascii(subject: Subject) -> Iterator[Fault]:
    """A line has a character beyond ASCII.

    Why: it may be a look-alike letter, a special space, or an invisible character. It makes a
    name or word a different one; what TRX does with it in a text is not known.

    Remedy: Type the line again; it may have been pasted from a document.

    Evidence: linuxptp compares names and words byte by byte; how trx-ctl reads it is not known.
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

    Why: ptp4l drops the CR, but trx-ctl may read it as part of the value.

    Remedy: Save the file with line feeds only.

    Evidence: ptp4l was tried with such a file; how trx-ctl reads it is not known.
    """
    yield from _first_of_many(
        (line for line in subject.conf.lines if line.text.endswith("\r")),
        "line ends in CR and LF",
        "lines end in CR and LF",
    )


@check("", Severity.NOTE, Certainty.UNKNOWN)
def no_final_line_feed(subject: Subject) -> Iterator[Fault]:
    """The last line has no line feed.

    Why: some programs drop a last line without a line feed.

    Remedy: End the last line with a line feed.

    Evidence: how trx-ctl reads it is not known.
    """
    if subject.conf.lines and not subject.conf.ends_with_line_feed:
        yield fault_at(subject.conf.lines[-1].at_start, "the last line does not end in a line feed")


@check("", Severity.NOTE, Certainty.INFERRED)
def no_settings(subject: Subject) -> Iterator[Fault]:
    """The file sets nothing.

    Why: the file has no effect.

    Remedy: Leave the file out.

    Evidence: ESXi has no trx.conf unless someone adds one.
    """
    if not any(line.form in {LineForm.SETTING, LineForm.PORT} for line in subject.conf.lines):
        yield fault_at(WHOLE_FILE, "the file sets nothing")


@check("", Severity.WARNING, Certainty.UNKNOWN)
def blank_line(subject: Subject) -> Iterator[Fault]:
    """A line is blank.

    Why: trx-ctl splits each line at `:` and expects two parts; a blank line gives one.

    Remedy: Remove blank lines.

    Evidence: how trx-ctl reads it is not known.
    """
    yield from _first_of_many(subject.lines(LineForm.BLANK), "blank line", "blank lines")


@check("", Severity.WARNING, Certainty.UNKNOWN)
def comment(subject: Subject) -> Iterator[Fault]:
    """A line is a comment.

    Why: trx-ctl may read it as a setting.

    Remedy: Keep comments outside the file, for example in the recipe of the VIB.

    Evidence: how trx-ctl reads it is not known.
    """
    yield from _first_of_many(subject.lines(LineForm.COMMENT), "comment line", "comment lines")


def _first_of_many(lines: Iterable[Line], one: str, many: str) -> Iterator[Fault]:
    found = [line.number for line in lines]
    if found:
        what = one if len(found) == 1 else f"{len(found)} {many}, this is the first"
        yield fault_at((found[0], 1), what)


LONGEST_LINE = 1023
"""The most bytes of one line that ptp4l reads at once; tried on 3.1.1: 1024 are too many."""


@check("", Severity.ERROR, Certainty.INFERRED)
def no_namespace(subject: Subject) -> Iterator[Fault]:
    """A line has no `:`, so it names no program.

    Why: trx-ctl splits each line at `:` and expects two parts; this line gives one.

    Remedy: Write it as `<namespace>:<key> <value>`.

    Evidence: follows from how trx-ctl splits a line (the public analysis of TRX in ESXi 8.0.2).
    """
    for line in subject.lines(LineForm.BARE):
        words = line.text.split()
        known = bool(words) and words[0] in subject.catalogue.options
        remedy = f"ptp4l:{' '.join(words)}" if known else "<namespace>:<key> <value>"
        yield fault_at(
            line.at_start,
            f"`{shown(line.text)}` has no namespace",
            f"Write it as `{shown(remedy)}`.",
        )


@check("", Severity.ERROR, Certainty.INFERRED)
def section_header(subject: Subject) -> Iterator[Fault]:
    """A line is a section header.

    Why: trx.conf has no sections: every line goes into `[global]`. After a namespace, ptp4l
    reads `[name]` as an interface of that name.

    Remedy: Remove the header; every ptp4l line is in [global] already.

    Evidence: ptp4l was tried with such a line; the public analysis of TRX in ESXi 8.0.2.
    """
    remedy = "Remove the header; every ptp4l line is in [global] already."
    for line in subject.lines(LineForm.SECTION):
        yield fault_at(line.at_start, "section header: trx.conf has no sections", remedy)
    for line in subject.conf.settings:
        if line.key.startswith("["):
            what = f"`{shown(line.key)}` is a section header, not a key"
            yield fault_at(line.at_key, what, remedy)


@check("", Severity.ERROR, Certainty.DOCUMENTED)
def unknown_namespace(subject: Subject) -> Iterator[Fault]:
    """The namespace is not `ptp4l`, `phc2sys` or `sys2vmw`.

    Why: ESXi 8.0.2 accepts these three names, in lower case.

    Remedy: Write one of the three names.

    Evidence: the public analysis of TRX in ESXi 8.0.2.
    """
    for line in subject.conf.lines:
        if line.form in {LineForm.SETTING, LineForm.PORT} and line.namespace not in NAMESPACES:
            yield fault_at(
                line.at_start,
                f"unknown namespace `{shown(line.namespace)}`",
                f"Write one of {', '.join(NAMESPACES)}, in lower case.",
            )


@check("", Severity.ERROR, Certainty.DOCUMENTED)
def port_section(subject: Subject) -> Iterator[Fault]:
    """A line names a port (`ptp4l:eth0:key value`).

    Why: trx-ctl splits each line at `:` and expects two parts. This line gives three, so trx-ctl
    stops with an exception and TRX does not start. TRX has one interface, so the same line
    without the port has the same effect.

    Remedy: Write the line without the port.

    Evidence: the public analysis of TRX in ESXi 8.0.2.
    """
    for line in subject.lines(LineForm.PORT):
        yield fault_at(
            (line.number, len(line.namespace) + 2),
            f"the line names the port `{shown(line.port)}`: TRX allows one `:` and does not start",
            f"Write `{shown(f'{line.namespace}:{line.key} {line.value}'.rstrip())}`.",
        )


@check("", Severity.ERROR, Certainty.UNKNOWN)
def colon_in_value(subject: Subject) -> Iterator[Fault]:
    """The value has a `:`.

    Why: if trx-ctl splits the whole line at `:`, it gets three parts and TRX does not start, as
    with a port.

    Remedy: Remove the line, or try it on a host that may lose its clock.

    Evidence: whether trx-ctl splits only the text before the space is not known.
    """
    for line in subject.conf.settings:
        if ":" in line.value:
            yield fault_at(
                (line.number, line.value_column + line.value.index(":")),
                f"the value `{shown(line.value)}` has a `:`; TRX may not start",
            )


@check("", Severity.WARNING, Certainty.UNKNOWN)
def tab(subject: Subject) -> Iterator[Fault]:
    """A line contains a tab.

    Why: a space between key and value is known to work; trx-ctl may not accept a tab.

    Remedy: Write the line with one space between key and value.

    Evidence: ptp4l was tried and accepts tabs; how trx-ctl reads them is not known.
    """
    for line in subject.conf.settings:
        if "\t" in line.text:
            column = line.text.index("\t") + 1
            yield fault_at((line.number, column), "a tab", f"Write `{shown(line.canonical)}`.")


@check("", Severity.WARNING, Certainty.UNKNOWN)
def extra_space(subject: Subject) -> Iterator[Fault]:
    """A line has extra spaces.

    Why: trx-ctl may not ignore spaces before the namespace, around the `:`, at the end, or more
    than one between key and value.

    Remedy: Write the line with one space between key and value.

    Evidence: how trx-ctl reads them is not known.
    """
    for line in subject.conf.settings:
        text = line.text.removesuffix("\r")
        if "\t" not in text and line.key and text != line.canonical.rstrip(" "):
            yield fault_at(
                line.at_start,
                "extra spaces",
                f"Write `{shown(line.canonical)}`.",
            )


@check("", Severity.ERROR, Certainty.MEASURED)
def equals_sign(subject: Subject) -> Iterator[Fault]:
    """An `=` separates key and value; linuxptp requires a space.

    Why: linuxptp refuses a number or a word after the `=`. It accepts a text that begins with
    `=`, but if a space follows, that text is very likely a typing error.

    Remedy: Write a space instead of the `=`.

    Evidence: tried with ptp4l.
    """
    for line in subject.conf.settings:
        key, sign, value = line.key.partition("=")
        option = subject.catalogue.options.get(line.key)
        is_text = option is not None and option.kind is ValueKind.TEXT
        if sign or line.value.startswith("= " if is_text else "="):
            value = value or line.value.lstrip("= ")
            yield fault_at(
                line.at_key,
                "an `=` between key and value",
                f"Write `{shown(f'{line.namespace}:{key} {value}'.rstrip())}`.",
                severity=Severity.WARNING if is_text else None,
            )


@check("", Severity.ERROR, Certainty.MEASURED)
def no_value(subject: Subject) -> Iterator[Fault]:
    """A key has no value, or a namespace has no key.

    Why: linuxptp refuses the line and stops.

    Remedy: Add the value, or remove the line to use the default.

    Evidence: tried with ptp4l.
    """
    for line in subject.conf.settings:
        if not line.value and "=" not in line.key:
            what = f"`{shown(line.key)}` has no value" if line.key else "the line has no key"
            yield fault_at(line.at_key, what)


@check("", Severity.ERROR, Certainty.MEASURED)
def line_too_long(subject: Subject) -> Iterator[Fault]:
    """Key and value are longer than the 1023 bytes that linuxptp reads in a line.

    Why: linuxptp reads the rest as another line.

    Remedy: Shorten the value.

    Evidence: tried with ptp4l 3.1.1: 1023 bytes pass and 1024 do not.
    """
    for line in subject.conf.lines:
        if len(line.text) * 4 <= LONGEST_LINE:
            continue
        body = line.text[line.key_column - 1 :]
        size = len(body.encode("utf-8", "surrogateescape"))
        if size > LONGEST_LINE:
            yield fault_at(
                line.at_start, f"the line has {size} bytes; linuxptp reads at most {LONGEST_LINE}"
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
