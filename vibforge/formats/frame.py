"""Find a PTP message in a frame: Ethernet, VLAN tags, IPv4, IPv6, UDP.

Where PTP stands: ethertype 0x88F7 (IEEE 1588-2019, annex E), or UDP to port 319 or 320 over IPv4
(annex C) and IPv6 (annex D). Link types are those of the capture formats.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import IPv4Address, IPv6Address, ip_address

from vibforge.formats.ptp_message import EVENT_PORT, GENERAL_PORT

ETHERTYPE_PTP = 0x88F7
_IPV4, _IPV6 = 0x0800, 0x86DD
_VLAN_TAGS = {0x8100, 0x88A8, 0x9100}
"""IEEE 802.1Q, 802.1ad, and the number that stacked tags had before it."""

_MOST_TAGS = 4
"""Stacked tags are two; four leave room and bound the walk."""

_MOST_EXTENSIONS = 8
"""IPv6 extension headers that are walked through (RFC 8200, 4.1 has seven, each once)."""

_EXTENSIONS = {0, 43, 60, 135}
"""Hop-by-hop, routing, destination options, mobility: 8 bytes and more, length in units of 8."""

_UDP = 17


class Link(StrEnum):
    """What a frame begins with."""

    ETHERNET = "Ethernet"
    COOKED = "Linux cooked"
    COOKED_2 = "Linux cooked v2"
    IP = "raw IP"


LINK_TYPES = {
    1: Link.ETHERNET,
    101: Link.IP,
    113: Link.COOKED,
    228: Link.IP,
    229: Link.IP,
    276: Link.COOKED_2,
}
"""LINKTYPE_ numbers of pcap and pcapng."""


class Transport(StrEnum):
    """What carries PTP, in the words of linuxptp's network_transport."""

    L2 = "L2"
    UDPV4 = "UDPv4"
    UDPV6 = "UDPv6"


@dataclass(frozen=True, kw_only=True, slots=True)
class Datagram:
    """Bytes that stand where PTP belongs; `vlans` from the outermost tag, addresses as text."""

    transport: Transport
    vlans: tuple[int, ...]
    source: str
    destination: str
    payload: bytes

    @property
    def to_one(self) -> bool:
        """True if the destination is known to be one station, not a group."""
        if not self.destination:
            return False
        if self.transport is Transport.L2:
            return not int(self.destination[:2], 16) & 1
        return not ip_address(self.destination).is_multicast


def find_ptp(link: Link, data: bytes) -> Datagram | None:
    """Return what stands in the place of a PTP message, None where the frame carries none.

    Nothing is raised for a frame that is cut or lies: it carries no PTP that can be read.
    """
    return _FINDERS[link](data)


def _ethernet(data: bytes) -> Datagram | None:
    return _tagged(data, 12, data[6:12], data[0:6])


def _cooked(data: bytes) -> Datagram | None:
    return _tagged(data, 14, data[6:12], b"")


def _cooked_2(data: bytes) -> Datagram | None:
    if len(data) < 20:  # noqa: PLR2004 - the header of LINKTYPE_LINUX_SLL2
        return None
    return _carried(int.from_bytes(data[0:2], "big"), data, 20, (), data[12:18], b"")


def _raw_ip(data: bytes) -> Datagram | None:
    ethertype = {4: _IPV4, 6: _IPV6}.get(data[0] >> 4 if data else 0, 0)
    return _carried(ethertype, data, 0, (), b"", b"")


def _tagged(data: bytes, offset: int, source: bytes, destination: bytes) -> Datagram | None:
    vlans: tuple[int, ...] = ()
    ethertype = int.from_bytes(data[offset : offset + 2], "big")
    while ethertype in _VLAN_TAGS and len(vlans) < _MOST_TAGS:
        vlans += (int.from_bytes(data[offset + 2 : offset + 4], "big") & 0xFFF,)
        offset += 4
        ethertype = int.from_bytes(data[offset : offset + 2], "big")
    return _carried(ethertype, data, offset + 2, vlans, source, destination)


def _carried(  # noqa: PLR0913, PLR0917 - what every link type knows of its frame
    ethertype: int,
    data: bytes,
    offset: int,
    vlans: tuple[int, ...],
    source: bytes,
    destination: bytes,
) -> Datagram | None:
    if ethertype == ETHERTYPE_PTP:
        return Datagram(
            transport=Transport.L2,
            vlans=vlans,
            source=source.hex(":"),
            destination=destination.hex(":"),
            payload=data[offset:],
        )
    if ethertype == _IPV4:
        return _ipv4(data, offset, vlans)
    return _ipv6(data, offset, vlans) if ethertype == _IPV6 else None


def _ipv4(data: bytes, offset: int, vlans: tuple[int, ...]) -> Datagram | None:
    header = data[offset : offset + 20]
    if len(header) < 20 or header[9] != _UDP:  # noqa: PLR2004 - RFC 791
        return None
    size = (header[0] & 0xF) * 4
    fragment = int.from_bytes(header[6:8], "big") & 0x1FFF
    if header[0] >> 4 != 4 or size < 20 or fragment:  # noqa: PLR2004 - RFC 791
        return None
    payload = _udp(data, offset + size)
    if payload is None:
        return None
    return Datagram(
        transport=Transport.UDPV4,
        vlans=vlans,
        source=str(IPv4Address(header[12:16])),
        destination=str(IPv4Address(header[16:20])),
        payload=payload,
    )


def _ipv6(data: bytes, offset: int, vlans: tuple[int, ...]) -> Datagram | None:
    header = data[offset : offset + 40]
    if len(header) < 40 or header[0] >> 4 != 6:  # noqa: PLR2004 - RFC 8200
        return None
    following, offset = header[6], offset + 40
    for _ in range(_MOST_EXTENSIONS):
        if following not in _EXTENSIONS or offset + 2 > len(data):
            break
        following, offset = data[offset], offset + (data[offset + 1] + 1) * 8
    payload = _udp(data, offset) if following == _UDP else None
    if payload is None:
        return None
    return Datagram(
        transport=Transport.UDPV6,
        vlans=vlans,
        source=str(IPv6Address(header[8:24])),
        destination=str(IPv6Address(header[24:40])),
        payload=payload,
    )


def _udp(data: bytes, offset: int) -> bytes | None:
    port = int.from_bytes(data[offset + 2 : offset + 4], "big")
    if port not in {EVENT_PORT, GENERAL_PORT}:
        return None
    length = int.from_bytes(data[offset + 4 : offset + 6], "big")
    return data[offset + 8 : offset + length] or None


_FINDERS: dict[Link, Callable[[bytes], Datagram | None]] = {
    Link.ETHERNET: _ethernet,
    Link.COOKED: _cooked,
    Link.COOKED_2: _cooked_2,
    Link.IP: _raw_ip,
}
