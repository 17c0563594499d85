"""Collect what PTP messages say, in bounded memory however many there are."""

from collections import Counter, deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import groupby
from statistics import median_low
from threading import Lock

from vibforge.errors import FormatError
from vibforge.formats.frame import Datagram, Transport
from vibforge.formats.ptp_message import PATH_TRACE, Announce, Kind, PortIdentity, PtpMessage
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
    announce: Announce | None = None
    two_step: bool | None = None
    unicast: bool = False
    follow_up_information: bool = False
    path_trace: bool = False

    def take(self, time: int, message: PtpMessage, source: str) -> None:
        kind = message.kind
        self.counts[kind] += 1
        if kind in self.last:
            self.gaps.setdefault(kind, deque(maxlen=_MOST_GAPS)).append(time - self.last[kind])
        self.last[kind] = time
        if message.log_interval != _SAYS_NOTHING:
            self.stated[kind] = message.log_interval
        if len(self.addresses) < _MOST_ADDRESSES and source:
            self.addresses[source] = None
        self.unicast |= message.flags.unicast
        if kind is Kind.SYNC:
            self.two_step = message.flags.two_step
        if kind is Kind.FOLLOW_UP:
            self.follow_up_information |= any(tlv.follow_up_information for tlv in message.tlvs)
        if kind is Kind.ANNOUNCE:
            self._announced(message)

    def _announced(self, message: PtpMessage) -> None:
        self.announce = message.announce
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
            grandmasters=tuple(self.grandmasters),
            two_step=self.two_step,
            unicast=self.unicast,
            follow_up_information=self.follow_up_information,
            path_trace=self.path_trace,
        )


@dataclass(slots=True)
class Listener:
    """Hears one datagram after the other; `hearing` says what it came to, from any thread."""

    packets: int = 0
    messages: int = 0
    _malformed: int = 0
    _fault: str = ""
    _overlooked: int = 0
    _first: int | None = None
    _latest: int = 0
    _ports: dict[tuple[_Place, PortIdentity], _Notes] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def hear(self, time: int, datagram: Datagram) -> None:
        """Take what stands in the place of a PTP message, `time` in nanoseconds since 1970."""
        try:
            message = PtpMessage.parse(datagram.payload)
        except FormatError as error:
            self._malformed += 1
            self._fault = self._fault or str(error)
            return
        with self._lock:
            self._take(time, message, datagram)

    def _take(self, time: int, message: PtpMessage, datagram: Datagram) -> None:
        self.messages += 1
        self._first = time if self._first is None else min(self._first, time)
        self._latest = max(self._latest, time)
        place = (datagram.transport, datagram.vlans, message.domain, message.sdo)
        notes = self._notes((place, message.source))
        if notes:
            notes.take(time, message, datagram.source)
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
