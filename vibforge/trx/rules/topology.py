"""Rules about what a setting does inside TRX: a client with one port and one clock."""

from collections.abc import Iterator

from msgspec.structs import replace

from vibforge.esxi.release import Certainty
from vibforge.findings.check import Fault, Severity, check, fault_at
from vibforge.trx import configstore as trx_official
from vibforge.trx.conf import Line, is_default, number_of, same_value, shown
from vibforge.trx.option import RANK, Option, Standing, span
from vibforge.trx.subject import Subject

_WITH_A_RULE = {"unicast_master_table", "twoStepFlag"}
"""Options that have a rule of their own."""


def _of_standing(subject: Subject, standing: Standing) -> Iterator[tuple[Line, Option]]:
    """Yield the ptp4l settings of one standing whose value is not the default."""
    for line, option in subject.of_program("ptp4l"):
        if option.standing is standing and not is_default(option, line.value, subject.releases):
            yield line, option


def _for_its_reason(subject: Subject, line: Line, option: Option, what: str) -> Fault:
    """Return the fault of a setting; its remedy is the reason for the option's standing."""
    return fault_at(line.at_key, what, subject.catalogue.reason(option))


@check("", Severity.ERROR, Certainty.INFERRED)
def cannot_work(subject: Subject) -> Iterator[Fault]:
    """The setting needs a section or a file that trx.conf cannot provide.

    Why: ptp4l exits or does not open its port.

    Remedy: Remove the line.

    Evidence: linuxptp's manual says what the option needs; the public analysis of TRX in ESXi
    8.0.2 shows what TRX passes on.
    """
    for line, option in _of_standing(subject, Standing.IMPOSSIBLE):
        if option.name not in _WITH_A_RULE:
            yield _for_its_reason(subject, line, option, f"`{option.name}` cannot work in TRX")


@check("", Severity.WARNING, Certainty.INFERRED)
def dangerous_setting(subject: Subject) -> Iterator[Fault]:
    """The setting turns off something that TRX needs.

    Why: TRX needs a steered clock, a master that ptp4l watches, ptp4l's log and sockets, and the
    client role.

    Remedy: Remove the line.

    Evidence: linuxptp's manual says what the option does; the public analysis of TRX in ESXi
    8.0.2 shows what TRX needs.
    """
    for line, option in _of_standing(subject, Standing.DANGEROUS):
        if line.value.casefold() not in option.harmless and option.name not in _WITH_A_RULE:
            yield _for_its_reason(
                subject, line, option, f"`{option.name} {shown(line.value)}` is dangerous in TRX"
            )


@check("", Severity.NOTE, Certainty.INFERRED)
def pointless_setting(subject: Subject) -> Iterator[Fault]:
    """The setting does nothing on a client with one port.

    Why: readers of the file believe that it does something.

    Remedy: Remove the line.

    Evidence: linuxptp's manual.
    """
    for line, option in subject.of_program("ptp4l"):
        if option.standing is Standing.POINTLESS:
            yield _for_its_reason(subject, line, option, f"`{option.name}` does nothing in TRX")


@check("", Severity.NOTE, Certainty.UNKNOWN)
def managed_elsewhere(subject: Subject) -> Iterator[Fault]:
    """ESXi manages the setting too.

    Why: whether ESXi's value or trx.conf wins is not known, so both should be equal. A domain
    that equals the one given with `--configstore` has no finding.

    Remedy: Set the same value in ESXi; `vibforge trx host` shows how.

    Evidence: which of the two wins is not known.
    """
    for line, option in subject.of_program("ptp4l"):
        if option.standing is not Standing.MANAGED:
            continue
        fault = _for_its_reason(
            subject,
            line,
            option,
            f"ESXi manages `{option.name}` too; which value wins is not known",
        )
        if option.name != "domainNumber":
            yield fault
        elif "domain_number" not in subject.configstore:
            yield replace(fault, remedy=_one_domain(option, line))


def _one_domain(option: Option, line: Line) -> str:
    """Return the advice on a domain in decimal; empty if linuxptp cannot read the number."""
    number = number_of(option.kind, line.value)
    return "" if number is None else trx_official.domain_advice(str(number))


@check("", Severity.WARNING, Certainty.INFERRED)
def client_role_off(subject: Subject) -> Iterator[Fault]:
    """The client-only role is switched off.

    Why: if the network has no better master, the host becomes one and serves its time.

    Remedy: Remove the line, or write 1.

    Evidence: what the option does, by linuxptp's manual.
    """
    line = subject.setting("clientOnly")
    if line and subject.number("clientOnly") == 0:
        yield fault_at(line.at_value, f"`{line.key} 0` lets the host become a master")


@check("", Severity.WARNING, Certainty.MEASURED)
def phc2sys_reads_past(subject: Subject) -> Iterator[Fault]:
    """phc2sys does not use the option.

    Why: phc2sys accepts every option of linuxptp in its file but uses only a few. The named
    releases ignore this one.

    Remedy: Remove the line.

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
                f"phc2sys of linuxptp {span(blind)} ignores `{option.name}`",
                f"Did you mean `ptp4l:{option.name}`?" if not use else "",
                linuxptp=blind,
            )


@check("", Severity.WARNING, Certainty.MEASURED)
def phc2sys_gains_fixed(subject: Subject) -> Iterator[Fault]:
    """phc2sys sets the gains of its servo before it reads its file.

    Why: phc2sys accepts a line for a gain and ignores it.

    Remedy: Remove the line.

    Evidence: tried with phc2sys 3.1.1.
    """
    for line, option in subject.of_program("phc2sys"):
        use = subject.catalogue.phc2sys.get(option.setting)
        if use and use.since is None:
            yield fault_at(line.at_key, f"phc2sys accepts `{option.name}` but ignores it", use.why)


@check("", Severity.ERROR, Certainty.UNKNOWN)
def command_line_letter(subject: Subject) -> Iterator[Fault]:
    """The key is a command-line letter, which linuxptp does not accept in its file.

    Why: ptp4l and phc2sys stop at such a line. Whether TRX turns keys into arguments of phc2sys
    is not known.

    Remedy: Write the option that does the same.

    Evidence: what TRX does with such a key is not known.
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
                else f"Remove the line: no option does the same ({letter.does}).",
            )


@check("", Severity.NOTE, Certainty.UNKNOWN)
def sys2vmw_key(subject: Subject) -> Iterator[Fault]:
    """Which keys sys2vmw accepts is not known.

    Why: TRX passes the line on unchanged.

    Remedy: Try it on a host that may lose its clock.

    Evidence: sys2vmw is the vendor's own program, and its options are not public.
    """
    for line in subject.conf.settings:
        if line.namespace == "sys2vmw":
            yield fault_at(line.at_key, f"whether sys2vmw accepts `{shown(line.key)}` is not known")


@check("", Severity.ERROR, Certainty.UNKNOWN)
def contradicts_configstore(subject: Subject) -> Iterator[Fault]:
    """The domain differs from the host's ConfigStore (given with `--configstore`).

    Why: which of the two wins is not known.

    Remedy: Set the same domain in both.

    Evidence: which of the two wins is not known.
    """
    official = subject.configstore.get("domain_number")
    for namespace in ("ptp4l", "phc2sys"):
        line = subject.setting("domainNumber", namespace)
        if official is None or line is None:
            continue
        if not same_value(subject.catalogue.options["domainNumber"].kind, line.value, official):
            yield fault_at(
                line.at_value,
                f"the domain is {shown(line.value)} here but {shown(official)} in the ConfigStore",
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
