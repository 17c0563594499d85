"""Two grandmasters that come and go, with the machine's own linuxptp."""

from pathlib import Path

import pytest
from msgspec.structs import replace

from tests.trx.rehearsal.conftest import Traces
from tests.trx.rehearsal.matrix import L2, P2P, Case
from vibforge.errors import TrxError
from vibforge.trx.profile import profile_named
from vibforge.trx.rehearsal import session
from vibforge.trx.rehearsal.failover import Event, EventResponse
from vibforge.trx.rehearsal.grandmaster import of_conf, of_profile, second_grandmaster
from vibforge.trx.rehearsal.linuxptp import Programs, find_programs
from vibforge.trx.rehearsal.rehearse import (
    Rehearsal,
    RehearsalOptions,
    rehearse_privately,
    rehearse_trx,
)
from vibforge.trx.rehearsal.verdict import Code

PATIENT = {"announceReceiptTimeout": "4", "priority1": "255"}

pytestmark = pytest.mark.rehearsals


def rehearsed(
    client: dict[str, str],
    first: dict[str, str],
    second: dict[str, str],
    programs: Programs,
) -> Rehearsal:
    one = Case(name="first", client=client, grandmaster=first, code=Code.OK)
    two = Case(name="second", client=client, grandmaster=second, code=Code.OK)
    wish = RehearsalOptions(watch=0.5, second=two.master())
    return rehearse_privately(one.trx_conf(), one.master(), programs, wish=wish)


def changes_of(found: Rehearsal) -> dict[Event, EventResponse]:
    return {each.event: each for each in (found.play.failover if found.play else ())}


@pytest.mark.slow
@pytest.mark.parametrize("more", [{}, {**P2P, **L2}], ids=["E2E", "P2P"])
def test_a_client_follows_whoever_is_better(
    more: dict[str, str], programs: Programs, traces: Traces
) -> None:
    first, second = {**more, "clockClass": "6"}, {**more, "clockClass": "7"}
    found = rehearsed({**more, **PATIENT}, first, second, programs)
    changes = changes_of(found)
    assert found.code is Code.OK, found.play and found.play.log
    followed = [change.followed for change in changes.values()]
    assert followed == ["second", "first", "second", "first", "first", "first"]
    loss = changes[Event.LOSS].without_time
    assert loss is not None
    assert loss > 0.5
    # A busy machine makes ptp4l miss a message or two; losing the source takes longer.
    silent = changes[Event.UTC_OFFSET].without_time
    assert silent is not None
    assert silent < 0.5 < loss
    assert changes[Event.UTC_OFFSET].utc_offset == 38
    assert "leap_61" in changes[Event.LEAP].flags
    assert traces.processes() == []


@pytest.mark.slow
def test_a_rank_above_the_class_keeps_the_client_where_it_is(programs: Programs) -> None:
    first, second = {"priority1": "10"}, {"priority1": "20", "clockClass": "6"}
    changes = changes_of(rehearsed(PATIENT, first, second, programs))
    assert changes[Event.LOSS].followed == "second"
    assert changes[Event.WORSE].followed == "first"


@pytest.mark.slow
def test_a_second_grandmaster_of_a_low_rank_takes_priority1_255(programs: Programs) -> None:
    first, second = {"priority1": "100"}, {"priority1": "200"}
    found = rehearsed({}, first, second, programs)
    assert found.code is Code.NO_FAILOVER
    assert [str(change) for change in found.advice.changes] == ["add `ptp4l:priority1 255`"]
    assert list(changes_of(found)) == [Event.LOSS]
    assert rehearsed({"priority1": "255"}, first, second, programs).code is Code.OK


@pytest.mark.slow
def test_a_second_grandmaster_that_is_elsewhere_is_named(programs: Programs) -> None:
    found = rehearsed(PATIENT, {}, {"domainNumber": "9"}, programs)
    assert found.code is Code.NO_FAILOVER
    assert found.advice.hint == (
        "The second grandmaster needs other lines than the first: domainNumber 9."
    )


@pytest.mark.slow
def test_a_grandmaster_that_vanishes_is_no_fault_of_the_client(
    programs: Programs, tmp_path: Path, traces: Traces
) -> None:
    ptp4l, pmc = (programs.grandmaster.command(name)[0] for name in ("ptp4l", "pmc"))
    (tmp_path / "pmc").symlink_to(pmc)
    mortal = tmp_path / "ptp4l"
    mortal.write_text(
        f'#!/bin/sh\n[ "$1" = -v ] && exec {ptp4l} -v\nexec timeout -s KILL 2 {ptp4l} "$@"\n'
    )
    mortal.chmod(0o755)
    case = Case(name="mortal", client={}, code=Code.OK, wish=RehearsalOptions(watch=20.0))
    with pytest.raises(TrxError, match="the grandmaster ended after"):
        case.play(find_programs(None, tmp_path))
    assert traces.processes() == []


@pytest.mark.slow
def test_a_grandmaster_that_never_becomes_master_is_said(
    programs: Programs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "_MASTER_SECONDS", 1.5)
    case = Case(name="idle", client={}, code=Code.OK)
    idle = of_conf("[global]\nlogAnnounceInterval -2\nannounceReceiptTimeout 255\n", "idle")
    with pytest.raises(TrxError, match="did not become master within"):
        rehearse_privately(case.trx_conf(), idle, programs, wish=case.wish)


def test_what_has_no_second_grandmaster_is_refused(programs: Programs, tmp_path: Path) -> None:
    master = of_profile(profile_named("default-e2e"), programs.grandmaster)
    mute = replace(master, settings=replace(master.settings, announces=False))
    with pytest.raises(TrxError, match="needs grandmasters that send Announce"):
        rehearse_trx(b"", mute, programs, wish=RehearsalOptions(second=master))
    with pytest.raises(TrxError, match="does not work with --interface"):
        rehearse_trx(b"", "lo", programs, wish=RehearsalOptions(second=master))
    with pytest.raises(TrxError, match="two second grandmasters"):
        second_grandmaster(programs.grandmaster, "gptp", tmp_path)
    assert second_grandmaster(programs.grandmaster, None, None) is None
