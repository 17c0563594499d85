"""Packet captures (pcap and pcapng), and the PTP message in each frame."""

import struct
from collections.abc import Callable, Iterator
from enum import StrEnum
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import BinaryIO

from msgspec import Struct, field

from vibforge.errors import FormatError
from vibforge.trx.network.message import EVENT_PORT, GENERAL_PORT

MAX_PACKET = 256 << 10
"""libpcap's own bound for the bytes of one packet (MAXIMUM_SNAPLEN)."""

MAX_BLOCK = MAX_PACKET + (64 << 10)
"""A pcapng packet block: the packet, and 64 KiB for its options."""

MOST_INTERFACES = 4096
"""Interfaces of one pcapng section; a machine with more writes several captures."""

_PCAP_ORDERS = {
    bytes.fromhex("a1b2c3d4"): (">", 1000),
    bytes.fromhex("d4c3b2a1"): ("<", 1000),
    bytes.fromhex("a1b23c4d"): (">", 1),
    bytes.fromhex("4d3cb2a1"): ("<", 1),
}
"""Byte order and nanoseconds of one unit, by magic number."""

_SECTION = bytes.fromhex("0a0d0d0a")
_SECTION_ORDERS = {bytes.fromhex("1a2b3c4d"): ">", bytes.fromhex("4d3c2b1a"): "<"}
_INTERFACE, _SIMPLE_PACKET, _PACKET = 1, 3, 6
_OPTION_RESOLUTION = 9
_STEP = 1 << 20


class Packet(Struct, frozen=True, kw_only=True):
    """One packet: its time in nanoseconds since 1970, its LINKTYPE_ number and its bytes.

    `size` counts the bytes that it had on the wire; the snap length of the capture may have cut
    `data` short of it. A pcapng simple packet has no time; it counts as 0.
    """

    time: int
    link_type: int
    data: bytes
    size: int

    @property
    def cut(self) -> bool:
        """True if the snap length of the capture cut the packet."""
        return len(self.data) < self.size


class Capture(Struct):
    """A capture that is being read; iterate once. `name` is for messages.

    `trouble` says afterwards why the reading ended before the file did, empty where it did not.
    """

    file: BinaryIO
    trouble: str = ""
    position: int = 0
    name: str = "capture"
    _links: list[tuple[int, int, int]] = field(default_factory=list)

    def __iter__(self) -> Iterator[Packet]:
        """Give the packets in the order of the file.

        Raises:
            FormatError: it is no capture at all.
        """
        magic = self._read(4)
        if magic in _PCAP_ORDERS:
            yield from self._until_trouble(self._pcap(*_PCAP_ORDERS[magic]))
        elif magic == _SECTION:
            yield from self._until_trouble(self._pcapng())
        else:
            raise FormatError(
                "this is neither a pcap nor a pcapng capture",
                where=self.name,
                remedy=_remedy(magic),
            )

    def _until_trouble(self, packets: Iterator[Packet]) -> Iterator[Packet]:
        try:
            yield from packets
        except _TroubleError as trouble:
            self.trouble = f"{trouble} at byte {self.position}"

    def _read(self, size: int) -> bytes:
        data = self.file.read(size)
        self.position += len(data)
        return data

    def _exactly(self, size: int) -> bytes:
        data = self._read(size)
        if len(data) != size:
            raise _TroubleError("the capture is cut")
        return data

    def _pass_over(self, size: int) -> None:
        while size > 0:
            size -= len(self._exactly(min(size, _STEP)))

    def _pcap(self, order: str, unit: int) -> Iterator[Packet]:
        header = struct.unpack(f"{order}HHiIII", self._exactly(20))
        link_type = header[5] & 0x0FFF_FFFF
        head = struct.Struct(f"{order}IIII")
        while record := self._read(head.size):
            if len(record) < head.size:
                raise _TroubleError("the capture is cut")
            seconds, fraction, size, whole = head.unpack(record)
            if size > MAX_PACKET:
                raise _TroubleError(f"a packet of {size} bytes, which no capture has,")
            time = seconds * 1_000_000_000 + fraction * unit
            yield Packet(time=time, link_type=link_type, data=self._exactly(size), size=whole)

    def _pcapng(self) -> Iterator[Packet]:
        order = self._section()
        readers: dict[int, Callable[[str, bytes], Packet | None]] = {
            _INTERFACE: self._interface,
            _PACKET: self._packet,
            _SIMPLE_PACKET: self._simple_packet,
        }
        while head := self._read(4):
            if head == _SECTION:
                order = self._section()
                continue
            (kind,) = struct.unpack(f"{order}I", head.ljust(4, b"\0"))
            (size,) = struct.unpack(f"{order}I", self._exactly(4))
            body = self._body(kind in readers, size)
            packet = readers[kind](order, body) if kind in readers else None
            if packet:
                yield packet

    def _section(self) -> str:
        size, magic = self._exactly(4), self._exactly(4)
        order = _SECTION_ORDERS.get(magic)
        if order is None:
            raise _TroubleError("a section without its byte-order magic")
        self._links.clear()
        (length,) = struct.unpack(f"{order}I", size)
        self._check_size(length, 28)
        self._pass_over(length - 12)
        return order

    def _body(self, wanted: bool, size: int) -> bytes:  # noqa: FBT001 - of one caller
        self._check_size(size, 12)
        if not wanted:
            self._pass_over(size - 8)
            return b""
        if size > MAX_BLOCK:
            raise _TroubleError(f"a block of {size} bytes, which no packet needs,")
        return self._exactly(size - 8)[:-4]

    def _check_size(self, size: int, least: int) -> None:
        if size < least or size % 4:
            raise _TroubleError(f"a block of {size} bytes, which cannot be,")

    def _interface(self, order: str, body: bytes) -> None:
        if len(body) < 8:  # noqa: PLR2004 - LinkType, Reserved, SnapLen
            raise _TroubleError("an interface without its link type")
        if len(self._links) >= MOST_INTERFACES:
            raise _TroubleError(f"more than {MOST_INTERFACES} interfaces")
        (link_type,) = struct.unpack_from(f"{order}H", body)
        self._links.append((link_type, *_resolution(order, body[8:])))

    def _packet(self, order: str, body: bytes) -> Packet:
        if len(body) < 20:  # noqa: PLR2004 - the fixed part of an enhanced packet block
            raise _TroubleError("a packet block without its header")
        number, high, low, size, whole = struct.unpack_from(f"{order}IIIII", body)
        if number >= len(self._links):
            raise _TroubleError(f"a packet of interface {number}, which is not described,")
        if size > len(body) - 20:
            raise _TroubleError(f"a packet of {size} bytes in a smaller block")
        link_type, numerator, denominator = self._links[number]
        time = (high << 32 | low) * numerator // denominator
        return Packet(time=time, link_type=link_type, data=body[20 : 20 + size], size=whole)

    def _simple_packet(self, order: str, body: bytes) -> Packet:
        if not self._links or len(body) < 4:  # noqa: PLR2004 - Original Packet Length
            raise _TroubleError("a simple packet without its interface")
        (size,) = struct.unpack_from(f"{order}I", body)
        return Packet(time=0, link_type=self._links[0][0], data=body[4 : 4 + size], size=size)


class _TroubleError(Exception):
    """The rest of the capture cannot be read."""


def _resolution(order: str, options: bytes) -> tuple[int, int]:
    """The nanoseconds of one time unit as a fraction: option if_tsresol, microseconds without."""
    while len(options) >= 4:  # noqa: PLR2004 - code and length
        code, size = struct.unpack_from(f"{order}HH", options)
        if code == _OPTION_RESOLUTION and size == 1 and len(options) > 4:  # noqa: PLR2004
            power = options[4] & 0x7F
            return 1_000_000_000, 2**power if options[4] & 0x80 else 10**power
        if code == 0:
            break
        options = options[4 + (size + 3) // 4 * 4 :]
    return 1000, 1


def _remedy(magic: bytes) -> str:
    if magic.startswith(b"\x1f\x8b"):
        return "It is compressed; unpack it with gunzip first."
    return "Record one with `tcpdump -w FILE 'ether proto 0x88f7 or udp port 319 or udp port 320'`."


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


class LinkLayer(StrEnum):
    """What a frame begins with."""

    ETHERNET = "Ethernet"
    COOKED = "Linux cooked"
    COOKED_2 = "Linux cooked v2"
    IP = "raw IP"


LINK_TYPES = {
    1: LinkLayer.ETHERNET,
    101: LinkLayer.IP,
    113: LinkLayer.COOKED,
    228: LinkLayer.IP,
    229: LinkLayer.IP,
    276: LinkLayer.COOKED_2,
}
"""LINKTYPE_ numbers of pcap and pcapng."""


class Transport(StrEnum):
    """What carries PTP, in the words of linuxptp's network_transport."""

    L2 = "L2"
    UDPV4 = "UDPv4"
    UDPV6 = "UDPv6"


class Datagram(Struct, frozen=True, kw_only=True):
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


def find_ptp(link: LinkLayer, data: bytes) -> Datagram | None:
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


_FINDERS: dict[LinkLayer, Callable[[bytes], Datagram | None]] = {
    LinkLayer.ETHERNET: _ethernet,
    LinkLayer.COOKED: _cooked,
    LinkLayer.COOKED_2: _cooked_2,
    LinkLayer.IP: _raw_ip,
}
