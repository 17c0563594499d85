import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.trx.network.ptp_examples import AS_TLV, CLOCK, announce_body, message
from vibforge.errors import FormatError
from vibforge.trx.network.message import (
    BODY_SIZE,
    MOST_TLVS,
    Announce,
    HeaderFlags,
    MessageType,
    PortIdentity,
    PtpMessage,
    Tlv,
    clock_text,
)

GOLDEN_ANNOUNCE = bytes.fromhex(
    "1b02 0040 18 00 0108 0000000000000000 00000000 001b21fffeaabbcc 0001 002a 05 fd"
    "00000000000000000000 0025 00 80 06 21 4e5d 80 001b21fffeaabbcc 0000 20"
)
"""An 802.1AS Announce in domain 24, written down by the tables of clause 13."""

tlvs = st.lists(st.builds(Tlv, st.integers(0, 0xFFFF), st.binary(max_size=40)), max_size=4)


@st.composite
def messages(draw: st.DrawFn) -> PtpMessage:
    kind = draw(st.sampled_from(MessageType))
    size = BODY_SIZE[kind]
    return PtpMessage(
        kind=kind,
        source=PortIdentity(draw(st.binary(min_size=8, max_size=8)), draw(st.integers(0, 65535))),
        body=draw(st.binary(min_size=size, max_size=size)),
        domain=draw(st.integers(0, 255)),
        sdo=draw(st.integers(0, 15)),
        minor_sdo=draw(st.integers(0, 255)),
        minor_version=draw(st.integers(0, 15)),
        flags=HeaderFlags(bits=draw(st.integers(0, 0xFFFF))),
        correction=draw(st.integers(-(2**63), 2**63 - 1)),
        sequence=draw(st.integers(0, 0xFFFF)),
        log_interval=draw(st.integers(-128, 127)),
        tlvs=tuple(draw(tlvs)),
    )


@given(messages())
def test_round_trip(original: PtpMessage) -> None:
    assert PtpMessage.parse(original.serialise()) == original


@given(messages(), st.binary(max_size=30))
def test_padding_of_the_link_is_no_part_of_it(original: PtpMessage, padding: bytes) -> None:
    assert PtpMessage.parse(original.serialise() + padding) == original


def test_an_announce_as_the_tables_say() -> None:
    found = PtpMessage.parse(GOLDEN_ANNOUNCE)
    assert (found.kind, found.sdo, found.domain, found.sequence) == (
        MessageType.ANNOUNCE,
        1,
        24,
        42,
    )
    assert found.log_interval == -3
    assert found.flags.bits & 0x0100
    assert not found.flags.two_step
    announce = found.announce
    assert announce
    assert clock_text(announce.grandmaster) == "001b21.fffe.aabbcc"
    assert (announce.quality.clock_class, announce.quality.accuracy) == (6, 0x21)
    assert (announce.utc_offset, announce.time_source) == (37, 0x20)
    assert found.serialise() == GOLDEN_ANNOUNCE
    assert Announce.parse(announce.serialise()) == announce


def test_a_port_is_written_as_linuxptp_writes_it() -> None:
    assert str(PortIdentity(CLOCK, 7)) == "001b21.fffe.aabbcc-7"


def test_the_tlv_of_802_1as_is_known() -> None:
    found = PtpMessage.parse(message(MessageType.FOLLOW_UP, tlvs=(AS_TLV,)).serialise())
    assert found.tlvs[0].follow_up_information
    assert not Tlv(3, b"\0\x80\xc2\0\0\x02").follow_up_information


def test_every_cut_is_refused() -> None:
    whole = message(MessageType.FOLLOW_UP, tlvs=(AS_TLV,)).serialise()
    for length in range(len(whole)):
        with pytest.raises(FormatError):
            PtpMessage.parse(whole[:length])


@pytest.mark.parametrize(
    ("offset", "value", "words"),
    [
        (0, 0x04, "reserved"),
        (1, 0x01, "PTP version 1"),
        (2, 0xFF, "are there"),
        (3, 0x21, "least"),
        (3, 0x2D, "a TLV has 4"),
        (47, 0xFF, "a TLV says"),
    ],
)
def test_lies_are_refused(offset: int, value: int, words: str) -> None:
    data = bytearray(message(MessageType.FOLLOW_UP, tlvs=(AS_TLV,)).serialise())
    data[offset] = value
    with pytest.raises(FormatError, match=words):
        PtpMessage.parse(bytes(data))


def test_too_many_tlvs_are_refused() -> None:
    most = message(MessageType.SIGNALING, tlvs=(Tlv(1, b""),) * MOST_TLVS)
    assert PtpMessage.parse(most.serialise()) == most
    many = message(MessageType.SIGNALING, tlvs=(Tlv(1, b""),) * (MOST_TLVS + 1))
    with pytest.raises(FormatError, match="TLVs"):
        PtpMessage.parse(many.serialise())


@given(st.binary(max_size=200))
def test_junk_is_refused_or_read(data: bytes) -> None:
    try:
        found = PtpMessage.parse(data)
    except FormatError:
        return
    assert found.serialise() == data[: len(found.serialise())]


def test_labels_are_those_of_the_standard() -> None:
    assert MessageType.PDELAY_RESP_FOLLOW_UP.label == "Pdelay_Resp_Follow_Up"
    assert len(announce_body()) == BODY_SIZE[MessageType.ANNOUNCE]


@pytest.mark.parametrize("bits", [0, 0x0100, 0x0200, 0x0400, 0x0700, 0xF8FF])
def test_flags_are_bits_of_the_first_byte(bits: int) -> None:
    flags = PtpMessage.parse(message(MessageType.SYNC, flags=bits).serialise()).flags
    assert (flags.two_step, flags.unicast) == (bool(bits & 0x0200), bool(bits & 0x0400))


def test_every_byte_of_a_header_comes_back() -> None:
    whole = message(MessageType.SYNC).serialise()
    for place in {*range(34)} - {2, 3}:
        data = bytearray(whole)
        data[place] = 0xB2 if place == 1 else 0x50 | data[0] if place == 0 else 0xA5
        assert PtpMessage.parse(bytes(data)).serialise() == data, place


@pytest.mark.parametrize("size", [1, 2, 3])
def test_bytes_behind_the_last_tlv_are_refused(size: int) -> None:
    data = bytearray(message(MessageType.SYNC, tlvs=(Tlv(1, b"ab"),)).serialise() + bytes(size))
    data[3] += size
    with pytest.raises(FormatError, match=f"{size} bytes at the end"):
        PtpMessage.parse(bytes(data))
