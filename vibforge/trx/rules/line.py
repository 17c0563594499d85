"""Rules about how a line is put together, before its option is looked up."""

from collections.abc import Iterator

from vibforge.esxi.certainty import Certainty
from vibforge.findings.check import Fault, Severity, check, fault_at
from vibforge.trx.document import NAMESPACES, Form, shown
from vibforge.trx.option import Kind
from vibforge.trx.subject import Subject

LONGEST_LINE = 1023
"""Bytes of one line that ptp4l reads at once: 1023 pass and 1024 do not, tried on 3.1.1."""


@check("", Severity.ERROR, Certainty.INFERRED)
def no_namespace(subject: Subject) -> Iterator[Fault]:
    """A line has no `:`, so it names no program.

    Why: trx-ctl wants two parts and gets one.

    Remedy: Write it as `<namespace>:<key> <value>`.

    Evidence: follows from how trx-ctl takes a line apart (the public analysis of TRX in ESXi
    8.0.2).
    """
    for line in subject.lines(Form.BARE):
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
    """A line opens a section.

    Why: trx.conf has none: everything lands in `[global]`. Behind a namespace, ptp4l takes
    `[name]` for an interface of that name.

    Remedy: Remove it; every ptp4l line is in [global] already.

    Evidence: ptp4l was tried with such a line; the public analysis of TRX in ESXi 8.0.2.
    """
    remedy = "Remove it; every ptp4l line is in [global] already."
    for line in subject.lines(Form.SECTION):
        yield fault_at(line.at_start, "a section header", remedy)
    for line in subject.conf.settings:
        if line.key.startswith("["):
            what = f"`{shown(line.key)}` is a section header, not a key"
            yield fault_at(line.at_key, what, remedy)


@check("", Severity.ERROR, Certainty.DOCUMENTED)
def unknown_namespace(subject: Subject) -> Iterator[Fault]:
    """The namespace is none of `ptp4l`, `phc2sys` and `sys2vmw`.

    Why: ESXi 8.0.2 knows these three, in small letters.

    Remedy: Write one of the three.

    Evidence: the public analysis of TRX in ESXi 8.0.2.
    """
    for line in subject.conf.lines:
        if line.form in {Form.SETTING, Form.PORT} and line.namespace not in NAMESPACES:
            yield fault_at(
                line.at_start,
                f"unknown namespace `{shown(line.namespace)}`",
                f"Known: {', '.join(NAMESPACES)}, in small letters.",
            )


@check("", Severity.ERROR, Certainty.DOCUMENTED)
def port_section(subject: Subject) -> Iterator[Fault]:
    """A line names a port.

    Why: trx-ctl splits it at both `:`, gets three parts where it wants two and stops with an
    exception: TRX does not start at all. TRX has one interface, so the same line without the
    port does the same.

    Remedy: Write the line without the port.

    Evidence: the public analysis of TRX in ESXi 8.0.2.
    """
    for line in subject.lines(Form.PORT):
        yield fault_at(
            (line.number, len(line.namespace) + 2),
            f"the port `{shown(line.port)}` makes three parts, and TRX does not start",
            f"Write `{shown(f'{line.namespace}:{line.key} {line.value}'.rstrip())}`.",
        )


@check("", Severity.ERROR, Certainty.UNKNOWN)
def colon_in_value(subject: Subject) -> Iterator[Fault]:
    """The value has a `:`.

    Why: if trx-ctl splits the whole line there, it gets three parts and TRX does not start, as
    with a port.

    Remedy: Leave the line out, or try it on a host that may lose its clock.

    Evidence: nobody has shown that trx-ctl splits only what stands before the space.
    """
    for line in subject.conf.settings:
        if ":" in line.value:
            yield fault_at(
                (line.number, line.value_column + line.value.index(":")),
                f"the value `{shown(line.value)}` has a `:` and may stop TRX",
            )


@check("", Severity.WARNING, Certainty.UNKNOWN)
def tab(subject: Subject) -> Iterator[Fault]:
    """A tab stands in a line.

    Why: key and value are known to stand apart by a space; trx-ctl may not take a tab for one.

    Remedy: Write the line with one space between key and value.

    Evidence: ptp4l was tried and takes tabs; nobody has shown how trx-ctl reads it.
    """
    for line in subject.conf.settings:
        if "\t" in line.text:
            column = line.text.index("\t") + 1
            yield fault_at((line.number, column), "a tab", f"`{shown(line.canonical)}`")


@check("", Severity.WARNING, Certainty.UNKNOWN)
def extra_space(subject: Subject) -> Iterator[Fault]:
    """There is more space than the one between key and value.

    Why: it stands before the namespace, around the `:`, doubled, or at the end, and trx-ctl may
    not drop it.

    Remedy: Write the line with one space between key and value.

    Evidence: nobody has shown how trx-ctl reads it.
    """
    for line in subject.conf.settings:
        text = line.text.removesuffix("\r")
        if "\t" not in text and line.key and text != line.canonical.rstrip(" "):
            yield fault_at(
                line.at_start,
                "more space than the one between key and value",
                f"`{shown(line.canonical)}`",
            )


@check("", Severity.ERROR, Certainty.MEASURED)
def equals_sign(subject: Subject) -> Iterator[Fault]:
    """An `=` stands between key and value, where linuxptp wants space and nothing else.

    Why: linuxptp refuses a number or a word behind the sign. A text that begins with `=` is
    legal; with a space behind the sign it is very likely not meant.

    Remedy: Write a space in place of the sign.

    Evidence: tried with ptp4l.
    """
    for line in subject.conf.settings:
        key, sign, value = line.key.partition("=")
        option = subject.catalogue.options.get(line.key)
        is_text = option is not None and option.kind is Kind.TEXT
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
    """A key has no value, or a namespace no key.

    Why: linuxptp refuses the line and stops.

    Remedy: Give it one, or leave the line out for the default.

    Evidence: tried with ptp4l.
    """
    for line in subject.conf.settings:
        if not line.value and "=" not in line.key:
            what = f"`{shown(line.key)}` has no value" if line.key else "the line has no key"
            yield fault_at(line.at_key, what)


@check("", Severity.ERROR, Certainty.MEASURED)
def line_too_long(subject: Subject) -> Iterator[Fault]:
    """Key and value are longer than the 1023 bytes that linuxptp reads of a line.

    Why: it takes the rest for another line.

    Remedy: Shorten the value.

    Evidence: tried with ptp4l 3.1.1: 1023 bytes pass and 1024 do not.
    """
    for line in subject.conf.lines:
        if len(line.text) * 4 <= LONGEST_LINE:
            continue
        body = line.text[line.key_column - 1 :]
        size = len(body.encode("utf-8", "surrogateescape"))
        if size > LONGEST_LINE:
            yield fault_at(line.at_start, f"{size} bytes where linuxptp reads {LONGEST_LINE}")


RULES = (
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
