from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.trx.network.ptp_examples import CLOCK, message
from tests.trx.network.speech import CLIENT, SECOND, client, datagram, heard, master
from vibforge.trx.network import listener as module
from vibforge.trx.network.capture import Transport
from vibforge.trx.network.listener import Listener
from vibforge.trx.network.message import MessageType, PortIdentity

OTHER = bytes.fromhex("0080f8fffe123456")


def test_a_master_and_its_client_are_told_apart() -> None:
    listener = Listener()
    master(listener)
    client(listener, MessageType.DELAY_REQ)
    (domain,) = listener.hearing().domains
    assert [voice.port.clock for voice in domain.voices] == [CLOCK, CLIENT]
    (found,) = domain.masters
    assert found.counts == {
        MessageType.SYNC: 64,
        MessageType.FOLLOW_UP: 64,
        MessageType.ANNOUNCE: 8,
    }
    assert found.spacing[MessageType.ANNOUNCE] == SECOND
    assert found.stated[MessageType.SYNC] == -3
    assert found.two_step is True
    assert found.announce
    assert found.announce.quality.clock_class == 6
    assert domain.grandmasters == (CLOCK,)


def test_grandmasters_domains_transports_and_vlans_are_told_apart() -> None:
    listener = Listener()
    master(listener)
    master(listener, clock=OTHER)
    master(listener, domain=24)
    master(listener, transport=Transport.UDPV4)
    master(listener, vlans=(7,))
    master(listener, sdo=1)
    domains = listener.hearing().domains
    assert len(domains) == 5
    assert len(domains[0].masters) == 2
    assert set(domains[0].grandmasters) == {CLOCK, OTHER}
    assert {(each.transport, each.vlans, each.domain, each.sdo) for each in domains} == {
        (Transport.L2, (), 0, 0),
        (Transport.L2, (), 24, 0),
        (Transport.UDPV4, (), 0, 0),
        (Transport.L2, (7,), 0, 0),
        (Transport.L2, (), 0, 1),
    }


def test_a_master_that_changes_its_grandmaster_is_seen() -> None:
    listener = Listener()
    for grandmaster in (CLOCK, OTHER, CLOCK):
        said = message(MessageType.ANNOUNCE, clock=grandmaster)
        said = replace(said, source=PortIdentity(CLOCK, 1))
        listener.hear(0, datagram(said))
    (domain,) = listener.hearing().domains
    assert domain.masters[0].grandmasters == (CLOCK, OTHER)


def test_one_step_is_seen() -> None:
    (domain,) = heard(two_step=False).domains
    assert domain.masters[0].two_step is False


def test_what_is_malformed_is_counted_with_the_first_reason() -> None:
    listener = Listener()
    listener.hear(0, datagram(b"\x00\x01"))
    listener.hear(0, datagram(bytes(44)))
    hearing = listener.hearing()
    assert (hearing.malformed, hearing.messages, hearing.domains) == (2, 0, ())
    assert "34" in hearing.fault


def test_ports_are_bounded() -> None:
    assert module.MOST_VOICES == 4096
    listener = Listener()
    said = message(MessageType.SYNC)
    for number in range(module.MOST_VOICES + 10):
        port = PortIdentity(number.to_bytes(8, "big"), 1)
        listener.hear(0, datagram(replace(said, source=port)))
    hearing = listener.hearing()
    assert sum(len(domain.voices) for domain in hearing.domains) == module.MOST_VOICES
    assert hearing.overlooked == 10


@given(st.lists(st.tuples(st.integers(0, 2**62), st.binary(max_size=80)), max_size=20))
def test_junk_raises_nothing(said: list[tuple[int, bytes]]) -> None:
    listener = Listener()
    for time, payload in said:
        listener.hear(time, datagram(payload))
    listener.hearing()
