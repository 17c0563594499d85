"""Rules about how a line is put together, before its option is looked up."""

from collections.abc import Iterator

from vibforge.findings.check import Severity
from vibforge.model.certainty import Certainty
from vibforge.trx.document import NAMESPACES, Form
from vibforge.trx.finding import Fault, rule, shown
from vibforge.trx.option import Kind
from vibforge.trx.subject import Subject

LONGEST_LINE = 1023
"""Bytes of one line that ptp4l reads at once: 1023 pass and 1024 do not, tried on 3.1.1."""


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
    """An `=` stands between key and value, where linuxptp wants space and nothing else.

    It refuses a number or a word behind the sign. A text that begins with `=` is legal (tried);
    with a space behind the sign it is very likely not meant.
    """
    for line in subject.conf.settings:
        key, sign, value = line.key.partition("=")
        option = subject.catalogue.options.get(line.key)
        is_text = option is not None and option.kind is Kind.TEXT
        if sign or line.value.startswith("= " if is_text else "="):
            value = value or line.value.lstrip("= ")
            yield Fault(
                line=line.number,
                column=line.key_column,
                what="an `=` between key and value",
                remedy=f"Write `{shown(f'{line.namespace}:{key} {value}'.rstrip())}`.",
                severity=Severity.WARNING if is_text else None,
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
