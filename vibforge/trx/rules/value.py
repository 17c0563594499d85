"""Rules about keys and values, by linuxptp's own tables."""

import re
from collections.abc import Iterator, Mapping
from difflib import get_close_matches

from vibforge.esxi.release import Certainty
from vibforge.findings.check import Fault, Severity, check, fault_at
from vibforge.trx.conf import Line, ValueRefusal, is_nan, is_octal, number_of, shown
from vibforge.trx.option import Option, ValueKind, shown_default, span
from vibforge.trx.subject import Subject

CONFIGSTORE_KEYS = ("log_level", "calibration_delay", "ports", "domain_number")
"""The PTP keys in the ConfigStore of ESXi 8.0.2."""

_COMMENT = re.compile(r"\s+[#;].*|^#.*")

_FORMS: Mapping[str, tuple[str, str]] = {
    "mac": (r"(?:[0-9a-fA-F]{1,2}:){5}[0-9a-fA-F]{1,2}", "six octets, `01:1B:…`"),
    "oui": (r"(?:[0-9a-fA-F]{1,2}:){2}[0-9a-fA-F]{1,2}", "three octets, `xx:xx:xx`"),
    "clock-identity": (
        r"[0-9a-fA-F]{6}\.[0-9a-fA-F]{4}\.[0-9a-fA-F]{6}",
        "`xxxxxx.xxxx.xxxxxx`, hexadecimal",
    ),
    "three-fields-64": (r"(?=.{0,64}\Z)[^;]*;[^;]*;[^;]*", "`a;b;c`, 64 characters"),
    "three-fields-32": (r"(?=.{0,32}\Z)[^;]*;[^;]*;[^;]*", "`a;b;c`, 32 characters"),
    "at-most-128": (r".{0,128}", "128 characters at most"),
}


@check("", Severity.ERROR, Certainty.MEASURED)
def unknown_key(subject: Subject) -> Iterator[Fault]:
    """No release of linuxptp has the option.

    Why: ptp4l and phc2sys stop at such a line. Names are case-sensitive.

    Remedy: Find the right name with `vibforge trx options WORD`.

    Evidence: the option tables of linuxptp 1.6 to 4.4; tried with ptp4l and phc2sys.
    """
    for line in subject.unknown():
        if subject.letter(line) or line.key.startswith("[") or "=" in line.key:
            continue
        yield fault_at(
            line.at_key,
            f"linuxptp has no option `{shown(line.key)}`",
            _did_you_mean(subject, line.key),
        )


def _did_you_mean(subject: Subject, key: str) -> str:
    if key in CONFIGSTORE_KEYS:
        return "It is a key of the ConfigStore; `vibforge trx host` shows how to set it."
    near = subject.nearest(key)
    return f"Did you mean {', '.join(f'`{name}`' for name in near)}?" if near else ""


@check("", Severity.ERROR, Certainty.MEASURED)
def key_not_in_release(subject: Subject) -> Iterator[Fault]:
    """The option is newer than a linuxptp release that TRX may carry.

    Why: an older release stops at the line. The finding is an error if every checked release
    refuses the line, a warning if only some do.

    Remedy: Write the option's older name, or remove the line.

    Evidence: the option tables of linuxptp 1.6 to 4.4; tried with ptp4l.
    """
    for line, option in subject.known:
        releases = _refusing(subject, line, option, ValueRefusal.UNKNOWN_OPTION)
        if releases:
            older = _older_name(subject, option) or option.note
            yield fault_at(
                line.at_key,
                f"`{option.name}` is unknown to linuxptp {span(releases)}",
                f"It came with {option.since}. {older}".rstrip(),
                severity=_weight(subject, line, option),
                linuxptp=releases,
            )


def _older_name(subject: Subject, option: Option) -> str:
    older = [known.name for known in subject.catalogue.options.values() if known.now == option.name]
    return f"Write `{older[0]}`, which all releases accept." if older else ""


@check("", Severity.ERROR, Certainty.MEASURED)
def malformed_value(subject: Subject) -> Iterator[Fault]:
    """The option requires a number, and the value is not one.

    Why: integers may be decimal, `0x` hexadecimal or octal with a leading 0, without units,
    words or fractions. linuxptp stops at the line.

    Remedy: Write only a number.

    Evidence: tried with ptp4l.
    """
    for line, option in subject.known:
        releases = _refusing(subject, line, option, ValueRefusal.MALFORMED)
        if releases and not _COMMENT.search(line.value) and not line.value.startswith("="):
            yield fault_at(
                line.at_value,
                f"`{option.name}` requires {_KINDS[option.kind]}, not `{shown(line.value)}`",
                _way_out(line.value, option),
                severity=_weight(subject, line, option),
                linuxptp=releases,
            )


_KINDS = {ValueKind.INT: "an integer", ValueKind.UINT: "an integer", ValueKind.DOUBLE: "a number"}


def _way_out(value: str, option: Option) -> str:
    if value.casefold() in {"yes", "true", "on", "no", "false", "off"}:
        return "Write 1 for yes and 0 for no."
    if option.kind is ValueKind.INT and value.isdecimal():
        return f"A leading 0 makes it octal, which has no 8 and 9: write {value.lstrip('0') or 0}."
    return ""


@check("", Severity.ERROR, Certainty.MEASURED)
def out_of_range(subject: Subject) -> Iterator[Fault]:
    """The number is outside the option's bounds.

    Why: linuxptp stops at the line. The finding is an error if every checked release refuses the
    number, a warning if only some do: 4.0 and later accept domain 254, 3.1.1 stops at it.

    Remedy: Write a number within the bounds.

    Evidence: the option tables of linuxptp 1.6 to 4.4; tried with ptp4l.
    """
    for line, option in subject.known:
        releases = _refusing(subject, line, option, ValueRefusal.OUT_OF_RANGE)
        if releases:
            view = option.view(releases[-1])
            bounds = f"{shown_default(view.minimum)} to {shown_default(view.maximum)}"
            yield fault_at(
                line.at_value,
                f"{shown(line.value)} is outside {bounds}, the range of `{option.name}` in "
                f"linuxptp {span(releases)}",
                severity=_weight(subject, line, option),
                linuxptp=releases,
            )


@check("", Severity.ERROR, Certainty.MEASURED)
def unknown_word(subject: Subject) -> Iterator[Fault]:
    """The value is not one of the words that the option accepts.

    Why: linuxptp stops at the line. Upper and lower case are equal here.

    Remedy: Write one of the words.

    Evidence: the option tables of linuxptp 1.6 to 4.4; tried with ptp4l.
    """
    for line, option in subject.known:
        releases = _refusing(subject, line, option, ValueRefusal.BAD_WORD)
        if releases and not _COMMENT.search(line.value) and not line.value.startswith("="):
            words = option.view(releases[-1]).words
            near = get_close_matches(line.value[:64], words, n=1)
            hint = f"Did you mean `{near[0]}`? " if near else ""
            yield fault_at(
                line.at_value,
                f"`{option.name}` does not accept `{shown(line.value)}` in linuxptp "
                f"{span(releases)}",
                f"{hint}Write one of {', '.join(words)}.",
                severity=_weight(subject, line, option),
                linuxptp=releases,
            )


def _refusing(subject: Subject, line: Line, option: Option, why: ValueRefusal) -> tuple[str, ...]:
    found = subject.refusals(option, line.value)
    return tuple(release for release, given in found.items() if given is why)


def _weight(subject: Subject, line: Line, option: Option) -> Severity:
    everywhere = len(subject.refusals(option, line.value)) == len(subject.releases)
    return Severity.ERROR if everywhere else Severity.WARNING


@check("", Severity.ERROR, Certainty.MEASURED)
def trailing_comment(subject: Subject) -> Iterator[Fault]:
    """A comment follows the value.

    Why: linuxptp reads it as part of the value: it refuses a number or a word with it, and a
    text then contains the comment.

    Remedy: Remove it.

    Evidence: tried with ptp4l.
    """
    for line, option in subject.known:
        found = _COMMENT.search(line.value)
        if found:
            yield fault_at(
                (line.number, line.value_column + found.start()),
                f"`{shown(found[0].strip())}` is part of the value, not a comment",
                severity=Severity.WARNING if option.kind is ValueKind.TEXT else None,
            )


@check("", Severity.WARNING, Certainty.MEASURED)
def octal_look_alike(subject: Subject) -> Iterator[Fault]:
    """The number has a leading 0 and is read as octal.

    Why: `030` is 24.

    Remedy: Write the number without the leading 0.

    Evidence: tried with ptp4l.
    """
    for line, option in subject.known:
        if not option.octal and is_octal(option.kind, line.value):
            yield fault_at(
                line.at_value,
                f"{shown(line.value)} is octal and means {number_of(option.kind, line.value)}",
                f"Write {line.value.lstrip('+-0') or '0'} without the 0, or the number you mean.",
            )


@check("", Severity.ERROR, Certainty.MEASURED)
def not_a_number(subject: Subject) -> Iterator[Fault]:
    """The value is `nan`.

    Why: linuxptp accepts it for every double, and every comparison with it is false: a threshold
    of `nan` is never reached.

    Remedy: Write a number, or remove the line to use the default.

    Evidence: tried with ptp4l.
    """
    for line, option in subject.known:
        if is_nan(option.kind, line.value):
            what = f"linuxptp accepts `{shown(line.value)}`, but every comparison with it is false"
            yield fault_at(line.at_value, what)


@check("", Severity.ERROR, Certainty.MEASURED)
def malformed_text(subject: Subject) -> Iterator[Fault]:
    """The text does not have the form that the option requires.

    Why: ptp4l accepts the file but exits when it starts.

    Remedy: Write the text in the form that the finding names.

    Evidence: tried with ptp4l.
    """
    for line, option in subject.of_program("ptp4l"):
        if option.form and line.value:
            pattern, wanted = _FORMS[option.form]
            if not re.fullmatch(pattern, line.value):
                yield fault_at(
                    line.at_value,
                    f"`{shown(line.value)}` does not have the form of `{option.name}`",
                    f"Write {wanted}.",
                )


@check("", Severity.NOTE, Certainty.MEASURED)
def deprecated_key(subject: Subject) -> Iterator[Fault]:
    """The option has a newer name.

    Why: linuxptp accepts the old name and logs a warning.

    Remedy: Write the new name.

    Evidence: tried with ptp4l.
    """
    for line, option in subject.known:
        new = subject.catalogue.options.get(option.now)
        if new and all(new.known_to(release) for release in subject.releases):
            yield fault_at(
                line.at_key,
                f"`{option.name}` is the old name of `{option.now}`",
                f"Write `{option.now}`, which all these releases accept.",
            )


@check("", Severity.WARNING, Certainty.UNKNOWN)
def duplicate_key(subject: Subject) -> Iterator[Fault]:
    """The same option is set twice.

    Why: ptp4l uses the last line; which line TRX passes on is not known.

    Remedy: Keep one of the two lines.

    Evidence: ptp4l was tried with such a file; how trx-ctl reads it is not known.
    """
    first: dict[tuple[str, str], int] = {}
    for line in subject.conf.settings:
        option = subject.catalogue.options.get(line.key)
        name = (line.namespace, option.setting if option else line.key)
        if name in first:
            yield fault_at(line.at_key, f"`{shown(line.key)}` is already set in line {first[name]}")
        else:
            first[name] = line.number


RULES = (
    unknown_key,
    key_not_in_release,
    malformed_value,
    out_of_range,
    unknown_word,
    trailing_comment,
    octal_look_alike,
    not_a_number,
    malformed_text,
    deprecated_key,
    duplicate_key,
)
