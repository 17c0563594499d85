import pytest

from tests.trx.log.making import phc_sample, reading_of, reading_of_parts, sample, steady, text
from vibforge.report.paint import Paint
from vibforge.report.trx_log import duration, live_line, log_text
from vibforge.trx.log.assess import assess
from vibforge.trx.log.limits import limits_of
from vibforge.trx.log.order import Part
from vibforge.trx.log.reading import LogReader, LogReading
from vibforge.trx.log.verdict import ErrorBudget


def shown(reading: LogReading, *limits: str, everything: bool = False) -> str:
    found = assess(reading, limits_of(limits), ErrorBudget())
    return log_text(found, Paint(), everything=everything)


@pytest.mark.parametrize(
    ("seconds", "written"),
    [(0, "0.0 s"), (59.94, "59.9 s"), (60, "1 min 0 s"), (3599, "59 min 59 s"),
     (3600, "1 h 0 min"), (90_000, "1 d 1 h")],
)  # fmt: skip
def test_durations(seconds: float, written: str) -> None:
    assert duration(seconds) == written


def test_few_clocks_are_shown_in_full_and_many_in_a_table() -> None:
    def read(count: int) -> LogReading:
        data = steady(1, range(-5, 30)) + sample(36, 9, 0)
        return reading_of_parts(
            Part(f"{n}.log", f"esx{n:02}", lambda: iter([data])) for n in range(count)
        )

    assert "offset       min -5 ns" in shown(read(2))
    many = shown(read(60))
    assert "offset       min -5 ns" not in many
    assert "  esx00  ptp4l    97.14 %" in many
    assert "… 20 more" in many
    assert len(many.splitlines()) < 100
    assert "offset       min -5 ns" in shown(read(60), everything=True)


def test_a_message_of_many_hosts_is_one() -> None:
    line = text(1, "clockcheck: clock jumped forward or running faster than expected!")
    reading = reading_of_parts(Part(f"{n}", f"esx{n}", lambda: iter([line])) for n in range(5))
    said = shown(reading)
    assert "error 5 times on esx0, esx1, esx2 and 2 more" in said
    assert said.count("Let only one program set each clock") == 1


def test_nothing_in_a_log_steers_the_terminal() -> None:
    data = steady(1, range(5)) + text(6, "evil \x1b[2J text") + b"other \x1b]0;x\x07 line\n"
    data += phc_sample(6, 1).replace(b"CLOCK_REALTIME", b"\x1b[31mclock")
    said = shown(reading_of(data, host="\x1b[1mesx"), "1us", everything=True)
    assert said.isascii() or "\x1b" not in said
    assert "\x1b" not in said
    assert "\x07" not in said


def test_a_verdict_that_is_not_shown_says_why() -> None:
    said = shown(reading_of(sample(1, 5, 0)), "g8271-4")
    assert "g8271-4 not shown: nothing measured, limit 1.5 µs" in said
    assert "ptp4l master was never locked" in said
    assert "check the number there" in said


def test_the_live_line() -> None:
    reader = LogReader()
    assert live_line(reader.now(), []).startswith("no measurement yet")
    reader.take(steady(1, [5, -7]), "log")
    assert live_line(reader.now(), [5, -7]) == "ptp4l s2 -7 ns  █▁"
