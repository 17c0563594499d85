"""What a verdict means in words, and what to change in which line."""

from collections.abc import Iterator, Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace

from vibforge.trx.conf import is_default, shown
from vibforge.trx.network.capture import Transport
from vibforge.trx.network.settings import DESTINATIONS, ClockSettings, Delay
from vibforge.trx.option import ValueKind, catalogue
from vibforge.trx.rehearsal.client import Client, line_of
from vibforge.trx.rehearsal.data_sets import Said
from vibforge.trx.rehearsal.failover import EventResponse
from vibforge.trx.rehearsal.verdict import Code
from vibforge.trx.rules.agreement import SHARED
from vibforge.trx.rules.locking import BEST_PRIORITY1

MEANING: Mapping[Code, str] = {
    Code.OK: "the client chose the grandmaster and measures its offset and its path delay",
    Code.REJECTED: "linuxptp does not take a line of it",
    Code.REFUSED: "ptp4l read it and did not start",
    Code.DIED: "ptp4l ended in the middle of the rehearsal",
    Code.SILENT: "ptp4l runs and does not answer",
    Code.NO_TRAFFIC: "the client hears no PTP message at all",
    Code.DOMAIN: "the client hears the grandmaster and passes over it: it is of another domain",
    Code.SDO: "the client and the grandmaster pass over each other: transportSpecific differs",
    Code.DOMAIN_OR_SDO: "the client hears PTP and passes over it: domainNumber or"
    " transportSpecific differs",
    Code.NO_MASTER: "the client hears PTP and chooses no grandmaster",
    Code.NOT_AS_CAPABLE: "the port is not asCapable: its peer delay is over the threshold, so it"
    " listens to nobody (802.1AS)",
    Code.DELAY: "nobody answers the client's delay requests: the other side measures the delay in"
    " another way",
    Code.NO_TLV: "the client waits for the 802.1AS TLV behind Follow_Up, and the grandmaster sends"
    " none",
    Code.ANNOUNCE_TIMEOUT: "the client gives the grandmaster up before it announces itself again",
    Code.NO_OFFSET: "the client has a grandmaster and measures no offset",
    Code.FAR_OFFSET: "the client measures an offset that two sides of one clock cannot have",
    Code.PHC2SYS: "ptp4l works, but phc2sys asks for other settings and waits for ever",
    Code.SCOPE: "the grandmaster sends to an IPv6 group of another scope than the client's",
    Code.DESTINATION: "the client listens to another group than the grandmaster sends to",
    Code.UNICAST: "the grandmaster sends nothing to a group: each client must ask it by unicast",
    Code.LOCAL_CLOCK: "the client ranks its own clock above the grandmaster and follows nobody",
    Code.POOR_CLASS: "the grandmaster's clock class is worse than the client accepts",
    Code.AUTHENTICATION: "the client discards the grandmaster's messages: their authentication"
    " fails",
    Code.SYNC_TIMEOUT: "the client gives the grandmaster up before its next Sync comes",
    Code.NO_FAILOVER: "the client fits, but it stays without time after a change of grandmasters",
    Code.NOT_KNOWN: "the client fits what was played, and that is not all that the network does",
}


class LineChange(Struct, frozen=True, kw_only=True):
    """One line to write instead of another; `line` 0 is a line to add."""

    line: int
    old: str
    new: str

    def __str__(self) -> str:
        if not self.line:
            return f"add `{self.new}`"
        if not self.new:
            return f"line {self.line}: leave out `{self.old}`"
        return f"line {self.line}: `{self.old}` → `{self.new}`"


class Advice(Struct, frozen=True, kw_only=True):
    """What to do about a verdict: lines to change, and a sentence where lines are not enough."""

    changes: tuple[LineChange, ...] = ()
    hint: str = ""


def advice(code: Code, client: Client, network: ClockSettings | None, words: str) -> Advice:
    """Say what to change, with the values of the network where they are known."""
    match code:
        case Code.UNICAST:
            return Advice(hint=_HINTS[code])
        case Code.LOCAL_CLOCK:
            return _preferred(client, network)
        case Code.POOR_CLASS:
            return _class(client, network)
        case Code.NO_TLV:
            return _without_tlv(client, network)
        case _ if network and code in _OF_NETWORK:
            return _of_network(code, client, network)
        case Code.NOT_AS_CAPABLE:
            changes = tuple(_set(client, {"neighborPropDelayThresh": "20000000"}))
            return Advice(changes=changes, hint=_HINTS[code])
        case Code.REFUSED:
            return Advice(changes=tuple(_named_in(client, words)), hint=_HINTS[code])
        case _:
            return Advice(hint=_HINTS.get(code, ""))


_HINTS = {
    Code.REFUSED: "ptp4l's own words are above; `vibforge trx check` knows most of these.",
    Code.DIED: "Its last lines are above.",
    Code.SILENT: "Run it again; if it stays so, this ptp4l is at fault.",
    Code.NO_TRAFFIC: "Compare network_transport (UDPv4, UDPv6, L2), the VLAN and the link with the"
    " grandmaster's; `vibforge trx sniff` shows what the network carries.",
    Code.DOMAIN: "See --domain and the grandmaster's domainNumber.",
    Code.SDO: "See the grandmaster's transportSpecific.",
    Code.DOMAIN_OR_SDO: "`vibforge trx sniff` shows the grandmaster's domain and"
    " transportSpecific.",
    Code.NO_MASTER: "See whether the grandmaster announces itself: `vibforge trx sniff`.",
    Code.DELAY: "Write the delay_mechanism of the grandmaster, or `ptp4l:delay_mechanism Auto`.",
    Code.NO_TLV: "Or let the grandmaster speak 802.1AS.",
    Code.NOT_AS_CAPABLE: "With hardware timestamps the usual 800 ns may do; with software ones they"
    " do not. Leave out --keep-threshold to rehearse the rest.",
    Code.UNICAST: "No line of trx.conf changes that; docs/how-to/unicast-profiles.md has the ways"
    " out: a boundary clock, multicast beside unicast, or a virtual machine.",
    Code.LOCAL_CLOCK: "Both have the worst rank there is: lower the grandmaster's priority1.",
    Code.POOR_CLASS: "linuxptp 4.0 and later follow no class above 248, whatever trx.conf says:"
    " repair the grandmaster, or see what it claims.",
    Code.AUTHENTICATION: "No line of trx.conf changes that: turn authentication off in the"
    " grandmaster, or put a boundary clock in between.",
    Code.SCOPE: "Write the grandmaster's scope: `ptp4l:udp6_scope`.",
    Code.DESTINATION: "Write the grandmaster's group, or let it send to the usual one.",
    Code.ANNOUNCE_TIMEOUT: "Give the client the grandmaster's logAnnounceInterval, or a longer"
    " timeout.",
    Code.SYNC_TIMEOUT: "Give the client the grandmaster's logSyncInterval, or leave out"
    " syncReceiptTimeout.",
    Code.NO_FAILOVER: "See the timeline and the log: does the second grandmaster announce itself?",
    Code.NOT_KNOWN: "What could not be played is listed above; --interface tries the real network.",
    Code.NO_OFFSET: "See the message counters: which one stands still?",
    Code.FAR_OFFSET: "Run it again on a machine with less work.",
}


_OF_NETWORK = {
    *(Code.DOMAIN, Code.SDO, Code.NO_TRAFFIC, Code.DELAY, Code.SCOPE, Code.DESTINATION),
    *(Code.ANNOUNCE_TIMEOUT, Code.SYNC_TIMEOUT),
}


def failover_advice(
    client: Client, said: frozenset[Said], failover: Sequence[EventResponse], second: ClockSettings
) -> Advice:
    """Say what to change so that the client follows after the last change of `failover`.

    Args:
        client: the client.
        said: what its log said.
        failover: what it did, the last change being the one after which it had no time.
        second: what the second grandmaster speaks.
    """
    if Said.POOR_CLASS in said:
        return _class(client, replace(second, clock_class=ClockSettings().class_threshold))
    if Said.LOCAL_CLOCK in said:
        return _preferred(client, second)
    lost = failover[-1].event
    differing = _differing(client.settings, second)
    if not differing:
        return Advice(hint=f"It had no time after this: {lost}. {_HINTS[Code.NO_FAILOVER]}")
    lines = ", ".join(f"{key} {value}" for key, value in differing.items())
    return Advice(hint=f"The second grandmaster takes other lines than the first: {lines}.")


def _of_network(code: Code, client: Client, network: ClockSettings) -> Advice:
    """All that differs: what stops the client first hides what would stop it next."""
    changes = tuple(_set(client, _differing(client.settings, network)))
    return Advice(changes=changes, hint="" if changes else _HINTS[code])


def _differing(own: ClockSettings, network: ClockSettings) -> dict[str, str]:
    """The options that a client of `network` needs otherwise than `own`."""
    wanted = _reaching(own, network)
    if network.delay is not own.delay and own.delay is not Delay.AUTO:
        wanted["delay_mechanism"] = str(network.delay)
    if network.follow_up_information != own.follow_up_information:
        wanted["follow_up_info"] = str(int(network.follow_up_information))
    if network.announces and network.priority1 > own.priority1:
        wanted["priority1"] = str(BEST_PRIORITY1)
    if own.class_threshold < network.clock_class <= ClockSettings().class_threshold:
        wanted["clock_class_threshold"] = str(network.clock_class)
    if network.announces and network.announce_seconds > own.patience:
        wanted["logAnnounceInterval"] = str(network.log_announce)
    if network.sync_seconds > own.sync_patience:
        wanted["logSyncInterval"] = str(network.log_sync)
    return wanted


def _reaching(own: ClockSettings, network: ClockSettings) -> dict[str, str]:
    """What messages need to arrive and not be passed over."""
    wanted = {}
    if network.transport is not own.transport:
        wanted["network_transport"] = str(network.transport)
    if network.domain != own.domain:
        wanted["domainNumber"] = str(network.domain)
    if network.sdo != own.sdo:
        wanted["transportSpecific"] = f"0x{network.sdo:x}"
    if network.transport is Transport.UDPV6 and network.scope != own.scope:
        wanted["udp6_scope"] = f"0x{network.scope:x}"
    if network.destination != own.destination and network.transport is Transport.UDPV4:
        group = DESTINATIONS[network.transport]
        wanted[group[0]] = network.destination or min(group[1])
    return wanted


def _preferred(client: Client, network: ClockSettings | None) -> Advice:
    """Rank the client's own clock last, by the second priority too where the first is equal."""
    wanted = {"priority1": str(BEST_PRIORITY1)}
    if network and network.priority1 >= BEST_PRIORITY1:
        wanted["priority2"] = str(BEST_PRIORITY1)
    if network:
        wanted = _differing(client.settings, network) | wanted
    changes = tuple(_set(client, wanted))
    return Advice(changes=changes, hint="" if changes else _HINTS[Code.LOCAL_CLOCK])


def _class(client: Client, network: ClockSettings | None) -> Advice:
    widest = ClockSettings().class_threshold
    known = network.clock_class if network else widest
    wanted = {"clock_class_threshold": str(min(known, widest))}
    if network:
        wanted = _differing(client.settings, network) | wanted
    helps = known <= widest and client.settings.class_threshold < known
    changes = tuple(_set(client, wanted)) if helps else ()
    return Advice(changes=changes, hint="" if changes else _HINTS[Code.POOR_CLASS])


def _without_tlv(client: Client, network: ClockSettings | None) -> Advice:
    """Leave out what makes it a port of 802.1AS; the network may still want transportSpecific."""
    leave = ["follow_up_info"]
    if network is None or not network.sdo:
        leave.append("transportSpecific")
    return Advice(changes=tuple(_without(client, tuple(leave))), hint=_HINTS[Code.NO_TLV])


def _set(client: Client, wanted: Mapping[str, str]) -> Iterator[LineChange]:
    for key, value in wanted.items():
        for namespace in ("ptp4l", "phc2sys"):
            line = line_of(client.conf, namespace, key)
            new = f"{namespace}:{key} {value}"
            if line and not _same(key, line.value, value):
                yield LineChange(line=line.number, old=shown(line.text.strip()), new=new)
            elif not line and _belongs(namespace, key) and not _is_default(key, value):
                yield LineChange(line=0, old="", new=new)


def _belongs(namespace: str, key: str) -> bool:
    """Whether a new line is needed: phc2sys must share what it finds ptp4l by."""
    return namespace == "ptp4l" or key in SHARED


def _same(key: str, left: str, right: str) -> bool:
    option = catalogue().options[key]
    return option.kind is not ValueKind.TEXT and left.casefold() == right.casefold()


def _is_default(key: str, value: str) -> bool:
    option = catalogue().options[key]
    return is_default(option, value, (option.since,))


def _without(client: Client, keys: tuple[str, ...]) -> Iterator[LineChange]:
    for line in client.conf.settings:
        if line.key in keys:
            yield LineChange(line=line.number, old=shown(line.text.strip()), new="")


_WORDS = {
    "gmCapable": "gmCapable",
    "one step": "twoStepFlag",
    "needs at least two": "clock_type",
    "no table with id": "unicast_master_table",
    "clock identity": "clockIdentity",
}
"""What ptp4l calls options in its refusals where it does not name them."""


_ROLES = {"slaveOnly", "clientOnly"}
"""A refusal may name the role, which is right."""


def _named_in(client: Client, words: str) -> Iterator[LineChange]:
    """The lines that ptp4l's refusal speaks of."""
    keys = {key for phrase, key in _WORDS.items() if phrase in words}
    keys |= {line.key for line in client.lines if line.key in words} - _ROLES
    yield from _without(client, tuple(keys))
