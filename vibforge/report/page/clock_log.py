"""The page of clock logs: verdict, curves, histogram, MTIE and TDEV, events and messages."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from msgspec import Struct

from vibforge.findings.check import Severity
from vibforge.report.page.curves import Points, bars, log_curves, plots
from vibforge.report.page.kit import LONG_TABLE, made_at, render
from vibforge.report.trx_log import duration, locked_share, ns
from vibforge.report.units import nanoseconds, size
from vibforge.trx.log.assess import Assessment
from vibforge.trx.log.clock import ClockLog
from vibforge.trx.log.messages import Found
from vibforge.trx.log.moments import Moment
from vibforge.trx.log.reading import LogReading
from vibforge.trx.log.statistics import Summary
from vibforge.trx.log.verdict import LimitVerdict

_SHOWN_POINTS = 300
"""Points of a curve; a page is looked at, and each point is an element of it."""
_CURVES = 8
"""Clocks whose curves are drawn; more of them stand in the table alone."""
_SHOWN_EVENTS = 400
_BARS = 30
_CLOCK_COLUMNS = (
    ("clock", False),
    ("locked", True),
    ("without lock", True),
    ("rms", True),
    ("p99", True),
    ("max |TE|", True),
    ("path delay", True),
    ("gaps", True),
)
_VERDICTS = {
    None: "No limit was named, so there is no verdict: --limit NAME checks one.",
    True: "Every host kept every limit.",
    False: "A limit was exceeded, or the logs do not show that it was kept.",
}


class ClockPart(Struct, frozen=True, kw_only=True):
    """What the page shows of one clock."""

    name: str
    tiles: tuple[tuple[str, str], ...]
    charts: tuple[tuple[str, dict[str, str]], ...]
    note: str


def clock_log_page(found: Assessment, when: datetime) -> str:
    """Return the page of what clock logs say, which was found out at `when`."""
    reading, verdicts = found.reading, found.judgement.verdicts
    good = found.good if verdicts else None
    words = {True: "Time was kept", False: "Time was not shown to be kept", None: "Clock logs"}
    return render(
        "clock_log.html",
        title=f"{words[good]}: {', '.join(reading.hosts[:3]) or 'no host'}",
        good=good,
        verdict=_VERDICTS[good],
        facts=_facts(found, when),
        limits=[_limit_row(verdict) for verdict in verdicts],
        remedies=_remedies(reading.messages),
        clock_columns=_CLOCK_COLUMNS,
        clock_rows=[_clock_row(clock) for clock in reading.clocks],
        searched=len(reading.clocks) >= LONG_TABLE,
        clocks=[_clock(clock, found) for clock in reading.clocks[:_CURVES]],
        messages=[_message_row(message) for message in reading.messages],
        events=[
            (str(event.at), event.host, event.program, str(event.kind), event.what)
            for event in reading.events[:_SHOWN_EVENTS]
        ],
        event_count=reading.event_count,
        unknown=[(f"{line.count}", line.example) for line in reading.unknown],
        unknown_lines=reading.unknown_lines,
        unproven=found.unproven,
        sources=[
            (log.name, f"{log.lines}", f"{log.size}", log.first, log.last, log.sha256)
            for log in reading.sources
        ],
        long_table=LONG_TABLE,
        has_long_table=max(
            len(reading.clocks), len(reading.messages), min(len(reading.events), _SHOWN_EVENTS)
        )
        >= LONG_TABLE,
    )


def _facts(found: Assessment, when: datetime) -> list[tuple[str, str]]:
    reading, budget = found.reading, found.judgement.budget
    total = sum(log.size for log in reading.sources)
    changes = f"{reading.grandmaster_changes} changes between them"
    chosen = dict.fromkeys(master.identity or "its own clock" for master in reading.grandmasters)
    names = ", ".join(chosen) or "none named"
    return [
        ("read", made_at(when)),
        ("logs", f"{len(reading.sources)}, {size(total)}{_span(reading)}"),
        ("grandmasters", f"{names}; {changes}"),
        ("budget", f"{nanoseconds(budget.ns)} added for reference error and asymmetry"),
    ]


def _span(reading: LogReading) -> str:
    """Return from when to when one host was measured; clocks of several hosts do not compare."""
    if len(reading.hosts) != 1 or not reading.clocks:
        return ""
    start = min((clock.start for clock in reading.clocks), key=_order)
    end = max((clock.end for clock in reading.clocks), key=_order)
    return f", {start} to {end}"


def _order(moment: Moment) -> tuple[int, float]:
    return moment.restarts, moment.seconds


def _limit_row(verdict: LimitVerdict) -> tuple[object, ...]:
    total = verdict.total
    why = "; ".join(filter(None, (*verdict.reasons, verdict.limit.source))) or "-"
    return (
        verdict.host,
        f"{verdict.limit.name} {verdict.limit.of}".strip(),
        str(verdict.holding),
        ("-", "0") if total is None else (ns(total), f"{total:.0f}"),
        (nanoseconds(verdict.limit.ns), f"{verdict.limit.ns:.0f}"),
        why,
    )


def _remedies(messages: Sequence[Found]) -> list[str]:
    serious = [found for found in messages if found.message.severity is not Severity.NOTE]
    return list(dict.fromkeys(each.message.remedy for each in serious if each.message.remedy))


def _message_row(found: Found) -> tuple[object, ...]:
    return (
        str(found.message.severity),
        f"{found.count}",
        str(found.first or "-"),
        found.example,
        found.message.meaning,
        found.message.remedy or "-",
    )


def _clock_row(clock: ClockLog) -> tuple[object, ...]:
    offset, worst = clock.offset, clock.worst
    return (
        _name(clock),
        locked_share(clock),
        (duration(clock.unlocked_seconds), f"{clock.unlocked_seconds:.0f}"),
        _cell(offset.rms if offset else None),
        _cell(offset.p99 if offset else None),
        _cell(worst.nanoseconds if worst else None),
        _cell(clock.delay.mean if clock.delay else None),
        f"{clock.gaps}",
    )


def _cell(value: float | None) -> tuple[str, str]:
    return ("-", "0") if value is None else (ns(value), f"{value:.0f}")


def _name(clock: ClockLog) -> str:
    return f"{clock.key.host}: {clock.key.program} {clock.key.clock}"


def _clock(clock: ClockLog, found: Assessment) -> ClockPart:
    stable = (found.stability or {}).get(clock.key, ())
    return ClockPart(
        name=_name(clock),
        tiles=tuple(_tiles(clock)),
        charts=tuple(_charts(clock, found)),
        note=" ".join(_notes(clock, with_stability=bool(stable))),
    )


def _tiles(clock: ClockLog) -> Iterator[tuple[str, str]]:
    yield "locked", locked_share(clock)
    yield "without lock", duration(clock.unlocked_seconds)
    if clock.worst:
        yield f"max |TE|, at {clock.worst.at}", ns(clock.worst.nanoseconds)
    if clock.offset:
        yield "offset, mean", ns(clock.offset.mean)
        yield "offset, rms", ns(clock.offset.rms)
        yield "offset, p99", ns(clock.offset.p99)
    if clock.delay:
        yield "path delay, mean", ns(clock.delay.mean)
    if clock.freq:
        yield "frequency, mean", f"{clock.freq.mean:.0f} ppb"
    yield "gaps", f"{clock.gaps}, {duration(clock.gap_seconds)}"


def _charts(clock: ClockLog, found: Assessment) -> Iterator[tuple[str, dict[str, str]]]:
    name = f"clock{found.reading.clocks.index(clock)}"
    points = _extremes(clock)
    if points:
        yield "Offset from the grandmaster", plots(f"{name}-offset", points, nanoseconds)
    if clock.offset and clock.offset.histogram:
        yield "Histogram of the offset while locked", bars(f"{name}-bins", _bins(clock.offset))
    stable = (found.stability or {}).get(clock.key, ())
    if stable:
        curves = {
            "MTIE": [(point.tau, point.mtie) for point in stable if point.mtie > 0],
            "TDEV": [(point.tau, point.tdev) for point in stable if point.tdev],
        }
        yield "MTIE and TDEV", log_curves(f"{name}-stable", curves, nanoseconds)


def _extremes(clock: ClockLog) -> Points:
    """Return for each part of the curve the value that is furthest from zero."""
    if not clock.curve:
        return []
    step, start = _step(clock), clock.curve[0].seconds
    shown = []
    for first in range(0, len(clock.curve), step):
        part = clock.curve[first : first + step]
        low, high = min(point.low for point in part), max(point.high for point in part)
        shown.append((part[0].seconds - start, float(max(low, high, key=abs))))
    return shown


def _step(clock: ClockLog) -> int:
    """Return how many points of the curve are drawn as one."""
    return -(-len(clock.curve) // _SHOWN_POINTS) or 1


def _bins(summary: Summary) -> list[tuple[str, int]]:
    """Return at most `_BARS` bins, each with its range and its count."""
    step = -(-len(summary.histogram) // _BARS)
    parts = [summary.histogram[at : at + step] for at in range(0, len(summary.histogram), step)]
    return [
        (f"{nanoseconds(part[0].low)} to {nanoseconds(part[-1].high)}", sum(b.count for b in part))
        for part in parts
    ]


def _notes(clock: ClockLog, *, with_stability: bool) -> Iterator[str]:
    points = -(-len(clock.curve) // _step(clock))
    samples = clock.samples_per_point * _step(clock)
    if samples > 1:
        yield f"Each of the {points} points shows the worst of {samples} samples."
    if clock.offset and clock.offset.error:
        yield f"p99 is within {100 * clock.offset.error:.1f} % of its value."
    if with_stability:
        yield "MTIE and TDEV are of the longest time locked without a gap."
