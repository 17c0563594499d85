"""Rules about settings that linuxptp accepts but that keep a client from locking."""

from collections.abc import Iterator

from vibforge.esxi.release import Certainty
from vibforge.findings.check import WHOLE_FILE, Fault, Severity, check, fault_at
from vibforge.trx.conf import Line, shown
from vibforge.trx.option import RANK, span
from vibforge.trx.subject import Subject

BEST_PRIORITY1 = 255
"""The priority1 of a client that follows every grandmaster: the lower value wins."""

_DEFAULT_PRIORITY1 = 128

_SILENT_SINCE = "4.4"
"""The first release whose management socket is silent with 802.1AS and transportSpecific 0."""

_INTERVALS = (
    *("logAnnounceInterval", "logSyncInterval", "logMinDelayReqInterval"),
    *("logMinPdelayReqInterval", "operLogSyncInterval", "operLogPdelayReqInterval"),
)
SLOWEST, FASTEST = 7, -7
"""Every known profile sends between one message in 128 s and 128 messages a second."""

_GROUPS = {
    "ptp_dst_ipv4": "udpv4",
    "p2p_dst_ipv4": "udpv4",
    "ptp_dst_ipv6": "udpv6",
    "p2p_dst_ipv6": "udpv6",
    "ptp_dst_mac": "l2",
    "p2p_dst_mac": "l2",
}
"""The options that set a destination address, and the transport that uses each."""


@check("", Severity.WARNING, Certainty.MEASURED)
def priority1_not_255(subject: Subject) -> Iterator[Fault]:
    """The client prefers its own clock to a grandmaster whose `priority1` is above its own.

    Why: the best-master comparison looks at `priority1` first, on a client-only clock too, and
    the lower value wins. The client's default is 128: it then never follows a grandmaster above
    128, logs 'master state recommended in slave only mode' and stays LISTENING. If the backup
    grandmaster is above 128, the host loses time at failover. With 255 the client follows every
    grandmaster; a grandmaster with 255 still wins by its clock class. The comparison of the
    G.8275 profiles ignores `priority1`, and so does `BMCA noop`.

    Remedy: Write `ptp4l:priority1 255`.

    Evidence: tried with ptp4l 3.1.1, 4.2 and 4.4.
    """
    if subject.word("dataset_comparison") == "g.8275.x" or subject.word("BMCA") == "noop":
        return
    line, number = subject.setting("priority1"), subject.number("priority1")
    if line is None and any(subject.of_program("ptp4l")):
        yield fault_at(
            WHOLE_FILE,
            f"`priority1` is not set and stays {_DEFAULT_PRIORITY1}: the client never follows "
            f"a grandmaster with priority1 above {_DEFAULT_PRIORITY1}",
            f"Add `ptp4l:priority1 {BEST_PRIORITY1}`.",
        )
    elif line and number is not None and 0 <= number < BEST_PRIORITY1:
        yield fault_at(
            line.at_value,
            f"the client never follows a grandmaster with priority1 above {number}",
            f"Write `ptp4l:priority1 {BEST_PRIORITY1}`.",
        )


@check("", Severity.WARNING, Certainty.MEASURED)
def sync_timeout_without_interval(subject: Subject) -> Iterator[Fault]:
    """`syncReceiptTimeout` counts Sync intervals, but `logSyncInterval` is not set.

    Why: a client learns the Sync interval from its grandmaster, but it counts this timeout in
    its own `logSyncInterval`, whose default is 0 (1 s). If the grandmaster sends Sync less often
    than the timeout, the client drops it and selects it again, endlessly.

    Remedy: Add `ptp4l:logSyncInterval` with the grandmaster's value (0 is 1 s, -3 is 125 ms), or
    remove the timeout.

    Evidence: tried with ptp4l 3.1.1 and 4.4: with 0 or -3 against one Sync in 4 s the client
    never settles, with 2 it is stable.
    """
    timeout = subject.number("syncReceiptTimeout") or 0
    if timeout > 0 and not subject.setting("logSyncInterval"):
        line = subject.effective["ptp4l", "syncReceiptTimeout"]
        yield fault_at(
            line.at_key,
            f"the timeout of {timeout} Sync intervals is {timeout} s, since `logSyncInterval` "
            "is not set: the client keeps dropping a grandmaster that sends Sync less often",
        )


@check("", Severity.ERROR, Certainty.MEASURED)
def delay_requests_inhibited(subject: Subject) -> Iterator[Fault]:
    """`inhibit_delay_req 1` without `asCapable true` makes the port FAULTY.

    Why: ptp4l logs 'inhibit_delay_req can only be set when asCapable == 'true'' and its ports
    stay FAULTY. With both options, the client never measures the path delay.

    Remedy: Remove the line: the client must measure the path delay.

    Evidence: tried with ptp4l of five releases.
    """
    if subject.number("inhibit_delay_req") == 1 and subject.word("asCapable") != "true":
        line = subject.effective["ptp4l", "inhibit_delay_req"]
        yield fault_at(
            line.at_key, "`inhibit_delay_req 1` without `asCapable true` makes the port FAULTY"
        )


@check("", Severity.WARNING, Certainty.MEASURED)
def gptp_without_transport_specific(subject: Subject) -> Iterator[Fault]:
    """`follow_up_info 1` without `transportSpecific 1` silences the management socket.

    Why: ptp4l 4.4 and later then do not answer management messages on their socket, which
    phc2sys needs (3.0 to 4.3 answer). 802.1AS itself requires transportSpecific 1.

    Remedy: Add `ptp4l:transportSpecific 0x1` and `phc2sys:transportSpecific 0x1`.

    Evidence: tried with ptp4l 3.0 to 4.4.
    """
    silent = tuple(each for each in subject.releases if RANK[each] >= RANK[_SILENT_SINCE])
    if subject.number("follow_up_info") == 1 and silent and _sdo(subject) != 1:
        line = subject.effective["ptp4l", "follow_up_info"]
        yield fault_at(
            line.at_key,
            "802.1AS without `transportSpecific 1`: linuxptp "
            f"{span(silent)} does not answer on its management socket, which phc2sys needs",
            linuxptp=silent,
        )


def _sdo(subject: Subject) -> int | float:
    return subject.number("transportSpecific") or 0


@check("", Severity.ERROR, Certainty.MEASURED)
def destination_not_multicast(subject: Subject) -> Iterator[Fault]:
    """A destination address is not a multicast address.

    Why: ptp4l checks the address only when it opens the port: it cannot join the group, and the
    port is FAULTY. Over Ethernet the port opens, but the messages reach one station only. ptp4l
    ignores the addresses of transports that it does not use.

    Remedy: Remove the line; ptp4l then uses the standard's address.

    Evidence: tried with ptp4l 4.4 over UDPv4 and UDPv6; what happens over Ethernet is inferred.
    """
    transport = subject.word("network_transport") or "udpv4"
    for line, option in subject.of_program("ptp4l"):
        if _GROUPS.get(option.name) == transport and not _is_group(transport, line.value):
            over_ethernet = transport == "l2"
            effect = "only one station receives the messages" if over_ethernet else "port FAULTY"
            yield fault_at(
                line.at_value,
                f"`{shown(line.value)}` is not a multicast address: {effect}",
                severity=Severity.WARNING if over_ethernet else None,
                certainty=Certainty.INFERRED if over_ethernet else None,
            )


def _is_group(transport: str, value: str) -> bool:
    """True if the C library reads `value` as a multicast address; a malformed MAC passes."""
    import socket  # noqa: PLC0415 - few files have such a line

    try:
        match transport:
            case "udpv4":
                return 224 <= socket.inet_aton(value)[0] < 240  # noqa: PLR2004 - 224.0.0.0/4
            case "udpv6":
                return socket.inet_pton(socket.AF_INET6, value)[0] == 0xFF  # noqa: PLR2004 - ff00::/8
            case _:
                return int(value.partition(":")[0], 16) & 1 == 1
    except (OSError, ValueError):
        return transport == "l2"


@check("", Severity.WARNING, Certainty.INFERRED)
def absurd_interval(subject: Subject) -> Iterator[Fault]:
    """An interval is valid but useless: the value is a power of two, in seconds.

    Why: ptp4l accepts -128 to 127. Known profiles use -7 (128 messages a second) to 7 (one
    message in 128 s). With `logAnnounceInterval -10` a client drops its grandmaster hundreds of
    times a second; with 20 it takes weeks to notice that the grandmaster is lost.

    Remedy: Write the exponent that your profile uses.

    Evidence: `logAnnounceInterval -10` was tried with ptp4l 3.1.1; the rest is inferred.
    """
    for line, option in subject.of_program("ptp4l"):
        number = subject.number(option.setting) if option.setting in _INTERVALS else None
        if number is None or subject.setting(option.setting) is not line:
            continue
        if not FASTEST <= number <= SLOWEST and not _refused(subject, line):
            yield fault_at(
                line.at_value,
                f"an interval of 2^{number} s ({_seconds(int(number))})",
                f"Write the exponent that your profile uses, {FASTEST} to {SLOWEST}: "
                "0 is 1 s, -3 is 125 ms, 1 is 2 s.",
            )


def _refused(subject: Subject, line: Line) -> bool:
    option = subject.catalogue.options[line.key]
    return len(subject.refusals(option, line.value)) == len(subject.releases)


_MINUTE, _DAY = 60, 86_400


def _seconds(exponent: int) -> str:
    if exponent < 0:
        return f"1/{2**-exponent} s" if exponent > -10 else "under a millisecond"  # noqa: PLR2004
    seconds = 2**exponent
    if seconds < _DAY:
        return f"{seconds / _MINUTE:.0f} minutes"
    days = seconds // _DAY
    return f"{days} days" if exponent <= 30 else "more than 30 years"  # noqa: PLR2004


@check("", Severity.WARNING, Certainty.INFERRED)
def one_step(subject: Subject) -> Iterator[Fault]:
    """`twoStepFlag 0` asks for one-step hardware timestamps, which a client does not need.

    Why: the drivers of the X710 and the E810 very likely refuse them, and ptp4l then exits.

    Remedy: Remove the line: a client sends no Sync.

    Evidence: inferred; not tried with either NIC.
    """
    software = subject.word("time_stamping") in {"software", "legacy"}
    line = subject.setting("twoStepFlag")
    if line and subject.number("twoStepFlag") == 0 and not software:
        yield fault_at(line.at_key, "one-step timestamps, which the NICs of TRX very likely refuse")


RULES = (
    priority1_not_255,
    sync_timeout_without_interval,
    delay_requests_inhibited,
    gptp_without_transport_specific,
    destination_not_multicast,
    absurd_interval,
    one_step,
)
