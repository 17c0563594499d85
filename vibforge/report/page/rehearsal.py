"""The page of a rehearsal."""

from datetime import datetime

from vibforge.report.page.curves import Points, plots
from vibforge.report.page.kit import made_at, render, stretches
from vibforge.report.trx_check import UNSUPPORTED
from vibforge.report.trx_rehearse import (
    LIMITS,
    against,
    answer_text,
    conf_lines,
    facts,
    measured,
    remedies,
    states_of,
)
from vibforge.report.units import nanoseconds
from vibforge.trx.rehearsal.rehearse import Rehearsal
from vibforge.trx.rehearsal.remedy import MEANING
from vibforge.trx.rehearsal.session import RunResult
from vibforge.trx.rehearsal.verdict import Code, Sample

_SHOWN_FACTS = {
    "grandmaster",
    "offset",
    "path delay",
    "ptp4l says",
    "rejected",
    "phc2sys",
    "not played",
}


_WORDS = {Code.OK: "It fits", Code.NOT_KNOWN: "Not known"}


def rehearsal_page(found: Rehearsal, where: str, when: datetime) -> str:
    """Return the page of a rehearsal that ran at `when`.

    The same rehearsal and date make the same bytes. A rehearsal measures, so two of them never
    agree: the caller takes the date from the clock, not from SOURCE_DATE_EPOCH.
    """
    samples = found.play.samples if found.play else ()
    end = samples[-1].seconds if samples else 0.0
    shown = [fact for fact in facts(found, plot=False) if fact[0] in _SHOWN_FACTS]
    return render(
        "rehearsal.html",
        title=f"{_WORDS.get(found.code, 'It does not fit')}: {where}",
        good=found.good,
        rehearsal=found,
        where=where,
        meaning=MEANING[found.code],
        facts=[
            ("rehearsed", made_at(when)),
            ("SHA-256", found.sha256),
            ("against", against(found)),
            *shown,
        ],
        remedies=list(remedies(found)),
        charts=_charts(found.play) if found.play else [],
        stretches=stretches(states_of(samples), end),
        end=end,
        counters=_counters(samples),
        failover=[
            (f"{change.at:.1f} s", str(change.event), answer_text(change))
            for change in (found.play.failover if found.play else ())
        ],
        conf=conf_lines(found),
        limits=f"{LIMITS} {UNSUPPORTED}",
    )


def _charts(play: RunResult) -> list[tuple[str, dict[str, str]]]:
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


def _counters(samples: tuple[Sample, ...]) -> list[tuple[str, str, str]]:
    if not samples:
        return []
    data = samples[-1].data
    return [
        (name, str(data.received[name]), str(data.sent.get(name, 0)))
        for name in data.received
        if data.received[name] or data.sent.get(name, 0)
    ]
