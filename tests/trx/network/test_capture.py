import io
import struct
import subprocess
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.trx.network.ptp_examples import block, ethernet, message, pcap, pcapng
from vibforge.errors import FormatError
from vibforge.trx.network.capture import MAX_PACKET, Capture, Packet
from vibforge.trx.network.message import MessageType

FRAME = ethernet(message(MessageType.SYNC).serialise())
SECOND = 1_000_000_000
FRAMES = [(1_700_000_000 * SECOND + 125_000 * number, FRAME + bytes(number)) for number in range(5)]


def read(data: bytes) -> tuple[list[Packet], str]:
    capture = Capture(io.BytesIO(data))
    packets = list(capture)
    return packets, capture.trouble


@pytest.mark.parametrize(
    "data",
    [
        pcap(FRAMES),
        pcap(FRAMES, ">"),
        pcap(FRAMES, unit=1),
        pcap(FRAMES, ">", unit=1),
        pcapng(FRAMES),
        pcapng(FRAMES, ">"),
        pcapng(FRAMES, power=6),
        pcapng(FRAMES[:2]) + pcapng(FRAMES[2:], ">"),
    ],
    ids=["pcap", "pcap be", "ns", "ns be", "pcapng", "pcapng be", "pcapng us", "two sections"],
)
def test_packets_come_back(data: bytes) -> None:
    packets, trouble = read(data)
    assert [(packet.time, packet.data) for packet in packets] == FRAMES
    assert {packet.link_type for packet in packets} == {1}
    assert not trouble


def test_a_simple_packet_has_no_time() -> None:
    data = pcapng([]) + block(3, struct.pack("<I", len(FRAME)) + FRAME)
    packets, trouble = read(data)
    assert packets == [Packet(time=0, link_type=1, data=FRAME, size=len(FRAME))]
    assert not trouble


RESOLUTIONS = {
    "none": (b"", 1000),
    "milliseconds": (struct.pack("<HHBxxx", 9, 1, 3), 1_000_000),
    "2^-10 s": (struct.pack("<HHBxxx", 9, 1, 0x80 | 10), 976_562),
    "behind another option": (
        struct.pack("<HH5sxxx", 2, 5, b"eth0!") + struct.pack("<HHBxxx", 9, 1, 9),
        1,
    ),
    "behind a long option of zeros": (
        struct.pack("<HH13sxxx", 2, 13, bytes(13)) + struct.pack("<HHBxxx", 9, 1, 9),
        1,
    ),
    "behind the end of options": (bytes(4) + struct.pack("<HHBxxx", 9, 1, 3), 1000),
    "of no length": (struct.pack("<HH", 9, 0), 1000),
}


@pytest.mark.parametrize("name", RESOLUTIONS)
def test_an_interface_tells_the_unit_of_its_times(name: str) -> None:
    options, nanoseconds = RESOLUTIONS[name]
    interface = block(1, struct.pack("<HHI", 113, 0, 0) + options)
    packet = block(6, struct.pack("<IIIII", 0, 0, 1, 4, 4) + b"data")
    packets, trouble = read(pcapng([])[:28] + interface + packet)
    assert packets == [Packet(time=nanoseconds, link_type=113, data=b"data", size=4)]
    assert not trouble


@pytest.mark.parametrize("whole", [pcap(FRAMES), pcapng(FRAMES)], ids=["pcap", "pcapng"])
def test_a_cut_capture_gives_what_is_whole(whole: bytes) -> None:
    for length in range(4, len(whole)):
        packets, trouble = read(whole[:length])
        assert [(packet.time, packet.data) for packet in packets] == FRAMES[: len(packets)]
        if len(packets) < len(FRAMES) and trouble:
            assert "cut" in trouble


LIES = {
    "a packet of 4 GiB": (pcap([]) + struct.pack("<IIII", 0, 0, 0xFFFFFFFF, 0), "no capture has"),
    "a block of 4 GiB": (pcapng([]) + struct.pack("<II", 6, 0xFFFFFFFC), "no packet needs"),
    "a block to pass over of 4 GiB": (pcapng([]) + struct.pack("<II", 99, 0xFFFFFFFC), "cut"),
    "a block of 8 bytes": (pcapng([]) + struct.pack("<II", 6, 8), "cannot be"),
    "an odd block": (pcapng([]) + struct.pack("<II", 6, 33), "cannot be"),
    "an unknown interface": (
        pcapng([]) + block(6, struct.pack("<IIIII", 7, 0, 0, 0, 0)),
        "not described",
    ),
    "a packet larger than its block": (
        pcapng([]) + block(6, struct.pack("<IIIII", 0, 0, 0, 999, 999)),
        "smaller block",
    ),
    "a packet without its header": (pcapng([]) + block(6, bytes(16)), "without its header"),
    "a section without order": (block(0x0A0D0D0A, bytes(16)), "byte-order"),
    "an interface of nothing": (pcapng([]) + block(1, b""), "link type"),
    "a simple packet before any interface": (
        pcapng([])[:28] + block(3, bytes(8)),
        "without its interface",
    ),
}


@pytest.mark.parametrize("name", LIES)
def test_lengths_that_lie_end_the_reading(name: str) -> None:
    data, words = LIES[name]
    tracemalloc.start()
    packets, trouble = read(data)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert packets == []
    assert words in trouble
    assert peak < 4 * MAX_PACKET


def test_interfaces_are_bounded() -> None:
    interface = block(1, struct.pack("<HHI", 1, 0, 0))
    _, trouble = read(pcapng([]) + interface * 5000)
    assert "4096 interfaces" in trouble


@pytest.mark.parametrize(
    ("data", "remedy"),
    [(b"", "tcpdump"), (b"PK\3\4" + bytes(40), "tcpdump"), (b"\x1f\x8b\x08\0", "gunzip")],
)
def test_what_is_no_capture_is_refused(data: bytes, remedy: str) -> None:
    with pytest.raises(
        FormatError, match=r"^capture: this is neither a pcap nor a pcapng"
    ) as caught:
        read(data)
    assert remedy in str(caught.value)


@given(st.sampled_from([pcap([])[:4], pcapng([])[:28], pcapng([])]), st.binary(max_size=200))
def test_junk_raises_nothing(start: bytes, junk: bytes) -> None:
    read(start + junk)


def test_tcpdump_reads_what_the_examples_are(tool: Callable[[str], str], tmp_path: Path) -> None:
    tcpdump = tool("tcpdump")
    for name, data in {"a.pcap": pcap(FRAMES), "a.pcapng": pcapng(FRAMES)}.items():
        (tmp_path / name).write_bytes(data)
        said = subprocess.run(
            [tcpdump, "-nn", "-r", tmp_path / name], capture_output=True, text=True, check=True
        )
        assert said.stdout.count("PTPv2") == len(FRAMES)
