import hashlib
import math
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.trx.log.making import (
    phc_sample,
    reading_of,
    reading_of_parts,
    sample,
    steady,
    summary,
    text,
)
from vibforge.errors import FormatError
from vibforge.trx.log.events import EventKind
from vibforge.trx.log.order import Part
from vibforge.trx.log.reading import LogReading

GM = "06a60c.fffe.5d4a56"
OTHER_GM = "92ab97.fffe.058865"


def with_wall(lines: bytes, stamps: list[str], host: str = "esx01") -> bytes:
    pairs = zip(stamps, lines.splitlines(keepends=True), strict=True)
    return b"".join(f"{stamp} {host} ".encode() + line for stamp, line in pairs)


def kinds(reading: LogReading, *wanted: EventKind) -> list[str]:
    return [event.what for event in reading.events if event.kind in wanted]


def test_lock_offset_and_time() -> None:
    data = sample(10, 73_000_000, 0) + sample(11, 73_000_000, 1) + steady(12, [100, -300, 200])
    (clock,) = reading_of(data).clocks
    assert (clock.key.host, clock.key.program, clock.key.clock) == ("log", "ptp4l", "master")
    assert (clock.seconds, clock.locked_seconds, clock.unlocked_seconds) == (4, 2, 2)
    assert clock.states == {"s0": 1, "s1": 1, "s2": 3}
    assert clock.first_lock is not None
    assert clock.first_lock.seconds == 12
    assert clock.offset is not None
    assert (clock.offset.count, clock.offset.minimum, clock.offset.maximum) == (3, -300, 200)
    assert clock.offset.rms == pytest.approx(math.sqrt(140_000 / 3))
    assert clock.worst is not None
    assert (clock.worst.nanoseconds, clock.worst.at.seconds) == (300, 13)
    assert clock.locked_at_end
    assert clock.last == 200
    assert [point.first for point in clock.curve] == [100, -300, 200]


def test_a_gap_is_time_without_lock_and_breaks_the_stretch() -> None:
    data = steady(10, range(20)) + steady(60, range(30))
    (clock,) = (reading := reading_of(data)).clocks
    assert (clock.gaps, clock.gap_seconds) == (1, 31)
    assert clock.longest_gaps[0].start.seconds == 29
    assert (clock.seconds, clock.locked_seconds) == (79, 48)
    assert clock.stretch is not None
    assert (clock.stretch.start.seconds, clock.stretch.samples) == (60, 30)
    assert kinds(reading, EventKind.GAP) == ["master: no line for 31.0 s"]
    assert clock.interval == 1


def test_an_end_without_samples_is_not_locked() -> None:
    data = steady(10, range(20)) + text(
        32, "port 1: SLAVE to LISTENING on ANNOUNCE_RECEIPT_TIMEOUT"
    )
    (clock,) = reading_of(data).clocks
    assert not clock.locked_at_end
    assert (clock.seconds, clock.locked_seconds, clock.end.seconds) == (22, 19, 32)


def test_an_offset_before_the_first_lock_is_not_held_against_it() -> None:
    data = sample(1, 9_000_000, 0) + sample(2, 5) + sample(3, -70, 0) + sample(4, 6)
    (clock,) = reading_of(data).clocks
    assert clock.worst is not None
    assert clock.worst.nanoseconds == 70
    assert clock.offset is not None
    assert clock.offset.count == 2


def test_summaries_are_no_samples() -> None:
    data = text(1, "port 1: UNCALIBRATED to SLAVE on MASTER_CLOCK_SELECTED")
    data += summary(2, 3, 5) + summary(3, 4, 40)
    (clock,) = reading_of(data).clocks
    assert clock.offset is None
    assert clock.summaries is not None
    assert (clock.summaries.lines, clock.summaries.largest) == (2, 40)
    assert clock.summaries.rms == pytest.approx(math.sqrt(12.5))
    assert clock.worst is not None
    assert clock.worst.nanoseconds == 40
    assert clock.locked_at_end
    assert clock.stretch is None


def test_summaries_of_a_port_that_is_no_slave_are_not_locked() -> None:
    data = text(1, "port 1: SLAVE to UNCALIBRATED on SYNCHRONIZATION_FAULT") + summary(2, 3, 5)
    (clock,) = reading_of(data).clocks
    assert clock.first_lock is None
    assert not clock.locked_at_end


def test_ports_and_grandmasters() -> None:
    data = (
        text(1, "port 1 (eth0): INITIALIZING to LISTENING on INIT_COMPLETE")
        + text(1, "port 0 (/var/run/ptp4l): INITIALIZING to LISTENING on INIT_COMPLETE")
        + text(3, f"selected best master clock {GM}")
        + text(3, "port 1 (eth0): LISTENING to UNCALIBRATED on RS_SLAVE")
        + text(5, "port 1 (eth0): UNCALIBRATED to SLAVE on MASTER_CLOCK_SELECTED")
        + text(6, f"selected best master clock {GM}")
        + text(9, "selected local clock 0a1670.fffe.2c3035 as best master")
        + text(10, f"selected best master clock {OTHER_GM}")
        + text(12, "updating UTC offset to 37")
    )
    reading = reading_of(data)
    (port,) = reading.ports
    assert (port.name, port.state, port.changes) == ("port 1 (eth0)", "SLAVE", 3)
    assert port.seconds == {"INITIALIZING": 0, "LISTENING": 2, "UNCALIBRATED": 2, "SLAVE": 7}
    assert [each.identity for each in reading.grandmasters] == [GM, "", OTHER_GM]
    assert reading.grandmaster_changes == 1
    assert kinds(reading, EventKind.GRANDMASTER) == [
        f"follows {GM}",
        "no grandmaster: its own clock is the best",
        f"follows {OTHER_GM}",
    ]
    assert kinds(reading, EventKind.UTC) == ["TAI is 37 s ahead of UTC"]


def test_programs_in_one_log_are_told_apart() -> None:
    data = b"".join(sample(n, n) + phc_sample(n + 0.1, 2 * n) for n in range(50))
    clocks = {clock.key.program: clock for clock in reading_of(data).clocks}
    for program, factor in (("ptp4l", 1), ("phc2sys", 2)):
        found = clocks[program].offset
        assert found is not None
        assert (found.count, found.maximum, found.mean) == (50, 49 * factor, 24.5 * factor)


def test_hosts_of_one_syslog_server_are_told_apart() -> None:
    lines = [
        f"Nov 28 01:02:{n:02} {host} ".encode() + sample(n + start, offset)
        for n in range(30)
        for host, start, offset in (("esx01", 100, 1), ("esx02", 90_000, 2))
    ]
    reading = reading_of(b"".join(lines))
    assert reading.hosts == ("esx01", "esx02")
    assert [clock.gaps for clock in reading.clocks] == [0, 0]
    assert [clock.worst and clock.worst.nanoseconds for clock in reading.clocks] == [1, 2]


def test_a_reboot_starts_the_monotonic_clock_anew() -> None:
    stamps = [f"2026-11-28T01:00:{n:02}Z" for n in range(20)]
    later = [f"2026-11-28T01:05:{n:02}Z" for n in range(20)]
    data = with_wall(steady(5000, range(20)), stamps) + with_wall(steady(30, range(20)), later)
    (clock,) = (reading := reading_of(data)).clocks
    assert len(kinds(reading, EventKind.RESTART)) == 1
    assert clock.gap_seconds == pytest.approx(281)
    assert clock.seconds == pytest.approx(319)
    assert clock.locked_seconds == 38
    assert [event.at.restarts for event in reading.events if event.kind is EventKind.RESTART] == [1]
    assert clock.end.wall == "2026-11-28T01:05:19Z"
    assert kinds(reading, EventKind.CLOCK_STEP) == []


def test_what_a_clock_is_off_by_after_a_reboot_is_not_held_against_it() -> None:
    data = (
        steady(5000, range(20)) + sample(20, 73_000_000, 0) + steady(21, range(9)) + sample(30, 50)
    )
    (clock,) = reading_of(data).clocks
    assert clock.worst is not None
    assert clock.worst.nanoseconds == 50


def test_a_reboot_without_a_time_of_day_counts_no_time() -> None:
    (clock,) = reading_of(steady(5000, range(20)) + steady(30, range(20))).clocks
    assert (clock.seconds, clock.gaps, clock.start.seconds, clock.end.restarts) == (38, 0, 5000, 1)


def test_a_step_of_the_time_of_day_is_told_and_counts_for_nothing() -> None:
    stamps = [f"2026-11-28T01:00:{n:02}Z" for n in range(10)]
    stepped = [f"2026-11-28T02:00:{n:02}Z" for n in range(10, 20)]
    data = (
        with_wall(steady(50, range(10)), stamps)
        + text(59.5, "x")
        + with_wall(steady(60, range(10)), stepped)
    )
    (clock,) = (reading := reading_of(data.replace(b"ptp4l[59", b"esx01 ptp4l[59"))).clocks
    assert len(kinds(reading, EventKind.CLOCK_STEP)) == 1
    assert "+3600" in kinds(reading, EventKind.CLOCK_STEP)[0]
    assert (clock.seconds, clock.gaps) == (19, 0)


@pytest.mark.parametrize(
    ("before", "after"),
    [("Dec 31 23:59:5{}", "Jan  1 00:00:0{}"), ("Feb 28 23:59:5{}", "Mar  1 00:00:0{}")],
)
def test_a_new_year_and_a_short_february_are_no_steps(before: str, after: str) -> None:
    stamps = [before.format(n) for n in range(10)] + [after.format(n) for n in range(10)]
    data = with_wall(steady(50, range(20)), stamps)
    reading = reading_of(data[:700] + data[700:])
    assert kinds(reading, EventKind.CLOCK_STEP, EventKind.RESTART) == []
    assert reading.clocks[0].end.wall == after.format(9)


def test_a_month_of_another_language_leaves_the_monotonic_clock() -> None:
    data = b"".join(
        b"Dez 24 01:02:03 esx01 " + line for line in steady(5, range(9)).splitlines(keepends=True)
    )
    reading = reading_of(data)
    assert reading.known_lines == 9
    assert reading.clocks[0].seconds == 8
    assert reading.clocks[0].start.wall == ""


def test_a_file_is_described() -> None:
    data = b"vmkernel: x\n\n" + steady(10, range(5)) + b"ptp4l[15.0"
    (source,) = reading_of(data).sources
    assert (source.size, source.lines, source.cut) == (len(data), 6, 1)
    assert source.sha256 == hashlib.sha256(data).hexdigest()
    assert (source.first, source.last) == ("10.000 s", "14.000 s")


def test_what_breaks_off_is_told_and_the_rest_counts() -> None:
    def chunks() -> Iterator[bytes]:
        yield steady(10, range(5))
        raise FormatError("gzip is cut short")

    reading = reading_of_parts([Part("a.gz", "a", chunks)])
    assert [problem.where for problem in reading.problems] == ["a.gz"]
    assert reading.clocks[0].offset is not None
    assert reading.clocks[0].offset.count == 5


def a_line(noise: bytes) -> bytes:
    return noise.replace(b"\n", b"") + b"\n"


def seconds_of(line: bytes) -> bytes:
    return line.partition(b"]")[0].rpartition(b"[")[2]


lines = st.lists(
    st.one_of(
        st.builds(sample, st.integers(0, 500), st.integers(-9999, 9999), st.integers(0, 3)),
        st.builds(phc_sample, st.integers(0, 500), st.integers(-9999, 9999), st.integers(0, 3)),
        st.builds(summary, st.integers(0, 500), st.integers(0, 99), st.integers(0, 99)),
        st.builds(text, st.integers(0, 500), st.sampled_from(
            ["port 1: SLAVE to LISTENING on X", "port 1: LISTENING to SLAVE on X", "what 17 is",
             f"selected best master clock {GM}", "selected local clock a as best master"])),
        st.binary(max_size=40).map(a_line),
    ),
    max_size=60,
)  # fmt: skip


@given(lines)
def test_any_order_of_lines_makes_a_reading_that_adds_up(parts: list[bytes]) -> None:
    reading = reading_of(b"".join(parts))
    for clock in reading.clocks:
        assert -1e-6 <= clock.locked_seconds <= clock.seconds + 1e-6
        count = clock.offset.count if clock.offset else 0
        assert count == clock.states.get("s2", 0) + clock.states.get("s3", 0)
        assert clock.gap_seconds <= clock.seconds + 1e-6
        assert (clock.first_lock is None) == (clock.worst is None)


@given(lines, st.integers(1, 200))
def test_the_size_of_chunks_changes_no_count(parts: list[bytes], size: int) -> None:
    in_order: list[bytes] = sorted(parts, key=seconds_of)
    data = b"".join(in_order)
    whole, cut = reading_of(data), reading_of(data, chunk=size)
    assert whole.known_lines == cut.known_lines
    assert whole.unknown_lines == cut.unknown_lines
    assert [clock.states for clock in whole.clocks] == [clock.states for clock in cut.clocks]
    assert [c.offset for c in whole.clocks] == [c.offset for c in cut.clocks]
