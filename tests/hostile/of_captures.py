"""Captures of networks."""

import struct
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from tests.hostile.case import Hostile, file_input
from tests.trx.network.ptp_examples import block, ethernet, ipv4, ipv6, message, pcap, pcapng, udp
from vibforge.trx.network.message import MessageType, Tlv

_ANNOUNCE = message(MessageType.ANNOUNCE).serialise()


def _frames(n: int, frame: Callable[[int], bytes]) -> list[tuple[int, bytes]]:
    size = len(frame(0)) + 16
    return [(i * 1000, frame(i)) for i in range(n // size)]


def _clock(i: int) -> bytes:
    return struct.pack(">Q", i + 1)


def _speech(kind: MessageType, i: int, **more: Any) -> bytes:  # noqa: ANN401 - what a message says
    return ethernet(message(kind, clock=_clock(i), **more).serialise())


_CAPTURES: dict[str, Callable[[int], bytes]] = {
    "packets": lambda n: pcap(_frames(n, lambda _: b"")),
    "senders": lambda n: pcap(_frames(n, lambda i: _speech(MessageType.ANNOUNCE, i))),
    "sync-senders": lambda n: pcap(_frames(n, lambda i: _speech(MessageType.SYNC, i))),
    "delay-senders": lambda n: pcap(_frames(n, lambda i: _speech(MessageType.DELAY_REQ, i))),
    "domains": lambda n: pcap(
        _frames(n, lambda i: _speech(MessageType.ANNOUNCE, i, domain=i % 256))
    ),
    "profiles": lambda n: pcap(
        _frames(n, lambda i: _speech(MessageType.ANNOUNCE, i, domain=i % 256, sdo=i // 256 % 16))
    ),
    "intervals": lambda n: pcap(
        _frames(n, lambda i: _speech(MessageType.SYNC, 1, log_interval=i % 256 - 128))
    ),
    "flags": lambda n: pcap(
        _frames(n, lambda i: _speech(MessageType.ANNOUNCE, 1, flags=i % 65536))
    ),
    "tlvs": lambda n: pcap(
        _frames(
            n,
            lambda _: ethernet(
                message(
                    MessageType.ANNOUNCE, tlvs=tuple(Tlv(0, b"") for _ in range(300))
                ).serialise()
            ),
        )
    ),
    "long-tlv": lambda n: pcap(
        _frames(
            n,
            lambda _: ethernet(
                message(MessageType.ANNOUNCE, tlvs=(Tlv(8, bytes(1300)),)).serialise()
            ),
        )
    ),
    "tags": lambda n: pcap(_frames(n, lambda i: ethernet(_ANNOUNCE, tags=(i % 4096,)))),
    "stacked-tags": lambda n: pcap(_frames(n, lambda _: ethernet(_ANNOUNCE, tags=(1,) * 300))),
    "udp-4": lambda n: pcap(
        _frames(n, lambda _: ethernet(ipv4(udp(_ANNOUNCE), bytes(40)), 0x0800))
    ),
    "udp-6": lambda n: pcap(_frames(n, lambda _: ethernet(ipv6(udp(_ANNOUNCE)), 0x86DD))),
    "headers-6": lambda n: pcap(
        _frames(n, lambda _: ethernet(ipv6(b"\0\0" + bytes(6) + b"\0\0" * 300, 0), 0x86DD))
    ),
    "times": lambda n: pcap(
        [((2**32 - 1) * (i % 2) * 10**9, _speech(MessageType.SYNC, 1)) for i in range(n // 120)]
    ),
    "length-beyond": lambda n: (
        pcap([]) + struct.pack("<IIII", 0, 0, 2**32 - 1, 2**32 - 1) + bytes(n)
    ),
    "nanoseconds-beyond": lambda n: (
        pcap([]) + (struct.pack("<IIII", 2**32 - 1, 2**32 - 1, 0, 0)) * (n // 16)
    ),
    "ng-blocks": lambda n: pcapng([]) + block(0xBAD, b"") * (n // 12),
    "ng-sections": lambda n: pcapng([])[:28] * (n // 28),
    "ng-interfaces": lambda n: pcapng([]) + block(1, struct.pack("<HHI", 1, 0, 0)) * (n // 20),
    "ng-options": lambda n: (
        pcapng([]) + block(1, struct.pack("<HHI", 1, 0, 0) + struct.pack("<HH", 2, 0) * (n // 4))
    ),
    "ng-resolution": lambda n: pcapng(
        _frames(n, lambda i: _speech(MessageType.SYNC, i)), power=9
    ).replace(struct.pack("<HHB", 9, 1, 9), struct.pack("<HHB", 9, 1, 0x7F)),
    "ng-resolution-two": lambda n: pcapng(
        _frames(n, lambda i: _speech(MessageType.SYNC, i))
    ).replace(struct.pack("<HHB", 9, 1, 9), struct.pack("<HHB", 9, 1, 0xFF)),
    "ng-senders": lambda n: pcapng(_frames(n, lambda i: _speech(MessageType.ANNOUNCE, i))),
    "ng-length": lambda n: pcapng([]) + struct.pack("<II", 6, 2**32 - 4) + bytes(n),
    "ng-zero-length": lambda n: pcapng([]) + struct.pack("<II", 6, 0) + bytes(n),
}
"""Captures, by their bytes."""


def captures() -> Iterator[Hostile]:
    """Captures that flood or lie."""
    for name, content in _CAPTURES.items():
        for size in (4_000, 150_000):
            yield file_input(
                f"capture/{name}/{size}",
                "x.pcap",
                partial(content, size),
                "trx sniff x.pcap",
                "trx sniff x.pcap --json",
            )


FAMILIES = (captures,)
