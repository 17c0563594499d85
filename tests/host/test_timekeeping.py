import json
from datetime import UTC, datetime
from typing import Any

import pytest
from msgspec.structs import replace

from vibforge.errors import ModelError
from vibforge.host.host_state import (
    HostFile,
    HostFileKind,
    HostState,
    HostTime,
    LogTail,
    PtpService,
)
from vibforge.host.timekeeping import (
    ConfState,
    LoggedClock,
    LoggedLimit,
    LogResult,
    Timekeeping,
    judge_time,
    log_age,
    read_log_result,
)

NOW = datetime(2026, 11, 28, 9, 0, tzinfo=UTC)
SECONDS = int(NOW.timestamp())
TIME = HostTime(
    protocol="ptp",
    is_enabled=True,
    is_synchronised=True,
    is_in_fallback=False,
    service=PtpService(is_running=True, policy="on"),
)
HOST = HostState(collected_at=NOW, time=TIME, trx_log=LogTail(modified=SECONDS - 2))
PTP4L = LoggedClock(program="ptp4l", clock="master", is_locked=True)
PHC2SYS = LoggedClock(program="phc2sys", clock="CLOCK_REALTIME", is_locked=True)
LOG = LogResult(clocks=(PTP4L, PHC2SYS), limits=(LoggedLimit(name="g8271-4", verdict="kept"),))


def test_a_host_that_keeps_time() -> None:
    found = judge_time(HOST, ConfState.AS_BUILT, LOG)
    assert found.verdict is Timekeeping.YES
    assert (found.against, found.missing, found.unchecked) == ((), (), ())
    assert "the PTP service runs" in found.shown
    assert "the log keeps the limit g8271-4" in found.shown


def test_what_nobody_asked_to_check_stops_no_yes() -> None:
    found = judge_time(HOST, ConfState.NOT_ASKED, replace(LOG, limits=()))
    assert found.verdict is Timekeeping.YES
    assert len(found.unchecked) == 2


def with_time(**changes: Any) -> HostState:  # noqa: ANN401 - any field
    return replace(HOST, time=replace(TIME, **changes))


@pytest.mark.parametrize(
    ("state", "settings", "log", "says"),
    [
        (with_time(service=PtpService(is_running=False)), ConfState.AS_BUILT, LOG, "does not run"),
        (with_time(is_enabled=False), ConfState.AS_BUILT, LOG, "switched off"),
        (with_time(protocol="ntp"), ConfState.AS_BUILT, LOG, "follows ntp, not ptp"),
        (with_time(is_in_fallback=True), ConfState.AS_BUILT, LOG, "NTP provides"),
        (with_time(is_synchronised=False), ConfState.AS_BUILT, LOG, "not synchronised"),
        (HOST, ConfState.CHANGED, LOG, "not the one that was built"),
        (
            HOST,
            ConfState.AS_BUILT,
            replace(LOG, clocks=(PTP4L, replace(PHC2SYS, is_locked=False))),
            "phc2sys CLOCK_REALTIME is not locked",
        ),
        (
            HOST,
            ConfState.AS_BUILT,
            replace(LOG, limits=(LoggedLimit(name="rts25", verdict="exceeded"),)),
            "exceeds the limit rts25",
        ),
    ],
)
def test_one_thing_against_it_is_a_no(
    state: HostState, settings: ConfState, log: LogResult, says: str
) -> None:
    found = judge_time(state, settings, log)
    assert found.verdict is Timekeeping.NO
    assert len(found.against) == 1
    assert says in found.against[0]


@pytest.mark.parametrize(
    ("state", "settings", "log", "says"),
    [
        (with_time(service=PtpService()), ConfState.AS_BUILT, LOG, "whether the PTP service runs"),
        (HOST, ConfState.NOT_KNOWN, LOG, "whether /etc/vmware/trx.conf"),
        (HOST, ConfState.AS_BUILT, None, "--trx-log"),
        (HOST, ConfState.AS_BUILT, replace(LOG, clocks=(PHC2SYS,)), "no clock of ptp4l"),
        (HOST, ConfState.AS_BUILT, replace(LOG, clocks=()), "no clock of ptp4l"),
        (
            HOST,
            ConfState.AS_BUILT,
            replace(LOG, limits=(LoggedLimit(name="rts25", verdict="not shown"),)),
            "whether the limit rts25 was kept",
        ),
        (replace(HOST, trx_log=None), ConfState.AS_BUILT, LOG, "whether trx.log still grew"),
        (
            replace(HOST, trx_log=LogTail(modified=SECONDS - 601)),
            ConfState.AS_BUILT,
            LOG,
            "the last 601 seconds",
        ),
    ],
)
def test_what_is_missing_for_a_yes(
    state: HostState, settings: ConfState, log: LogResult | None, says: str
) -> None:
    found = judge_time(state, settings, log)
    assert found.verdict is Timekeeping.NOT_KNOWN
    assert len(found.missing) == 1
    assert says in found.missing[0]


def test_a_host_that_need_not_keep_time_by_ptp() -> None:
    for time in (HostTime(), HostTime(protocol="ntp", service=PtpService(is_running=False))):
        found = judge_time(HostState(time=time), ConfState.NOT_ASKED, None)
        assert found.verdict is Timekeeping.NOT_KNOWN
        assert not found.is_intended
    conf = {"/etc/vmware/trx.conf": HostFile(kind=HostFileKind.FILE)}
    assert judge_time(HostState(files=conf), ConfState.NOT_ASKED, None).is_intended


@pytest.mark.parametrize("modified", [None, 2**52, SECONDS + 99])
def test_the_age_of_an_odd_log(modified: int | None) -> None:
    age = log_age(replace(HOST, trx_log=LogTail(modified=modified)))
    assert age == (0 if modified == SECONDS + 99 else None)


def result(*hosts: str, **more: Any) -> bytes:  # noqa: ANN401 - any JSON value
    clocks = [
        {"host_name": host, "program": "ptp4l", "clock": "master", "locked_at_end": host == "a"}
        for host in hosts
    ]
    verdicts = [{"host_name": host, "limit": "rts25", "verdict": "kept"} for host in hosts]
    facts = {"format": "vibforge/trx-log/1", "clocks": clocks, "verdicts": verdicts}
    return json.dumps(facts | more).encode()


def test_the_result_of_a_log() -> None:
    found = read_log_result(result("trx.log"), "esx01")
    assert found.clocks == (LoggedClock(program="ptp4l", clock="master", is_locked=False),)
    assert found.limits == (LoggedLimit(name="rts25", verdict="kept"),)
    assert read_log_result(result()) == LogResult()


@pytest.mark.parametrize("name", ["a", "A", "a.example.org"])
def test_the_host_that_is_meant_among_several(name: str) -> None:
    assert read_log_result(result("a", "b"), name).clocks[0].is_locked
    assert not read_log_result(result("a", "b"), "b").clocks[0].is_locked


@pytest.mark.parametrize("name", [None, "", "c"])
def test_a_host_that_is_not_among_several(name: str | None) -> None:
    with pytest.raises(ModelError, match="the clock logs of 2 hosts"):
        read_log_result(result("a", "b"), name)


@pytest.mark.parametrize(
    ("document", "says"),
    [
        (b"", "not JSON"),
        (b"\xff", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b"[]", "no result of a clock log"),
        (b'{"format": "vibforge/trx-log/2"}', "no result of a clock log"),
    ],
)
def test_what_is_no_result_of_a_log(document: bytes, says: str) -> None:
    with pytest.raises(ModelError, match=says):
        read_log_result(document)


@pytest.mark.parametrize("odd", [7, "x", [7], [{}], {"a": 1}, None, [[]]])
def test_odd_tables_are_no_traceback(odd: object) -> None:
    read_log_result(result(clocks=odd, verdicts=odd))
