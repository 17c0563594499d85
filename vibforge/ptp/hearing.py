"""What was heard on a network: who speaks PTP, and how."""

from collections.abc import Mapping
from dataclasses import dataclass

from vibforge.formats.frame import Transport
from vibforge.formats.ptp_message import Announce, Kind, PortIdentity


@dataclass(frozen=True, kw_only=True, slots=True)
class Voice:
    """One port that speaks in one domain.

    `counts` are its messages by kind and `spacing` the usual nanoseconds between two of a kind,
    for kinds heard twice or more. `stated` are the intervals that the messages themselves say,
    log2 of seconds. `announce` is its last one; `grandmasters` are all that it ever announced.
    """

    port: PortIdentity
    addresses: tuple[str, ...]
    counts: Mapping[Kind, int]
    spacing: Mapping[Kind, int]
    stated: Mapping[Kind, int]
    announce: Announce | None = None
    grandmasters: tuple[bytes, ...] = ()
    two_step: bool | None = None
    unicast: bool = False
    follow_up_information: bool = False
    path_trace: bool = False

    @property
    def gives_time(self) -> bool:
        """Whether it is a master: it announces, or it sends Sync."""
        return Kind.ANNOUNCE in self.counts or Kind.SYNC in self.counts


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
        """Who gives time here, the most active first."""
        found = [voice for voice in self.voices if voice.gives_time]
        return tuple(sorted(found, key=lambda voice: -sum(voice.counts.values())))

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
    are packets in the place of PTP that are none, with the reason of the first in `fault`.
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
    end: str = ""
