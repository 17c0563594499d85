"""`vibforge trx log`: whether the clock of a host kept time, according to its logs."""

import sys
from collections import deque
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vibforge.cli.arguments import Json, columns, exit_unless, paint, print_json, print_report, tell
from vibforge.cli.streams import Stopped
from vibforge.cli.trx_arguments import write
from vibforge.errors import TrxError
from vibforge.report import documents
from vibforge.report import trx_log as report
from vibforge.report.page import clock_log
from vibforge.trx.log import assess as log_assess
from vibforge.trx.log import follow as log_follow
from vibforge.trx.log import limits as log_limits
from vibforge.trx.log import order as log_order
from vibforge.trx.log import prometheus as log_prometheus
from vibforge.trx.log import reading as log_reading
from vibforge.trx.log import stability as log_stability
from vibforge.trx.log import verdict as log_verdict

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from vibforge.trx.log.assess import Assessment
    from vibforge.trx.log.reading import LogReader, LogReading
    from vibforge.trx.log.verdict import ErrorBudget

_RECENT = 30
_WRITE_EVERY = 30
"""The file for Prometheus is written at every 30th poll of a followed log: every 15 s."""


def log(  # noqa: PLR0913 - the options of the command
    files: Annotated[
        list[Path],
        typer.Argument(
            metavar="FILE…",
            help="Logs, folders, archives, vm-support archives; - for standard input.",
        ),
    ],
    *,
    limit: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="Check this limit: g8271-4, rts25, … or a time such as 1.5us; may be repeated.",
        ),
    ] = None,
    reference_error: Annotated[
        str | None,
        typer.Option(metavar="N", help="Error of the grandmaster in ns; added to max |TE|."),
    ] = None,
    asymmetry: Annotated[
        str | None,
        typer.Option(
            metavar="N",
            help="Half the difference between the delays of both directions, in ns; added to "
            "max |TE|.",
        ),
    ] = None,
    stability: Annotated[
        bool,
        typer.Option("--stability", help="Also compute MTIE and TDEV; needs vibforge[stability]."),
    ] = False,
    follow: Annotated[
        bool, typer.Option("--follow", help="Keep reading what is appended to FILE.")
    ] = False,
    seconds: Annotated[
        float | None,
        typer.Option(metavar="N", min=1, help="With --follow: stop after this many seconds."),
    ] = None,
    prometheus: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Also write gauges for Prometheus."),
    ] = None,
    html: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Also write an HTML page with the curves.")
    ] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Also print all events, notes and unknown lines.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Check by the logs of ptp4l, phc2sys and TRX whether a clock kept time within limits.

    Rotated and compressed files may be given in any order. Exit code 1 means that a limit was
    exceeded, or that the logs do not show that it was kept. --follow prints the report at its end,
    also after Ctrl-C.
    """
    limits = log_limits.limits_of(limit or [])
    budget = _budget(reference_error, asymmetry)
    judged = partial(log_assess.assess, limits=limits, budget=budget)
    stopped = None
    if stability:
        log_stability.require_allantools()
    if follow:
        reading, stopped = _followed(files, seconds, judged, prometheus)
    elif seconds is not None:
        raise typer.BadParameter("--seconds goes with --follow")
    else:
        reading = log_reading.read_clock_logs(files, sys.stdin.buffer)
    found = judged(reading, with_stability=stability)
    if prometheus:
        _write_gauges(found, prometheus)
    if html:
        write(clock_log.clock_log_page(found, datetime.now(UTC)), html)
    if as_json:
        print_json(documents.trx_log.TrxLog.of(found))
    else:
        print_report(report.log_text(found, paint(), everything=everything))
    if stopped:
        raise stopped
    if reading.problems:
        raise TrxError.from_problems(reading.problems)
    exit_unless(good=found.good)


def _budget(reference_error: str | None, asymmetry: str | None) -> "ErrorBudget":
    """Return the errors of --reference-error and --asymmetry, which no log shows."""
    return log_verdict.ErrorBudget(
        *(
            None if text is None else log_limits.nanoseconds_of(text, option)
            for text, option in (
                (reference_error, "--reference-error"),
                (asymmetry, "--asymmetry"),
            )
        )
    )


def _followed(
    files: "Sequence[Path]",
    seconds: float | None,
    judged: "Callable[[LogReading], Assessment]",
    prometheus: Path | None,
) -> "tuple[LogReading, Stopped | None]":
    """Follow one log; return its reading, and the signal that stopped it or None."""
    if len(files) != 1 or str(files[0]) == "-":
        raise typer.BadParameter("--follow takes one FILE, not standard input")
    reader, host = log_reading.LogReader(), log_order.log_name(files[0])
    looks = 0
    stopped = None
    with _live(reader) as show:

        def on_look() -> None:
            nonlocal looks
            show()
            if prometheus and looks % _WRITE_EVERY == 0:
                _write_gauges(judged(reader.result()), prometheus)
            looks += 1

        try:
            log_follow.follow(files[0], host, reader, on_look, seconds)
        except Stopped as stop:
            stopped = stop
    reading = reader.result()
    log_reading.require_clock_lines(reading)
    return reading, stopped


@contextmanager
def _live(reader: "LogReader") -> "Iterator[Callable[[], None]]":
    """Yield a function that shows the clocks of a log in one line of a terminal."""
    if not sys.stderr.isatty():
        yield lambda: None
        return
    recent: deque[float] = deque(maxlen=_RECENT)

    def show() -> None:
        clocks = reader.now()
        recent.extend(float(clock.last) for clock in clocks[:1] if clock.last is not None)
        line = report.live_line(clocks, list(recent))
        tell(f"\r\x1b[K{line[: columns(80) - 1]}", end="")

    try:
        yield show
    finally:
        tell("\r\x1b[K", end="")


def _write_gauges(found: "Assessment", path: Path) -> None:
    write(log_prometheus.prometheus_text(found.reading, found.judgement), path)
