"""Work out the settings that a network requires, and the trx.conf for them."""

import math
from collections.abc import Iterator, Mapping
from enum import StrEnum
from ipaddress import IPv6Address
from typing import TypeVar

from msgspec import Struct

from vibforge.trx.conf import TrxConf, number_of
from vibforge.trx.network.capture import Transport
from vibforge.trx.network.listener import Domain, Speaker
from vibforge.trx.network.message import MessageType
from vibforge.trx.option import catalogue
from vibforge.trx.profile import Profile, profiles
from vibforge.trx.rules.locking import BEST_PRIORITY1

_Word = TypeVar("_Word", bound=StrEnum)


class Delay(StrEnum):
    """How the path delay is measured, in the words of linuxptp's delay_mechanism."""

    E2E = "E2E"
    P2P = "P2P"
    AUTO = "Auto"
    COMMON_P2P = "COMMON_P2P"
    NONE = "NONE"

    @property
    def of_peers(self) -> bool:
        return self in {Delay.P2P, Delay.COMMON_P2P}


class ClockSettings(Struct, frozen=True, kw_only=True):
    """Settings of a port. Intervals are log2 of seconds, as on the wire; defaults are ptp4l's.

    `sdo` is majorSdoId, ptp4l's transportSpecific. `announces` is false without Announce messages,
    as in the automotive profile. `threshold` is the longest peer delay in nanoseconds of a port in
    802.1AS mode (`follow_up_information`). `scope` is the scope of the IPv6 group. `destination` is
    the group of all but peer messages, empty for the transport's usual group. `unicast` is true for
    a master that sends no multicast, `authenticated` for one that signs its messages.
    `sync_timeout` counts Sync intervals; 0 means no timeout.
    """

    domain: int = 0
    sdo: int = 0
    transport: Transport = Transport.UDPV4
    delay: Delay = Delay.E2E
    log_announce: int = 1
    log_sync: int = 0
    log_delay_request: int = 0
    log_peer_request: int = 0
    announce_timeout: int = 3
    follow_up_information: bool = False
    path_trace: bool = False
    hybrid: bool = False
    announces: bool = True
    threshold: int = 20_000_000
    scope: int = 14
    destination: str = ""
    unicast: bool = False
    authenticated: bool = False
    priority1: int = 128
    clock_class: int = 248
    class_threshold: int = 248
    sync_timeout: int = 0

    @property
    def sync_seconds(self) -> float:
        """The seconds between two Sync messages."""
        return 2.0**self.log_sync

    @property
    def sync_patience(self) -> float:
        """The seconds without Sync after which a client drops its master."""
        return self.sync_timeout * self.sync_seconds if self.sync_timeout else float("inf")

    @property
    def announce_seconds(self) -> float:
        """The seconds between two Announce messages."""
        return 2.0**self.log_announce

    @property
    def patience(self) -> float:
        """The seconds without Announce after which a client drops its master."""
        return self.announce_timeout * self.announce_seconds


_NUMBERS = {
    "domain": "domainNumber",
    "sdo": "transportSpecific",
    "log_announce": "logAnnounceInterval",
    "log_sync": "logSyncInterval",
    "log_delay_request": "logMinDelayReqInterval",
    "log_peer_request": "logMinPdelayReqInterval",
    "announce_timeout": "announceReceiptTimeout",
    "threshold": "neighborPropDelayThresh",
    "scope": "udp6_scope",
    "priority1": "priority1",
    "clock_class": "clockClass",
    "class_threshold": "clock_class_threshold",
    "sync_timeout": "syncReceiptTimeout",
}

DESTINATIONS = {
    Transport.L2: ("ptp_dst_mac", frozenset({"01:1b:19:00:00:00", "01:80:c2:00:00:0e"})),
    Transport.UDPV4: ("ptp_dst_ipv4", frozenset({"224.0.1.129"})),
    Transport.UDPV6: ("ptp_dst_ipv6", frozenset({f"ff{scope:02x}::181" for scope in range(16)})),
}
"""By transport: the option of the group, and the groups that every ptp4l joins without it (IEEE
1588-2019, annexes C, D and E; both addresses over Ethernet, as tried). IPv6 has its own `scope`."""


_LOGS = range(-128, 128)
"""What linuxptp takes for log2 of an interval, and what a message has room for."""


def settings_of(values: Mapping[str, str]) -> ClockSettings:
    """Read the settings of a ptp4l from its options; what it would refuse counts as its default."""
    plain = ClockSettings()
    transport = _word(Transport, values.get("network_transport", ""), Transport.UDPV4)
    numbers = {field: _number(values, key) for field, key in _NUMBERS.items()}
    return ClockSettings(
        **{
            field: getattr(plain, field) if number is None else number
            for field, number in numbers.items()
        },
        transport=transport,
        destination=unusual_group(transport, values.get(DESTINATIONS[transport][0], "")),
        unicast=_number(values, "inhibit_multicast_service") == 1,
        authenticated=_number(values, "spp") not in {None, -1},
        delay=_word(Delay, values.get("delay_mechanism", ""), Delay.E2E),
        follow_up_information=_number(values, "follow_up_info") == 1,
        path_trace=_number(values, "path_trace_enabled") == 1,
        hybrid=_number(values, "hybrid_e2e") == 1,
        announces=_number(values, "inhibit_announce") != 1,
    )


def unusual_group(transport: Transport, address: str) -> str:
    """Return a group that only a port with the right option joins, empty for any other."""
    text = address.casefold()
    return "" if text in DESTINATIONS[transport][1] else text


def _number(values: Mapping[str, str], key: str) -> int | None:
    option = catalogue().options[key]
    number = number_of(option.kind, values.get(key, ""))
    if number is None or abs(number) >= 1 << 63:
        return None
    return None if key.startswith("log") and int(number) not in _LOGS else int(number)


def _word(words: type[_Word], value: str, default: _Word) -> _Word:
    return next((word for word in words if word.casefold() == value.casefold()), default)


_PEER_KINDS = (MessageType.PDELAY_REQ, MessageType.PDELAY_RESP, MessageType.PDELAY_RESP_FOLLOW_UP)
_END_KINDS = (MessageType.DELAY_REQ, MessageType.DELAY_RESP)
_SLOWEST, _FASTEST = 16, -10
"""Bounds of an interval that is worked out from times: 18 hours, a millisecond."""

_UNANSWERED = 3
"""Requests after which an absent answer is no accident of where the capture begins or ends."""


class Fit(Struct, frozen=True, kw_only=True):
    """Settings that fit one network.

    `master` is the port that they are of: the one that best-master selection prefers. `assumed` are
    the options of ptp4l whose value was not heard, so that its default is taken. `unknown` says
    what else the network did not show, `unlike` what a ptp4l with these settings does otherwise
    than the master, and `inexpressible` why no trx.conf fits.
    """

    domain: Domain
    master: Speaker | None
    settings: ClockSettings
    assumed: tuple[str, ...]
    profiles: tuple[str, ...]
    unknown: tuple[str, ...]
    unlike: tuple[str, ...]
    inexpressible: tuple[str, ...]

    @property
    def seen(self) -> bool:
        """True if the delay mechanism was heard, not inferred from silence."""
        return "delay_mechanism" not in self.assumed

    @property
    def defaults(self) -> dict[str, str]:
        """The client's options whose value was not heard, with the default that stands in."""
        known = audible_options(self.settings)
        return {key: known[key] for key in self.assumed if key in known}


def fit_domain(domain: Domain, *, untagged: bool = False) -> Fit:
    """Work out the settings of a client in `domain`.

    Args:
        domain: what was heard.
        untagged: the host's port will carry the network's VLAN without its tag.
    """
    master = domain.masters[0] if domain.masters else None
    delay = _delay(domain, master)
    settings = _settings(domain, master, delay)
    return Fit(
        domain=domain,
        master=master,
        settings=settings,
        assumed=tuple(_assumed(domain, master, delay)),
        profiles=tuple(name for name, each in profiles().items() if _looks_like(settings, each)),
        unknown=tuple(_unknown(domain, master, delay)),
        unlike=tuple(_unlike(domain, master, settings)) if master else (),
        inexpressible=tuple(_inexpressible(domain, settings, untagged=untagged)),
    )


def _settings(domain: Domain, master: Speaker | None, delay: Delay | None) -> ClockSettings:
    plain = ClockSettings()
    group = _group(master)
    announce = master.announce if master else None
    return ClockSettings(
        domain=domain.domain,
        sdo=domain.sdo,
        transport=domain.transport,
        delay=delay or Delay.E2E,
        log_announce=_or(_interval(master, MessageType.ANNOUNCE), plain.log_announce),
        log_sync=_or(_interval(master, MessageType.SYNC), plain.log_sync),
        log_delay_request=_or(_interval(master, MessageType.DELAY_RESP), plain.log_delay_request),
        log_peer_request=_or(_peer_interval(domain, master), plain.log_peer_request),
        follow_up_information=master is not None and master.follow_up_information,
        path_trace=master is not None and master.path_trace,
        hybrid=_asks_in_unicast(domain),
        announces=master is None or MessageType.ANNOUNCE in master.counts,
        scope=_scope(domain.transport, group),
        destination=unusual_group(domain.transport, group),
        unicast=master is not None and _serves_one_by_one(master),
        authenticated=master is not None and master.authenticated,
        priority1=announce.priority1 if announce else plain.priority1,
        clock_class=announce.quality.clock_class if announce else plain.clock_class,
    )


def _or(value: int | None, default: int) -> int:
    return default if value is None else value


def _delay(domain: Domain, master: Speaker | None) -> Delay | None:
    """What the master itself measures or answers, else what others do; None where nobody does."""
    for voices in ((master,) if master else (), domain.voices):
        if any(kind in voice.counts for voice in voices for kind in _PEER_KINDS):
            return Delay.P2P
        if any(kind in voice.counts for voice in voices for kind in _END_KINDS):
            return Delay.E2E
    return None


def _interval(voice: Speaker | None, kind: MessageType) -> int | None:
    """What the messages say of their interval, else what their times show, else None."""
    if voice is None:
        return None
    stated = voice.stated.get(kind)
    if stated is not None and _FASTEST <= stated <= _SLOWEST:
        return stated
    if voice.spacing.get(kind, 0) > 0:
        measured = round(math.log2(voice.spacing[kind] / 1e9))
        return max(_FASTEST, min(_SLOWEST, measured))
    return None


def _peer_interval(domain: Domain, master: Speaker | None) -> int | None:
    found = (_interval(voice, MessageType.PDELAY_REQ) for voice in (master, *domain.voices))
    return next((each for each in found if each is not None), None)


def _asks_in_unicast(domain: Domain) -> bool:
    return any(
        MessageType.DELAY_REQ in voice.unicast for voice in domain.voices if not voice.gives_time
    )


def _serves_one_by_one(master: Speaker) -> bool:
    given = {MessageType.ANNOUNCE, MessageType.SYNC} & set(master.counts)
    return given <= master.unicast


def _group(master: Speaker | None) -> str:
    """The group that the master's Announce or Sync go to, empty where the capture does not say."""
    if master is None or _serves_one_by_one(master):
        return ""
    for kind in (MessageType.SYNC, MessageType.ANNOUNCE):
        for address in master.destinations.get(kind, ()):
            return address
    return ""


def _scope(transport: Transport, group: str) -> int:
    if transport is Transport.UDPV6 and group:
        return IPv6Address(group).packed[1] & 0xF
    return ClockSettings().scope


def _assumed(domain: Domain, master: Speaker | None, delay: Delay | None) -> Iterator[str]:
    if delay is None:
        yield "delay_mechanism"
    if master is None or (
        MessageType.ANNOUNCE in master.counts and _interval(master, MessageType.ANNOUNCE) is None
    ):
        yield "logAnnounceInterval"
    if _interval(master, MessageType.SYNC) is None:
        yield "logSyncInterval"
    if delay is Delay.P2P and _peer_interval(domain, master) is None:
        yield "logMinPdelayReqInterval"
    if delay is not Delay.P2P and _interval(master, MessageType.DELAY_RESP) is None:
        yield "logMinDelayReqInterval"
    if (
        master is None
        or MessageType.FOLLOW_UP not in master.counts
        or MessageType.FOLLOW_UP in master.cut
    ):
        yield "follow_up_info"
    if master and MessageType.ANNOUNCE in master.counts and master.announce is None:
        yield from ("priority1", "clockClass", "path_trace_enabled")
    if master and not _group(master):
        yield DESTINATIONS[domain.transport][0]


def _unknown(domain: Domain, master: Speaker | None, delay: Delay | None) -> Iterator[str]:
    if delay is None:
        yield "nobody measured a delay: end-to-end is assumed, since there are no peer messages"
    if domain.count(MessageType.ANNOUNCE) == 0:
        yield "no Announce messages: a client finds its master only with `BMCA noop`"
    if master and not _group(master) and not _serves_one_by_one(master):
        yield "the capture does not say where the master sends to: the usual group is assumed"
    if master and master.cut:
        yield f"the snap length of the capture cut its {_cut(master)}: record with tcpdump -s 0"
    if len(domain.masters) > 1 and master:
        yield (
            f"{len(domain.masters)} masters: the settings are those of {master.port}, which"
            " best-master selection prefers; --master chooses another"
        )


def _unlike(domain: Domain, master: Speaker, settings: ClockSettings) -> Iterator[str]:
    """What a rehearsal with these settings would not show a client, though the network does."""
    if master.two_step is None:
        yield "no Sync of the master was observed"
    if False in {master.two_step, master.peer_two_step}:
        yield "the master sends its time in one step, and software timestamps need two"
    if master.cut:
        yield f"the snap length of the capture cut the master's {_cut(master)}"
    if settings.authenticated:
        yield "the master signs its messages (AUTHENTICATION TLV), and the key is not known"
    if settings.destination and settings.transport is Transport.L2:
        yield f"the master sends to {settings.destination}, and a virtual link filters no address"
    yield from _unanswered(domain)
    if len({_shape(voice) for voice in domain.masters}) > 1:
        yield "the masters of this network differ in more than their rank, but only one is run"


def _cut(master: Speaker) -> str:
    return ", ".join(kind.label for kind in sorted(master.cut))


def _unanswered(domain: Domain) -> Iterator[str]:
    asking = [voice for voice in domain.voices if not voice.gives_time]
    for request, answer in (
        (MessageType.DELAY_REQ, MessageType.DELAY_RESP),
        (MessageType.PDELAY_REQ, MessageType.PDELAY_RESP),
    ):
        asked = sum(voice.counts.get(request, 0) for voice in asking)
        if asked >= _UNANSWERED and not domain.count(answer):
            yield f"nobody answered {asked} {request.label}"


def _shape(voice: Speaker) -> tuple[object, ...]:
    """What clients of a master depend on beside its rank."""
    return (
        voice.two_step,
        voice.follow_up_information,
        voice.authenticated,
        _serves_one_by_one(voice),
        _group(voice),
        MessageType.ANNOUNCE in voice.counts,
    )


def _inexpressible(domain: Domain, settings: ClockSettings, *, untagged: bool) -> Iterator[str]:
    if settings.unicast:
        yield (
            "the master serves each client by unicast, which takes a [unicast_master_table] that"
            " trx.conf cannot have"
        )
    if settings.authenticated:
        yield "the master signs its messages, which takes an sa_file that trx.conf cannot have"
    tags = [tag for tag in domain.vlans if tag]
    if tags and not (untagged and len(tags) == 1):
        yield (
            f"it is tagged with VLAN {'.'.join(map(str, tags))}, which trx.conf cannot ask for; if"
            f" the host's port will carry it untagged, say --vlan {tags[-1]}"
        )
    if ":" in settings.destination:
        option = DESTINATIONS[settings.transport][0]
        yield (
            f"the master sends to {settings.destination}, and whether TRX takes the `:` in"
            f" {option} is not known"
        )


def _looks_like(settings: ClockSettings, profile: Profile) -> bool:
    """Whether a master of `profile` would sound like this."""
    if profile.impossible:
        return False
    return _audible(settings) == _audible(settings_of(profile.ptp4l))


def _audible(settings: ClockSettings) -> tuple[object, ...]:
    return (
        settings.transport,
        settings.domain,
        settings.sdo,
        settings.delay,
        settings.log_announce if settings.announces else None,
        settings.log_sync,
        settings.follow_up_information,
        settings.announces,
    )


def trx_conf_of_fit(fit: Fit) -> TrxConf:
    """Make the trx.conf of a client; what was not heard is left to ptp4l's default.

    Its `priority1` makes it follow every grandmaster, a backup that is silent now too; the
    comparison of G.8275 does not look at it.
    """
    settings = fit.settings
    shared = {"domainNumber": str(settings.domain)}
    if settings.sdo:
        shared["transportSpecific"] = f"0x{settings.sdo:x}"
    heard = {
        key: value for key, value in audible_options(settings).items() if key not in fit.assumed
    }
    ptp4l = {"slaveOnly": "1", **shared, **heard, **_invisible(fit)}
    if ptp4l.get("dataset_comparison") != "G.8275.x":
        ptp4l["priority1"] = str(BEST_PRIORITY1)
    if settings.hybrid and settings.delay is Delay.E2E:
        ptp4l["hybrid_e2e"] = "1"
    triples = [("ptp4l", key, value) for key, value in ptp4l.items()]
    return TrxConf.of([*triples, *(("phc2sys", key, value) for key, value in shared.items())])


def audible_options(settings: ClockSettings) -> dict[str, str]:
    """The options of ptp4l that both sides share beside the domain."""
    peers = settings.delay.of_peers
    options = {
        "network_transport": str(settings.transport),
        "delay_mechanism": str(settings.delay),
        "logAnnounceInterval": str(settings.log_announce),
        "logSyncInterval": str(settings.log_sync),
        ("logMinPdelayReqInterval" if peers else "logMinDelayReqInterval"): str(
            settings.log_peer_request if peers else settings.log_delay_request
        ),
    }
    if settings.scope != ClockSettings().scope:
        options["udp6_scope"] = f"0x{settings.scope:x}"
    if settings.destination:
        options[DESTINATIONS[settings.transport][0]] = settings.destination
    if settings.path_trace:
        options["path_trace_enabled"] = "1"
    if settings.follow_up_information:
        options |= {"follow_up_info": "1", "assume_two_step": "1"}
    return options


def _invisible(fit: Fit) -> Mapping[str, str]:
    """What the one profile that sounds like this sets beside what can be heard."""
    common: dict[str, str] | None = None
    for name in fit.profiles:
        options = dict(profiles()[name].ptp4l)
        common = (
            options
            if common is None
            else {key: value for key, value in common.items() if options.get(key) == value}
        )
    heard = {*audible_options(fit.settings), "domainNumber", "transportSpecific"}
    other = {"logMinPdelayReqInterval", "logMinDelayReqInterval", "hybrid_e2e"}
    return {key: value for key, value in (common or {}).items() if key not in heard | other}
