"""Rules about what a setting means inside TRX: one port, one clock, a client, in a container."""

from collections.abc import Iterator

from vibforge.findings.check import Severity
from vibforge.model.certainty import Certainty
from vibforge.trx.document import Line
from vibforge.trx.finding import Fault, rule, shown
from vibforge.trx.option import Option, Standing
from vibforge.trx.release import RANK, span
from vibforge.trx.subject import Subject
from vibforge.trx.value import is_default, number_of, same_value

_WITH_A_RULE = {"unicast_master_table", "twoStepFlag"}
"""Options that a rule of their own speaks of."""


def _of_standing(subject: Subject, standing: Standing) -> Iterator[tuple[Line, Option]]:
    """The ptp4l settings of one standing that change something: the default changes nothing."""
    for line, option in subject.of_program("ptp4l"):
        if option.standing is standing and not is_default(option, line.value, subject.releases):
            yield line, option


def _for_its_reason(subject: Subject, line: Line, option: Option, what: str) -> Fault:
    """The fault of a setting, with what the table says of its standing as the remedy."""
    return Fault(
        line=line.number,
        column=line.key_column,
        what=what,
        remedy=subject.catalogue.reason(option),
    )


@rule(Severity.ERROR, Certainty.INFERRED)
def cannot_work(subject: Subject) -> Iterator[Fault]:
    """The setting needs a section or a file that trx.conf cannot carry.

    ptp4l then exits or does not open its port.
    """
    for line, option in _of_standing(subject, Standing.IMPOSSIBLE):
        if option.name not in _WITH_A_RULE:
            yield _for_its_reason(subject, line, option, f"`{option.name}` cannot work in TRX")


@rule(Severity.WARNING, Certainty.INFERRED)
def dangerous_setting(subject: Subject) -> Iterator[Fault]:
    """The setting takes something away that TRX lives on.

    That is a steered clock, a watched master, its log, its sockets or its role as a client.
    """
    for line, option in _of_standing(subject, Standing.DANGEROUS):
        if line.value.casefold() not in option.harmless and option.name not in _WITH_A_RULE:
            yield _for_its_reason(
                subject, line, option, f"`{option.name} {shown(line.value)}` is dangerous in TRX"
            )


@rule(Severity.NOTE, Certainty.INFERRED)
def pointless_setting(subject: Subject) -> Iterator[Fault]:
    """The setting does nothing on a host that is a client with one port."""
    for line, option in subject.of_program("ptp4l"):
        if option.standing is Standing.POINTLESS:
            yield _for_its_reason(subject, line, option, f"`{option.name}` does nothing in TRX")


@rule(Severity.NOTE, Certainty.UNKNOWN)
def managed_elsewhere(subject: Subject) -> Iterator[Fault]:
    """ESXi has a way of its own for the setting.

    Whether that one or trx.conf wins is not known, so both should say the same. Nothing is said of
    a domain that equals the one given with `--configstore`.
    """
    for line, option in subject.of_program("ptp4l"):
        if option.standing is not Standing.MANAGED:
            continue
        fault = _for_its_reason(
            subject,
            line,
            option,
            f"ESXi manages `{option.name}` too, and which of the two wins is not known",
        )
        if option.name != "domainNumber":
            yield fault
        elif "domain_number" not in subject.configstore:
            yield fault._replace(remedy=_one_domain(option, line))


def _one_domain(option: Option, line: Line) -> str:
    """The advice on a domain, with its number in decimal; none where linuxptp reads no number."""
    from vibforge.trx.official import domain_advice  # noqa: PLC0415 - for files with a domain

    number = number_of(option.kind, line.value)
    return "" if number is None else domain_advice(str(number))


@rule(Severity.WARNING, Certainty.INFERRED)
def client_role_off(subject: Subject) -> Iterator[Fault]:
    """The client-only role is switched off.

    Without a better master the hypervisor would give time to the network.
    """
    line = subject.setting("clientOnly")
    if line and subject.number("clientOnly") == 0:
        yield Fault(
            line=line.number,
            column=line.value_column,
            what=f"`{line.key} 0` lets the host become a master",
            remedy="Leave it out, or write 1.",
        )


@rule(Severity.WARNING, Certainty.MEASURED)
def phc2sys_reads_past(subject: Subject) -> Iterator[Fault]:
    """phc2sys takes every option of linuxptp in its file and makes use of few.

    This one it reads past, in the releases named.
    """
    for line, option in subject.of_program("phc2sys"):
        use = subject.catalogue.phc2sys.get(option.setting)
        if use and use.since is None:
            continue
        blind = tuple(
            release
            for release in subject.releases
            if option.known_to(release) and (not use or RANK[use.since or ""] > RANK[release])
        )
        if blind:
            yield Fault(
                line=line.number,
                column=line.key_column,
                what=f"phc2sys of linuxptp {span(blind)} reads past `{option.name}`",
                remedy=f"Did you mean `ptp4l:{option.name}`?" if not use else "",
                releases=blind,
            )


@rule(Severity.WARNING, Certainty.MEASURED)
def phc2sys_gains_fixed(subject: Subject) -> Iterator[Fault]:
    """phc2sys fixes the gains of its servo before it reads its file.

    A line for them is taken and ignored (tried on 3.1.1).
    """
    for line, option in subject.of_program("phc2sys"):
        use = subject.catalogue.phc2sys.get(option.setting)
        if use and use.since is None:
            yield Fault(
                line=line.number,
                column=line.key_column,
                what=f"phc2sys takes `{option.name}` and ignores it",
                remedy=use.why,
            )


@rule(Severity.ERROR, Certainty.UNKNOWN)
def command_line_letter(subject: Subject) -> Iterator[Fault]:
    """The key is a letter of the command line, which linuxptp's file does not know.

    Whether TRX makes arguments of its keys is not known for phc2sys.
    """
    for line in subject.unknown():
        letter = subject.letter(line)
        if letter:
            value = f" {letter.value or '…'}"
            yield Fault(
                line=line.number,
                column=line.key_column,
                what=f"`{shown(line.key)}` is a letter of {line.namespace}'s command line",
                remedy=f"Write `{line.namespace}:{letter.key}{value}`."
                if letter.key
                else f"No option of the file does it ({letter.does}).",
            )


@rule(Severity.NOTE, Certainty.UNKNOWN)
def sys2vmw_key(subject: Subject) -> Iterator[Fault]:
    """Which keys sys2vmw takes is not known, so the line is passed as it is."""
    for line in subject.conf.settings:
        if line.namespace == "sys2vmw":
            yield Fault(
                line=line.number,
                column=line.key_column,
                what=f"whether sys2vmw takes `{shown(line.key)}` is not known",
            )


@rule(Severity.ERROR, Certainty.UNKNOWN)
def contradicts_configstore(subject: Subject) -> Iterator[Fault]:
    """The domain is not the one in the host's ConfigStore (given with `--configstore`).

    Which of the two wins is not known.
    """
    official = subject.configstore.get("domain_number")
    for namespace in ("ptp4l", "phc2sys"):
        line = subject.setting("domainNumber", namespace)
        if official is None or line is None:
            continue
        if not same_value(subject.catalogue.options["domainNumber"].kind, line.value, official):
            yield Fault(
                line=line.number,
                column=line.value_column,
                what=f"domain {shown(line.value)} here, {shown(official)} in the ConfigStore",
                remedy=_one_domain(subject.catalogue.options["domainNumber"], line),
            )


RULES = (
    cannot_work,
    dangerous_setting,
    pointless_setting,
    managed_elsewhere,
    client_role_off,
    phc2sys_reads_past,
    phc2sys_gains_fixed,
    command_line_letter,
    sys2vmw_key,
    contradicts_configstore,
)
