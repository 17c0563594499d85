"""The text of each verdict, and the lines of trx.conf to change."""

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
    Code.REJECTED: "linuxptp refuses a line of the file",
    Code.REFUSED: "ptp4l read the file but did not start",
    Code.DIED: "ptp4l ended during the rehearsal",
    Code.SILENT: "ptp4l runs but does not answer",
    Code.NO_TRAFFIC: "the client receives no PTP messages",
    Code.DOMAIN: "the client ignores the grandmaster: it is in another domain",
    Code.SDO: "the client and the grandmaster ignore each other: transportSpecific differs",
    Code.DOMAIN_OR_SDO: "the client receives PTP messages but ignores them: domainNumber or"
    " transportSpecific differs",
    Code.NO_MASTER: "the client receives PTP messages but chooses no grandmaster",
    Code.NOT_AS_CAPABLE: "the port is not asCapable: its peer delay is over the threshold, so it"
    " ignores every master (802.1AS)",
    Code.DELAY: "nobody answers the client's delay requests: the other side uses another delay"
    " mechanism",
    Code.NO_TLV: "the client requires the 802.1AS TLV after Follow_Up, but the grandmaster does"
    " not send it",
    Code.ANNOUNCE_TIMEOUT: "the client drops the grandmaster before the next Announce",
    Code.NO_OFFSET: "the client has a grandmaster but measures no offset",
    Code.FAR_OFFSET: "the client measures an offset that two sides of one clock cannot have",
    Code.PHC2SYS: "ptp4l works, but phc2sys has other settings and waits for ever",
    Code.SCOPE: "the grandmaster sends to an IPv6 group of another scope than the client's",
    Code.DESTINATION: "the client listens to another group than the grandmaster sends to",
    Code.UNICAST: "the grandmaster sends no multicast: each client must request unicast",
    Code.LOCAL_CLOCK: "the client ranks its own clock above the grandmaster and follows nobody",
    Code.POOR_CLASS: "the grandmaster's clock class is worse than the client accepts",
    Code.AUTHENTICATION: "the client discards the grandmaster's messages: their authentication"
    " fails",
    Code.SYNC_TIMEOUT: "the client drops the grandmaster before the next Sync",
    Code.NO_FAILOVER: "the client works, but it has no time after a change of grandmasters",
    Code.NOT_KNOWN: "the client works in the rehearsal, which lacks a part of the real network",
}


class LineChange(Struct, frozen=True, kw_only=True):
    """One line of trx.conf to change, remove (`new` is empty) or add (`line` is 0)."""

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
    """What to do about a verdict: lines to change, and a hint if lines are not enough."""

    changes: tuple[LineChange, ...] = ()
    hint: str = ""


def advice(code: Code, client: Client, network: ClockSettings | None, words: str) -> Advice:
    """Return what to change, with the network's values if they are known."""
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
    Code.REFUSED: "See ptp4l's message above; `vibforge trx check` explains most of them.",
    Code.DIED: "See its last lines above.",
    Code.SILENT: "Run it again; if it happens again, try another linuxptp.",
    Code.NO_TRAFFIC: "Compare network_transport (UDPv4, UDPv6, L2), the VLAN and the link with the"
    " grandmaster's; `vibforge trx sniff` shows what the network carries.",
    Code.DOMAIN: "Write the grandmaster's domainNumber.",
    Code.SDO: "Write the grandmaster's transportSpecific.",
    Code.DOMAIN_OR_SDO: "`vibforge trx sniff` shows the grandmaster's domain and"
    " transportSpecific.",
    Code.NO_MASTER: "Check with `vibforge trx sniff` that the grandmaster sends Announce.",
    Code.DELAY: "Write the delay_mechanism of the grandmaster, or `ptp4l:delay_mechanism Auto`.",
    Code.NO_TLV: "Or turn 802.1AS on in the grandmaster.",
    Code.NOT_AS_CAPABLE: "The usual 800 ns may be enough with hardware timestamps, but not with"
    " software timestamps. Leave out --keep-threshold to rehearse the rest.",
    Code.UNICAST: "No line of trx.conf changes that. Use a boundary clock, a grandmaster that also"
    " sends multicast, or a virtual machine: see docs/how-to/unicast-profiles.md.",
    Code.LOCAL_CLOCK: "Both have the worst rank: lower the grandmaster's priority1.",
    Code.POOR_CLASS: "linuxptp 4.0 and later follow no class above 248, whatever trx.conf says:"
    " repair the grandmaster, or check the class that it announces.",
    Code.AUTHENTICATION: "No line of trx.conf changes that: turn authentication off in the"
    " grandmaster, or put a boundary clock in between.",
    Code.SCOPE: "Write the grandmaster's scope: `ptp4l:udp6_scope`.",
    Code.DESTINATION: "Write the grandmaster's group, or set the grandmaster to the usual group.",
    Code.ANNOUNCE_TIMEOUT: "Give the client the grandmaster's logAnnounceInterval, or a longer"
    " timeout.",
    Code.SYNC_TIMEOUT: "Give the client the grandmaster's logSyncInterval, or leave out"
    " syncReceiptTimeout.",
    Code.NO_FAILOVER: "Check in the timeline and the log that the second grandmaster sends"
    " Announce.",
    Code.NOT_KNOWN: "The missing parts are listed above; test on the real network with"
    " --interface.",
    Code.NO_OFFSET: "Check which message counter does not grow.",
    Code.FAR_OFFSET: "Run it again on a less busy machine.",
}


_OF_NETWORK = {
    *(Code.DOMAIN, Code.SDO, Code.NO_TRAFFIC, Code.DELAY, Code.SCOPE, Code.DESTINATION),
    *(Code.ANNOUNCE_TIMEOUT, Code.SYNC_TIMEOUT),
}


def failover_advice(
    client: Client, said: frozenset[Said], failover: Sequence[EventResponse], second: ClockSettings
) -> Advice:
    """Return what to change so that the client has time after the last event of `failover`.

    Args:
        client: the client.
        said: the messages found in its log.
        failover: the client's response to each event; after the last one it had no time.
        second: the settings of the second grandmaster.
    """
    if Said.POOR_CLASS in said:
        return _class(client, replace(second, clock_class=ClockSettings().class_threshold))
    if Said.LOCAL_CLOCK in said:
        return _preferred(client, second)
    lost = failover[-1].event
    differing = _differing(client.settings, second)
    if not differing:
        return Advice(hint=f"It had no time after: {lost}. {_HINTS[Code.NO_FAILOVER]}")
    lines = ", ".join(f"{key} {value}" for key, value in differing.items())
    return Advice(hint=f"The second grandmaster needs other lines than the first: {lines}.")


def _of_network(code: Code, client: Client, network: ClockSettings) -> Advice:
    """Change every difference at once: the first one hides the next."""
    changes = tuple(_set(client, _differing(client.settings, network)))
    return Advice(changes=changes, hint="" if changes else _HINTS[code])


def _differing(own: ClockSettings, network: ClockSettings) -> dict[str, str]:
    """Return the options that `own` must change to be a client of `network`."""
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
    """Return the options to change so that messages arrive and are not ignored."""
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
    """Rank the client's own clock last, by priority2 too if priority1 is equal."""
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
    """Remove the 802.1AS options; transportSpecific stays if the network uses it."""
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
    """True if `namespace` needs a new line: phc2sys needs those in `SHARED` only."""
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
"""Phrases of ptp4l's refusals that do not name the option, and that option."""


_ROLES = {"slaveOnly", "clientOnly"}
"""Options that a refusal may name although they are correct."""


def _named_in(client: Client, words: str) -> Iterator[LineChange]:
    """Yield the removal of each line that ptp4l's refusal is about."""
    keys = {key for phrase, key in _WORDS.items() if phrase in words}
    keys |= {line.key for line in client.lines if line.key in words} - _ROLES
    yield from _without(client, tuple(keys))
