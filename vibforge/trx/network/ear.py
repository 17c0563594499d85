"""Observe an interface of this machine by a raw Linux socket with a kernel filter."""

import contextlib
import ctypes
import select
import socket
import struct
import time
from collections.abc import Callable
from typing import Self

from msgspec import Struct

from vibforge.errors import NotPossibleHereError
from vibforge.trx.network.capture import LinkLayer, find_ptp
from vibforge.trx.network.listener import Listener

_ETH_P_ALL = 0x0003
_SOL_PACKET = 263
_PACKET_ADD_MEMBERSHIP = 1
_PACKET_MR_MULTICAST = 0
_PACKET_AUXDATA = 8
_SO_ATTACH_FILTER = 26
_VLAN_VALID = 0x10
_PACKET_OUTGOING = 4
_MOST_BYTES = 1 << 14

_GROUPS = (
    "011b19000000",  # IEEE 1588-2019, annex E: all but peer messages
    "0180c200000e",  # the same, peer messages; 802.1AS uses it for all
    "01005e000181",  # annex C: 224.0.1.129
    "01005e00006b",  # annex C: 224.0.0.107, peer messages
    "333300000181",  # annex D: ff0e::181 and other scopes
    "33330000006b",  # annex D: ff02::6b, peer messages
)
"""Where PTP is sent to; without them a network card may drop it."""

_IP_GROUPS = ("224.0.1.129", "224.0.0.107")
"""Joined by IGMP, or a switch may not pass them on."""

_FILTER = (
    (0x28, 0, 0, 12),  # 0: load the ethertype
    (0x15, 13, 0, 0x88F7),  # 1: PTP: go to 15
    (0x15, 0, 5, 0x0800),  # 2: not IPv4: go to 8
    (0x30, 0, 0, 23),  # 3: load its protocol
    (0x15, 0, 9, 17),  # 4: not UDP: go to 14
    (0xB1, 0, 0, 14),  # 5: the size of its header
    (0x48, 0, 0, 16),  # 6: load the UDP port behind it
    (0x05, 0, 0, 4),  # 7: go to 12
    (0x15, 0, 5, 0x86DD),  # 8: not IPv6: go to 14
    (0x30, 0, 0, 20),  # 9: load its next header
    (0x15, 0, 3, 17),  # 10: not UDP: go to 14
    (0x28, 0, 0, 56),  # 11: load the UDP port
    (0x15, 2, 0, 319),  # 12: event messages: go to 15
    (0x15, 1, 0, 320),  # 13: general messages: go to 15
    (0x06, 0, 0, 0),  # 14: leave it
    (0x06, 0, 0, 0x40000),  # 15: take it
)
"""A program of the kernel's classic packet filter: code, jumps if true and if not, operand."""


class CaptureSocket(Struct):
    """A raw socket that observes an interface; a context manager.

    Raises (on entry):
        NotPossibleHereError: no such interface, not Linux, or raw sockets are not allowed.
    """

    interface: str
    _stack: contextlib.ExitStack
    _raw: socket.socket

    @classmethod
    def open(cls, interface: str) -> Self:
        stack = contextlib.ExitStack()
        try:
            return cls(interface, stack, _sockets(interface, stack))
        except PermissionError as error:
            stack.close()
            raise NotPossibleHereError(
                f"raw sockets on {interface} require root",
                remedy="Run it as root, or record the network with tcpdump and give the file.",
            ) from error
        except (OSError, AttributeError) as error:
            stack.close()
            raise NotPossibleHereError(
                f"cannot observe {interface}: {error}", remedy="`ip link` lists interfaces."
            ) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def listen(
        self, listener: Listener, seconds: float, stop: Callable[[], bool] = lambda: False
    ) -> None:
        """Pass messages to `listener` for `seconds`, or until `stop` returns True."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0 and not stop():
            if select.select([self._raw], [], [], min(left, 0.2))[0]:
                self._hear(listener)

    def _hear(self, listener: Listener) -> None:
        frame, ancillary, _, address = self._raw.recvmsg(_MOST_BYTES, 128)
        if address[2] == _PACKET_OUTGOING:
            return
        listener.packets += 1
        datagram = find_ptp(LinkLayer.ETHERNET, _with_tag(frame, ancillary))
        if datagram:
            listener.hear(time.time_ns(), datagram)


def _sockets(interface: str, stack: contextlib.ExitStack) -> socket.socket:
    raw = stack.enter_context(socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0))
    index = socket.if_nametoindex(interface)
    program = b"".join(struct.pack("HBBI", *step) for step in _FILTER)
    memory = ctypes.create_string_buffer(program)
    raw.setsockopt(
        socket.SOL_SOCKET,
        _SO_ATTACH_FILTER,
        struct.pack("HP", len(_FILTER), ctypes.addressof(memory)),
    )
    raw.setsockopt(_SOL_PACKET, _PACKET_AUXDATA, 1)
    for group in _GROUPS:
        address = bytes.fromhex(group)
        request = struct.pack("iHH8s", index, _PACKET_MR_MULTICAST, len(address), address)
        raw.setsockopt(_SOL_PACKET, _PACKET_ADD_MEMBERSHIP, request)
    raw.bind((interface, _ETH_P_ALL))
    _join_groups(index, stack)
    return raw


def _join_groups(index: int, stack: contextlib.ExitStack) -> None:
    member = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
    for group in _IP_GROUPS:
        request = struct.pack("4s4si", socket.inet_aton(group), bytes(4), index)
        with contextlib.suppress(OSError):  # an interface without IPv4 hears Ethernet all the same
            member.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, request)


def _with_tag(frame: bytes, ancillary: list[tuple[int, int, bytes]]) -> bytes:
    """Put a VLAN tag back that the kernel has taken out of the frame (packet(7))."""
    for level, kind, data in ancillary:
        if (level, kind) == (_SOL_PACKET, _PACKET_AUXDATA):
            status, _, _, _, _, tag, protocol = struct.unpack("IIIHHHH", data[:20])
            if status & _VLAN_VALID:
                return frame[:12] + struct.pack(">HH", protocol or 0x8100, tag) + frame[12:]
    return frame
