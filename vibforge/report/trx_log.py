"""How clock logs look to people: one block a clock, then events, messages and verdicts."""

from collections.abc import Callable, Iterator, Sequence

from vibforge.errors import escaped
from vibforge.findings.check import Severity
from vibforge.report.paint import Paint
from vibforge.report.units import curve, nanoseconds, size
from vibforge.trx.log.assess import Assessment
from vibforge.trx.log.clock import ClockLog, Summaries
from vibforge.trx.log.events import ClockEvent
from vibforge.trx.log.messages import Found
from vibforge.trx.log.reading import ClockNow, LogReading
from vibforge.trx.log.series import Point
from vibforge.trx.log.stability import StabilityPoint
from vibforge.trx.log.statistics import Summary
from vibforge.trx.log.verdict import ErrorBudget, Holding, LimitVerdict

_LABEL = 12
_EVENTS = 4
"""Events that are shown of the beginning, and as many of the end."""
_UNKNOWN = 3
_IN_FULL = 4
"""Clocks that are shown in full; more of them stand side by side in a table."""
_ROWS = 40
_SOURCES = 8
_TITLES = ("locked", "without", "rms", "p99", "max |TE|", "gaps")
_TAUS = 8
_CURVE = 48
_ROLES = {Severity.ERROR: "bad", Severity.WARNING: "warn", Severity.NOTE: "dim"}
_HOLDING = {Holding.KEPT: "good", Holding.EXCEEDED: "bad", Holding.NOT_SHOWN: "warn"}


def log_text(found: Assessment, paint: Paint, *, everything: bool = False) -> str:
    """Show what logs say; with `everything` all events, notes and unknown lines that are kept."""
    reading = found.reading
    lines = [*_sources(reading, paint), *_verdicts(found, paint)]
    if len(reading.clocks) > _IN_FULL and not everything:
        lines += _table(reading.clocks, paint)
    else:
        for clock in reading.clocks:
            lines += _clock(clock, found, paint)
    lines += _ports(reading, everything=everything)
    lines += _events(reading, everything=everything)
    lines += _messages(reading, paint, everything=everything)
    lines += _unknown(reading, paint, everything=everything)
    lines += _unproven(found)
    return "\n".join(lines)


def live_line(clocks: Sequence[ClockNow], recent: Sequence[float]) -> str:
    """Show a log that is being followed in one line: each clock's state and last offset."""
    parts = [
        f"{clock.key.program} {clock.state or 'silent'} {nanoseconds(clock.last)}"
        for clock in clocks
        if clock.last is not None
    ]
    return escaped("  ".join(parts) or "no measurement yet") + f"  {curve(recent, 30)}"


def duration(seconds: float) -> str:
    """Write a duration: `12.3 s`, `10 min 3 s`, `3 h 20 min`, `2 d 4 h`."""
    if seconds < 60:  # noqa: PLR2004 - a minute
        return f"{seconds:.1f} s"
    whole = round(seconds)
    for large, small, unit, other in ((86400, 3600, "d", "h"), (3600, 60, "h", "min")):
        if whole >= large:
            return f"{whole // large} {unit} {whole % large // small} {other}"
    return f"{whole // 60} min {whole % 60} s"


def _sources(reading: LogReading, paint: Paint) -> Iterator[str]:
    for source in reading.sources[:_SOURCES]:
        cut = paint(f", {source.cut} lines cut or too long", "warn") if source.cut else ""
        when = f", {source.first} to {source.last}" if source.first and source.last else ""
        yield f"{escaped(source.name)}: {source.lines} lines, {size(source.size)}{when}{cut}"
    if len(reading.sources) > _SOURCES:
        yield f"… {len(reading.sources) - _SOURCES} more logs"


def _line(label: str, text: str) -> str:
    return f"  {label:<{_LABEL}} {text}"


def _table(clocks: Sequence[ClockLog], paint: Paint) -> Iterator[str]:
    """Show clocks side by side, one a line."""
    width = min(40, max(len(clock.key.host) for clock in clocks))
    yield ""
    titles = "".join(f"{title:<11}" for title in _TITLES).rstrip()
    yield f"  {'host':<{width}}  program  {titles}"
    for clock in clocks[:_ROWS]:
        locked = locked_share(clock)
        told = clock.offset
        cells = (
            locked,
            duration(clock.unlocked_seconds),
            ns(told.rms) if told else "-",
            ns(told.p99) if told else "-",
            ns(clock.worst.nanoseconds) if clock.worst else "-",
            str(clock.gaps),
        )
        row = "".join(f"{cell:<11}" for cell in cells).rstrip()
        role = "strong" if clock.locked_at_end else "bad"
        host = f"{escaped(clock.key.host):<{width}}"
        yield f"  {paint(host, role)}  {clock.key.program:<7}  {row}"
    if len(clocks) > _ROWS:
        yield f"  … {len(clocks) - _ROWS} more"
    yield paint("  --all shows each in full; red: not locked at the end", "dim")


def locked_share(clock: ClockLog) -> str:
    """Return the part of the time in which a clock was locked, in per cent."""
    if clock.first_lock is None:
        return "never"
    share = 100 * clock.locked_seconds / clock.seconds if clock.seconds else 100.0
    return f"{share:.2f} %"


def ns(value: float) -> str:
    """Write nanoseconds, small ones with a tenth."""
    if abs(value) < 10 and value % 1:  # noqa: PLR2004 - where a tenth says something
        return f"{round(value, 1) + 0.0:.1f} ns"
    return nanoseconds(value)


def _clock(clock: ClockLog, found: Assessment, paint: Paint) -> Iterator[str]:
    key = clock.key
    yield ""
    yield paint(escaped(f"{key.host}: {key.program} {key.clock}"), "strong")
    yield _line("locked", _locked_text(clock, paint))
    if clock.offset:
        yield _line("offset", _summary_text(clock.offset, ns))
    if clock.summaries:
        yield _line("summaries", _summaries_text(clock.summaries))
    if clock.delay:
        yield _line("path delay", _summary_text(clock.delay, ns))
    if clock.freq:
        yield _line("frequency", _summary_text(clock.freq, _ppb))
    if clock.worst:
        worst = f"{ns(clock.worst.nanoseconds)} at {clock.worst.at}"
        yield _line("max |TE|", f"{worst}  {_sparkline(clock.curve)}")
    if clock.gaps:
        longest = ", ".join(f"{duration(g.seconds)} from {g.start}" for g in clock.longest_gaps[:3])
        yield _line("gaps", f"{clock.gaps}, {duration(clock.gap_seconds)} in all: {longest}")
    if found.stability is not None:
        yield from _stability(clock, found.stability.get(key, ()))


def _locked_text(clock: ClockLog, paint: Paint) -> str:
    lines = ", ".join(f"{state} {count}" for state, count in clock.states.items())
    if clock.first_lock is None:
        return paint("never", "bad") + f" in {duration(clock.seconds)} ({lines})"
    end = "" if clock.locked_at_end else paint(", not at the end", "bad")
    without = duration(clock.unlocked_seconds)
    return (
        f"{locked_share(clock)} of {duration(clock.seconds)}, {without} without, first at"
        f" {clock.first_lock}{end} (lines: {lines})"
    )


def _summary_text(summary: Summary, written: Callable[[float], str]) -> str:
    about = "≈" if summary.error else ""
    return (
        f"min {written(summary.minimum)}, max {written(summary.maximum)}, mean"
        f" {written(summary.mean)}, rms {written(summary.rms)}, p99 {about}{written(summary.p99)}"
        f" ({summary.count} samples)"
    )


def _summaries_text(summaries: Summaries) -> str:
    return (
        f"{summaries.lines} lines `rms … max …`, which are no samples: rms"
        f" {ns(summaries.rms)}, largest max {ns(summaries.largest)}"
    )


def _ppb(value: float) -> str:
    return f"{value:.0f} ppb"


def _sparkline(points: Sequence[Point]) -> str:
    """Draw the largest distance from zero of as many groups of points as there is room for."""
    group = -(-len(points) // _CURVE) or 1
    peaks = [
        float(max(max(abs(point.low), abs(point.high)) for point in points[start : start + group]))
        for start in range(0, len(points), group)
    ]
    return curve(peaks, _CURVE)


def _stability(clock: ClockLog, points: Sequence[StabilityPoint]) -> Iterator[str]:
    stretch = clock.stretch
    if stretch is None or not points:
        yield _line("MTIE, TDEV", "too few samples in a row")
        return
    each = stretch.samples_per_point
    made = "every sample"
    if each > 1:
        made = f"{each} samples a point; times below that of {points[0].samples} samples"
    yield _line(
        "MTIE, TDEV",
        f"of {duration(stretch.seconds)} without a gap from {stretch.start}, {made}",
    )
    step = -(-len(points) // _TAUS)
    for point in points[::step]:
        most = f" to {ns(point.mtie_at_most)}" if point.mtie_at_most > point.mtie else ""
        tdev = "" if point.tdev is None else f", TDEV {ns(point.tdev)}"
        yield _line("", f"{duration(point.tau)}: MTIE {ns(point.mtie)}{most}{tdev}")


def _ports(reading: LogReading, *, everything: bool) -> Iterator[str]:
    if reading.ports or reading.grandmasters:
        yield ""
    for port in reading.ports[:_IN_FULL] if not everything else reading.ports:
        spent = ", ".join(f"{state} {duration(s)}" for state, s in port.seconds.items() if s)
        yield escaped(f"{port.host}: {port.name} is {port.state}; {spent}")
    if len(reading.ports) > _IN_FULL and not everything:
        yield f"… {len(reading.ports) - _IN_FULL} more ports; --all shows them"
    chosen = [each for each in reading.grandmasters if each.identity]
    if chosen:
        names = ", ".join(dict.fromkeys(each.identity for each in chosen))
        yield f"grandmasters: {escaped(names)}; {reading.grandmaster_changes} changes between them"


def _events(reading: LogReading, *, everything: bool) -> Iterator[str]:
    events = reading.events
    if not events:
        return
    yield f"\nevents: {reading.event_count}"
    if everything or len(events) <= 2 * _EVENTS:
        yield from (_event_line(event, reading) for event in events)
        return
    yield from (_event_line(event, reading) for event in events[:_EVENTS])
    yield f"  … {reading.event_count - 2 * _EVENTS} more; --all shows them"
    yield from (_event_line(event, reading) for event in events[-_EVENTS:])


def _event_line(event: ClockEvent, reading: LogReading) -> str:
    return escaped(f"  {event.at}  {_of(event.host, reading)}{event.program}: {event.what}")


def _messages(reading: LogReading, paint: Paint, *, everything: bool) -> Iterator[str]:
    by_message: dict[str, list[Found]] = {}
    for found in reading.messages:
        by_message.setdefault(found.message.id, []).append(found)
    kinds = sorted(by_message.values(), key=_worst_first)
    shown = [each for each in kinds if everything or each[0].message.severity is not Severity.NOTE]
    if shown:
        yield "\nmessages:"
    for each in shown:
        yield from _message(each, reading, paint)
    if len(kinds) > len(shown):
        yield paint(f"  and {len(kinds) - len(shown)} kinds of notes; --all shows them", "dim")


def _worst_first(founds: Sequence[Found]) -> tuple[int, int]:
    severity = founds[0].message.severity
    return list(Severity).index(severity), -sum(found.count for found in founds)


def _message(founds: Sequence[Found], reading: LogReading, paint: Paint) -> Iterator[str]:
    found = founds[0]
    message = found.message
    count = sum(each.count for each in founds)
    first = f", first {found.first}" if found.first else ""
    times = f"{count} times" if count > 1 else "once"
    hosts = list(dict.fromkeys(each.host for each in founds if each.host))
    on = ""
    if len(reading.hosts) > 1 and hosts:
        on = f" on {', '.join(hosts[:3])}" + (f" and {len(hosts) - 3} more" if hosts[3:] else "")
    severity = paint(str(message.severity), _ROLES[message.severity])
    yield f"  {severity} {times}{escaped(on)}{first}: {escaped(found.example)}"
    yield f"    {message.meaning}"
    if message.remedy:
        yield paint(f"    → {message.remedy}", "strong")


def _unknown(reading: LogReading, paint: Paint, *, everything: bool) -> Iterator[str]:
    if reading.unknown_lines:
        most = len(reading.unknown) if everything else _UNKNOWN
        yield f"\nlines that vibforge does not know: {reading.unknown_lines}; the commonest:"
        for each in reading.unknown[:most]:
            yield f"  {each.count:>6}  {escaped(each.example)}"
    if reading.unread_time:
        yield paint(
            f"a time of day was not understood ({escaped(reading.unread_time)}); the monotonic"
            " clock counts",
            "warn",
        )
    if reading.overlooked:
        yield paint(f"{reading.overlooked} lines of more clocks than are told apart", "warn")


def _verdicts(found: Assessment, paint: Paint) -> Iterator[str]:
    if not found.judgement.verdicts:
        return
    yield ""
    for verdict in found.judgement.verdicts:
        yield from _verdict(verdict, found.judgement.budget, paint)


def _unproven(found: Assessment) -> Iterator[str]:
    if found.judgement.verdicts:
        yield "\nwhat no such log proves:"
        yield from (f"  {text}" for text in found.unproven)


def _of(host: str, reading: LogReading) -> str:
    """Return the name of a host in front of something of it, where there are several."""
    return f"{host}: " if len(reading.hosts) > 1 else ""


def _verdict(verdict: LimitVerdict, budget: ErrorBudget, paint: Paint) -> Iterator[str]:
    limit = verdict.limit
    word = paint(str(verdict.holding), _HOLDING[verdict.holding])
    told = "nothing measured"
    if verdict.total is not None:
        at = f" at {verdict.worst_at}" if verdict.worst_at else ""
        told = f"max |TE| {ns(verdict.measured or 0.0)}{at}"
        if budget.ns:
            told += f" + budget {ns(budget.ns)} = {ns(verdict.total)}"
    most = ns(limit.ns)
    yield f"{escaped(verdict.host)}: {escaped(limit.name)} {word}: {told}, limit {most}"
    if limit.source:
        note = f" {limit.note}" if limit.note else ""
        yield f"  {limit.of}; {limit.source}, as generally known: check the number there.{note}"
    yield from (paint(f"  {reason}", "warn") for reason in verdict.reasons)
