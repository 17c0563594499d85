"""Collect what PTP messages say, in bounded memory however many there are."""

from collections import Counter, deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import groupby
from statistics import median_low
from threading import Lock

from vibforge.errors import FormatError
from vibforge.formats.frame import Datagram, Transport
from vibforge.formats.ptp_message import (
    AUTHENTICATION,
    PATH_TRACE,
    Announce,
    Flags,
    Kind,
    PortIdentity,
    PtpMessage,
)
from vibforge.ptp.hearing import Domain, Hearing, Voice

MOST_VOICES = 4096
"""Ports that are told apart; a network with more is an attack or a mistake. About 8 MiB."""

_MOST_GRANDMASTERS = 16
_MOST_ADDRESSES = 4
_MOST_GAPS = 64
"""Gaps between messages of one kind that are kept: enough for a median, lost packets or not."""

_SAYS_NOTHING = 0x7F
"""logMessageInterval of messages that have none (IEEE 1588-2019, table 42)."""

_Place = tuple[Transport, tuple[int, ...], int, int]


@dataclass(slots=True)
class _Notes:
    """What is known of one port so far."""

    counts: Counter[Kind] = field(default_factory=Counter)
    last: dict[Kind, int] = field(default_factory=dict)
    gaps: dict[Kind, deque[int]] = field(default_factory=dict)
    stated: dict[Kind, int] = field(default_factory=dict)
    addresses: dict[str, None] = field(default_factory=dict)
    grandmasters: dict[bytes, None] = field(default_factory=dict)
    destinations: dict[Kind, dict[str, None]] = field(default_factory=dict)
    announce: Announce | None = None
    flags: Flags | None = None
    unicast: set[Kind] = field(default_factory=set)
    multicast: set[Kind] = field(default_factory=set)
    cut: set[Kind] = field(default_factory=set)
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
        if kind is Kind.SYNC:
            self.two_step = message.flags.two_step
        if kind is Kind.PDELAY_RESP:
            self.peer_two_step = message.flags.two_step
        if kind is Kind.FOLLOW_UP:
            self.follow_up_information |= any(tlv.follow_up_information for tlv in message.tlvs)
        if kind is Kind.ANNOUNCE:
            self._announced(message)

    def _sent(self, kind: Kind, flags: Flags, datagram: Datagram) -> None:
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

    def voice(self, port: PortIdentity) -> Voice:
        return Voice(
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


@dataclass(slots=True)
class Listener:
    """Hears one datagram after the other; `hearing` says what it came to, from any thread."""

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

    def hearing(self, end: str = "") -> Hearing:
        """Return what was heard up to now, the domains with the most masters first."""
        with self._lock:
            return self._heard(end)

    def _heard(self, end: str) -> Hearing:
        ordered = sorted(self._ports.items(), key=lambda item: item[0])
        domains = [
            _domain(place, ((key[1], notes) for key, notes in group))
            for place, group in groupby(ordered, key=lambda item: item[0][0])
        ]
        domains.sort(key=lambda domain: -len(domain.masters))
        return Hearing(
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
