"""What logs say as gauges for Prometheus, a file for node_exporter's textfile collector.

https://prometheus.io/docs/instrumenting/exposition_formats/ describes the format.
"""

from collections.abc import Callable, Iterator, Mapping

from msgspec import Struct

from vibforge.findings.check import Severity
from vibforge.trx.log.clock import ClockKey, ClockLog
from vibforge.trx.log.messages import Found
from vibforge.trx.log.reading import LogReading
from vibforge.trx.log.verdict import Judgement

Labels = Mapping[str, str]


_OF_CLOCKS: tuple[tuple[str, str, Callable[[ClockLog], float | None]], ...] = (
    ("offset_nanoseconds", "Last offset from its master.", lambda clock: clock.last),
    (
        "worst_nanoseconds",
        "Largest distance from its master since the first lock.",
        lambda clock: clock.worst.nanoseconds if clock.worst else None,
    ),
    (
        "rms_nanoseconds",
        "Root mean square of the offset while locked.",
        lambda clock: clock.offset.rms if clock.offset else None,
    ),
    ("locked", "Whether it is locked at the end of the log.", lambda clock: clock.locked_at_end),
    ("seconds", "Seconds that the log tells of.", lambda clock: clock.seconds),
    ("locked_seconds", "Seconds of them that it was locked.", lambda clock: clock.locked_seconds),
    ("gaps", "Times without a line.", lambda clock: clock.gaps),
)


class _Gauge(Struct, frozen=True):
    name: str
    help: str
    samples: tuple[tuple[Labels, float], ...]


def prometheus_text(reading: LogReading, judgement: Judgement) -> str:
    """Return the file."""
    return "".join(_gauge_text(gauge) for gauge in _gauges(reading, judgement) if gauge.samples)


def _gauges(reading: LogReading, judgement: Judgement) -> Iterator[_Gauge]:
    for name, text, value in _OF_CLOCKS:
        yield _of_clocks(reading, name, text, value)
    yield _Gauge(
        "ptp_port_state",
        "State of a port of ptp4l.",
        tuple(
            ({"host": port.host, "port": port.name, "state": port.state}, 1.0)
            for port in reading.ports
        ),
    )
    yield _Gauge(
        "log_messages",
        "Known errors and warnings in the log.",
        tuple((_labels_of_message(each), float(each.count)) for each in _troubles(reading)),
    )
    yield _Gauge(
        "limit_kept",
        "Whether a limit was kept.",
        tuple(
            ({"host": each.host, "limit": each.limit.name}, float(each.good))
            for each in judgement.verdicts
        ),
    )


def _troubles(reading: LogReading) -> list[Found]:
    return [each for each in reading.messages if each.message.severity is not Severity.NOTE]


def _labels_of_message(found: Found) -> Labels:
    message = found.message
    return {
        "host": found.host,
        "program": found.program,
        "message": message.id,
        "severity": message.severity,
    }


def _of_clocks(
    reading: LogReading, name: str, text: str, value: Callable[[ClockLog], float | None]
) -> _Gauge:
    samples = tuple(
        (_labels_of(clock.key), float(found))
        for clock in reading.clocks
        if (found := value(clock)) is not None
    )
    return _Gauge(f"clock_{name}", text, samples)


def _labels_of(key: ClockKey) -> Labels:
    return {"host": key.host, "program": key.program, "clock": key.clock}


def _gauge_text(gauge: _Gauge) -> str:
    name = f"vibforge_{gauge.name}"
    lines = [f"# HELP {name} {gauge.help}", f"# TYPE {name} gauge"]
    lines += (f"{name}{{{_labels_text(labels)}}} {value:.10g}" for labels, value in gauge.samples)
    return "\n".join(lines) + "\n"


def _labels_text(labels: Labels) -> str:
    return ",".join(f'{key}="{_escaped(value)}"' for key, value in labels.items())


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
