"""Rules about settings that conflict. ptp4l's behaviour was tried on 3.1.1 and others."""

from collections.abc import Iterator

from vibforge.esxi.release import Certainty
from vibforge.findings.check import Fault, Severity, check, fault_at
from vibforge.trx.conf import Line, is_default, same_value, shown
from vibforge.trx.subject import Subject

SHARED = ("domainNumber", "transportSpecific", "uds_address")
"""The options that must be equal for ptp4l and phc2sys, so that phc2sys finds ptp4l."""

G8275_DOMAINS = (24, 63)
"""G.8275.1 uses 24 to 43, G.8275.2 uses 44 to 63."""

GAINS = (
    ("pi_proportional_const", "pi_integral_const"),
    ("pi_proportional_scale", "pi_integral_scale"),
)


def _at(line: Line | None, what: str, remedy: str = "") -> Fault:
    return fault_at((line.number if line else 0, line.value_column if line else 1), what, remedy)


@check("", Severity.ERROR, Certainty.MEASURED)
def client_not_gm_capable(subject: Subject) -> Iterator[Fault]:
    """A client-only clock has `gmCapable 0`.

    Why: ptp4l exits 255 with 'Cannot mix 1588 slaveOnly with 802.1AS !gmCapable'.

    Remedy: Write 1, or remove the line.

    Evidence: tried with ptp4l.
    """
    if subject.number("clientOnly") == 1 and subject.number("gmCapable") == 0:
        yield _at(
            subject.setting("gmCapable"), "`gmCapable 0` on a client-only clock makes ptp4l exit"
        )


@check("", Severity.ERROR, Certainty.MEASURED)
def one_step_without_hardware(subject: Subject) -> Iterator[Fault]:
    """`twoStepFlag 0` (one step) is set with software or legacy timestamps.

    Why: ptp4l exits 255 with 'one step is only possible with hardware time stamping'.

    Remedy: Remove both lines: a client with hardware timestamps needs neither.

    Evidence: tried with ptp4l.
    """
    stamps = subject.word("time_stamping")
    if subject.number("twoStepFlag") == 0 and stamps in {"software", "legacy"}:
        yield _at(
            subject.setting("twoStepFlag"),
            f"one step needs hardware timestamps, not {stamps}: ptp4l exits",
        )


@check("", Severity.ERROR, Certainty.MEASURED)
def more_ports_needed(subject: Subject) -> Iterator[Fault]:
    """A boundary or transparent clock needs two interfaces, but TRX has one.

    Why: ptp4l exits.

    Remedy: Write `ptp4l:clock_type OC`.

    Evidence: tried with ptp4l.
    """
    if subject.word("clock_type") in {"bc", "p2p_tc", "e2e_tc"}:
        line = subject.setting("clock_type")
        yield _at(line, "TRX has one port, but this clock type needs two: ptp4l exits")


@check("", Severity.ERROR, Certainty.MEASURED)
def fixed_role_missing(subject: Subject) -> Iterator[Fault]:
    """`BMCA noop` turns the election off, but no role is set.

    Why: without a role, the port does not open.

    Remedy: Add `ptp4l:slaveOnly 1`.

    Evidence: tried with ptp4l.
    """
    roles = (subject.number("clientOnly"), subject.number("serverOnly"))
    if subject.word("BMCA") == "noop" and 1 not in roles:
        yield _at(
            subject.setting("BMCA"), "`BMCA noop` without a fixed role: the port does not open"
        )


@check("", Severity.ERROR, Certainty.INFERRED)
def both_roles(subject: Subject) -> Iterator[Fault]:
    """`clientOnly 1` and `serverOnly 1` are both set.

    Why: a port cannot be only a client and only a master.

    Remedy: Remove `serverOnly`.

    Evidence: the meaning of the two options in linuxptp's manual.
    """
    if subject.number("clientOnly") == 1 and subject.number("serverOnly") == 1:
        yield _at(subject.setting("serverOnly"), "`clientOnly 1` and `serverOnly 1` are both set")


@check("", Severity.WARNING, Certainty.MEASURED)
def hybrid_without_e2e(subject: Subject) -> Iterator[Fault]:
    """`hybrid_e2e 1` is set with P2P delay.

    Why: the option applies to end-to-end delay. With P2P, ptp4l warns and ignores it.

    Remedy: Remove the line.

    Evidence: tried with ptp4l.
    """
    if subject.number("hybrid_e2e") == 1 and subject.word("delay_mechanism") == "p2p":
        line = subject.setting("hybrid_e2e")
        yield _at(line, "`hybrid_e2e` has no effect with P2P")


@check("", Severity.WARNING, Certainty.MEASURED)
def net_sync_without_hybrid(subject: Subject) -> Iterator[Fault]:
    """`net_sync_monitor 1` is set without `hybrid_e2e 1`.

    Why: without `hybrid_e2e 1`, ptp4l warns and ignores it.

    Remedy: Remove the line.

    Evidence: tried with ptp4l.
    """
    if subject.number("net_sync_monitor") == 1 and subject.number("hybrid_e2e") != 1:
        line = subject.setting("net_sync_monitor")
        yield _at(line, "`net_sync_monitor` has no effect without `hybrid_e2e 1`")


@check("", Severity.ERROR, Certainty.MEASURED)
def unicast_table_missing(subject: Subject) -> Iterator[Fault]:
    """`unicast_master_table` names a section, but trx.conf cannot have sections.

    Why: ptp4l logs 'no table with id 1' and does not open its port.

    Remedy: Use a multicast profile, or a master that also sends multicast.

    Evidence: tried with ptp4l.
    """
    number = subject.number("unicast_master_table")
    if number is not None and number > 0:
        yield _at(
            subject.setting("unicast_master_table"),
            "trx.conf cannot have a unicast master table: the port does not open",
        )


@check("", Severity.WARNING, Certainty.MEASURED)
def half_of_the_gains(subject: Subject) -> Iterator[Fault]:
    """One gain of a pair is set, the other is not.

    Why: ptp4l then uses its own values for both.

    Remedy: Set both gains, or neither.

    Evidence: tried with ptp4l.
    """
    for pair in GAINS:
        values = [subject.number(key) or 0 for key in pair]
        if sum(value != 0 for value in values) == 1:
            given, missing = pair if values[0] else reversed(pair)
            yield _at(
                subject.setting(given),
                f"ptp4l ignores `{given}` while `{missing}` is 0",
                f"Set `{missing}` too.",
            )


@check("", Severity.WARNING, Certainty.DOCUMENTED)
def p2p_in_e2e_profile(subject: Subject) -> Iterator[Fault]:
    """P2P delay is set in a G.8275 profile.

    Why: G.8275.1 and G.8275.2 use end-to-end delay only; their masters do not answer peer delay
    requests.

    Remedy: Write E2E, or `dataset_comparison ieee1588`.

    Evidence: ITU-T G.8275.1 and G.8275.2.
    """
    if subject.word("dataset_comparison") == "g.8275.x" and subject.word("delay_mechanism") in {
        "p2p",
        "common_p2p",
    }:
        yield _at(
            subject.setting("delay_mechanism"),
            "P2P in a G.8275 profile, which uses end-to-end delay only",
        )


@check("", Severity.WARNING, Certainty.INFERRED)
def gptp_without_p2p(subject: Subject) -> Iterator[Fault]:
    """`follow_up_info 1` is set without P2P delay.

    Why: the option selects 802.1AS, which measures peer delay. Without P2P the port never
    becomes asCapable and stays LISTENING.

    Remedy: Add `ptp4l:delay_mechanism P2P`.

    Evidence: follows from IEEE 802.1AS and from linuxptp's manual.
    """
    peer = subject.word("delay_mechanism") in {"p2p", "common_p2p", "auto"}
    if subject.number("follow_up_info") == 1 and not peer and subject.word("asCapable") != "true":
        yield _at(
            subject.setting("follow_up_info"), "802.1AS without P2P: the port stays LISTENING"
        )


@check("", Severity.WARNING, Certainty.DOCUMENTED)
def domain_outside_profile(subject: Subject) -> Iterator[Fault]:
    """The domain is outside the range of the G.8275 profiles.

    Why: G.8275.1 uses domains 24 to 43, G.8275.2 uses 44 to 63.

    Remedy: Set the domain of your grandmaster, in ESXi or here.

    Evidence: ITU-T G.8275.1 and G.8275.2.
    """
    lowest, highest = G8275_DOMAINS
    domain = subject.number("domainNumber") or 0
    if subject.word("dataset_comparison") == "g.8275.x" and not lowest <= domain <= highest:
        line = subject.setting("domainNumber") or subject.setting("dataset_comparison")
        yield _at(line, f"domain {domain} is outside G.8275.1 (24 to 43) and G.8275.2 (44 to 63)")


@check("", Severity.WARNING, Certainty.UNKNOWN)
def phc2sys_disagrees(subject: Subject) -> Iterator[Fault]:
    """ptp4l and phc2sys have different values for the domain, transportSpecific or socket.

    Why: phc2sys then waits for ever. Two different lines are an error. If only one program has
    the line, the finding is a warning: whether TRX copies the line is not known.

    Remedy: Write the same line for both programs.

    Evidence: tried with phc2sys; whether TRX copies a line is not known.
    """
    for key in SHARED:
        ours = subject.setting(key, "ptp4l")
        theirs = subject.setting(key, "phc2sys")
        if ours and theirs:
            yield from _two_lines(subject, ours, theirs)
        elif ours or theirs:
            yield from _one_line(subject, ours, theirs)


def _two_lines(subject: Subject, ours: Line, theirs: Line) -> Iterator[Fault]:
    kind = subject.catalogue.options[ours.key].kind
    left, right = ours.value, theirs.value
    if not same_value(kind, left, right) and left != right:
        yield fault_at(
            theirs.at_value,
            f"`{ours.key}` is {shown(left)} for ptp4l in line {ours.number} and "
            f"{shown(right)} for phc2sys: phc2sys waits for ever",
            f"Write `phc2sys:{ours.key} {shown(left)}`.",
            severity=Severity.ERROR,
            certainty=Certainty.MEASURED,
        )


def _one_line(subject: Subject, ours: Line | None, theirs: Line | None) -> Iterator[Fault]:
    line = ours or theirs
    if line is None:
        return
    option = subject.catalogue.options[line.key]
    refused = len(subject.refusals(option, line.value)) == len(subject.releases)
    if refused or is_default(option, line.value, subject.releases):
        return
    other = "phc2sys" if ours else "ptp4l"
    yield fault_at(
        line.at_key,
        f"`{line.key}` is set for {line.namespace} only; whether TRX copies it is not known",
        f"Add `{other}:{line.key} {shown(line.value)}`.",
    )


RULES = (
    client_not_gm_capable,
    one_step_without_hardware,
    more_ports_needed,
    fixed_role_missing,
    both_roles,
    hybrid_without_e2e,
    net_sync_without_hybrid,
    unicast_table_missing,
    half_of_the_gains,
    p2p_in_e2e_profile,
    gptp_without_p2p,
    domain_outside_profile,
    phc2sys_disagrees,
)
