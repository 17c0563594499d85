import re
from typing import Any

import pytest

from tests.trx.log.making import reading_of, steady, text
from vibforge.findings.check import Severity
from vibforge.trx.log.messages import (
    SHAPES,
    ClockMessage,
    Messages,
    known_messages,
    recognise,
)

FORMS = {
    "announce-timeout": "port 1: SLAVE to LISTENING on ANNOUNCE_RECEIPT_TIMEOUT_EXPIRES",
    "as-capable": "port 1: setting asCapable",
    "auth": "port 1 (eth0): auth: bad message",
    "bad-message": "port 1: bad message",
    "best-master": "selected best master clock 729791.fffe.352068",
    "clockcheck": "clockcheck: clock frequency changed unexpectedly!",
    "conf-refused": "unknown option foo at line 2 in global section",
    "delay-interval": "port 1: minimum delay request interval 2^0",
    "delay-on-p2p": "port 1: delay request on P2P port",
    "delay-timeout": "port 1: delay timeout",
    "deprecated": "option slaveOnly is deprecated, please use clientOnly instead",
    "fault": "port 1: SLAVE to FAULTY on FAULT_DETECTED (FT_UNSPECIFIED)",
    "foreign-master-unicast": "port 1: new foreign master 729791.fffe.352068-1 not in unicast"
    " master table",
    "grandmaster-role": "port 1: assuming the grand master role",
    "leap": "clock set to insert leap second at midnight (UTC)",
    "link": "port 1: link down",
    "local-best-master": "selected local clock feff4e.fffe.6265a6 as best master",
    "negative-delay": "negative delay        -12",
    "new-foreign-master": "port 1: new foreign master 729791.fffe.352068-1",
    "no-device": "ioctl SIOCGIFINDEX failed: No such device",
    "no-phc": "interface eth0 does not have a PHC",
    "no-timestamping": "interface 'eth0' does not support requested timestamping mode",
    "not-adjustable": "failed to adjust the clock: Operation not permitted",
    "not-as-capable": "port 1: peer_delay (1400) > neighborPropDelayThresh (800),"
    " resetting asCapable",
    "not-ptp-timescale": "foreign master not using PTP timescale",
    "one-step": "one step is only possible with hardware time stamping",
    "pdelay-on-e2e": "port 1: pdelay_req on E2E port",
    "peer-found": "port 1: peer detected, switch to P2P",
    "phc-switch": "selected /dev/ptp0 as PTP clock",
    "port-state": "port 1: UNCALIBRATED to SLAVE on MASTER_CLOCK_SELECTED",
    "priority1": "port 1: defaultDS.priority1 probably misconfigured",
    "rogue-announce": "port 1: rogue announce message",
    "rogue-grant": "port 1: received rogue unicast grant or cancel",
    "rogue-peer": "port 1: multiple peer responses",
    "rx-without-timestamp": "port 1: received SYNC without timestamp",
    "send-failed": "port 1: send delay request failed",
    "servo-start": "PI servo: sync interval 1.000 kp 0.700 ki 0.300000",
    "slave-only": "port 1: master state recommended in slave only mode",
    "sync-timeout": "port 1: SLAVE to UNCALIBRATED on SYNCHRONIZATION_FAULT",
    "tx-timestamp": "timed out while polling for tx timestamp",
    "tx-timestamp-hint": "increasing tx_timestamp_timeout may correct this issue, but it is likely"
    " caused by a driver bug",
    "tx-timestamp-missing": "missing timestamp on transmitted delay request",
    "unicast-granted": "port 1: unicast ANNOUNCE granted for 60 sec",
    "unicast-rejected": "port 1: unicast grant of SYNC rejected",
    "waiting-for-ptp4l": "Waiting for ptp4l...",
}
"""As ptp4l prints them."""
OF_PHC2SYS = {
    "pps-not-in-sync": "PPS is not in sync with PHC (0.500000001)",
    "state-change": "729791.fffe.352068-1: state change LISTENING -> SLAVE",
    "reconfiguring": "reconfiguring after port state change",
}
OF_OTHERS = {
    "trx-conf-parts": "trx-ctl: ValueError: too many values to unpack (expected 2)",
    "traceback": "2026-11-28T01:02:03Z trx-ctl: Traceback (most recent call last):",
}
TEXTS = [
    *(("ptp4l", *pair) for pair in FORMS.items()),
    *(("phc2sys", *pair) for pair in OF_PHC2SYS.items()),
    *(("", *pair) for pair in OF_OTHERS.items()),
]


@pytest.mark.parametrize(("program", "name", "words"), TEXTS, ids=lambda text: str(text)[:30])
def test_a_message_is_recognised(program: str, name: str, words: str) -> None:
    found = recognise(words.encode(), program)
    assert found is not None
    assert found.id == name


def test_every_message_of_the_table_has_a_text() -> None:
    names = [message.id for message in known_messages()]
    assert sorted(names) == sorted(name for _, name, _ in TEXTS)


@pytest.mark.parametrize("message", known_messages(), ids=lambda message: message.id)
def test_an_entry_says_what_it_must(message: ClockMessage) -> None:
    assert message.program in {"ptp4l", "phc2sys", "both", "any"}
    assert message.meaning.endswith(".")
    assert message.remedy or message.severity is Severity.NOTE
    assert re.compile(message.says).pattern


def test_messages_are_counted_with_their_times() -> None:
    data = steady(1, range(3)) + text(5, FORMS["clockcheck"]) + text(9, FORMS["clockcheck"])
    data += text(6, "something 12 new") + text(7, "something 13 new") + b"vmkernel: other 5\n"
    reading = reading_of(data.replace(b"ptp4l[9", b"ptp4l[5.500]: x 1\nptp4l[9"))
    (found,) = reading.messages
    assert (found.message.id, found.count, found.host) == ("clockcheck", 2, "log")
    assert found.first is not None
    assert found.last is not None
    assert (found.first.seconds, found.last.seconds) == (5, 9)
    shapes = {each.shape: each.count for each in reading.unknown}
    assert shapes == {"something # new": 2, "x #": 1, "vmkernel: other #": 1}
    assert reading.unknown_lines == 4


def test_many_shapes_cost_no_more_memory_and_the_commonest_stay() -> None:
    messages = Messages()
    for number in range(3 * SHAPES):
        messages.add(b"common 17")
        messages.add(b"rare " + b"x" * (number % 500) + bytes([97 + number % 7]) * (number // 500))
    assert len(messages._tallies) <= SHAPES  # noqa: SLF001 - what the limit is about
    first = messages.unknown(1)[0]
    assert (first.shape, first.count) == ("common #", 3 * SHAPES)
    kept = sum(each.count for each in messages.unknown(SHAPES))
    assert kept + messages.let_go == messages.unknown_lines == 6 * SHAPES


def test_identities_are_left_out_of_shapes() -> None:
    messages = Messages("esx", "ptp4l")
    for identity in ("0a1670.fffe.2c3035-1", "ffffff.fffe.aaaaaa-12"):
        messages.add(f"port 1: likes {identity}".encode())
    assert [each.shape for each in messages.unknown(5)] == ["port #: likes #"]
    unused: Any = messages.found()
    assert unused == ()
