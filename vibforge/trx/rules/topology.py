"""Rules about what a setting means inside TRX: one port, one clock, a client, in a container."""

from collections.abc import Iterator

from msgspec.structs import replace

from vibforge.esxi.release import Certainty
from vibforge.findings.check import Fault, Severity, check, fault_at
from vibforge.trx import configstore as trx_official
from vibforge.trx.conf import Line, is_default, number_of, same_value, shown
from vibforge.trx.option import RANK, Option, Standing, span
from vibforge.trx.subject import Subject

_WITH_A_RULE = {"unicast_master_table", "twoStepFlag"}
"""Options that a rule of their own speaks of."""


def _of_standing(subject: Subject, standing: Standing) -> Iterator[tuple[Line, Option]]:
    """The ptp4l settings of one standing that change something: the default changes nothing."""
    for line, option in subject.of_program("ptp4l"):
        if option.standing is standing and not is_default(option, line.value, subject.releases):
            yield line, option


def _for_its_reason(subject: Subject, line: Line, option: Option, what: str) -> Fault:
    """The fault of a setting, with what the table says of its standing as the remedy."""
    return fault_at(line.at_key, what, subject.catalogue.reason(option))


@check("", Severity.ERROR, Certainty.INFERRED)
def cannot_work(subject: Subject) -> Iterator[Fault]:
    """The setting needs a section or a file that trx.conf cannot carry.

    Why: ptp4l exits or does not open its port.

    Remedy: Leave the line out.

    Evidence: what the option needs, by linuxptp's manual, and what TRX hands on, by the public
    analysis of TRX in ESXi 8.0.2.
    """
    for line, option in _of_standing(subject, Standing.IMPOSSIBLE):
        if option.name not in _WITH_A_RULE:
            yield _for_its_reason(subject, line, option, f"`{option.name}` cannot work in TRX")


@check("", Severity.WARNING, Certainty.INFERRED)
def dangerous_setting(subject: Subject) -> Iterator[Fault]:
    """The setting takes something away that TRX lives on.

    Why: that is a steered clock, a watched master, its log, its sockets or its role as a
    client.

    Remedy: Leave the line out.

    Evidence: what the option does, by linuxptp's manual, and what TRX needs, by the public
    analysis of TRX in ESXi 8.0.2.
    """
    for line, option in _of_standing(subject, Standing.DANGEROUS):
        if line.value.casefold() not in option.harmless and option.name not in _WITH_A_RULE:
            yield _for_its_reason(
                subject, line, option, f"`{option.name} {shown(line.value)}` is dangerous in TRX"
            )


@check("", Severity.NOTE, Certainty.INFERRED)
def pointless_setting(subject: Subject) -> Iterator[Fault]:
    """The setting does nothing on a host that is a client with one port.

    Why: whoever reads the file believes that it does something.

    Remedy: Leave the line out.

    Evidence: linuxptp's manual.
    """
    for line, option in subject.of_program("ptp4l"):
        if option.standing is Standing.POINTLESS:
            yield _for_its_reason(subject, line, option, f"`{option.name}` does nothing in TRX")


@check("", Severity.NOTE, Certainty.UNKNOWN)
def managed_elsewhere(subject: Subject) -> Iterator[Fault]:
    """ESXi has a way of its own for the setting.

    Why: whether that one or trx.conf wins is not known, so both should say the same. Nothing is
    said of a domain that equals the one given with `--configstore`.

    Remedy: Set it in ESXi's own way too; `vibforge trx host` shows it.

    Evidence: nobody has shown which of the two wins.
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
            yield replace(fault, remedy=_one_domain(option, line))


def _one_domain(option: Option, line: Line) -> str:
    """The advice on a domain, with its number in decimal; none where linuxptp reads no number."""
    number = number_of(option.kind, line.value)
    return "" if number is None else trx_official.domain_advice(str(number))


@check("", Severity.WARNING, Certainty.INFERRED)
def client_role_off(subject: Subject) -> Iterator[Fault]:
    """The client-only role is switched off.

    Why: without a better master the hypervisor would give time to the network.

    Remedy: Leave it out, or write 1.

    Evidence: what the option does, by linuxptp's manual.
    """
    line = subject.setting("clientOnly")
    if line and subject.number("clientOnly") == 0:
        yield fault_at(line.at_value, f"`{line.key} 0` lets the host become a master")


@check("", Severity.WARNING, Certainty.MEASURED)
def phc2sys_reads_past(subject: Subject) -> Iterator[Fault]:
    """phc2sys does not use the option.

    Why: it takes every option of linuxptp in its file and makes use of few. This one it reads
    past, in the releases named.

    Remedy: Leave the line out.

    Evidence: tried with phc2sys.
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
            yield fault_at(
                line.at_key,
                f"phc2sys of linuxptp {span(blind)} reads past `{option.name}`",
                f"Did you mean `ptp4l:{option.name}`?" if not use else "",
                linuxptp=blind,
            )


@check("", Severity.WARNING, Certainty.MEASURED)
def phc2sys_gains_fixed(subject: Subject) -> Iterator[Fault]:
    """phc2sys fixes the gains of its servo before it reads its file.

    Why: a line for them is taken and ignored.

    Remedy: Leave the line out.

    Evidence: tried with phc2sys 3.1.1.
    """
    for line, option in subject.of_program("phc2sys"):
        use = subject.catalogue.phc2sys.get(option.setting)
        if use and use.since is None:
            yield fault_at(line.at_key, f"phc2sys takes `{option.name}` and ignores it", use.why)


@check("", Severity.ERROR, Certainty.UNKNOWN)
def command_line_letter(subject: Subject) -> Iterator[Fault]:
    """The key is a letter of the command line, which linuxptp's file does not know.

    Why: ptp4l and phc2sys stop at such a line. Whether TRX makes arguments of its keys is not
    known for phc2sys.

    Remedy: Write the option that does the same.

    Evidence: nobody has shown what TRX makes of such a key.
    """
    for line in subject.unknown():
        letter = subject.letter(line)
        if letter:
            value = f" {letter.value or '…'}"
            yield fault_at(
                line.at_key,
                f"`{shown(line.key)}` is a letter of {line.namespace}'s command line",
                f"Write `{line.namespace}:{letter.key}{value}`."
                if letter.key
                else f"No option of the file does it ({letter.does}).",
            )


@check("", Severity.NOTE, Certainty.UNKNOWN)
def sys2vmw_key(subject: Subject) -> Iterator[Fault]:
    """Which keys sys2vmw takes is not known.

    Why: the line is passed as it is.

    Remedy: Try it on a host that may lose its clock.

    Evidence: the program is the vendor's own, and nothing public tells its options.
    """
    for line in subject.conf.settings:
        if line.namespace == "sys2vmw":
            yield fault_at(line.at_key, f"whether sys2vmw takes `{shown(line.key)}` is not known")


@check("", Severity.ERROR, Certainty.UNKNOWN)
def contradicts_configstore(subject: Subject) -> Iterator[Fault]:
    """The domain is not the one in the host's ConfigStore (given with `--configstore`).

    Why: which of the two wins is not known.

    Remedy: Set the same domain in both.

    Evidence: nobody has shown which of the two wins.
    """
    official = subject.configstore.get("domain_number")
    for namespace in ("ptp4l", "phc2sys"):
        line = subject.setting("domainNumber", namespace)
        if official is None or line is None:
            continue
        if not same_value(subject.catalogue.options["domainNumber"].kind, line.value, official):
            yield fault_at(
                line.at_value,
                f"domain {shown(line.value)} here, {shown(official)} in the ConfigStore",
                _one_domain(subject.catalogue.options["domainNumber"], line),
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
