"""Cuts of what real ptp4l and phc2sys printed, with a failover in each, read in two ways.

They ran in network namespaces with software time stamps. The clock that they steered was a
simulated one, up to 12 ppm off, so that the servo had something to do. Between the two parts of
each cut lines were left out, and the paths of sockets are the usual ones.
"""

import math
import re
from pathlib import Path

import pytest

from tests.trx.log.making import reading_of
from vibforge.trx.log.events import EventKind
from vibforge.trx.log.reading import LogReading

FOLDER = Path(__file__).parent / "real"
_SAMPLE = re.compile(
    r"\S+\[([0-9.]+)\]: .*offset +(-?\d+) s(\d) freq +([-+]\d+) (?:path )?delay +(\d+)"
)
_SUMMARY = re.compile(r"\S+\[([0-9.]+)\]: rms +(\d+) max +(\d+) freq")


def read(name: str) -> LogReading:
    return reading_of((FOLDER / name).read_bytes(), host="esx")


def samples_of(name: str) -> list[tuple[float, int, int, int, int]]:
    """Read a log in another way: time, offset, servo, frequency, delay."""
    text = (FOLDER / name).read_text(encoding="ascii")
    return [
        (float(time), int(offset), int(servo), int(freq), int(delay))
        for time, offset, servo, freq, delay in _SAMPLE.findall(text)
    ]


@pytest.mark.parametrize("name", ["linuxptp-3.1.1.log", "linuxptp-4.4.log", "phc2sys-3.1.1.log"])
def test_the_statistics_are_those_of_another_reader(name: str) -> None:
    samples = samples_of(name)
    locked = [each for each in samples if each[2] >= 2]
    assert len(locked) > 50
    (clock,) = read(name).clocks
    columns = zip(*locked, strict=True)
    next(columns)
    offsets, _, freqs, delays = columns
    for found, values in ((clock.offset, offsets), (clock.freq, freqs), (clock.delay, delays)):
        assert found is not None
        assert (found.count, found.minimum, found.maximum) == (
            len(values), min(values), max(values),
        )  # fmt: skip
        assert found.mean == pytest.approx(sum(values) / len(values), rel=1e-12)
        squares = sum(value * value for value in values)
        assert found.rms == pytest.approx(math.sqrt(squares / len(values)), rel=1e-12)
        assert found.p99 == sorted(map(abs, values))[math.ceil(0.99 * len(values)) - 1]
    first = next(each[0] for each in samples if each[2] >= 2)
    assert clock.first_lock is not None
    assert clock.first_lock.seconds == first
    worst = max(abs(each[1]) for each in samples if each[0] >= first)
    assert clock.worst is not None
    assert clock.worst.nanoseconds == worst
    assert sum(clock.states.values()) == len(samples)


def test_summaries_are_those_of_another_reader() -> None:
    name = "linuxptp-4.4-summary.log"
    text = (FOLDER / name).read_text(encoding="ascii")
    slave = text.index("UNCALIBRATED to SLAVE")
    largest = [int(line[2]) for line in _SUMMARY.findall(text, slave)]
    (clock,) = read(name).clocks
    assert clock.summaries is not None
    assert clock.summaries.largest == max(largest)
    assert clock.offset is None
    assert sum(clock.states.values()) == len(_SUMMARY.findall(text))


@pytest.mark.parametrize(
    "name", ["linuxptp-3.1.1.log", "linuxptp-4.4.log", "linuxptp-4.4-summary.log"]
)
def test_the_failover_is_seen(name: str) -> None:
    reading = read(name)
    chosen = [each.identity for each in reading.grandmasters if each.identity]
    assert len(set(chosen)) == 2
    lost = [e.what for e in reading.events if e.kind is EventKind.PORT and "TIMEOUT" in e.what]
    assert len(lost) == 1
    (port,) = reading.ports
    assert port.state == "SLAVE"
    (clock,) = reading.clocks
    assert clock.locked_at_end
    # The part that was left out, and the failover itself.
    assert clock.gaps == 2
    assert clock.longest_gaps[0].seconds > 100 > clock.longest_gaps[1].seconds > 9


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.log")), ids=lambda path: path.name)
def test_every_line_is_known(path: Path) -> None:
    reading = read(path.name)
    assert reading.unknown_lines == 0
    assert reading.known_lines == len(path.read_bytes().splitlines())
