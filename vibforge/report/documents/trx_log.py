"""What `trx log --json` prints."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Self

from vibforge.esxi.release import Certainty
from vibforge.findings.check import Severity
from vibforge.report.documents.shape import Count, Document, Fault, Good, Sha256, Shape, Size, says
from vibforge.trx.log.events import EventKind
from vibforge.trx.log.verdict import RESULT_FORMAT, Holding

if TYPE_CHECKING:
    from vibforge.trx.log import events, messages, moments, reading, series, stability
    from vibforge.trx.log import statistics as log_statistics
    from vibforge.trx.log import verdict as log_verdict
    from vibforge.trx.log.assess import Assessment
    from vibforge.trx.log.clock import ClockLog, Worst

Seconds = Annotated[float, says("Seconds.")]
Nanoseconds = Annotated[float, says("Nanoseconds.")]
Host = Annotated[str, says("The host, or the name of a log whose lines tell no host.")]
ProgramName = Annotated[str, says("ptp4l or phc2sys; empty for lines of others.")]


class LogMoment(Shape, frozen=True):
    """When something happened."""

    monotonic_seconds: Annotated[float, says("Of the monotonic clock.")]
    time: Annotated[
        str | None,
        says("Time of day: ISO 8601 in UTC, or as syslog writes it where the year is not said."),
    ]
    restarts: Annotated[Count, says("How often the monotonic clock had started anew by then.")]

    @classmethod
    def of(cls, moment: "moments.Moment") -> Self:
        """Return a moment as programs read it."""
        return cls(
            monotonic_seconds=moment.seconds, time=moment.wall or None, restarts=moment.restarts
        )


class LogSource(Shape, frozen=True):
    """A log that was read."""

    path: Annotated[str, says("The file as it was given, and the path in each archive.")]
    host_name: Host
    size: Size
    sha256: Annotated[Sha256, says("Of the unpacked bytes.")]
    line_count: Annotated[Count, says("Lines that are not empty.")]
    cut: Annotated[Count, says("Lines that were too long, or did not end.")]
    begins: Annotated[str, says("When its first line of ptp4l or phc2sys was written.")]
    ends: Annotated[str, says("When the last one was.")]

    @classmethod
    def of(cls, source: "reading.SourceLog") -> Self:
        """Return a log as programs read it."""
        return cls(
            path=source.name,
            host_name=source.host,
            size=source.size,
            sha256=source.sha256,
            line_count=source.lines,
            cut=source.cut,
            begins=source.first,
            ends=source.last,
        )


class Bar(Shape, frozen=True):
    """A bar of a histogram."""

    low: Annotated[int, says("Values from here.")]
    high: Annotated[int, says("Up to here, without it.")]
    count: Annotated[Count, says("How many there are; the outer two take in what is beyond.")]


class Statistics(Shape, frozen=True):
    """What a stream of numbers came to."""

    sample_count: Annotated[Count, says("How many there were.")]
    minimum: Annotated[int, says("The least.")]
    maximum: Annotated[int, says("The greatest.")]
    mean: Annotated[float, says("The mean, exactly.")]
    rms: Annotated[float, says("The root mean square, exactly.")]
    p99: Annotated[int, says("99 of 100 are no further from zero.")]
    p99_relative_error: Annotated[
        float, says("The most by which `p99` is wrong, as a part of it; 0 where it is exact.")
    ]
    histogram: Annotated[tuple[Bar, ...], says("Bars of one width.")]

    @classmethod
    def of(cls, summary: "log_statistics.Summary | None") -> Self | None:
        """Return statistics as programs read them."""
        if summary is None:
            return None
        return cls(
            sample_count=summary.count,
            minimum=summary.minimum,
            maximum=summary.maximum,
            mean=summary.mean,
            rms=summary.rms,
            p99=summary.p99,
            p99_relative_error=summary.error,
            histogram=tuple(
                Bar(low=each.low, high=each.high, count=each.count) for each in summary.histogram
            ),
        )


class LogSummaries(Shape, frozen=True):
    """What lines `rms … max …` came to; they are no samples."""

    line_count: Annotated[Count, says("How many there were.")]
    largest: Annotated[Count, says("The largest `max`.")]
    rms: Annotated[float, says("Root of the mean of their squares; each line counts alike.")]


class LogGap(Shape, frozen=True):
    """A time without a line."""

    start: Annotated[LogMoment, says("The last line before.")]
    seconds: Seconds


class WorstOffset(Shape, frozen=True):
    """The largest distance from zero."""

    nanoseconds: Annotated[int, says("Nanoseconds.")]
    at: Annotated[LogMoment, says("When it was.")]

    @classmethod
    def of(cls, worst: "Worst | None") -> Self | None:
        """Return it as programs read it."""
        if worst is None:
            return None
        return cls(nanoseconds=worst.nanoseconds, at=LogMoment.of(worst.at))


class CurvePoint(Shape, frozen=True):
    """Samples that follow each other."""

    monotonic_seconds: Annotated[float, says("When the first one was taken.")]
    first_value: Annotated[int, says("Its value.")]
    low: Annotated[int, says("The least.")]
    high: Annotated[int, says("The greatest.")]

    @classmethod
    def of(cls, point: "series.Point") -> Self:
        """Return a point as programs read it."""
        return cls(
            monotonic_seconds=point.seconds, first_value=point.first, low=point.low, high=point.high
        )


class Tau(Shape, frozen=True):
    """How a clock moved within times of one length."""

    tau_seconds: Annotated[float, says("The length.")]
    mtie: Annotated[float, says("Of one sample a point, in nanoseconds.")]
    mtie_at_most: Annotated[float, says("What it can be at most with the samples in between.")]
    tdev: Annotated[float | None, says("Nanoseconds; null where there are too few for it.")]
    sample_count: Annotated[Count, says("Samples that were looked at, from the start.")]

    @classmethod
    def of(cls, point: "stability.StabilityPoint") -> Self:
        """Return a point as programs read it."""
        return cls(
            tau_seconds=point.tau,
            mtie=point.mtie,
            mtie_at_most=point.mtie_at_most,
            tdev=point.tdev,
            sample_count=point.samples,
        )


class Stability(Shape, frozen=True):
    """MTIE and TDEV of the longest time of locked samples without a gap."""

    start: Annotated[LogMoment, says("When it begins.")]
    seconds: Seconds
    sample_count: Annotated[Count, says("Samples in it, taken for equally spaced.")]
    samples_per_point: Annotated[Count, says("Samples that make one point.")]
    points: Annotated[tuple[Tau, ...], says("By the length of time; none of too few samples.")]

    @classmethod
    def of(cls, found: "ClockLog", assessment: "Assessment") -> Self | None:
        """Return the stability of a clock, if it was asked for and there are samples."""
        stretch = found.stretch
        if assessment.stability is None or stretch is None:
            return None
        return cls(
            start=LogMoment.of(stretch.start),
            seconds=stretch.seconds,
            sample_count=stretch.samples,
            samples_per_point=stretch.samples_per_point,
            points=tuple(map(Tau.of, assessment.stability.get(found.key, ()))),
        )


class LogClock(Shape, frozen=True):
    """One clock: ptp4l's against its grandmaster, or one that phc2sys steers."""

    host_name: Host
    program: ProgramName
    clock: Annotated[str, says("What the program calls it.")]
    first_line_at: Annotated[LogMoment, says("Its first line.")]
    last_line_at: Annotated[LogMoment, says("The last line of the program.")]
    seconds: Seconds
    locked_seconds: Annotated[float, says("Seconds of them that it was locked.")]
    unlocked_seconds: Annotated[float, says("Seconds that it was not, gaps included.")]
    first_lock: Annotated[LogMoment | None, says("When it was locked first.")]
    locked_at_end: Annotated[bool, says("Whether it is locked at the end.")]
    lines_by_state: Annotated[
        Mapping[str, int],
        says("Lines by state: `s0` to `s3`, or `rms` for summaries, which tell none."),
    ]
    offset_statistics: Annotated[
        Statistics | None, says("Offset in nanoseconds, samples while locked.")
    ]
    delay_statistics: Annotated[Statistics | None, says("Path delay in nanoseconds, while locked.")]
    freq_statistics: Annotated[Statistics | None, says("Frequency in ppb, while locked.")]
    summaries: Annotated[LogSummaries | None, says("Its lines `rms … max …`.")]
    worst: Annotated[
        WorstOffset | None,
        says(
            "max |TE|: of all lines since the first lock, locked or not; after a restart of the"
            " host since the next one."
        ),
    ]
    gaps: Annotated[Count, says("Times without a line.")]
    gap_seconds: Annotated[float, says("How long they were together.")]
    longest_gaps: Annotated[tuple[LogGap, ...], says("The longest ones.")]
    interval_seconds: Annotated[float | None, says("Usual time between lines.")]
    curve: Annotated[
        tuple[CurvePoint, ...],
        says(
            "Since the first lock, if it was ever locked: samples, or largest offsets of summaries."
            " Extremes are exact."
        ),
    ]
    samples_per_point: Annotated[Count, says("Lines that make one point of the curve.")]
    stability: Annotated[Stability | None, says("Null where it was not asked for.")]

    @classmethod
    def of(cls, found: "ClockLog", assessment: "Assessment") -> Self:
        """Return a clock as programs read it."""
        summaries = found.summaries
        return cls(
            host_name=found.key.host,
            program=found.key.program,
            clock=found.key.clock,
            first_line_at=LogMoment.of(found.start),
            last_line_at=LogMoment.of(found.end),
            seconds=found.seconds,
            locked_seconds=found.locked_seconds,
            unlocked_seconds=found.unlocked_seconds,
            first_lock=LogMoment.of(found.first_lock) if found.first_lock else None,
            locked_at_end=found.locked_at_end,
            lines_by_state=dict(found.states),
            offset_statistics=Statistics.of(found.offset),
            delay_statistics=Statistics.of(found.delay),
            freq_statistics=Statistics.of(found.freq),
            summaries=LogSummaries(
                line_count=summaries.lines, largest=summaries.largest, rms=summaries.rms
            )
            if summaries
            else None,
            worst=WorstOffset.of(found.worst),
            gaps=found.gaps,
            gap_seconds=found.gap_seconds,
            longest_gaps=tuple(
                LogGap(start=LogMoment.of(gap.start), seconds=gap.seconds)
                for gap in found.longest_gaps
            ),
            interval_seconds=found.interval,
            curve=tuple(map(CurvePoint.of, found.curve)),
            samples_per_point=found.samples_per_point,
            stability=Stability.of(found, assessment),
        )


class LogPort(Shape, frozen=True):
    """A port of ptp4l."""

    host_name: Host
    name: Annotated[str, says("What ptp4l calls it.")]
    state: Annotated[str, says("Its last state.")]
    change_count: Annotated[Count, says("How often its state changed.")]
    seconds_by_state: Annotated[Mapping[str, float], says("Seconds in each state.")]


class LogGrandmaster(Shape, frozen=True):
    """A grandmaster that was chosen."""

    host_name: Host
    identity: Annotated[str | None, says("Null where the clock chose itself.")]
    chosen_at: Annotated[LogMoment, says("When it was chosen.")]


class LogEvent(Shape, frozen=True):
    """Something that happened."""

    at: Annotated[LogMoment, says("When it happened.")]
    host_name: Host
    program: ProgramName
    kind: Annotated[EventKind, says("What it is about.")]
    what: Annotated[str, says("What happened.")]

    @classmethod
    def of(cls, event: "events.ClockEvent") -> Self:
        """Return an event as programs read it."""
        return cls(
            at=LogMoment.of(event.at),
            host_name=event.host,
            program=event.program,
            kind=event.kind,
            what=event.what,
        )


class LogMessage(Shape, frozen=True):
    """A known message."""

    id: Annotated[str, says("Its name.")]
    severity: Annotated[Severity, says("How bad it is for the clock.")]
    certainty: Annotated[Certainty, says("How sure meaning and remedy are.")]
    host_name: Host
    program: ProgramName
    count: Annotated[Count, says("How often it stands there.")]
    first_seen: Annotated[LogMoment | None, says("When first.")]
    last_seen: Annotated[LogMoment | None, says("When last.")]
    example: Annotated[str, says("The first one.")]
    meaning: Annotated[str, says("What it means.")]
    remedy: Annotated[str | None, says("What to do.")]

    @classmethod
    def of(cls, found: "messages.Found") -> Self:
        """Return a message as programs read it."""
        return cls(
            id=found.message.id,
            severity=found.message.severity,
            certainty=found.message.certainty,
            host_name=found.host,
            program=found.program,
            count=found.count,
            first_seen=LogMoment.of(found.first) if found.first else None,
            last_seen=LogMoment.of(found.last) if found.last else None,
            example=found.example,
            meaning=found.message.meaning,
            remedy=found.message.remedy or None,
        )


class UnknownLines(Shape, frozen=True):
    """Lines of one shape that vibforge does not know."""

    shape: Annotated[str, says("Their text with `#` for numbers and identities.")]
    program: ProgramName
    count: Annotated[Count, says("How many there are.")]
    example: Annotated[str, says("The first one.")]


class LogVerdict(Shape, frozen=True):
    """Whether a host kept a limit."""

    host_name: Host
    limit: Annotated[str, says("Name of the limit.")]
    limit_ns: Nanoseconds
    meaning: Annotated[str, says("What must stay within it.")]
    source: Annotated[str | None, says("Where it is said; null for one of your own.")]
    certainty: Annotated[
        Certainty | None, says("How sure the number is; null for one of your own.")
    ]
    verdict: Annotated[Holding, says("Whether it was kept.")]
    measured_ns: Annotated[float | None, says("max |TE|; ptp4l's and phc2sys's add.")]
    measured_at: Annotated[LogMoment | None, says("When the larger one of them was.")]
    total_ns: Annotated[float | None, says("With the budget.")]
    reasons: Annotated[tuple[str, ...], says("Why it is not shown, or what is not covered.")]

    @classmethod
    def of(cls, verdict: "log_verdict.LimitVerdict") -> Self:
        """Return a verdict as programs read it."""
        return cls(
            host_name=verdict.host,
            limit=verdict.limit.name,
            limit_ns=verdict.limit.ns,
            meaning=verdict.limit.of,
            source=verdict.limit.source or None,
            certainty=verdict.limit.certainty,
            verdict=verdict.holding,
            measured_ns=verdict.measured,
            measured_at=LogMoment.of(verdict.worst_at) if verdict.worst_at else None,
            total_ns=verdict.total,
            reasons=verdict.reasons,
        )


class TrxLog(Document, tag=RESULT_FORMAT, frozen=True):
    """What clock logs say, and how it compares with limits."""

    good: Good
    sources: Annotated[tuple[LogSource, ...], says("Logs in the order in which they were read.")]
    clocks: Annotated[tuple[LogClock, ...], says("By host and program.")]
    ports: Annotated[tuple[LogPort, ...], says("Ports of ptp4l.")]
    grandmasters: Annotated[tuple[LogGrandmaster, ...], says("In the order of their choice.")]
    grandmaster_changes: Annotated[Count, says("Changes from one to another.")]
    event_count: Annotated[Count, says("Events in all.")]
    events: Annotated[tuple[LogEvent, ...], says("Of very many the first and the last.")]
    messages: Annotated[tuple[LogMessage, ...], says("Known messages, errors first.")]
    unknown_lines: Annotated[Count, says("Lines that are not known.")]
    unknown: Annotated[tuple[UnknownLines, ...], says("The commonest of them.")]
    overlooked: Annotated[Count, says("Lines of more clocks than are told apart.")]
    reference_error_ns: Annotated[float | None, says("What --reference-error said.")]
    asymmetry_ns: Annotated[float | None, says("What --asymmetry said.")]
    verdicts: Annotated[tuple[LogVerdict, ...], says("Each limit for each host.")]
    unproven: Annotated[tuple[str, ...], says("What such logs cannot prove.")]
    faults: Annotated[
        tuple[Fault, ...], says("What could not be read. If there is any, the exit code is 2.")
    ]

    @classmethod
    def of(cls, found: "Assessment") -> Self:
        """Return all that was found."""
        read, judgement = found.reading, found.judgement
        return cls(
            good=found.good,
            sources=tuple(map(LogSource.of, read.sources)),
            clocks=tuple(LogClock.of(each, found) for each in read.clocks),
            ports=tuple(
                LogPort(
                    host_name=each.host,
                    name=each.name,
                    state=each.state,
                    change_count=each.changes,
                    seconds_by_state=dict(each.seconds),
                )
                for each in read.ports
            ),
            grandmasters=tuple(
                LogGrandmaster(
                    host_name=each.host,
                    identity=each.identity or None,
                    chosen_at=LogMoment.of(each.since),
                )
                for each in read.grandmasters
            ),
            grandmaster_changes=read.grandmaster_changes,
            event_count=read.event_count,
            events=tuple(map(LogEvent.of, read.events)),
            messages=tuple(map(LogMessage.of, read.messages)),
            unknown_lines=read.unknown_lines,
            unknown=tuple(
                UnknownLines(
                    shape=each.shape,
                    program=each.program,
                    count=each.count,
                    example=each.example,
                )
                for each in read.unknown
            ),
            overlooked=read.overlooked,
            reference_error_ns=judgement.budget.reference_error,
            asymmetry_ns=judgement.budget.asymmetry,
            verdicts=tuple(map(LogVerdict.of, judgement.verdicts)),
            unproven=found.unproven,
            faults=Fault.all_of(read.problems),
        )
