"""linuxptp's configuration file, and the arguments of its programs."""

import shlex
from collections.abc import Iterator, Mapping

from msgspec import Struct

from vibforge.errors import TrxError
from vibforge.esxi.paths import TRX_CONF_LIMIT
from vibforge.trx.conf import Line, LineForm, TrxConf, shown
from vibforge.trx.exchange.transfer import Collector, Imported, Loss
from vibforge.trx.option import Letter, catalogue

MAX_CHARACTERS = 1 << 16
"""Of one command line; the kernel takes 128 KiB in one argument."""

_OF_TRX = {
    "ptp4l": frozenset({"-f", "-i", "-p", "-h", "-v"}),
    "phc2sys": frozenset(
        {"-a", "-r", "-s", "-c", "-i", "-w", "-f", "-h", "-v", "-C", "-N", "-R", "-u"}
    ),
}
"""What TRX settles itself: its one interface, its clocks, its own file, how often it corrects."""


def take_arguments(collector: Collector, namespace: str, arguments: str) -> None:
    """Take over the command line `arguments` of the program `namespace`.

    Raises:
        TrxError: it is too long, or its quotes do not match.
    """
    if len(arguments) > MAX_CHARACTERS:
        raise TrxError(f"the options of {namespace} have more than {MAX_CHARACTERS} characters")
    try:
        words = iter(shlex.split(arguments))
    except ValueError as error:
        raise TrxError(
            f"the options of {namespace} cannot be taken apart: {error}", remedy="Match the quotes."
        ) from error
    for word in words:
        if word.startswith("--"):
            _take_long(collector, namespace, word[2:], words)
        elif word.startswith("-") and len(word) > 1:
            _take_letters(collector, namespace, word[1:], words)
        else:
            collector.lose(f"{namespace} options", word, "it belongs to no option")


def _take_long(collector: Collector, namespace: str, word: str, words: Iterator[str]) -> None:
    key, sign, value = word.partition("=")
    collector.take(namespace, key, value if sign else next(words, ""), f"{namespace} --{key}")


def _take_letters(collector: Collector, namespace: str, word: str, words: Iterator[str]) -> None:
    table = collector.table
    letters = table.ptp4l_letters if namespace == "ptp4l" else table.phc2sys_letters
    while word:
        name, word = f"-{word[0]}", word[1:]
        letter = letters.get(name)
        argument = ""
        if letter and letter.argument:
            argument, word = (word or next(words, "")), ""
        _take_letter(collector, namespace, name, argument, letters)


def _take_letter(
    collector: Collector, namespace: str, name: str, argument: str, letters: Mapping[str, Letter]
) -> None:
    letter = letters.get(name)
    where = f"{namespace} options"
    if letter and letter.key:
        collector.take(namespace, letter.key, argument or letter.value, f"{namespace} {name}")
    elif name in _OF_TRX[namespace]:
        why = "TRX settles it itself" + (f" ({letter.does})" if letter else "")
        collector.lose(where, f"{name} {argument}", why, harmless=True)
    elif letter:
        why = f"no option of the file does it ({letter.does})"
        collector.lose(where, f"{name} {argument}", why)
    else:
        collector.lose(where, name, f"{namespace} has no such letter")


def arguments_of(settings: Iterator[Line]) -> str:
    """Return settings as `--name=value` arguments."""
    return " ".join(shlex.quote(f"--{line.key}={line.value}") for line in settings)


_TABLES = ("unicast_master_table", "message_tag", "nmea", "ts2phc")
_BLANKS = " \t\r\v\f"


class ConfEntry(Struct, frozen=True, kw_only=True):
    """One line of a ptp4l.conf that sets something; `section` is empty before the first one."""

    number: int
    section: str
    key: str
    value: str


def entries_of(text: str) -> Iterator[ConfEntry]:
    """Read a ptp4l.conf faithfully, whatever its keys and sections are."""
    section = ""
    for number, raw in enumerate(text.split("\n"), 1):
        line = raw.strip(_BLANKS)
        if not line or line.startswith("#"):
            continue
        if line.startswith("["):
            name = line[1:].split("]")[0].strip(_BLANKS)
            section = "global" if name.casefold() == "global" else name
            continue
        words = line.split(None, 1)
        yield ConfEntry(
            number=number,
            section=section,
            key=words[0] if words else line,
            value=words[1] if len(words) > 1 else "",
        )


def import_linuxptp(
    conf: str, *, ptp4l_options: str = "", phc2sys_options: str = "", interface: str = ""
) -> Imported:
    """Make a trx.conf of a ptp4l.conf and of the arguments that go with it.

    Args:
        conf: the text of the ptp4l.conf.
        ptp4l_options: arguments of ptp4l, which count more than the file.
        phc2sys_options: arguments of phc2sys.
        interface: whose section is taken, where the file has several.

    Raises:
        TrxError: the input is too large, or the arguments cannot be taken apart.
    """
    collector = Collector()
    collect_linuxptp(collector, conf, interface)
    take_arguments(collector, "ptp4l", ptp4l_options)
    take_arguments(collector, "phc2sys", phc2sys_options)
    return collector.imported()


def collect_linuxptp(collector: Collector, conf: str, interface: str) -> None:
    """Take over a ptp4l.conf: `[global]` first, then the one interface on top of it."""
    if len(conf) > TRX_CONF_LIMIT:
        raise TrxError(f"the ptp4l.conf has more than {TRX_CONF_LIMIT} characters, which none has")
    entries = tuple(entries_of(conf))
    chosen = _interface(entries, interface)
    for entry in entries:
        if entry.section == "global":
            collector.take("ptp4l", entry.key, entry.value, f"line {entry.number}")
    for entry in entries:
        if entry.section != "global":
            _take_of_section(collector, entry, chosen)


def _interface(entries: tuple[ConfEntry, ...], wanted: str) -> str:
    sections = {entry.section for entry in entries} - {"", "global", *_TABLES}
    if wanted:
        return wanted
    return sections.pop() if len(sections) == 1 else ""


def _take_of_section(collector: Collector, entry: ConfEntry, chosen: str) -> None:
    where = f"line {entry.number}, [{shown(entry.section)}]"
    says = f"{entry.key} {entry.value}"
    option = collector.table.options.get(entry.key)
    if not entry.section:
        collector.lose(where, says, "it stands before any section, where linuxptp refuses it")
    elif entry.section in _TABLES:
        collector.lose(where, says, "trx.conf has no sections, so it cannot hold this table")
    elif entry.section != chosen:
        named = f", and [{shown(chosen)}] is taken" if chosen else ""
        why = f"TRX has one interface{named}; --interface takes another"
        collector.lose(where, says, why, harmless=bool(chosen))
    elif option and not option.port:
        collector.lose(where, says, "linuxptp takes it in [global] only")
    else:
        collector.take("ptp4l", entry.key, entry.value, where)


class Exported(Struct, frozen=True, kw_only=True):
    """A trx.conf in linuxptp's own words, and what of it has none."""

    ptp4l_conf: str
    phc2sys_options: str
    losses: tuple[Loss, ...]

    @property
    def complete(self) -> bool:
        return all(loss.harmless for loss in self.losses)


def export_linuxptp(conf: TrxConf) -> Exported:
    """Return what a trx.conf says as a ptp4l.conf and arguments of phc2sys."""
    table = catalogue()
    last = {(line.namespace, line.key): line for line in conf.settings}
    losses = list(_not_exported(conf))
    fixed = {key for key, use in table.phc2sys.items() if use.since is None}
    ptp4l = [line for line in last.values() if line.namespace == "ptp4l" and line.value]
    phc2sys = [line for line in last.values() if line.namespace == "phc2sys" and line.value]
    for line in phc2sys:
        if line.key in fixed:
            why = "phc2sys ignores it in a file, and as an argument it would count"
            losses.append(Loss(where=f"line {line.number}", says=line.key, why=why, harmless=True))
    return Exported(
        ptp4l_conf="".join(["[global]\n", *(f"{line.key} {line.value}\n" for line in ptp4l)]),
        phc2sys_options=arguments_of(line for line in phc2sys if line.key not in fixed),
        losses=tuple(losses),
    )


def _not_exported(conf: TrxConf) -> Iterator[Loss]:
    last = {(line.namespace, line.key): line.number for line in conf.settings}
    for line in conf.lines:
        where, says = f"line {line.number}", shown(line.text.strip())
        if line.form is LineForm.SETTING:
            if line.namespace not in {"ptp4l", "phc2sys"}:
                yield Loss(where=where, says=says, why="linuxptp has no such program")
            elif not line.value:
                yield Loss(where=where, says=says, why="it has no value")
            elif last[line.namespace, line.key] != line.number:
                why = f"line {last[line.namespace, line.key]} replaces it"
                yield Loss(where=where, says=says, why=why, harmless=True)
        elif line.form in {LineForm.COMMENT, LineForm.BLANK}:
            if says:
                yield Loss(where=where, says=says, why="a comment", harmless=True)
        else:
            yield Loss(where=where, says=says, why="it is no setting of a trx.conf")
