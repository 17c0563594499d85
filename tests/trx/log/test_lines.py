import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.trx.log.making import blocks, phc_sample, sample, summary, text
from vibforge.trx.log.lines import LINE, LINE_LIMIT, Lines, Row, host_in, wall_of


def row_of(line: bytes) -> Row:
    (row,) = LINE.findall(line)
    return Row(*row)


@pytest.mark.parametrize(
    "head",
    [
        b"ptp4l[25316.490]: ",
        b"ptp4l[25316.490]: [port1] ",
        b"ptp4l[77]: [25316.490] ",
        b"ptp4l: [25316.490] ",
        b"Nov  8 01:02:03 esx01 ptp4l[77]: [25316.490] ",
        b"Nov 28 2026 01:02:03 esx01 ptp4l: [25316.490] ",
        b"<166>2026-11-28T01:02:03.456Z esx01.example.com ptp4l[25316.490]: ",
        b"2026-11-28T01:02:03.456Z In(182) trx[2099]: ptp4l[25316.490]: ",
        b"2026-11-28T01:02:03+0100 esx01 ptp4l[9]: [25316.490] ",
        b"2026-11-28 01:02:03,456 ptp4l[25316.490]: ",
    ],
)
def test_a_sample_is_read_behind_every_head(head: bytes) -> None:
    row = row_of(head + b"master offset        -12 s2 freq   -3451 path delay      2051\n")
    assert (row.program, row.seconds) == (b"ptp4l", b"25316.490")
    assert (row.clock, row.offset, row.servo) == (b"master", b"-12", b"2")
    assert (row.freq, row.delay) == (b"-3451", b"2051")
    assert bool(row.wall) is (head[:1] not in b"p")


def test_the_other_forms() -> None:
    row = row_of(phc_sample(1.5, -49, 0))
    assert (row.program, row.clock, row.offset, row.delay) == (
        b"phc2sys", b"CLOCK_REALTIME", b"-49", b"1100",
    )  # fmt: skip
    row = row_of(summary(1.5, 12, 30))
    assert (row.rms, row.largest, row.summary_freq, row.summary_delay) == (
        b"12", b"30", b"+5000", b"2051",
    )  # fmt: skip
    row = row_of(b"ptp4l[1.500]: rms 1598 max 2172 freq +14032 +/- 916\r\n")
    assert (row.rms, row.largest, row.summary_delay) == (b"1598", b"2172", b"")
    row = row_of(
        b"phc2sys[1.500]: CLOCK_REALTIME rms   12 max   30 freq +45 +/-   3 delay  60 +/- 1\n"
    )
    assert (row.summary_clock, row.rms) == (b"CLOCK_REALTIME", b"12")
    row = row_of(text(1.5, "port 1: LISTENING to SLAVE on X"))
    assert (row.text, row.offset, row.rms) == (b"port 1: LISTENING to SLAVE on X", b"", b"")
    assert row_of(b"2026-11-28T01:02:03Z In(182) vmkernel: cpu3: no clock\n").other


@pytest.mark.parametrize(
    "line",
    [
        sample(1.5, -12)[:-2].rpartition(b" ")[0] + b"\n",
        b"ptp4l[1.500]: master offset\n",
        b"ptp4l[1.500]: master offset 12 s7 freq +1 path delay 1\n",
        b"ptp4l[1.500]: master offset 1234567890123456789 s2 freq +1 path delay 1\n",
        b"ptp4l[1.500]: master offset 12,5 s2 freq +1 path delay 1\n",
    ],
)
def test_half_a_sample_is_no_sample(line: bytes) -> None:
    row = row_of(line)
    assert not row.servo
    assert row.text


@given(st.binary(max_size=3000))
def test_no_bytes_stop_it(data: bytes) -> None:
    for block in blocks(data + b"\n", 100):
        lines = [line for line in block.split(b"\n") if line]
        assert len(LINE.findall(block)) == len(lines)


@pytest.mark.parametrize(
    "line",
    [b"ptp4l[" * 600, b"p" * 4000, b"ptp4l: [1.0] " * 300, b"[" * 4000, b"ptp4l[1.0]: [" * 99,
     b"ptp4l[1.0]: " + b"a " * 1900, b"ptp4l[1.0]: a offset " + b" " * 3900, b"1" * 4000],
)  # fmt: skip
def test_a_hostile_line_costs_one_pass(line: bytes) -> None:
    begin = time.process_time()
    for _ in range(20):
        LINE.findall(line + b"\n")
    assert time.process_time() - begin < 0.5


@given(st.integers(1, 60))
def test_chunks_of_any_size_make_the_same_lines(size: int) -> None:
    data = b"".join(sample(n, n * n) for n in range(5)) + b"cut off"
    cutter = Lines()
    found = b"".join(cutter.blocks(data[n : n + size] for n in range(0, len(data), size)))
    assert found == data.removesuffix(b"cut off")
    assert cutter.cut == 1


def test_a_line_that_is_too_long_is_passed_over() -> None:
    cutter = Lines()
    data = [b"one\n", b"x" * (LINE_LIMIT + 1), b"y" * 9000, b"z\ntwo\n"]
    assert b"".join(cutter.blocks(data)) == b"one\ntwo\n"
    assert cutter.cut == 1


@pytest.mark.parametrize(
    ("before", "host"),
    [
        (b"esx01 ", "esx01"),
        (b"10.0.0.7 trx: ", "10.0.0.7"),
        (b"In(182) trx[2099]: ", ""),
        (b"info trx[1]: ", ""),
        (b"trx[2099]: ", ""),
        (b"", ""),
    ],
)
def test_the_host_in_front(before: bytes, host: str) -> None:
    assert host_in(before) == host


@pytest.mark.parametrize(
    ("stamp", "written"),
    [
        (b"2026-11-28T01:02:03.456Z", "2026-11-28T01:02:03Z"),
        (b"2026-11-28T01:02:03+01:00", "2026-11-28T00:02:03Z"),
        (b"2026-11-28 01:02:03,5", "2026-11-28T01:02:03Z"),
        (b"Nov  8 01:02:03", "Nov  8 01:02:03"),
        (b"Feb 29 23:59:60", "Feb 29 23:59:59"),
        (b"Nov 28 2025 01:02:03", "2025-11-28T01:02:03Z"),
    ],
)
def test_times_of_day(stamp: bytes, written: str) -> None:
    wall = wall_of(stamp)
    assert wall is not None
    assert wall.text() == written


@pytest.mark.parametrize("stamp", [b"Dez 24 01:02:03", b"2026-13-28T01:02:03Z", b"Nov 31 01:02:03"])
def test_times_of_no_calendar(stamp: bytes) -> None:
    assert wall_of(stamp) is None


def test_the_pattern_has_a_group_for_each_field() -> None:
    assert LINE.groups == len(Row._fields)
    assert re.compile(LINE.pattern, LINE.flags).groups == LINE.groups
