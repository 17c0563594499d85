import pytest
from msgspec.structs import replace

from tests.trx.network.ptp_examples import CLOCK, message
from tests.trx.network.speech import SECOND, client, datagram, heard, master
from vibforge.errors import TrxError
from vibforge.trx.check import check
from vibforge.trx.network.capture import Transport
from vibforge.trx.network.listener import Listener
from vibforge.trx.network.message import MessageType
from vibforge.trx.network.settings import (
    ClockSettings,
    Delay,
    Fit,
    fit_domain,
    settings_of,
    trx_conf_of_fit,
)
from vibforge.trx.network.sniff import NetworkFilter, chosen_domain, fitting_conf
from vibforge.trx.profile import profiles, trx_conf_of

UNICAST = 0x0400
L2 = ClockSettings(transport=Transport.L2)


def fit_of(listener: Listener) -> Fit:
    return fit_domain(chosen_domain(listener.hearing(), NetworkFilter(), "here"))


def text_of(fit: Fit) -> list[str]:
    return trx_conf_of_fit(fit).serialise().decode().splitlines()


def test_gptp_is_heard_and_written_as_its_profile_has_it() -> None:
    listener = Listener()
    master(listener, sdo=1, gptp=True)
    client(listener, MessageType.PDELAY_REQ, sdo=1, each=1)
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
    assert any("no peer messages" in text for text in fit.unknown)
    client(listener, MessageType.DELAY_REQ)
    assert fit_of(listener).seen


def test_intervals_without_a_word_are_measured() -> None:
    listener = Listener()
    master(listener)
    client(listener, MessageType.PDELAY_REQ, each=2)
    assert fit_of(listener).settings.log_announce == 0
    lonely = Listener()
    client(lonely, MessageType.PDELAY_REQ, each=4)
    assert fit_domain(lonely.hearing().domains[0]).settings.log_peer_request == 2


def test_unicast_requests_are_hybrid() -> None:
    listener = Listener()
    master(listener)
    client(listener, MessageType.DELAY_REQ, flags=UNICAST)
    assert "ptp4l:hybrid_e2e 1" in text_of(fit_of(listener))


def test_a_vlan_and_a_silent_master_are_said() -> None:
    listener = Listener()
    master(listener, vlans=(7,), announces=False)
    fit = fit_of(listener)
    assert any("VLAN 7" in text for text in fit.inexpressible)
    assert any("no Announce messages" in text for text in fit.unknown)


def test_one_of_several_domains_must_be_asked_for() -> None:
    listener = Listener()
    master(listener)
    master(listener, domain=24, transport=Transport.UDPV4, clock=CLOCK)
    hearing = listener.hearing()
    with pytest.raises(TrxError, match="2 networks") as caught:
        chosen_domain(hearing, NetworkFilter(), "here")
    assert "domain 24, UDPv4, sdo 0" in str(caught.value)
    assert chosen_domain(hearing, NetworkFilter(domain=24), "here").transport is Transport.UDPV4
    with pytest.raises(TrxError, match="in domain 5"):
        chosen_domain(hearing, NetworkFilter(domain=5), "here")


def test_networks_of_one_domain_are_told_apart() -> None:
    listener = Listener()
    other = bytes.fromhex("0080eafffe000001")
    master(listener)
    master(listener, transport=Transport.UDPV4, clock=other)
    master(listener, vlans=(7,), clock=bytes.fromhex("0080eafffe000002"))
    hearing = listener.hearing()
    with pytest.raises(TrxError, match="3 networks") as caught:
        chosen_domain(hearing, NetworkFilter(domain=0), "here")
    assert "VLAN 7: 0080ea.fffe.000002-1 (00:1b:21:aa:bb:cc)" in str(caught.value)
    by_transport = chosen_domain(hearing, NetworkFilter(transport="udpv4"), "here")
    assert by_transport.masters[0].port.clock == other
    assert chosen_domain(hearing, NetworkFilter(vlan=7), "here").vlans == (7,)
    assert chosen_domain(hearing, NetworkFilter(vlan=0, transport="L2"), "here").vlans == ()
    by_master = chosen_domain(hearing, NetworkFilter(master="0080ea.fffe.000001-1"), "here")
    assert by_master == by_transport
    with pytest.raises(TrxError, match="observed no master in domain 0 over L2 in VLAN 9 of me"):
        chosen_domain(hearing, NetworkFilter(domain=0, transport="L2", vlan=9, master="me"), "here")
    with pytest.raises(TrxError, match="not a PTP transport"):
        chosen_domain(hearing, NetworkFilter(transport="UDP"), "here")


def test_of_two_masters_the_better_one_is_fitted_or_the_named_one() -> None:
    listener = Listener()
    best, other = CLOCK, bytes.fromhex("ff1b21fffeaabbcc")
    master(listener, clock=other, seconds=20)
    master(listener, clock=best, gptp=True)
    hearing = listener.hearing()
    fit = fit_domain(chosen_domain(hearing, NetworkFilter(), "here"))
    assert fit.master
    assert fit.master.port.clock == best
    assert fit.settings.follow_up_information
    assert any("2 masters" in text for text in fit.unknown)
    assert any("differ in more than their rank" in text for text in fit.unlike)
    named = fit_domain(chosen_domain(hearing, NetworkFilter(master="ff1b21fffeaabbcc"), "here"))
    assert not named.settings.follow_up_information
    assert named.unlike == ()


def test_what_trx_conf_cannot_express_is_said() -> None:
    def fit_to(destination: str, transport: Transport = Transport.L2, flags: int = 0) -> Fit:
        listener = Listener()
        for second in range(4):
            for kind in (MessageType.ANNOUNCE, MessageType.SYNC):
                said = message(kind, flags=flags, log_interval=0)
                listener.hear(second, datagram(said, transport, destination=destination))
        return fit_of(listener)

    assert fit_to("01:1b:19:00:00:00").inexpressible == ()
    assert fit_to("01:80:c2:00:00:0e").inexpressible == ()
    (private,) = fit_to("01:00:5e:00:00:99").inexpressible
    assert "`:` in ptp_dst_mac is not known" in private
    for one_by_one in (
        fit_to("00:11:22:33:44:55"),
        fit_to("", flags=UNICAST),
        fit_to("192.0.2.7", Transport.UDPV4),
        fit_to("2001:db8::7", Transport.UDPV6),
    ):
        assert "serves each client by unicast" in one_by_one.inexpressible[0]
    other = fit_to("224.0.1.130", Transport.UDPV4)
    assert other.inexpressible == ()
    assert "ptp4l:ptp_dst_ipv4 224.0.1.130" in text_of(other)
    scoped = fit_to("ff05::181", Transport.UDPV6)
    assert (scoped.settings.scope, scoped.settings.destination) == (5, "")
    assert "ptp4l:udp6_scope 0x5" in text_of(scoped)


def test_what_was_not_heard_is_no_line_of_the_file() -> None:
    listener = Listener()
    listener.hear(0, datagram(message(MessageType.ANNOUNCE)))
    fit = fit_of(listener)
    assert {"delay_mechanism", "logAnnounceInterval", "logSyncInterval"} <= set(fit.assumed)
    text = fitting_conf(fit)
    assert "# not heard: logSyncInterval; the default 0 holds\n" in text
    assert "ptp4l:logSyncInterval" not in text
    assert "ptp4l:delay_mechanism" not in text
    master(listener)
    client(listener, MessageType.DELAY_REQ)
    master_answers = message(MessageType.DELAY_RESP, log_interval=0)
    listener.hear(0, datagram(master_answers))
    assert "#" not in fitting_conf(fit_of(listener)).replace("# not heard: ptp_dst", "")


def test_a_message_that_is_cut_is_counted_and_not_believed() -> None:
    listener = Listener()
    for second in range(4):
        whole = message(MessageType.ANNOUNCE, log_interval=0).serialise()
        listener.hear(second * SECOND, datagram(whole[:50]), cut=True)
        listener.hear(second * SECOND, datagram(message(MessageType.SYNC, log_interval=0)))
    hearing = listener.hearing()
    assert (hearing.cut, hearing.malformed, hearing.messages) == (4, 0, 8)
    fit = fit_of(listener)
    assert fit.settings.announces
    assert "priority1" in fit.assumed
    assert any("cut the master's Announce" in text for text in fit.unlike)
    listener.hear(0, datagram(b"\x0b\x02"), cut=True)
    assert (listener.hearing().cut, listener.hearing().malformed) == (5, 0)


def test_silence_is_said() -> None:
    with pytest.raises(TrxError, match="no master"):
        chosen_domain(heard(seconds=0), NetworkFilter(), "here")


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
        ({"logAnnounceInterval": "99999"}, ClockSettings()),
        ({"network_transport": "L2", "ptp_dst_mac": "01:80:C2:00:00:0E"}, L2),
        ({"ptp_dst_ipv4": "224.0.1.130"}, ClockSettings(destination="224.0.1.130")),
        ({"spp": "0"}, ClockSettings(authenticated=True)),
        ({"spp": "-1"}, ClockSettings()),
    ],
)
def test_settings_are_read_as_ptp4l_reads_them(
    values: dict[str, str], expected: ClockSettings
) -> None:
    assert settings_of(values) == expected
