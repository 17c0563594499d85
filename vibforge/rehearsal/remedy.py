"""What a verdict means in words, and what to change in which line."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from vibforge.ptp.settings import ClockSettings, Delay
from vibforge.rehearsal.client import Client, line_of
from vibforge.rehearsal.verdict import Code
from vibforge.trx.catalogue import catalogue
from vibforge.trx.finding import shown
from vibforge.trx.option import Kind
from vibforge.trx.rules.agreement import SHARED
from vibforge.trx.value import is_default

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
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Change:
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


@dataclass(frozen=True, kw_only=True, slots=True)
class Advice:
    """What to do about a verdict: lines to change, and a sentence where lines are not enough."""

    changes: tuple[Change, ...] = ()
    hint: str = ""


def advice(code: Code, client: Client, network: ClockSettings | None, words: str) -> Advice:
    """Say what to change, with the values of the network where they are known."""
    match code:
        case Code.DOMAIN | Code.SDO | Code.NO_TRAFFIC | Code.DELAY if network:
            return _of_network(code, client, network)
        case Code.NO_TLV:
            keys = ("follow_up_info", "transportSpecific")
            return Advice(changes=tuple(_without(client, keys)), hint=_HINTS[code])
        case Code.ANNOUNCE_TIMEOUT:
            return _announce(client, network)
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
    Code.NO_OFFSET: "See the message counters: which one stands still?",
    Code.FAR_OFFSET: "Run it again on a machine with less work.",
}


def _of_network(code: Code, client: Client, network: ClockSettings) -> Advice:
    """All that differs: what stops the client first hides what would stop it next."""
    own = client.settings
    wanted = {}
    if network.transport is not own.transport:
        wanted["network_transport"] = str(network.transport)
    if network.domain != own.domain:
        wanted["domainNumber"] = str(network.domain)
    if network.sdo != own.sdo:
        wanted["transportSpecific"] = f"0x{network.sdo:x}"
    if network.delay is not own.delay and own.delay is not Delay.AUTO:
        wanted["delay_mechanism"] = str(network.delay)
    if network.follow_up_information != own.follow_up_information:
        wanted["follow_up_info"] = str(int(network.follow_up_information))
    changes = tuple(_set(client, wanted))
    return Advice(changes=changes, hint="" if changes else _HINTS[code])


def _announce(client: Client, network: ClockSettings | None) -> Advice:
    hint = "Give the client the grandmaster's logAnnounceInterval, or a longer timeout."
    if network is None or network.announce_seconds <= client.settings.patience:
        return Advice(hint=hint)
    return Advice(changes=tuple(_set(client, {"logAnnounceInterval": str(network.log_announce)})))


def _set(client: Client, wanted: Mapping[str, str]) -> Iterator[Change]:
    for key, value in wanted.items():
        for namespace in ("ptp4l", "phc2sys"):
            line = line_of(client.conf, namespace, key)
            new = f"{namespace}:{key} {value}"
            if line and not _same(key, line.value, value):
                yield Change(line=line.number, old=shown(line.text.strip()), new=new)
            elif not line and _belongs(namespace, key) and not _is_default(key, value):
                yield Change(line=0, old="", new=new)


def _belongs(namespace: str, key: str) -> bool:
    """Whether a new line is needed: phc2sys must share what it finds ptp4l by."""
    return namespace == "ptp4l" or key in SHARED


def _same(key: str, left: str, right: str) -> bool:
    option = catalogue().options[key]
    return option.kind is not Kind.TEXT and left.casefold() == right.casefold()


def _is_default(key: str, value: str) -> bool:
    option = catalogue().options[key]
    return is_default(option, value, (option.since,))


def _without(client: Client, keys: tuple[str, ...]) -> Iterator[Change]:
    for line in client.conf.settings:
        if line.key in keys:
            yield Change(line=line.number, old=shown(line.text.strip()), new="")


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


def _named_in(client: Client, words: str) -> Iterator[Change]:
    """The lines that ptp4l's refusal speaks of."""
    keys = {key for phrase, key in _WORDS.items() if phrase in words}
    keys |= {line.key for line in client.lines if line.key in words} - _ROLES
    yield from _without(client, tuple(keys))
