"""The settings that must agree between a PTP port and its grandmaster."""

from collections.abc import Mapping
from enum import StrEnum
from typing import TypeVar

from msgspec import Struct

from vibforge.trx.document import number_of
from vibforge.trx.network.capture import Transport
from vibforge.trx.option import catalogue

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
    """What a port speaks. Intervals are log2 of seconds, as on the wire; the defaults are ptp4l's.

    `sdo` is majorSdoId, ptp4l's transportSpecific. `announces` is false where nobody announces, as
    in the automotive profile. `threshold` is the longest peer delay, in nanoseconds, of a port in
    802.1AS mode (`follow_up_information`). `scope` is that of the IPv6 group, and `destination` the
    group of all but peer messages, empty for the transport's usual one. A master that `unicast` is
    true of sends nothing to a group, and one that is `authenticated` signs what it sends.
    `sync_timeout` counts intervals of Sync, 0 for a client that waits for ever.
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
        """The seconds without Sync after which a client gives its master up."""
        return self.sync_timeout * self.sync_seconds if self.sync_timeout else float("inf")

    @property
    def announce_seconds(self) -> float:
        """The seconds between two Announce messages."""
        return 2.0**self.log_announce

    @property
    def patience(self) -> float:
        """The seconds without Announce after which a client gives its master up."""
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
