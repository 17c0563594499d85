"""PTP messages and the frames and captures that carry them, made by hand."""

import struct
from ipaddress import IPv4Address, IPv6Address

from vibforge.trx.network.message import (
    BODY_SIZE,
    FOLLOW_UP_INFORMATION,
    ORGANIZATION_EXTENSION,
    Announce,
    ClockQuality,
    HeaderFlags,
    MessageType,
    PortIdentity,
    PtpMessage,
    Tlv,
)

CLOCK = bytes.fromhex("001b21fffeaabbcc")
AS_TLV = Tlv(ORGANIZATION_EXTENSION, FOLLOW_UP_INFORMATION + bytes(22))
TWO_STEP = 0x0200


def announce_body(grandmaster: bytes = CLOCK, priority1: int = 128) -> bytes:
    return Announce(
        timestamp=bytes(10),
        utc_offset=37,
        priority1=priority1,
        quality=ClockQuality(clock_class=6, accuracy=0x21, variance=0x4E5D),
        priority2=128,
        grandmaster=grandmaster,
        steps_removed=0,
        time_source=0x20,
    ).serialise()


def message(  # noqa: PLR0913 - what tests vary
    kind: MessageType,
    *,
    domain: int = 0,
    sdo: int = 0,
    clock: bytes = CLOCK,
    log_interval: int = 0x7F,
    flags: int = 0,
    tlvs: tuple[Tlv, ...] = (),
) -> PtpMessage:
    body = announce_body(clock) if kind is MessageType.ANNOUNCE else bytes(BODY_SIZE[kind])
    return PtpMessage(
        kind=kind,
        source=PortIdentity(clock, 1),
        body=body,
        domain=domain,
        sdo=sdo,
        flags=HeaderFlags(bits=flags),
        log_interval=log_interval,
        tlvs=tlvs,
    )


def ethernet(payload: bytes, ethertype: int = 0x88F7, tags: tuple[int, ...] = ()) -> bytes:
    head = bytes.fromhex("011b19000000001b21aabbcc")
    middle = b"".join(struct.pack(">HH", 0x8100, tag) for tag in tags)
    return head + middle + struct.pack(">H", ethertype) + payload


def udp(payload: bytes, port: int = 319) -> bytes:
    return struct.pack(">HHHH", port, port, 8 + len(payload), 0) + payload


def ipv4(payload: bytes, options: bytes = b"", fragment: int = 0) -> bytes:
    first = 0x40 | (5 + len(options) // 4)
    size = 20 + len(options) + len(payload)
    head = struct.pack(">BBHHHBBH", first, 0, size, 0, fragment, 1, 17, 0)
    addresses = IPv4Address("192.0.2.1").packed + IPv4Address("224.0.1.129").packed
    return head + addresses + options + payload


def ipv6(payload: bytes, following: int = 17) -> bytes:
    head = struct.pack(">IHBB", 6 << 28, len(payload), following, 1)
    return head + IPv6Address("fe80::1").packed + IPv6Address("ff0e::181").packed + payload


def pcap(
    frames: list[tuple[int, bytes]], order: str = "<", link: int = 1, unit: int = 1000
) -> bytes:
    """Frames with their nanoseconds as a pcap; `unit` 1 makes the nanosecond form."""
    magic = 0xA1B2C3D4 if unit == 1000 else 0xA1B23C4D
    parts = [struct.pack(f"{order}IHHiIII", magic, 2, 4, 0, 0, 262144, link)]
    for time, frame in frames:
        seconds, rest = divmod(time, 1_000_000_000)
        parts.append(struct.pack(f"{order}IIII", seconds, rest // unit, len(frame), len(frame)))
        parts.append(frame)
    return b"".join(parts)


def block(kind: int, body: bytes, order: str = "<") -> bytes:
    body += bytes(-len(body) % 4)
    size = len(body) + 12
    return struct.pack(f"{order}II", kind, size) + body + struct.pack(f"{order}I", size)


def pcapng(
    frames: list[tuple[int, bytes]], order: str = "<", link: int = 1, power: int = 9
) -> bytes:
    """Frames with their nanoseconds as a pcapng whose times count 10**-`power` seconds."""
    section = struct.pack(f"{order}IHHq", 0x1A2B3C4D, 1, 0, -1)
    options = struct.pack(f"{order}HHBxxxHH", 9, 1, power, 0, 0)
    parts = [
        block(0x0A0D0D0A, section, order),
        block(5, b"statistics--", order),
        block(1, struct.pack(f"{order}HHI", link, 0, 0) + options, order),
    ]
    for time, frame in frames:
        ticks = time // 10 ** (9 - power)
        head = struct.pack(
            f"{order}IIIII", 0, ticks >> 32, ticks & 0xFFFF_FFFF, len(frame), len(frame)
        )
        parts.append(block(6, head + frame, order))
    return b"".join(parts)
