"""A rehearsal as one page of HTML that needs nothing else: curves, states, counters, verdict."""

from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.resources import files

from vibforge import __version__
from vibforge.operations.trx_rehearse import Rehearsal
from vibforge.rehearsal.remedy import MEANING
from vibforge.rehearsal.stage import Play
from vibforge.rehearsal.verdict import Sample
from vibforge.report.curve import nanoseconds
from vibforge.report.plot import Points, plots
from vibforge.report.trx_check import UNSUPPORTED
from vibforge.report.trx_rehearse import (
    LIMITS,
    against,
    conf_lines,
    facts,
    measured,
    remedies,
    states_of,
)

_SHOWN_FACTS = {"grandmaster", "offset", "path delay", "ptp4l says", "rejected", "phc2sys"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Stretch:
    """A time in which the port had one state; `share` is per cent of the whole."""

    state: str
    start: float
    share: float


def rehearsal_page(found: Rehearsal, where: str, when: datetime) -> str:
    """Return the page of a rehearsal that ran at `when`.

    The same rehearsal and date make the same bytes. A rehearsal measures, so two of them never
    agree: the caller takes the date from the clock, not from SOURCE_DATE_EPOCH.
    """
    from jinja2 import Environment, StrictUndefined  # noqa: PLC0415 - only for a page

    text = (files("vibforge.report") / "trx_rehearse_page.html").read_text("utf-8")
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    samples = found.play.samples if found.play else ()
    return environment.from_string(text).render(
        found=found,
        where=where,
        when=f"{when.astimezone(UTC):%Y-%m-%d %H:%M} UTC",
        version=__version__,
        words="It fits" if found.good else "It does not fit",
        meaning=MEANING[found.code],
        against=against(found),
        facts=[fact for fact in facts(found, plot=False) if fact[0] in _SHOWN_FACTS],
        remedies=list(remedies(found)),
        charts=_charts(found.play) if found.play else [],
        stretches=_stretches(samples),
        end=samples[-1].seconds if samples else 0.0,
        counters=_counters(samples),
        conf=conf_lines(found),
        client_file=found.client.file,
        limits=f"{LIMITS} {UNSUPPORTED}",
    )


def _charts(play: Play) -> list[tuple[str, dict[str, str]]]:
    offsets = [(sample.seconds, sample.data.offset) for sample in measured(play)]
    delays = [
        (sample.seconds, sample.data.path_delay or sample.data.peer_delay)
        for sample in play.samples
        if sample.data.path_delay or sample.data.peer_delay
    ]
    drawn: list[tuple[str, str, Points]] = [
        ("offset", "Offset from the grandmaster", offsets),
        ("delay", "Path delay", delays),
    ]
    return [(title, plots(name, points, nanoseconds)) for name, title, points in drawn if points]


def _stretches(samples: tuple[Sample, ...]) -> list[Stretch]:
    states = states_of(samples)
    if not states:
        return []
    ends = [start for _, start in states[1:]] + [samples[-1].seconds]
    whole = max(samples[-1].seconds, 0.01)
    return [
        Stretch(
            state=state,
            start=start,
            share=round(max(1.0, 100 * (end - start) / whole), 2),
        )
        for (state, start), end in zip(states, ends, strict=True)
    ]


def _counters(samples: tuple[Sample, ...]) -> list[tuple[str, int, int]]:
    if not samples:
        return []
    data = samples[-1].data
    return [
        (name, data.received[name], data.sent.get(name, 0))
        for name in data.received
        if data.received[name] or data.sent.get(name, 0)
    ]
