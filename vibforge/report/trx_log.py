"""How clock logs look to people: one block a clock, then events, messages and verdicts."""

from collections.abc import Callable, Iterator, Sequence

from vibforge.errors import escaped
from vibforge.report.paint import Paint
from vibforge.report.units import curve, nanoseconds, size
from vibforge.trx.log.assess import Assessment
from vibforge.trx.log.clock import ClockLog, Summaries
from vibforge.trx.log.events import Event
from vibforge.trx.log.messages import Found, Severity
from vibforge.trx.log.reading import ClockNow, LogReading
from vibforge.trx.log.series import Point
from vibforge.trx.log.stability import StabilityPoint
from vibforge.trx.log.statistics import Summary
from vibforge.trx.log.verdict import Budget, Holding, LimitVerdict

_LABEL = 12
_EVENTS = 4
"""Events that are shown of the beginning, and as many of the end."""
_UNKNOWN = 3
_TAUS = 8
_CURVE = 48
_ROLES = {Severity.ERROR: "bad", Severity.WARNING: "warn", Severity.NOTE: "dim"}
_HOLDING = {Holding.KEPT: "good", Holding.EXCEEDED: "bad", Holding.NOT_SHOWN: "warn"}


def log_text(found: Assessment, paint: Paint, *, everything: bool = False) -> str:
    """Show what logs say; with `everything` all events, notes and unknown lines that are kept."""
    reading = found.reading
    lines = [*_sources(reading, paint), *_verdicts(found, paint)]
    for clock in reading.clocks:
        lines += _clock(clock, found, paint)
    lines += _ports(reading)
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
    for source in reading.sources:
        cut = paint(f", {source.cut} lines cut or too long", "warn") if source.cut else ""
        when = f", {source.first} to {source.last}" if source.first else ""
        yield f"{escaped(source.name)}: {source.lines} lines, {size(source.size)}{when}{cut}"


def _line(label: str, text: str) -> str:
    return f"  {label:<{_LABEL}} {text}"


def _clock(clock: ClockLog, found: Assessment, paint: Paint) -> Iterator[str]:
    key = clock.key
    yield ""
    yield paint(escaped(f"{key.host}: {key.program} {key.clock}"), "strong")
    yield _line("locked", _locked_text(clock, paint))
    if clock.offset:
        yield _line("offset", _summary_text(clock.offset, nanoseconds))
    if clock.summaries:
        yield _line("summaries", _summaries_text(clock.summaries))
    if clock.delay:
        yield _line("path delay", _summary_text(clock.delay, nanoseconds))
    if clock.freq:
        yield _line("frequency", _summary_text(clock.freq, _ppb))
    if clock.worst:
        worst = f"{nanoseconds(clock.worst.nanoseconds)} at {clock.worst.at}"
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
    share = 100 * clock.locked_seconds / clock.seconds if clock.seconds else 100.0
    end = "" if clock.locked_at_end else paint(", not at the end", "bad")
    without = duration(clock.unlocked_seconds)
    return (
        f"{share:.2f} % of {duration(clock.seconds)}, {without} without, first at"
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
        f" {nanoseconds(summaries.rms)}, largest max {nanoseconds(summaries.largest)}"
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
    made = f"1 of {each} samples a point" if each > 1 else "every sample"
    yield _line(
        "MTIE, TDEV",
        f"of {duration(stretch.seconds)} without a gap from {stretch.start}, {made}",
    )
    step = -(-len(points) // _TAUS)
    for point in points[::step]:
        most = f" to {nanoseconds(point.mtie_at_most)}" if point.mtie_at_most > point.mtie else ""
        tdev = "" if point.tdev is None else f", TDEV {nanoseconds(point.tdev)}"
        yield _line("", f"{duration(point.tau)}: MTIE {nanoseconds(point.mtie)}{most}{tdev}")


def _ports(reading: LogReading) -> Iterator[str]:
    if reading.ports or reading.grandmasters:
        yield ""
    for port in reading.ports:
        spent = ", ".join(f"{state} {duration(s)}" for state, s in port.seconds.items() if s)
        yield escaped(f"{port.host}: {port.name} is {port.state}; {spent}")
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


def _event_line(event: Event, reading: LogReading) -> str:
    return escaped(f"  {event.at}  {_of(event.host, reading)}{event.program}: {event.what}")


def _messages(reading: LogReading, paint: Paint, *, everything: bool) -> Iterator[str]:
    shown = [
        found
        for found in reading.messages
        if everything or found.message.severity is not Severity.NOTE
    ]
    if shown:
        yield "\nmessages:"
    for found in shown:
        yield from _message(found, reading, paint)
    notes = len(reading.messages) - len(shown)
    if notes:
        yield paint(f"  and {notes} kinds of notes; --all shows them", "dim")


def _message(found: Found, reading: LogReading, paint: Paint) -> Iterator[str]:
    message = found.message
    first = f", first {found.first}" if found.first else ""
    times = f"{found.count} times" if found.count > 1 else "once"
    severity = paint(str(message.severity), _ROLES[message.severity])
    host = escaped(_of(found.host, reading))
    yield f"  {severity} {host}{times}{first}: {escaped(found.example)}"
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


def _verdict(verdict: LimitVerdict, budget: Budget, paint: Paint) -> Iterator[str]:
    limit = verdict.limit
    word = paint(str(verdict.holding), _HOLDING[verdict.holding])
    told = "nothing measured"
    if verdict.total is not None:
        at = f" at {verdict.worst_at}" if verdict.worst_at else ""
        told = f"max |TE| {nanoseconds(verdict.measured or 0.0)}{at}"
        if budget.ns:
            told += f" + budget {nanoseconds(budget.ns)} = {nanoseconds(verdict.total)}"
    most = nanoseconds(limit.ns)
    yield f"{escaped(verdict.host)}: {escaped(limit.name)} {word}: {told}, limit {most}"
    if limit.source:
        note = f" {limit.note}" if limit.note else ""
        yield f"  {limit.of}; {limit.source}, as generally known: check the number there.{note}"
    yield from (paint(f"  {reason}", "warn") for reason in verdict.reasons)
