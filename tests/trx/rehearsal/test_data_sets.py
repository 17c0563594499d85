from hypothesis import given
from hypothesis import strategies as st

from vibforge.trx.rehearsal.data_sets import data_sets_of

ANSWER = """\
sending: GET PORT_DATA_SET
sending: GET TIME_STATUS_NP
\t06ce2d.fffe.b358d2-1 seq 0 RESPONSE MANAGEMENT PORT_DATA_SET
\t\tportIdentity            06ce2d.fffe.b358d2-1
\t\tportState               UNCALIBRATED
\t\tpeerMeanPathDelay       0
sending: GET PARENT_DATA_SET
\t06ce2d.fffe.b358d2-0 seq 1 RESPONSE MANAGEMENT TIME_STATUS_NP
\t\tmaster_offset              -1392
\t\tlastGmPhaseChange          0x0000'0000000000000000.0000
\t\tgmPresent                  true
\t\tgmIdentity                 b601d1.fffe.5df42b
\t06ce2d.fffe.b358d2-0 seq 2 RESPONSE MANAGEMENT PARENT_DATA_SET
\t\tparentPortIdentity                    b601d1.fffe.5df42b-1
\t\tgrandmasterIdentity                   b601d1.fffe.5df42b
\t06ce2d.fffe.b358d2-0 seq 3 RESPONSE MANAGEMENT CURRENT_DATA_SET
\t\tstepsRemoved     1
\t\toffsetFromMaster -1392.0
\t\tmeanPathDelay    2564.0
\t06ce2d.fffe.b358d2-1 seq 4 RESPONSE MANAGEMENT PORT_STATS_NP
\t\tportIdentity              06ce2d.fffe.b358d2-1
\t\trx_Sync                   32
\t\trx_Announce               16
\t\ttx_Delay_Req              3
\t\ttx_Announce               0
"""
"""What pmc 3.1.1 prints, shortened."""


def test_an_answer_is_read() -> None:
    found = data_sets_of(ANSWER)
    assert found
    assert (found.state, found.parent) == ("UNCALIBRATED", "b601d1.fffe.5df42b-1")
    assert (found.offset, found.path_delay, found.peer_delay) == (-1392.0, 2564.0, 0.0)
    assert found.grandmaster_present
    assert found.received == {"Sync": 32, "Announce": 16}
    assert not found.hears_nothing


def test_an_answer_that_lacks_a_data_set_is_none() -> None:
    for name in ("PORT_DATA_SET", "gmPresent", "parentPort", "offsetFromMaster", "rx_", "tx_Ann"):
        lines = [line for line in ANSWER.splitlines() if name not in line]
        if name == "PORT_DATA_SET":
            lines = [line for line in lines if "portState" not in line]
        assert data_sets_of("\n".join(lines)) is None


def test_nonsense_in_place_of_a_number_is_none() -> None:
    assert data_sets_of(ANSWER.replace("2564.0", "much")) is None


@given(st.text(max_size=300))
def test_junk_is_none(text: str) -> None:
    assert data_sets_of(text) is None
