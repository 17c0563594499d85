"""Rules about settings that do not go together. What ptp4l does was seen on 3.1.1 and others."""

from collections.abc import Iterator

from vibforge.esxi.release import Certainty
from vibforge.findings.check import Fault, Severity, check, fault_at
from vibforge.trx.conf import Line, is_default, same_value, shown
from vibforge.trx.subject import Subject

SHARED = ("domainNumber", "transportSpecific", "uds_address")
"""What phc2sys must have as ptp4l has it, to find ptp4l at all."""

G8275_DOMAINS = (24, 63)
"""24 to 43 are G.8275.1's, 44 to 63 are G.8275.2's."""

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

    Remedy: Write 1, or leave it out.

    Evidence: tried with ptp4l.
    """
    if subject.number("clientOnly") == 1 and subject.number("gmCapable") == 0:
        yield _at(
            subject.setting("gmCapable"), "`gmCapable 0` on a client-only clock makes ptp4l exit"
        )


@check("", Severity.ERROR, Certainty.MEASURED)
def one_step_without_hardware(subject: Subject) -> Iterator[Fault]:
    """One step is set with software or legacy timestamps.

    Why: ptp4l exits 255 with 'one step is only possible with hardware time stamping'.

    Remedy: Leave both out: a client with hardware timestamps needs neither.

    Evidence: tried with ptp4l.
    """
    stamps = subject.word("time_stamping")
    if subject.number("twoStepFlag") == 0 and stamps in {"software", "legacy"}:
        yield _at(
            subject.setting("twoStepFlag"),
            f"one step does not go with {stamps} timestamps: ptp4l exits",
        )


@check("", Severity.ERROR, Certainty.MEASURED)
def more_ports_needed(subject: Subject) -> Iterator[Fault]:
    """A boundary or transparent clock wants two interfaces, and TRX has one.

    Why: ptp4l exits.

    Remedy: Write OC.

    Evidence: tried with ptp4l.
    """
    if subject.word("clock_type") in {"bc", "p2p_tc", "e2e_tc"}:
        line = subject.setting("clock_type")
        yield _at(line, "TRX has one port, and ptp4l wants two for this clock")


@check("", Severity.ERROR, Certainty.MEASURED)
def fixed_role_missing(subject: Subject) -> Iterator[Fault]:
    """`BMCA noop` elects nobody, and no role is given.

    Why: the port does not open without one.

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
    """The clock shall only receive and the port shall only give time.

    Why: no port can do both.

    Remedy: Leave out the role of the master.

    Evidence: the meaning of the two options in linuxptp's manual.
    """
    if subject.number("clientOnly") == 1 and subject.number("serverOnly") == 1:
        yield _at(subject.setting("serverOnly"), "only a client and only a master at once")


@check("", Severity.WARNING, Certainty.MEASURED)
def hybrid_without_e2e(subject: Subject) -> Iterator[Fault]:
    """`hybrid_e2e 1` is set beside P2P.

    Why: the option is about end-to-end delay. With P2P ptp4l warns and ignores it.

    Remedy: Leave it out.

    Evidence: tried with ptp4l.
    """
    if subject.number("hybrid_e2e") == 1 and subject.word("delay_mechanism") == "p2p":
        line = subject.setting("hybrid_e2e")
        yield _at(line, "`hybrid_e2e` has no effect with P2P")


@check("", Severity.WARNING, Certainty.MEASURED)
def net_sync_without_hybrid(subject: Subject) -> Iterator[Fault]:
    """`net_sync_monitor 1` is set without `hybrid_e2e 1`.

    Why: it needs the other; without it ptp4l warns and ignores it.

    Remedy: Leave it out.

    Evidence: tried with ptp4l.
    """
    if subject.number("net_sync_monitor") == 1 and subject.number("hybrid_e2e") != 1:
        line = subject.setting("net_sync_monitor")
        yield _at(line, "`net_sync_monitor` has no effect without `hybrid_e2e 1`")


@check("", Severity.ERROR, Certainty.MEASURED)
def unicast_table_missing(subject: Subject) -> Iterator[Fault]:
    """`unicast_master_table` names a section, and trx.conf carries none.

    Why: ptp4l says 'no table with id 1' and does not open its port.

    Remedy: Use a multicast profile, or one master that speaks multicast beside it.

    Evidence: tried with ptp4l.
    """
    number = subject.number("unicast_master_table")
    if number is not None and number > 0:
        yield _at(
            subject.setting("unicast_master_table"),
            "the unicast table has no way into TRX: the port does not open",
        )


@check("", Severity.WARNING, Certainty.MEASURED)
def half_of_the_gains(subject: Subject) -> Iterator[Fault]:
    """Of two gains that belong together one is set.

    Why: ptp4l then takes its own for both.

    Remedy: Set both gains, or none.

    Evidence: tried with ptp4l.
    """
    for pair in GAINS:
        values = [subject.number(key) or 0 for key in pair]
        if sum(value != 0 for value in values) == 1:
            given, missing = pair if values[0] else reversed(pair)
            yield _at(
                subject.setting(given),
                f"`{given}` is ignored as long as `{missing}` is 0",
                f"Set `{missing}` too.",
            )


@check("", Severity.WARNING, Certainty.DOCUMENTED)
def p2p_in_e2e_profile(subject: Subject) -> Iterator[Fault]:
    """P2P delay is set in a G.8275 profile.

    Why: G.8275.1 and G.8275.2 know end-to-end delay only; their masters do not answer a peer.

    Remedy: Write E2E, or `dataset_comparison ieee1588`.

    Evidence: ITU-T G.8275.1 and G.8275.2.
    """
    if subject.word("dataset_comparison") == "g.8275.x" and subject.word("delay_mechanism") in {
        "p2p",
        "common_p2p",
    }:
        yield _at(
            subject.setting("delay_mechanism"),
            "P2P in a G.8275 profile, which knows end-to-end delay only",
        )


@check("", Severity.WARNING, Certainty.INFERRED)
def gptp_without_p2p(subject: Subject) -> Iterator[Fault]:
    """`follow_up_info 1` is set without P2P delay.

    Why: it is 802.1AS, which measures the delay from peer to peer. Without P2P the port never
    becomes asCapable and stays LISTENING.

    Remedy: Add `ptp4l:delay_mechanism P2P`.

    Evidence: follows from IEEE 802.1AS and from linuxptp's manual.
    """
    peer = subject.word("delay_mechanism") in {"p2p", "common_p2p", "auto"}
    if subject.number("follow_up_info") == 1 and not peer and subject.word("asCapable") != "true":
        yield _at(
            subject.setting("follow_up_info"), "802.1AS without P2P: the port stays listening"
        )


@check("", Severity.WARNING, Certainty.DOCUMENTED)
def domain_outside_profile(subject: Subject) -> Iterator[Fault]:
    """The domain is none of its G.8275 profile.

    Why: G.8275.1 has the domains 24 to 43 and G.8275.2 has 44 to 63.

    Remedy: Set the domain of your grandmaster, in ESXi or here.

    Evidence: ITU-T G.8275.1 and G.8275.2.
    """
    lowest, highest = G8275_DOMAINS
    domain = subject.number("domainNumber") or 0
    if subject.word("dataset_comparison") == "g.8275.x" and not lowest <= domain <= highest:
        line = subject.setting("domainNumber") or subject.setting("dataset_comparison")
        yield _at(line, f"domain {domain} is none of G.8275.1 (24 to 43) or G.8275.2 (44 to 63)")


@check("", Severity.WARNING, Certainty.UNKNOWN)
def phc2sys_disagrees(subject: Subject) -> Iterator[Fault]:
    """ptp4l and phc2sys do not agree on the domain, transportSpecific or the socket.

    Why: phc2sys then waits for ever. Two different lines are an error; where one of the two has
    a line alone, TRX may copy it, which is not known.

    Remedy: Give both the same line.

    Evidence: tried with phc2sys; whether TRX copies a line nobody has shown.
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
            f"{shown(right)} for phc2sys, which then waits for ever",
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
        f"`{line.key}` is set for {line.namespace} alone, and whether TRX copies it is not known",
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
