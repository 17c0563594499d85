"""The settings that must agree between a PTP port and its grandmaster."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

from vibforge.formats.frame import Transport
from vibforge.trx.catalogue import catalogue
from vibforge.trx.value import number_of

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


@dataclass(frozen=True, kw_only=True, slots=True)
class ClockSettings:
    """What a port speaks. Intervals are log2 of seconds, as on the wire; the defaults are ptp4l's.

    `sdo` is majorSdoId, ptp4l's transportSpecific. `announces` is false where nobody announces, as
    in the automotive profile. `threshold` is the longest peer delay, in nanoseconds, of a port in
    802.1AS mode (`follow_up_information`).
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
}


def settings_of(values: Mapping[str, str]) -> ClockSettings:
    """Read the settings of a ptp4l from its options; what it would refuse counts as its default."""
    plain = ClockSettings()
    numbers = {field: _number(values, key) for field, key in _NUMBERS.items()}
    return ClockSettings(
        **{
            field: getattr(plain, field) if number is None else number
            for field, number in numbers.items()
        },
        transport=_word(Transport, values.get("network_transport", ""), Transport.UDPV4),
        delay=_word(Delay, values.get("delay_mechanism", ""), Delay.E2E),
        follow_up_information=_number(values, "follow_up_info") == 1,
        path_trace=_number(values, "path_trace_enabled") == 1,
        hybrid=_number(values, "hybrid_e2e") == 1,
        announces=_number(values, "inhibit_announce") != 1,
    )


def _number(values: Mapping[str, str], key: str) -> int | None:
    option = catalogue().options[key]
    number = number_of(option.kind, values.get(key, ""))
    return int(number) if number is not None and abs(number) < 1 << 63 else None


def _word(words: type[_Word], value: str, default: _Word) -> _Word:
    return next((word for word in words if word.casefold() == value.casefold()), default)
