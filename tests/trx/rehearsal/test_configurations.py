from pathlib import Path

import pytest

from vibforge.errors import TrxError
from vibforge.trx.conf import TrxConf
from vibforge.trx.network.settings import Delay
from vibforge.trx.profile import profiles
from vibforge.trx.rehearsal.client import SOFTWARE_THRESHOLD, Client, client_of
from vibforge.trx.rehearsal.grandmaster import of_conf, of_profile
from vibforge.trx.rehearsal.linuxptp import Linuxptp

OLD = Linuxptp(commands={}, version="3.1.1", release="3.1.1")
NEW = Linuxptp(commands={}, version="4.2", release="4.2")


def client(text: str, linuxptp: Linuxptp = OLD, *, keep: bool = False) -> Client:
    conf = TrxConf.parse(text.encode())
    return client_of(conf, linuxptp, Path("/run/x"), keep_threshold=keep)


def test_the_file_of_the_client_is_the_trx_conf_and_then_the_overrides() -> None:
    found = client(
        "ptp4l:delay_mechanism P2P\nphc2sys:domainNumber 4\nptp4l:time_stamping hardware\n"
    )
    lines = found.file.splitlines()
    assert lines[:3] == ["[global]", "delay_mechanism P2P", "time_stamping hardware"]
    assert "time_stamping software" in lines[3:]
    assert found.settings.delay is Delay.P2P
    override = next(each for each in found.overrides if each.key == "time_stamping")
    assert (override.line, override.value) == (3, "software")


def test_no_clock_is_ever_set_and_the_role_is_a_clients() -> None:
    for text in ("", "ptp4l:free_running 0\nptp4l:slaveOnly 0\n", "ptp4l:clientOnly 0\n"):
        lines = client(text).file.splitlines()
        last = {line.split()[0]: line.split()[1] for line in lines[1:]}
        assert last["free_running"] == "1"
        assert last["slaveOnly"] == "1"
    assert not any(each.key == "slaveOnly" for each in client("ptp4l:slaveOnly 1\n").overrides)


def test_sockets_follow_the_release() -> None:
    assert "uds_ro_address" not in client("").file
    assert "uds_ro_address /run/x/client.uds.ro\n" in client("", NEW).file


def test_a_low_threshold_is_raised_unless_it_shall_stay() -> None:
    text = "ptp4l:neighborPropDelayThresh 800\n"
    assert client(text).settings.threshold == SOFTWARE_THRESHOLD
    assert client(text, keep=True).settings.threshold == 800
    assert "neighborPropDelayThresh" not in client("").file


def test_a_trx_conf_at_which_trx_stops_is_no_client() -> None:
    with pytest.raises(TrxError, match="names a port"):
        client("ptp4l:port0:delay_mechanism P2P\n")


@pytest.mark.parametrize("name", profiles())
def test_every_profile_has_a_grandmaster(name: str) -> None:
    for programs, role in ((OLD, "masterOnly 1"), (NEW, "serverOnly 1")):
        file = of_profile(profiles()[name], programs).file(programs, Path("/run/x"))
        assert role in file
        assert "BMCA noop" in file
        assert "free_running 1" in file
        assert "unicast_master_table" not in file


def test_a_ptp4l_conf_gives_its_global_and_its_interface() -> None:
    master = of_conf("[global]\ndomainNumber 5\n[eth0]\ndelay_mechanism P2P\n", "gm.conf")
    assert master.options == (("domainNumber", "5"), ("delay_mechanism", "P2P"))
    assert (master.settings.domain, master.settings.delay) == (5, Delay.P2P)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[global]\nslaveOnly 1\n", "of a client"),
        ("[global]\nclientOnly 1\n", "of a client"),
        ("[eth0]\n[eth1]\ndelay_mechanism P2P\n[eth0]\npriority1 1\n", "several interfaces"),
        ("x" * (1 << 20) + "x", "more than [0-9]+ characters"),
    ],
)
def test_what_is_no_grandmaster_is_refused(text: str, words: str) -> None:
    with pytest.raises(TrxError, match=words):
        of_conf(text, "gm.conf")
