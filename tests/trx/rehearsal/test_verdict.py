"""The verdicts as a table of data sets, without ptp4l; the matrix shows that they come so."""

import pytest
from msgspec import Struct
from msgspec.structs import replace

from vibforge.trx.network.capture import Transport
from vibforge.trx.network.settings import ClockSettings, Delay
from vibforge.trx.rehearsal.data_sets import DataSets, Said
from vibforge.trx.rehearsal.verdict import Code, Sample, Trace, judge, on_one_scale

GM = "001b21.fffe.aabbcc-1"
PLAIN = ClockSettings()
P2P = ClockSettings(delay=Delay.P2P)
SCOPE_14 = ClockSettings(transport=Transport.UDPV6)
GPTP = ClockSettings(delay=Delay.P2P, sdo=1, follow_up_information=True, threshold=800)


def data(  # noqa: PLR0913 - what tests vary
    state: str = "UNCALIBRATED",
    *,
    present: bool = True,
    offset: float = 0.0,
    path: float = 0.0,
    peer: float = 0.0,
    received: dict[str, int] | None = None,
    sent: dict[str, int] | None = None,
) -> DataSets:
    return DataSets(
        port="me-1",
        state=state,
        parent=GM if present else "me-0",
        grandmaster="",
        grandmaster_present=present,
        offset=offset,
        path_delay=path,
        peer_delay=peer,
        steps_removed=1,
        received={"Announce": 9, **(received or {})},
        sent=sent or {},
    )


LISTENING = data("LISTENING", present=False)
GOOD = data(offset=100, path=2000)
SILENCE = replace(LISTENING, received={"Announce": 0})


class Case(Struct, frozen=True):
    code: Code | None
    shown: tuple[DataSets, ...]
    client: ClockSettings = PLAIN
    network: ClockSettings | None = PLAIN
    final: bool = True
    near: bool = True
    elects: bool = True
    apart: float = 5.0
    said: Said | None = None
    quiet: bool = False


CASES = {
    "good": Case(Code.OK, (LISTENING, GOOD, GOOD, GOOD), final=False),
    "good, but not for long": Case(None, (LISTENING, GOOD), final=False),
    "good at the end": Case(Code.OK, (LISTENING, GOOD)),
    "peer delay": Case(Code.OK, (data(offset=5, peer=9),), client=P2P),
    "peer delay where a path delay is due": Case(Code.NO_OFFSET, (data(offset=5, peer=9),)),
    "no answers at all": Case(Code.SILENT, ()),
    "no answers yet": Case(None, (), final=False),
    "silence": Case(Code.NO_TRAFFIC, (SILENCE,)),
    "silence, too early": Case(None, (SILENCE,), final=False, apart=0.1),
    "silence for long": Case(None, (SILENCE,) * 4, final=False),
    "silence for long, over another transport": Case(
        Code.NO_TRAFFIC,
        (SILENCE,) * 4,
        network=ClockSettings(transport=Transport.L2),
        final=False,
    ),
    "domain": Case(Code.DOMAIN, (LISTENING,), network=ClockSettings(domain=24)),
    "sdo": Case(Code.SDO, (LISTENING,), network=ClockSettings(sdo=1)),
    "domain or sdo": Case(Code.DOMAIN_OR_SDO, (LISTENING,), network=None),
    "nothing known, nothing said": Case(None, (LISTENING,), network=None, final=False),
    "no master": Case(Code.NO_MASTER, (LISTENING,)),
    "not asCapable": Case(
        Code.NOT_AS_CAPABLE,
        (data("LISTENING", present=False, peer=1400, received={"Pdelay_Resp": 5}),),
        client=GPTP,
        network=GPTP,
        final=False,
    ),
    "802.1AS, delay fine so far": Case(
        None,
        (data("LISTENING", present=False, peer=400, received={"Pdelay_Resp": 5}),),
        client=GPTP,
        network=GPTP,
        final=False,
    ),
    "802.1AS against E2E": Case(
        Code.DELAY, (LISTENING,), client=GPTP, network=ClockSettings(sdo=1)
    ),
    "802.1AS unanswered on a real network": Case(
        Code.DOMAIN_OR_SDO, (LISTENING,), client=GPTP, network=None
    ),
    "requests unanswered": Case(Code.DELAY, (data(sent={"Delay_Req": 5}),)),
    "requests unanswered, no wonder": Case(
        Code.DELAY, (data(sent={"Delay_Req": 5}),), network=P2P, final=False
    ),
    "requests unanswered, perhaps late": Case(None, (data(sent={"Delay_Req": 5}),), final=False),
    "announced, perhaps late": Case(None, (LISTENING,) * 9, final=False),
    "requests unanswered so far": Case(None, (data(sent={"Delay_Req": 2}),), final=False),
    "no TLV": Case(
        Code.NO_TLV,
        (data(peer=9, received={"Follow_Up": 3}), data(peer=9, received={"Follow_Up": 9})),
        client=GPTP,
        network=GPTP,
        final=False,
    ),
    "no TLV, too early": Case(
        None, (data(peer=9, received={"Follow_Up": 30}),), client=GPTP, network=GPTP, final=False
    ),
    "no offset": Case(Code.NO_OFFSET, (data(path=9), data(path=9, received={"Follow_Up": 9}))),
    "an impossible offset": Case(Code.FAR_OFFSET, (data(path=9, offset=5e9),)),
    "another clock's offset": Case(Code.OK, (data(path=9, offset=5e9),), near=False),
    "flapping": Case(Code.ANNOUNCE_TIMEOUT, (GOOD, LISTENING, GOOD, LISTENING), final=False),
    "flapping once": Case(None, (GOOD, LISTENING), final=False, apart=0.1),
    "own clock preferred": Case(Code.LOCAL_CLOCK, (LISTENING,), said=Said.LOCAL_CLOCK, final=False),
    "own clock preferred at first": Case(
        None,
        (replace(LISTENING, received={"Announce": 2}),),
        said=Said.LOCAL_CLOCK,
        final=False,
        apart=0.1,
    ),
    "poor class": Case(Code.POOR_CLASS, (LISTENING,), said=Said.POOR_CLASS, final=False),
    "another scope": Case(
        Code.SCOPE, (SILENCE,) * 4, client=SCOPE_14, network=replace(SCOPE_14, scope=5), final=False
    ),
    "another scope without IPv6": Case(Code.NO_TRAFFIC, (SILENCE,), network=ClockSettings(scope=5)),
    "another group": Case(
        Code.DESTINATION, (SILENCE,), network=ClockSettings(destination="224.0.1.130")
    ),
    "unicast only": Case(Code.UNICAST, (SILENCE,) * 4, network=ClockSettings(unicast=True)),
    "signed": Case(
        Code.AUTHENTICATION,
        (data(sent={"Delay_Req": 5}),),
        network=ClockSettings(authenticated=True),
    ),
    "signed, and good": Case(Code.OK, (GOOD,), network=ClockSettings(authenticated=True)),
    "rare Sync": Case(
        Code.SYNC_TIMEOUT,
        (GOOD, LISTENING),
        client=ClockSettings(log_sync=-3, sync_timeout=3),
        network=ClockSettings(log_sync=1),
        final=False,
    ),
    "rare Sync on a real network": Case(
        Code.SYNC_TIMEOUT,
        (GOOD, LISTENING, GOOD, LISTENING),
        client=ClockSettings(log_sync=-3, sync_timeout=3),
        network=None,
    ),
    "quiet socket, no TLV": Case(Code.NO_TLV, (), quiet=True, final=False),
    "quiet socket, 802.1AS": Case(Code.SDO, (), network=GPTP, quiet=True, final=False),
    "quiet socket, who knows": Case(Code.SILENT, (), network=None, quiet=True, final=False),
    "slow announcer": Case(
        Code.ANNOUNCE_TIMEOUT,
        (GOOD, LISTENING),
        client=ClockSettings(log_announce=-2),
        network=ClockSettings(log_announce=3),
        final=False,
    ),
    "another master": Case(Code.DOMAIN_OR_SDO, (replace(GOOD, parent="other-1"),), network=None),
    "nobody announces, nobody must": Case(
        Code.OK,
        (data("SLAVE", present=False, offset=5, peer=9, received={"Sync": 9}),),
        client=P2P,
        elects=False,
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_the_verdict(name: str) -> None:
    case = CASES[name]
    scene = Trace(
        client=case.client,
        network=case.network,
        parent=GM,
        near=case.near,
        elects=case.elects,
        watch=3.0,
        said={case.said} if case.said else set(),
        quiet_socket=case.quiet,
        samples=[Sample(case.apart * number, each) for number, each in enumerate(case.shown)],
    )
    found = judge(scene, final=case.final)
    assert found is case.code


@pytest.mark.parametrize(
    ("offset", "utc_offset", "rest"),
    [
        (37_000_000_500.0, 37, 500.0),
        (-37_000_000_500.0, 37, -500.0),
        (-9_000_000_500.0, -9, -500.0),
        (38_000_000_500.0, 37, 500.0),
        (39_000_000_500.0, 37, 39_000_000_500.0),
        (37_500_000_000.0, 37, 37_500_000_000.0),
        (500.0, 37, 500.0),
        (37_000_000_500.0, 0, 37_000_000_500.0),
    ],
)
def test_whole_seconds_between_tai_and_utc_are_no_offset(
    offset: float, utc_offset: int, rest: float
) -> None:
    assert on_one_scale(data(offset=offset), utc_offset).offset == rest
