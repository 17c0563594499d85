"""A rehearsal that is recorded from the client's side."""

import sys
import time
from pathlib import Path

from vibforge.trx.conf import TrxConf
from vibforge.trx.network.settings import ClockSettings
from vibforge.trx.profile import Profile
from vibforge.trx.rehearsal.client import client_of
from vibforge.trx.rehearsal.grandmaster import Grandmaster, of_profile
from vibforge.trx.rehearsal.linuxptp import Programs
from vibforge.trx.rehearsal.rehearse import RehearsalOptions
from vibforge.trx.rehearsal.sandbox import private_world
from vibforge.trx.rehearsal.session import RunResult, Session


def record(
    profile: Profile,
    conf: TrxConf,
    programs: Programs,
    target: Path,
    *,
    wish: RehearsalOptions,
) -> tuple[RunResult, ClockSettings]:
    """Rehearse a trx.conf against its profile and record it; return the client's settings, too."""
    master = of_profile(profile, programs.grandmaster)
    return record_from(conf.serialise(), master, programs, target, wish=wish)


def record_from(
    conf: bytes, master: Grandmaster, programs: Programs, target: Path, *, wish: RehearsalOptions
) -> tuple[RunResult, ClockSettings]:
    """Rehearse a trx.conf against a grandmaster and record it from the client's side."""
    with private_world(programs) as world:
        pcap = world.folder / "heard.pcap"
        recorder = str(Path(__file__).with_name("recorder.py"))
        command = (sys.executable, recorder, world.client_interface, str(pcap))
        world.start(world.as_client, *command)
        _wait_for(pcap)
        client = client_of(TrxConf.parse(conf), programs.client, world.folder)
        stage = Session(
            world=world, programs=programs, seconds=wish.seconds or 30, watch=wish.watch
        )
        play = stage.play(client, master, lambda: None)
        target.write_bytes(pcap.read_bytes())
    return play, client.settings


def _wait_for(pcap: Path) -> None:
    end = time.monotonic() + 5
    while time.monotonic() < end and not (pcap.exists() and pcap.stat().st_size):
        time.sleep(0.05)
