import io
import struct
import sys
import time
import tracemalloc
from pathlib import Path

import pytest

from tests.trx.network.ptp_examples import CLOCK, ethernet, message, pcap, pcapng
from tests.trx.rehearsal.matrix import MATCHES
from vibforge.errors import FormatError, NotPossibleHereError, TrxError
from vibforge.trx.network import sniff as module
from vibforge.trx.network.listener import Observation
from vibforge.trx.network.message import MessageType
from vibforge.trx.network.sniff import (
    NetworkFilter,
    chosen_fit,
    fitting_conf,
    hear_capture,
    hear_interface,
    observe,
)
from vibforge.trx.rehearsal.client import common_overlay
from vibforge.trx.rehearsal.linuxptp import Programs
from vibforge.trx.rehearsal.sandbox import private_world

SECOND = 1_000_000_000
SPEECH = [
    (number * SECOND, ethernet(message(kind, domain=24, log_interval=0).serialise()))
    for number in range(6)
    for kind in (MessageType.ANNOUNCE, MessageType.SYNC)
]


def conf_of(hearing: Observation) -> str:
    return fitting_conf(chosen_fit(hearing, NetworkFilter(), "here"))


def written(folder: Path, data: bytes) -> Path:
    path = folder / "heard.pcap"
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("data", [pcap(SPEECH), pcapng(SPEECH)], ids=["pcap", "pcapng"])
def test_a_capture_is_heard(data: bytes, tmp_path: Path) -> None:
    hearing = hear_capture(written(tmp_path, data))
    assert (hearing.packets, hearing.messages, hearing.seconds) == (12, 12, 5.0)
    assert hearing.domains[0].grandmasters == (CLOCK,)
    assert "ptp4l:domainNumber 24\n" in conf_of(hearing)


def test_a_cut_capture_counts_up_to_there(tmp_path: Path) -> None:
    hearing = hear_capture(written(tmp_path, pcap(SPEECH)[:-3]))
    assert hearing.messages == 11
    assert "cut" in hearing.end


def test_a_capture_without_ptp_is_silence(tmp_path: Path) -> None:
    hearing = hear_capture(written(tmp_path, pcap([(0, ethernet(b"ARP", 0x0806))])))
    assert (hearing.packets, hearing.messages) == (1, 0)
    with pytest.raises(TrxError, match="no master"):
        conf_of(hearing)


def test_an_unknown_link_type_is_counted_and_named(tmp_path: Path) -> None:
    hearing = hear_capture(written(tmp_path, pcap(SPEECH, link=147)))
    assert (hearing.messages, hearing.unread) == (0, {147: 12})
    with pytest.raises(TrxError, match="12 of link type 147 cannot be read"):
        conf_of(hearing)


def test_a_capture_that_the_snap_length_cut_says_so(tmp_path: Path) -> None:
    cut = bytearray(pcap([(0, frame[:40]) for _, frame in SPEECH]))
    for number in range(len(SPEECH)):
        struct.pack_into("<I", cut, 24 + number * 56 + 12, 100)
    hearing = hear_capture(written(tmp_path, bytes(cut)))
    assert (hearing.messages, hearing.cut, hearing.malformed) == (0, 12, 0)
    with pytest.raises(TrxError, match="snap length cut 12: record with tcpdump -s 0"):
        conf_of(hearing)


def test_what_is_no_capture_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FormatError):
        hear_capture(written(tmp_path, b"<html>"))
    with pytest.raises(TrxError, match="cannot be read"):
        hear_capture(tmp_path / "nothing")
    with pytest.raises(TrxError, match="not both"):
        observe(tmp_path, "eth0", 1)
    with pytest.raises(TrxError, match="name a capture"):
        observe(None, None, 1)


def test_standard_input_is_heard(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(pcap(SPEECH))))
    assert hear_capture(Path("-")).messages == 12


def test_two_gigabytes_take_bounded_time_and_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A sparse capture of 134 million empty packets: the worst that 2 GiB can hold."""
    monkeypatch.setattr(module, "MOST_SECONDS", 1.0)
    path = written(tmp_path, pcap(SPEECH))
    with path.open("r+b") as file:
        file.truncate(2 << 30)
    seen: list[int] = []
    tracemalloc.start()
    begin = time.monotonic()
    hearing = hear_capture(path, lambda done, _size: seen.append(done))
    passed = time.monotonic() - begin
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert passed < 5
    assert peak < 4 << 20
    assert "1 s are over at byte" in hearing.end
    assert hearing.messages == 12
    assert seen


def test_an_interface_that_is_none() -> None:
    with pytest.raises(NotPossibleHereError):
        hear_interface("no-such-interface", 1)


@pytest.mark.slow
def test_an_interface_is_heard(programs: Programs) -> None:
    """In a private network, where an ordinary user may open raw sockets."""
    code = (
        "import sys\n"
        "from vibforge.trx.network.sniff import chosen_fit, fitting_conf, hear_interface\n"
        "from vibforge.trx.network.sniff import NetworkFilter\n"
        "hearing = hear_interface(sys.argv[1], 2.5)\n"
        "print(fitting_conf(chosen_fit(hearing, NetworkFilter(), 'here')))\n"
    )
    with private_world(programs) as world:
        conf = world.folder / "gm.conf"
        overlay = (f"{key} {value}\n" for key, value, _ in common_overlay(programs.client, conf))
        options = (f"{key} {value}\n" for key, value in MATCHES[1].master().options)
        conf.write_text("".join(["[global]\n", *options, *overlay]).replace("gm.conf", "gm.uds"))
        world.start(
            world.as_grandmaster, *programs.client.command("ptp4l"), "-f", str(conf), "-i", "gm"
        )
        done = world.run(sys.executable, "-c", code, world.client_interface, seconds=20)
    assert "ptp4l:domainNumber 24\n" in done.stdout, done.stderr
    assert "ptp4l:delay_mechanism P2P\n" in done.stdout
    assert "ptp4l:network_transport UDPv4\n" in done.stdout
    assert "ptp4l:logAnnounceInterval -2\n" in done.stdout


@pytest.mark.slow
def test_tags_that_the_kernel_took_out_come_back(programs: Programs) -> None:
    code = (
        "from vibforge.trx.network.sniff import hear_interface\n"
        "print([domain.vlans for domain in hear_interface('client', 1.5).domains])\n"
    )
    frame = ethernet(message(MessageType.SYNC).serialise(), tags=(7,)).hex()
    send = (
        "import socket, time\n"
        "raw = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)\n"
        "raw.bind(('gm', 0))\n"
        f"while True: raw.send(bytes.fromhex('{frame}')); time.sleep(0.1)\n"
    )
    with private_world(programs) as world:
        world.start(world.as_grandmaster, sys.executable, "-c", send)
        done = world.run(sys.executable, "-c", code, seconds=20)
    assert done.stdout.strip() == "[(7,)]", done.stderr
