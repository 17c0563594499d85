"""Captures of grandmasters: recorded from real ones, and edited to what no software clock sends."""

import struct
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

from msgspec import Struct, field
from msgspec.structs import replace

from tests.trx.rehearsal.matrix import GPTP, GPTP_EXAMPLE, Case
from tests.trx.rehearsal.recording import record_from
from vibforge.trx.network.capture import Capture
from vibforge.trx.network.message import MessageType, PtpMessage, Tlv
from vibforge.trx.network.sniff import NetworkFilter
from vibforge.trx.rehearsal.grandmaster import grandmaster_from
from vibforge.trx.rehearsal.linuxptp import Programs
from vibforge.trx.rehearsal.rehearse import Rehearsal, RehearsalOptions, rehearse_privately
from vibforge.trx.rehearsal.verdict import Code

Frames = Iterable[bytes]
Edit = Callable[[Frames], Iterator[bytes]]

_BEHIND_UDP = 14 + 20 + 8
_LITTLE = struct.Struct("<IIII")
_INTERVAL = 60_000_000
"""Nanoseconds between two packets of an edited capture."""


def whole(frames: Frames) -> Iterator[bytes]:
    yield from frames


def each_message(change: Callable[[PtpMessage], PtpMessage | None]) -> Edit:
    """Change or drop every PTP message in frames of Ethernet, IPv4 and UDP."""

    def edit(frames: Frames) -> Iterator[bytes]:
        for frame in frames:
            if frame[12:14] != b"\x08\x00" or frame[23] != 17:
                continue
            message = change(PtpMessage.parse(frame[_BEHIND_UDP:]))
            if message:
                payload = message.serialise()
                size = struct.pack(">H", 8 + len(payload))
                yield (
                    frame[: _BEHIND_UDP - 4] + size + frame[_BEHIND_UDP - 2 : _BEHIND_UDP] + payload
                )

    return edit


def one_step(message: PtpMessage) -> PtpMessage | None:
    if message.kind is MessageType.FOLLOW_UP:
        return None
    return replace(message, flags=replace(message.flags, bits=message.flags.bits & ~0x0200))


def signed(message: PtpMessage) -> PtpMessage:
    return replace(message, tlvs=(*message.tlvs, Tlv(0x8009, bytes(22))))


def unanswered(message: PtpMessage) -> PtpMessage | None:
    return None if message.kind is MessageType.DELAY_RESP else message


def without_sync(message: PtpMessage) -> PtpMessage | None:
    return None if message.kind in {MessageType.SYNC, MessageType.FOLLOW_UP} else message


def unicast(message: PtpMessage) -> PtpMessage:
    return replace(message, flags=replace(message.flags, bits=message.flags.bits | 0x0400))


def tagged(frames: Frames) -> Iterator[bytes]:
    for frame in frames:
        yield frame[:12] + b"\x81\x00\x00\x07" + frame[12:]


class Captured(Struct, frozen=True, kw_only=True):
    """A client against a grandmaster, and against a capture of it.

    `pair` is what two ptp4l with the options themselves do, and `code` what the capture gives.
    """

    name: str
    grandmaster: Mapping[str, str] = field(default_factory=dict)
    client: Mapping[str, str] = field(default_factory=dict)
    edit: Edit = whole
    snap: int = 1 << 16
    pair: Code
    code: Code
    says: str = ""

    def case(self) -> Case:
        return Case(
            name=self.name,
            client=self.client,
            grandmaster=self.grandmaster,
            code=self.pair,
            wish=RehearsalOptions(watch=0.3, seconds=20.0),
        )

    def record(self, programs: Programs, target: Path) -> None:
        """Record the grandmaster with a client that fits it, and edit the capture."""
        case = self.case()
        fitting = replace(case, client={**self.grandmaster, "priority1": "255"})
        record_from(
            fitting.trx_conf(), case.master(), programs, target, wish=RehearsalOptions(watch=2.0)
        )
        with target.open("rb") as file:
            frames = [packet.data for packet in Capture(file)]
        target.write_bytes(_pcap(self.edit(frames), self.snap))

    def play(self, programs: Programs, capture: Path) -> Rehearsal:
        conf = self.case().trx_conf()
        master = grandmaster_from(
            programs.grandmaster, conf, capture=capture, choice=NetworkFilter()
        )
        assert master
        return rehearse_privately(conf, master, programs, wish=self.case().wish)


def _pcap(frames: Frames, snap: int) -> bytes:
    parts = [struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, snap, 1)]
    for number, frame in enumerate(frames):
        seconds, rest = divmod(number * _INTERVAL, 1_000_000_000)
        kept = frame[:snap]
        parts.append(_LITTLE.pack(seconds, rest, len(kept), len(frame)) + kept)
    return b"".join(parts)


KINDS = (
    Captured(name="E2E over UDPv4", pair=Code.OK, code=Code.OK),
    Captured(
        name="a grandmaster of priority1 248",
        grandmaster={"priority1": "248", "priority2": "248"},
        pair=Code.LOCAL_CLOCK,
        code=Code.LOCAL_CLOCK,
    ),
    Captured(
        name="UDPv6 in scope 5",
        grandmaster={"network_transport": "UDPv6", "udp6_scope": "0x5"},
        client={"network_transport": "UDPv6"},
        pair=Code.SCOPE,
        code=Code.SCOPE,
    ),
    Captured(
        name="linuxptp's example of 802.1AS",
        grandmaster=GPTP_EXAMPLE,
        client={**GPTP, "priority1": "255", "logAnnounceInterval": "-1"},
        pair=Code.OK,
        code=Code.OK,
    ),
    Captured(
        name="Sync every 2 s, client waits 0.4 s",
        grandmaster={"logSyncInterval": "1"},
        client={"syncReceiptTimeout": "3"},
        pair=Code.SYNC_TIMEOUT,
        code=Code.SYNC_TIMEOUT,
    ),
    Captured(
        name="one step",
        edit=each_message(one_step),
        pair=Code.OK,
        code=Code.NOT_KNOWN,
        says="in one step",
    ),
    Captured(
        name="signed messages",
        edit=each_message(signed),
        pair=Code.OK,
        code=Code.NOT_KNOWN,
        says="signs its messages",
    ),
    Captured(
        name="unicast only",
        edit=each_message(unicast),
        pair=Code.OK,
        code=Code.UNICAST,
    ),
    Captured(
        name="in VLAN 7",
        edit=tagged,
        pair=Code.OK,
        code=Code.NOT_KNOWN,
        says="--vlan accepts that",
    ),
    Captured(
        name="cut after 90 bytes",
        snap=90,
        pair=Code.OK,
        code=Code.NOT_KNOWN,
        says="snap length of the capture cut the master's Delay_Resp, Announce",
    ),
    Captured(
        name="requests that nobody answers",
        edit=each_message(unanswered),
        pair=Code.OK,
        code=Code.NOT_KNOWN,
        says="nobody answered",
    ),
    Captured(
        name="Announce without Sync",
        edit=each_message(without_sync),
        pair=Code.OK,
        code=Code.NOT_KNOWN,
        says="no Sync",
    ),
)


_HEAD = """
## Captures

A client against a grandmaster, and against a capture of the same grandmaster. The pair is two
ptp4l with the options themselves. The captures from `one step` on are edited: their pair is the one
before the edit, since no software clock sends that.

| capture | pair | against the capture | not played |
| --- | --- | --- | --- |
"""


def table(programs: Programs, folder: Path) -> Iterator[str]:
    """Play every pair and its capture."""
    yield _HEAD
    for each in KINDS:
        print(each.name, file=sys.stderr, flush=True)  # noqa: T201 - a developer's tool
        pair = each.case().play(programs).code
        target = folder / "kind.pcap"
        each.record(programs, target)
        found = each.play(programs, target)
        yield f"| {each.name} | {pair} | {found.code} | {'; '.join(found.unlike)} |\n"
