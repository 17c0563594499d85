"""PTP messages on the wire: IEEE 1588-2019, clauses 13 (messages) and 14 (TLVs).

All numbers are big-endian (5.3). Version 2.0 (IEEE 1588-2008) and 2.1 (2019) share the layout; the
half byte called transportSpecific in 2008 is majorSdoId in 2019. IEEE 802.1AS uses the same
messages with majorSdoId 1 and puts a TLV of its own behind Follow_Up (802.1AS-2020, 11.4.4.3).
"""

import struct
from collections.abc import Iterator
from enum import IntEnum
from typing import Any, ClassVar, Self

from msgspec import Struct

from vibforge.errors import FormatError

EVENT_PORT, GENERAL_PORT = 319, 320
"""UDP ports of event and general messages: annex C.2 for IPv4, annex D.2 for IPv6."""

MAX_BYTES = 9216
"""No link carries more in one piece: a jumbo frame. messageLength itself could say 65535."""

MOST_TLVS = 128
"""The smallest TLV has 4 bytes; a message with 128 of them says nothing that a clock sends."""

_HEADER = struct.Struct(">BBHBBHq4s8sHHBb")
_ANNOUNCE = struct.Struct(">10shBBBBHB8sHB")
_TLV_HEAD = struct.Struct(">HH")


class MessageType(IntEnum):
    """messageType, table 36."""

    SYNC = 0x0
    DELAY_REQ = 0x1
    PDELAY_REQ = 0x2
    PDELAY_RESP = 0x3
    FOLLOW_UP = 0x8
    DELAY_RESP = 0x9
    PDELAY_RESP_FOLLOW_UP = 0xA
    ANNOUNCE = 0xB
    SIGNALING = 0xC
    MANAGEMENT = 0xD

    @property
    def label(self) -> str:
        """The name as the standard writes it: `Pdelay_Resp_Follow_Up`."""
        return "_".join(word.capitalize() for word in self.name.split("_"))


BODY_SIZE = {
    MessageType.SYNC: 10,  # 13.6, originTimestamp
    MessageType.DELAY_REQ: 10,  # 13.6, the same
    MessageType.PDELAY_REQ: 20,  # 13.9, originTimestamp and 10 reserved bytes
    MessageType.PDELAY_RESP: 20,  # 13.10, requestReceiptTimestamp, requestingPortIdentity
    MessageType.FOLLOW_UP: 10,  # 13.7, preciseOriginTimestamp
    MessageType.DELAY_RESP: 20,  # 13.8, receiveTimestamp, requestingPortIdentity
    MessageType.PDELAY_RESP_FOLLOW_UP: 20,  # 13.11, responseOriginTimestamp, requestingPortIdentity
    MessageType.ANNOUNCE: _ANNOUNCE.size,  # 13.5
    MessageType.SIGNALING: 10,  # 13.12, targetPortIdentity
    MessageType.MANAGEMENT: 14,  # 15.4.1, targetPortIdentity, hops, action
}
"""Bytes between the header and the TLVs."""

PATH_TRACE = 0x0008
"""14.2 table 52: the clocks that an Announce came through (16.2)."""

AUTHENTICATION = frozenset({0x2000, 0x8009})
"""14.14: 0x8009 since 2019; 0x2000 was the experimental one of 2008, annex K."""

ORGANIZATION_EXTENSION = 0x0003
"""14.3: a TLV of an organisation, named by three bytes and a subtype of three."""

FOLLOW_UP_INFORMATION = bytes.fromhex("0080c2000001")
"""802.1AS-2020, 11.4.4.3: organizationId 00-80-C2 and subtype 1."""


class PortIdentity(Struct, frozen=True, order=True):
    """One port of one clock (7.5.2): eight bytes and a number from 1."""

    clock: bytes
    port: int

    @classmethod
    def parse(cls, data: bytes) -> Self:
        return cls(data[:8], int.from_bytes(data[8:10], "big"))

    def serialise(self) -> bytes:
        return self.clock + self.port.to_bytes(2, "big")

    def __str__(self) -> str:
        return f"{clock_text(self.clock)}-{self.port}"


def clock_text(clock: bytes) -> str:
    """Write a clockIdentity as linuxptp does: `001b21.fffe.aabbcc`."""
    digits = clock.hex()
    return f"{digits[:6]}.{digits[6:10]}.{digits[10:]}"


class HeaderFlags(Struct, frozen=True, kw_only=True):
    """flagField of 13.3.2.8, table 37; `bits` are all sixteen, first byte high."""

    LEAP_61: ClassVar[int] = 0x0001
    UTC_OFFSET_VALID: ClassVar[int] = 0x0004

    bits: int

    @property
    def two_step(self) -> bool:
        """Sync and Pdelay_Resp only: the time comes in a second message."""
        return bool(self.bits & 0x0200)

    @property
    def unicast(self) -> bool:
        return bool(self.bits & 0x0400)

    @property
    def leap_61(self) -> bool:
        """Announce only, like all that follow: the last minute of the day has 61 seconds."""
        return bool(self.bits & self.LEAP_61)

    @property
    def leap_59(self) -> bool:
        return bool(self.bits & 0x0002)

    @property
    def utc_offset_valid(self) -> bool:
        return bool(self.bits & self.UTC_OFFSET_VALID)

    @property
    def ptp_timescale(self) -> bool:
        return bool(self.bits & 0x0008)

    @property
    def time_traceable(self) -> bool:
        return bool(self.bits & 0x0010)

    @property
    def frequency_traceable(self) -> bool:
        return bool(self.bits & 0x0020)


class ClockQuality(Struct, frozen=True, kw_only=True):
    """What best-master selection compares of a grandmaster (5.3.7, 7.6.2.5 to 7.6.2.7)."""

    clock_class: int
    accuracy: int
    variance: int


class Announce(Struct, frozen=True, kw_only=True):
    """The body of an Announce (13.5); `utc_offset` in seconds."""

    timestamp: bytes
    utc_offset: int
    priority1: int
    quality: ClockQuality
    priority2: int
    grandmaster: bytes
    steps_removed: int
    time_source: int
    reserved: int = 0

    @classmethod
    def parse(cls, body: bytes) -> Self:
        timestamp, utc, reserved, first, *quality, second, clock, steps, source = _ANNOUNCE.unpack(
            body
        )
        clock_class, accuracy, variance = quality
        return cls(
            timestamp=timestamp,
            utc_offset=utc,
            priority1=first,
            quality=ClockQuality(clock_class=clock_class, accuracy=accuracy, variance=variance),
            priority2=second,
            grandmaster=clock,
            steps_removed=steps,
            time_source=source,
            reserved=reserved,
        )

    def serialise(self) -> bytes:
        quality = self.quality
        return _ANNOUNCE.pack(
            *(self.timestamp, self.utc_offset, self.reserved, self.priority1),
            *(quality.clock_class, quality.accuracy),
            *(quality.variance, self.priority2, self.grandmaster, self.steps_removed),
            self.time_source,
        )


class Tlv(Struct, frozen=True):
    """One type-length-value of 14.1."""

    type: int
    value: bytes

    @property
    def follow_up_information(self) -> bool:
        """Whether it is the TLV that 802.1AS wants behind each Follow_Up."""
        return self.type == ORGANIZATION_EXTENSION and self.value.startswith(FOLLOW_UP_INFORMATION)

    def serialise(self) -> bytes:
        return _TLV_HEAD.pack(self.type, len(self.value)) + self.value


class PtpMessage(Struct, frozen=True, kw_only=True):
    """One message: the header of 13.3, the body of its kind, and the TLVs behind it.

    `sdo` is majorSdoId, which 2008 calls transportSpecific. `correction` counts 2**-16 ns.
    `log_interval` is log2 of the seconds between two such messages, 0x7F where it says nothing.
    `whole` is false if the capture cut the message: then the body may be empty and TLVs missing.
    """

    kind: MessageType
    source: PortIdentity
    body: bytes
    domain: int = 0
    sdo: int = 0
    minor_sdo: int = 0
    version: int = 2
    minor_version: int = 0
    flags: HeaderFlags = HeaderFlags(bits=0)
    correction: int = 0
    type_specific: bytes = bytes(4)
    sequence: int = 0
    control: int = 0
    log_interval: int = 0x7F
    tlvs: tuple[Tlv, ...] = ()
    whole: bool = True

    @classmethod
    def parse(cls, data: bytes, *, cut: bool = False) -> Self:
        """Read a message; bytes behind its messageLength are padding of the link (13.3.2.4).

        Args:
            data: the bytes in the place of the message.
            cut: the capture has only the first bytes of the packet, so bytes may be missing.

        Raises:
            FormatError: not PTP version 2, an unknown messageType, or lengths that do not fit.
        """
        header, kind, length = _header(data, cut=cut)
        whole = length <= len(data)
        end = _HEADER.size + BODY_SIZE[kind]
        if length < end:
            raise FormatError(f"a {kind.label} of {length} bytes, where {end} are the least")
        return cls(
            kind=kind,
            sdo=header[0] >> 4,
            version=header[1] & 0xF,
            minor_version=header[1] >> 4,
            domain=header[3],
            minor_sdo=header[4],
            flags=HeaderFlags(bits=header[5]),
            correction=header[6],
            type_specific=header[7],
            source=PortIdentity(header[8], header[9]),
            sequence=header[10],
            control=header[11],
            log_interval=header[12],
            body=data[_HEADER.size : end] if len(data) >= end else b"",
            tlvs=tuple(_tlvs(data[end:length]) if whole else _tlvs_before_cut(data[end:])),
            whole=whole,
        )

    def serialise(self) -> bytes:
        rest = self.body + b"".join(tlv.serialise() for tlv in self.tlvs)
        return (
            _HEADER.pack(
                *(self.sdo << 4 | self.kind, self.minor_version << 4 | self.version),
                *(_HEADER.size + len(rest), self.domain, self.minor_sdo, self.flags.bits),
                *(self.correction, self.type_specific, self.source.clock, self.source.port),
                *(self.sequence, self.control, self.log_interval),
            )
            + rest
        )

    @property
    def announce(self) -> Announce | None:
        """The body of an Announce, None of any other message and of one that is cut."""
        return (
            Announce.parse(self.body) if self.kind is MessageType.ANNOUNCE and self.body else None
        )


def _header(data: bytes, *, cut: bool) -> tuple[tuple[Any, ...], MessageType, int]:
    if len(data) < _HEADER.size:
        raise FormatError(f"{len(data)} bytes, where a PTP header has {_HEADER.size}")
    header = _HEADER.unpack_from(data)
    version = header[1] & 0xF
    if version != 2:  # noqa: PLR2004 - versionPTP of 13.3.2.2
        raise FormatError(f"PTP version {version}, which has another layout")
    try:
        kind = MessageType(header[0] & 0xF)
    except ValueError as error:
        raise FormatError(f"messageType {header[0] & 0xF}, which is reserved") from error
    length = header[2]
    if length > (MAX_BYTES if cut else min(len(data), MAX_BYTES)):
        raise FormatError(f"messageLength says {length} bytes, and {len(data)} are there")
    return header, kind, length


def _tlvs(data: bytes) -> Iterator[Tlv]:
    offset = 0
    for _ in range(MOST_TLVS):
        if offset == len(data):
            return
        if len(data) - offset < _TLV_HEAD.size:
            raise FormatError(f"{len(data) - offset} bytes at the end, where a TLV has 4 or more")
        kind, length = _TLV_HEAD.unpack_from(data, offset)
        offset += _TLV_HEAD.size
        if length > len(data) - offset:
            raise FormatError(f"a TLV says {length} bytes, and {len(data) - offset} are there")
        yield Tlv(kind, data[offset : offset + length])
        offset += length
    if offset != len(data):
        raise FormatError(f"more than {MOST_TLVS} TLVs")


def _tlvs_before_cut(data: bytes) -> Iterator[Tlv]:
    """Yield the TLVs that are whole; the type and what is left of the one that the cut is in."""
    for _ in range(MOST_TLVS):
        if len(data) < _TLV_HEAD.size:
            return
        kind, length = _TLV_HEAD.unpack_from(data)
        yield Tlv(kind, data[_TLV_HEAD.size : _TLV_HEAD.size + length])
        data = data[_TLV_HEAD.size + length :]
