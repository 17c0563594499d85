import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.trx.network.ptp_examples import ethernet, ipv4, ipv6, message, udp
from vibforge.trx.network.capture import LinkLayer, Transport, find_ptp
from vibforge.trx.network.message import MessageType

SYNC = message(MessageType.SYNC).serialise()
HOP_BY_HOP = bytes([17, 0]) + bytes(6)
IP4, IP6 = 0x0800, 0x86DD

FRAMES = {
    "Ethernet": (LinkLayer.ETHERNET, ethernet(SYNC), Transport.L2, ()),
    "padded": (LinkLayer.ETHERNET, ethernet(SYNC + bytes(6)), Transport.L2, ()),
    "VLAN": (LinkLayer.ETHERNET, ethernet(SYNC, tags=(5,)), Transport.L2, (5,)),
    "two tags": (LinkLayer.ETHERNET, ethernet(SYNC, tags=(100, 7)), Transport.L2, (100, 7)),
    "IPv4": (LinkLayer.ETHERNET, ethernet(ipv4(udp(SYNC)), IP4), Transport.UDPV4, ()),
    "IPv4, tagged": (
        LinkLayer.ETHERNET,
        ethernet(ipv4(udp(SYNC)), IP4, (9,)),
        Transport.UDPV4,
        (9,),
    ),
    "IPv4 options": (
        LinkLayer.ETHERNET,
        ethernet(ipv4(udp(SYNC, 320), bytes(8)), IP4),
        Transport.UDPV4,
        (),
    ),
    "IPv6": (LinkLayer.ETHERNET, ethernet(ipv6(udp(SYNC)), IP6), Transport.UDPV6, ()),
    "IPv6 hop by hop": (
        LinkLayer.ETHERNET,
        ethernet(ipv6(HOP_BY_HOP + udp(SYNC), 0), IP6),
        Transport.UDPV6,
        (),
    ),
    "IPv6, eight extensions": (
        LinkLayer.ETHERNET,
        ethernet(ipv6(bytes(7 * 8) + HOP_BY_HOP + udp(SYNC), 0), IP6),
        Transport.UDPV6,
        (),
    ),
    "IPv6, an extension of 24 bytes": (
        LinkLayer.ETHERNET,
        ethernet(ipv6(bytes([17, 2]) + bytes(22) + udp(SYNC), 43), IP6),
        Transport.UDPV6,
        (),
    ),
    "raw IPv4": (LinkLayer.IP, ipv4(udp(SYNC)), Transport.UDPV4, ()),
    "raw IPv6": (LinkLayer.IP, ipv6(udp(SYNC)), Transport.UDPV6, ()),
    "cooked": (LinkLayer.COOKED, bytes(14) + b"\x88\xf7" + SYNC, Transport.L2, ()),
    "cooked, tagged": (
        LinkLayer.COOKED,
        bytes(14) + struct.pack(">HHH", 0x8100, 3, 0x88F7) + SYNC,
        Transport.L2,
        (3,),
    ),
    "cooked v2": (LinkLayer.COOKED_2, b"\x88\xf7" + bytes(18) + SYNC, Transport.L2, ()),
}


@pytest.mark.parametrize("name", FRAMES)
def test_ptp_is_found(name: str) -> None:
    link, frame, transport, vlans = FRAMES[name]
    found = find_ptp(link, frame)
    assert found
    assert (found.transport, found.vlans) == (transport, vlans)
    assert found.payload.startswith(SYNC)


def test_addresses_are_text() -> None:
    found = find_ptp(LinkLayer.ETHERNET, ethernet(ipv6(udp(SYNC)), IP6))
    assert found
    assert (found.source, found.destination) == ("fe80::1", "ff0e::181")
    found = find_ptp(LinkLayer.ETHERNET, ethernet(SYNC))
    assert found
    assert (found.source, found.destination) == ("00:1b:21:aa:bb:cc", "01:1b:19:00:00:00")
    found = find_ptp(LinkLayer.IP, ipv4(udp(SYNC)))
    assert found
    assert (found.source, found.destination) == ("192.0.2.1", "224.0.1.129")


SENDER = bytes.fromhex("001b21aabbcc")


@pytest.mark.parametrize(
    ("link", "frame"),
    [
        (LinkLayer.COOKED, struct.pack(">HHH6s", 4, 1, 6, SENDER) + b"\0\0\x88\xf7" + SYNC),
        (
            LinkLayer.COOKED_2,
            struct.pack(">HHIHBB6s", 0x88F7, 0, 2, 1, 0, 6, SENDER) + b"\0\0" + SYNC,
        ),
    ],
)
def test_a_cooked_frame_tells_its_sender_alone(link: LinkLayer, frame: bytes) -> None:
    found = find_ptp(link, frame)
    assert found
    assert (found.source, found.destination) == ("00:1b:21:aa:bb:cc", "")
    assert found.payload == SYNC


def test_a_datagram_that_may_not_be_cut_up_is_whole() -> None:
    found = find_ptp(LinkLayer.ETHERNET, ethernet(ipv4(udp(SYNC), fragment=0x4000), IP4))
    assert found
    assert found.payload == SYNC


@pytest.mark.parametrize(
    "frame",
    [
        ethernet(ipv4(udp(SYNC, 123)), IP4),
        ethernet(ipv4(udp(SYNC), fragment=5), IP4),
        ethernet(ipv4(b"", fragment=0)[:9] + b"\x06" + bytes(20), IP4),
        ethernet(ipv6(b"\x3a" * 20, 58), IP6),
        ethernet(ipv6(bytes(8 * 8) + HOP_BY_HOP + udp(SYNC), 0), IP6),
        ethernet(SYNC, tags=(1, 2, 3, 4, 5)),
        ethernet(b"ARP", 0x0806),
        ethernet(ipv6(udp(SYNC)), 0x0806),
        b"",
    ],
    ids=[
        "NTP",
        "fragment",
        "TCP",
        "ICMPv6",
        "nine extensions",
        "five tags",
        "ARP",
        "ARP like IPv6",
        "nothing",
    ],
)
def test_what_is_no_ptp_is_passed_over(frame: bytes) -> None:
    assert find_ptp(LinkLayer.ETHERNET, frame) is None


@pytest.mark.parametrize("name", FRAMES)
def test_a_cut_frame_gives_no_more_than_is_there(name: str) -> None:
    link, frame, _, _ = FRAMES[name]
    for cut in range(len(frame)):
        found = find_ptp(link, frame[:cut])
        assert found is None or frame[:cut].endswith(found.payload)


@given(st.sampled_from(LinkLayer), st.binary(max_size=120))
def test_junk_raises_nothing(link: LinkLayer, data: bytes) -> None:
    find_ptp(link, data)
