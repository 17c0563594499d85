import io
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from vibforge.cli import main
from vibforge.report.page.clock_log import clock_log_page
from vibforge.report.page.curves import decades
from vibforge.trx.log.assess import Assessment, assess
from vibforge.trx.log.limits import limits_of
from vibforge.trx.log.reading import read_clock_logs
from vibforge.trx.log.verdict import ErrorBudget

REAL = Path(__file__).parents[1] / "trx/log/real"
WHEN = datetime(2026, 11, 28, 12, 0, tzinfo=UTC)


def assessed(*files: Path, limits: tuple[str, ...] = ("1us", "1ms")) -> Assessment:
    reading = read_clock_logs(files or tuple(sorted(REAL.glob("*"))), io.BytesIO())
    return assess(reading, limits_of(list(limits)), ErrorBudget())


def test_the_page_says_verdict_digest_dates_and_version() -> None:
    found = assessed()
    page = clock_log_page(found, WHEN)
    assert page == clock_log_page(found, WHEN)
    assert "<h1>Time was not shown to be kept" in page
    assert "2026-11-28 12:00 UTC, with vibforge" in page
    for log in found.reading.sources:
        assert log.sha256 in page
    for event in found.reading.events[:20]:
        assert event.kind in page
    assert page.count("<svg") >= 2 * len(found.reading.clocks)
    assert "What no such log proves" in page


def test_the_page_needs_nothing_from_elsewhere() -> None:
    page = clock_log_page(assessed(), WHEN)
    assert re.findall(r'(?:src|href)="(?!#)[^"]*"', page) == []
    assert page.count("<script") <= 1
    assert "http" not in re.sub(r"http://www\.w3\.org/[^\"' ]*", "", page)


def test_without_a_limit_there_is_no_verdict() -> None:
    page = clock_log_page(assessed(limits=()), WHEN)
    assert "<h1>Clock logs" in page
    assert '<header class="open">' in page


def test_what_a_log_says_is_text_and_no_markup(tmp_path: Path) -> None:
    log = tmp_path / "<b>host<b>.log"
    log.write_bytes(
        b"ptp4l[1.000]: master offset 5 s2 freq +5 path delay 20\n"
        b"ptp4l[2.000]: <script>alert(1)</script>\n"
    )
    page = clock_log_page(assessed(log), WHEN)
    assert "<script>alert" not in page
    assert "<b>host" not in page


def test_the_command_writes_the_page(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = tmp_path / "page.html"
    log = str(min(REAL.glob("*")))
    assert main(["trx", "log", log, "--html", str(page)]) == 0
    assert capsys.readouterr().out
    assert page.read_text(encoding="utf-8").startswith("<!doctype html>")


@pytest.mark.parametrize(
    ("values", "ticks"),
    [([3.0], [1, 2, 5, 10, 20, 50]), ([1.0, 5000.0], [1.0, 10.0, 100.0, 1000.0, 10000.0])],
)
def test_decades(values: list[float], ticks: list[float]) -> None:
    assert decades(values) == ticks


def test_the_range_of_a_log_goes_by_time_and_not_by_letters(tmp_path: Path) -> None:
    log = tmp_path / "host.log"
    lines = (
        f"ptp4l[{n}.000]: master offset 5 s2 freq +5 path delay 20\n" for n in range(990, 1010)
    )
    log.write_text("".join(lines))
    assert "990.000 s to 1009.000 s" in clock_log_page(assessed(log), WHEN)
