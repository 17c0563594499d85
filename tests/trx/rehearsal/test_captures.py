"""What a capture of a grandmaster gives, against what the grandmaster itself gives."""

from pathlib import Path

import pytest
from msgspec.structs import replace

from tests.trx.network.ptp_examples import message
from tests.trx.network.speech import datagram, master
from tests.trx.rehearsal.captures import KINDS, Captured
from tests.trx.rehearsal.matrix import FAST
from tests.trx.rehearsal.recording import record_from
from vibforge.trx.network.listener import Listener
from vibforge.trx.network.message import (
    Announce,
    ClockQuality,
    HeaderFlags,
    MessageType,
    PortIdentity,
)
from vibforge.trx.network.settings import fit_domain
from vibforge.trx.network.sniff import NetworkFilter, chosen_fit, hear_capture
from vibforge.trx.rehearsal.grandmaster import of_fit
from vibforge.trx.rehearsal.linuxptp import Programs
from vibforge.trx.rehearsal.rehearse import RehearsalOptions

CLOCK = bytes.fromhex("0080eafffe123456")
ANNOUNCED = Announce(
    timestamp=bytes(10),
    utc_offset=36,
    priority1=100,
    quality=ClockQuality(clock_class=7, accuracy=0x22, variance=0x4E20),
    priority2=101,
    grandmaster=CLOCK,
    steps_removed=0,
    time_source=0x20,
)
FLAGS = HeaderFlags(bits=0x3E)


@pytest.mark.rehearsals
@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS, ids=lambda each: each.name)
def test_a_capture_is_never_better_than_its_grandmaster(
    kind: Captured, programs: Programs, tmp_path: Path
) -> None:
    target = tmp_path / "kind.pcap"
    kind.record(programs, target)
    found = kind.play(programs, target)
    assert found.code is kind.code, (found.unlike, found.play and found.play.log)
    assert kind.says in "; ".join(found.unlike)


@pytest.mark.rehearsals
@pytest.mark.slow
def test_what_is_played_announces_what_was_heard(programs: Programs, tmp_path: Path) -> None:
    listener = Listener()
    for second in range(4):
        said = message(MessageType.ANNOUNCE, clock=CLOCK, log_interval=-2, flags=FLAGS.bits)
        listener.hear(second, datagram(replace(said, body=ANNOUNCED.serialise())))
    master(listener, clock=CLOCK, announces=False, seconds=4)
    played = of_fit(fit_domain(listener.hearing().domains[0]), "here", programs.grandmaster)
    lines = "".join(f"ptp4l:{key} {value}\n" for key, value in FAST.items())
    conf = f"{lines}ptp4l:slaveOnly 1\nptp4l:network_transport L2\n".encode()
    target = tmp_path / "played.pcap"
    record_from(conf, played, programs, target, wish=RehearsalOptions(watch=0.5))
    voice = chosen_fit(hear_capture(target), NetworkFilter(), "here").master
    assert voice
    assert voice.announce
    assert replace(voice.announce, timestamp=bytes(10)) == ANNOUNCED
    assert voice.flags == FLAGS
    assert voice.port == PortIdentity(CLOCK, 1)
