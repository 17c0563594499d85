"""What was heard on a network: who speaks PTP, and how."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from vibforge.formats.frame import Transport
from vibforge.formats.ptp_message import Announce, Flags, Kind, PortIdentity


@dataclass(frozen=True, kw_only=True, slots=True)
class Voice:
    """One port that speaks in one domain.

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
    counts: Mapping[Kind, int]
    spacing: Mapping[Kind, int]
    stated: Mapping[Kind, int]
    announce: Announce | None = None
    flags: Flags | None = None
    grandmasters: tuple[bytes, ...] = ()
    destinations: Mapping[Kind, tuple[str, ...]] = field(default_factory=dict)
    unicast: frozenset[Kind] = frozenset()
    two_step: bool | None = None
    peer_two_step: bool | None = None
    follow_up_information: bool = False
    path_trace: bool = False
    authenticated: bool = False
    cut: frozenset[Kind] = frozenset()

    @property
    def gives_time(self) -> bool:
        """Whether it is a master: it announces, or it sends Sync."""
        return Kind.ANNOUNCE in self.counts or Kind.SYNC in self.counts

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


@dataclass(frozen=True, kw_only=True, slots=True)
class Domain:
    """Ports that can hear each other: one transport, VLAN, domain and majorSdoId.

    `vlans` are tags from the outermost on, empty where there is none.
    """

    transport: Transport
    vlans: tuple[int, ...]
    domain: int
    sdo: int
    voices: tuple[Voice, ...]

    @property
    def masters(self) -> tuple[Voice, ...]:
        """The ports that give time, the one first that best-master selection prefers."""
        found = [voice for voice in self.voices if voice.gives_time]
        return tuple(sorted(found, key=lambda voice: voice.rank))

    @property
    def grandmasters(self) -> tuple[bytes, ...]:
        """The clocks that the masters announce, each once."""
        found = (clock for voice in self.masters for clock in voice.grandmasters)
        return tuple(dict.fromkeys(found))

    def count(self, *kinds: Kind) -> int:
        return sum(voice.counts.get(kind, 0) for voice in self.voices for kind in kinds)


@dataclass(frozen=True, kw_only=True, slots=True)
class Hearing:
    """All that was heard, by domain.

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
