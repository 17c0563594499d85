"""Collect the content of PTP messages in bounded memory."""

from collections import Counter, deque
from collections.abc import Iterable, Mapping
from itertools import groupby
from statistics import median_low
from threading import Lock

from msgspec import Struct, field

from vibforge.errors import FormatError
from vibforge.trx.network.capture import Datagram, Transport
from vibforge.trx.network.message import (
    AUTHENTICATION,
    PATH_TRACE,
    Announce,
    HeaderFlags,
    MessageType,
    PortIdentity,
    PtpMessage,
)


class Speaker(Struct, frozen=True, kw_only=True):
    """One port that sends messages in one domain.

    `counts` are its messages by kind and `spacing` the usual nanoseconds between two of a kind,
    for kinds heard twice or more. `stated` are the intervals that the messages themselves say,
    log2 of seconds. `announce` is its last one, with its `flags`; `grandmasters` are all that it
    ever announced. `destinations` are the addresses that a kind went to, and `unicast` the kinds
    that went to single stations and never to a group. `two_step` is what Sync said, and
    `peer_two_step` what Pdelay_Resp said, None where there was none. `cut` are the kinds that the
    capture does not have whole.
    """

    port: PortIdentity
    addresses: tuple[str, ...]
    counts: Mapping[MessageType, int]
    spacing: Mapping[MessageType, int]
    stated: Mapping[MessageType, int]
    announce: Announce | None = None
    flags: HeaderFlags | None = None
    grandmasters: tuple[bytes, ...] = ()
    destinations: Mapping[MessageType, tuple[str, ...]] = field(default_factory=dict)
    unicast: frozenset[MessageType] = frozenset()
    two_step: bool | None = None
    peer_two_step: bool | None = None
    follow_up_information: bool = False
    path_trace: bool = False
    authenticated: bool = False
    cut: frozenset[MessageType] = frozenset()

    @property
    def gives_time(self) -> bool:
        """Whether it is a master: it announces, or it sends Sync."""
        return MessageType.ANNOUNCE in self.counts or MessageType.SYNC in self.counts

    @property
    def rank(self) -> tuple[int | bytes, ...]:
        """What best-master selection compares (9.3.4), the lowest first; who announces comes first.

        A client picks the grandmaster with the lowest rank unless its profile compares otherwise.
        """
        if self.announce is None:
            return (256, self.port.serialise())
        quality = self.announce.quality
        return (
            *(self.announce.priority1, quality.clock_class, quality.accuracy, quality.variance),
            *(self.announce.priority2, self.announce.grandmaster, self.announce.steps_removed),
            self.port.serialise(),
        )


class Domain(Struct, frozen=True, kw_only=True):
    """Ports that receive each other's messages: one transport, VLAN, domain and majorSdoId.

    `vlans` are tags from the outermost on, empty where there is none.
    """

    transport: Transport
    vlans: tuple[int, ...]
    domain: int
    sdo: int
    voices: tuple[Speaker, ...]

    @property
    def masters(self) -> tuple[Speaker, ...]:
        """The ports that give time, the one first that best-master selection prefers."""
        found = [voice for voice in self.voices if voice.gives_time]
        return tuple(sorted(found, key=lambda voice: voice.rank))

    @property
    def grandmasters(self) -> tuple[bytes, ...]:
        """The clocks that the masters announce, each once."""
        found = (clock for voice in self.masters for clock in voice.grandmasters)
        return tuple(dict.fromkeys(found))

    def count(self, *kinds: MessageType) -> int:
        return sum(voice.counts.get(kind, 0) for voice in self.voices for kind in kinds)


class Observation(Struct, frozen=True, kw_only=True):
    """All observed messages, by domain.

    `packets` are all packets looked at and `messages` the PTP messages among them; `malformed`
    are packets in the place of PTP that are none, with the reason of the first in `fault`. `cut`
    are packets that the snap length of the capture cut so short that PTP messages in them are
    incomplete. `unread` counts the packets of each link type that is not read.
    `overlooked` are messages of ports beyond the bound. `end` says why the listening ended before
    the capture did, empty where it was heard whole. `seconds` is the time between the first and
    the last message.
    """

    domains: tuple[Domain, ...]
    packets: int
    messages: int
    malformed: int
    fault: str
    overlooked: int
    seconds: float
    cut: int = 0
    unread: Mapping[int, int] = field(default_factory=dict)
    end: str = ""


MOST_VOICES = 4096
"""The most ports to distinguish; a network with more is an attack or an error. About 8 MiB."""

_MOST_GRANDMASTERS = 16
_MOST_ADDRESSES = 4
_MOST_GAPS = 64
"""Gaps between messages of one kind that are kept: enough for a median, lost packets or not."""

_SAYS_NOTHING = 0x7F
"""logMessageInterval of messages that have none (IEEE 1588-2019, table 42)."""

_Place = tuple[Transport, tuple[int, ...], int, int]


class _Notes(Struct):
    """What is known of one port so far."""

    counts: Counter[MessageType] = field(default_factory=Counter)
    last: dict[MessageType, int] = field(default_factory=dict)
    gaps: dict[MessageType, deque[int]] = field(default_factory=dict)
    stated: dict[MessageType, int] = field(default_factory=dict)
    addresses: dict[str, None] = field(default_factory=dict)
    grandmasters: dict[bytes, None] = field(default_factory=dict)
    destinations: dict[MessageType, dict[str, None]] = field(default_factory=dict)
    announce: Announce | None = None
    flags: HeaderFlags | None = None
    unicast: set[MessageType] = field(default_factory=set)
    multicast: set[MessageType] = field(default_factory=set)
    cut: set[MessageType] = field(default_factory=set)
    two_step: bool | None = None
    peer_two_step: bool | None = None
    follow_up_information: bool = False
    path_trace: bool = False
    authenticated: bool = False

    def take(self, time: int, message: PtpMessage, datagram: Datagram) -> None:
        kind = message.kind
        self.counts[kind] += 1
        if kind in self.last:
            self.gaps.setdefault(kind, deque(maxlen=_MOST_GAPS)).append(time - self.last[kind])
        self.last[kind] = time
        if message.log_interval != _SAYS_NOTHING:
            self.stated[kind] = message.log_interval
        self._sent(kind, message.flags, datagram)
        if not message.whole:
            self.cut.add(kind)
        self.authenticated |= any(tlv.type in AUTHENTICATION for tlv in message.tlvs)
        if kind is MessageType.SYNC:
            self.two_step = message.flags.two_step
        if kind is MessageType.PDELAY_RESP:
            self.peer_two_step = message.flags.two_step
        if kind is MessageType.FOLLOW_UP:
            self.follow_up_information |= any(tlv.follow_up_information for tlv in message.tlvs)
        if kind is MessageType.ANNOUNCE:
            self._announced(message)

    def _sent(self, kind: MessageType, flags: HeaderFlags, datagram: Datagram) -> None:
        if len(self.addresses) < _MOST_ADDRESSES and datagram.source:
            self.addresses[datagram.source] = None
        destinations = self.destinations.setdefault(kind, {})
        if len(destinations) < _MOST_ADDRESSES and datagram.destination:
            destinations[datagram.destination] = None
        (self.unicast if flags.unicast or datagram.to_one else self.multicast).add(kind)

    def _announced(self, message: PtpMessage) -> None:
        self.announce = message.announce or self.announce
        self.flags = message.flags
        self.path_trace |= any(tlv.type == PATH_TRACE for tlv in message.tlvs)
        if self.announce and len(self.grandmasters) < _MOST_GRANDMASTERS:
            self.grandmasters[self.announce.grandmaster] = None

    def voice(self, port: PortIdentity) -> Speaker:
        return Speaker(
            port=port,
            addresses=tuple(self.addresses),
            counts=dict(sorted(self.counts.items())),
            spacing={kind: median_low(gaps) for kind, gaps in sorted(self.gaps.items())},
            stated=dict(sorted(self.stated.items())),
            announce=self.announce,
            flags=self.flags,
            grandmasters=tuple(self.grandmasters),
            destinations={kind: tuple(each) for kind, each in sorted(self.destinations.items())},
            unicast=frozenset(self.unicast - self.multicast),
            two_step=self.two_step,
            peer_two_step=self.peer_two_step,
            follow_up_information=self.follow_up_information,
            path_trace=self.path_trace,
            authenticated=self.authenticated,
            cut=frozenset(self.cut),
        )


class Listener(Struct):
    """Collects datagrams; `hearing` returns the observation so far, from any thread."""

    packets: int = 0
    messages: int = 0
    cut: int = 0
    unread: Counter[int] = field(default_factory=Counter)
    _malformed: int = 0
    _fault: str = ""
    _overlooked: int = 0
    _first: int | None = None
    _latest: int = 0
    _ports: dict[tuple[_Place, PortIdentity], _Notes] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def hear(self, time: int, datagram: Datagram, *, cut: bool = False) -> None:
        """Take what stands in the place of a PTP message, `time` in nanoseconds since 1970.

        `cut` says that the capture does not have the whole packet.
        """
        try:
            message = PtpMessage.parse(datagram.payload, cut=cut)
        except FormatError as error:
            if cut:
                self.cut += 1
                return
            self._malformed += 1
            self._fault = self._fault or str(error)
            return
        self.cut += not message.whole
        with self._lock:
            self._take(time, message, datagram)

    def _take(self, time: int, message: PtpMessage, datagram: Datagram) -> None:
        self.messages += 1
        self._first = time if self._first is None else min(self._first, time)
        self._latest = max(self._latest, time)
        place = (datagram.transport, datagram.vlans, message.domain, message.sdo)
        notes = self._notes((place, message.source))
        if notes:
            notes.take(time, message, datagram)
        else:
            self._overlooked += 1

    def _notes(self, key: tuple[_Place, PortIdentity]) -> _Notes | None:
        notes = self._ports.get(key)
        if notes is None and len(self._ports) < MOST_VOICES:
            notes = self._ports[key] = _Notes()
        return notes

    def hearing(self, end: str = "") -> Observation:
        """Return the observation so far, the domains with the most masters first."""
        with self._lock:
            return self._heard(end)

    def _heard(self, end: str) -> Observation:
        ordered = sorted(self._ports.items(), key=lambda item: item[0])
        domains = [
            _domain(place, ((key[1], notes) for key, notes in group))
            for place, group in groupby(ordered, key=lambda item: item[0][0])
        ]
        domains.sort(key=lambda domain: -len(domain.masters))
        return Observation(
            domains=tuple(domains),
            packets=self.packets,
            messages=self.messages,
            malformed=self._malformed,
            fault=self._fault,
            overlooked=self._overlooked,
            seconds=(self._latest - (self._first or 0)) / 1e9 if self.messages else 0.0,
            cut=self.cut,
            unread=dict(sorted(self.unread.items())),
            end=end,
        )


def _domain(place: _Place, ports: Iterable[tuple[PortIdentity, _Notes]]) -> Domain:
    transport, vlans, domain, sdo = place
    return Domain(
        transport=transport,
        vlans=vlans,
        domain=domain,
        sdo=sdo,
        voices=tuple(notes.voice(port) for port, notes in ports),
    )
