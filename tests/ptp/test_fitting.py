from dataclasses import replace

import pytest

from tests.formats.ptp_examples import CLOCK
from tests.ptp.speech import client, heard, master
from vibforge.errors import TrxError
from vibforge.formats.frame import Transport
from vibforge.formats.ptp_message import Kind
from vibforge.ptp.fitting import Fit, chosen_domain, fit_domain, trx_conf_of_fit
from vibforge.ptp.listener import Listener
from vibforge.ptp.settings import ClockSettings, Delay, settings_of
from vibforge.trx.check import check
from vibforge.trx.profile import profiles, trx_conf_of

UNICAST = 0x0400


def fit_of(listener: Listener) -> Fit:
    return fit_domain(chosen_domain(listener.hearing(), None, "here"))


def text_of(fit: Fit) -> list[str]:
    return trx_conf_of_fit(fit).serialise().decode().splitlines()


def test_gptp_is_heard_and_written_as_its_profile_has_it() -> None:
    listener = Listener()
    master(listener, sdo=1, gptp=True)
    client(listener, Kind.PDELAY_REQ, sdo=1, each=1)
    fit = fit_of(listener)
    assert fit.settings.delay is Delay.P2P
    assert fit.profiles == ("gptp",)
    lines = text_of(fit)
    for line in trx_conf_of(profiles()["gptp"]).serialise().decode().splitlines():
        if "path_trace" not in line:
            assert line in lines
    assert "ptp4l:logMinPdelayReqInterval 0" in lines


def test_what_is_written_has_no_errors() -> None:
    for sdo, gptp in ((0, False), (1, True)):
        listener = Listener()
        master(listener, domain=24, sdo=sdo, gptp=gptp)
        data = trx_conf_of_fit(fit_of(listener)).serialise()
        check(data).require("here")
        assert b"ptp4l:domainNumber 24\n" in data
        assert b"phc2sys:domainNumber 24\n" in data


def test_what_is_written_follows_every_grandmaster() -> None:
    listener = Listener()
    master(listener, domain=24)
    fit = fit_of(listener)
    assert text_of(replace(fit, profiles=())).count("ptp4l:priority1 255") == 1
    assert text_of(replace(fit, profiles=("aes67",))).count("ptp4l:priority1 255") == 1
    assert "priority1" not in "".join(text_of(replace(fit, profiles=("g8275-1",))))


def test_end_to_end_without_a_client_is_inferred() -> None:
    listener = Listener()
    master(listener)
    fit = fit_of(listener)
    assert (fit.settings.delay, fit.seen) == (Delay.E2E, False)
    assert any("absence" in text for text in fit.unknown)
    client(listener, Kind.DELAY_REQ)
    assert fit_of(listener).seen


def test_intervals_without_a_word_are_measured() -> None:
    listener = Listener()
    master(listener)
    client(listener, Kind.PDELAY_REQ, each=2)
    assert fit_of(listener).settings.log_announce == 0
    lonely = Listener()
    client(lonely, Kind.PDELAY_REQ, each=4)
    assert fit_domain(lonely.hearing().domains[0]).settings.log_peer_request == 2


def test_unicast_requests_are_hybrid() -> None:
    listener = Listener()
    master(listener)
    client(listener, Kind.DELAY_REQ, flags=UNICAST)
    assert "ptp4l:hybrid_e2e 1" in text_of(fit_of(listener))


def test_a_vlan_and_a_silent_master_are_said() -> None:
    listener = Listener()
    master(listener, vlans=(7,), announces=False)
    fit = fit_of(listener)
    assert any("VLAN 7" in text for text in fit.unknown)
    assert any("nobody announces" in text for text in fit.unknown)


def test_one_of_several_domains_must_be_asked_for() -> None:
    listener = Listener()
    master(listener)
    master(listener, domain=24, transport=Transport.UDPV4, clock=CLOCK)
    hearing = listener.hearing()
    with pytest.raises(TrxError, match="2 networks") as caught:
        chosen_domain(hearing, None, "here")
    assert "24 (UDPv4, sdo 0)" in str(caught.value)
    assert chosen_domain(hearing, 24, "here").transport is Transport.UDPV4
    with pytest.raises(TrxError, match="in domain 5"):
        chosen_domain(hearing, 5, "here")


def test_silence_is_said() -> None:
    with pytest.raises(TrxError, match="no master"):
        chosen_domain(heard(seconds=0), None, "here")


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({}, ClockSettings()),
        ({"domainNumber": "030"}, ClockSettings(domain=24)),
        ({"domainNumber": "nonsense"}, ClockSettings()),
        ({"delay_mechanism": "p2p"}, ClockSettings(delay=Delay.P2P)),
        ({"delay_mechanism": "NOPE"}, ClockSettings()),
        ({"network_transport": "l2"}, ClockSettings(transport=Transport.L2)),
        ({"transportSpecific": "0x1"}, ClockSettings(sdo=1)),
        ({"inhibit_announce": "1"}, ClockSettings(announces=False)),
    ],
)
def test_settings_are_read_as_ptp4l_reads_them(
    values: dict[str, str], expected: ClockSettings
) -> None:
    assert settings_of(values) == expected
