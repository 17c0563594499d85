"""How a rehearsal looks, for people and for programs."""

from collections.abc import Iterator, Mapping, Sequence

from vibforge.operations.trx_rehearse import Rehearsal
from vibforge.rehearsal.client import Override
from vibforge.rehearsal.failover import Change
from vibforge.rehearsal.remedy import MEANING
from vibforge.rehearsal.stage import Play
from vibforge.rehearsal.verdict import Sample
from vibforge.report.curve import curve, nanoseconds
from vibforge.report.paint import Paint
from vibforge.report.trx_check import UNSUPPORTED
from vibforge.trx.document import shown

LIMITS = (
    "Both sides ran with software timestamps; what needs the network card's own clock (one step, "
    "latencies, the usual 800 ns threshold) and TRX's own reading of the file cannot be rehearsed."
)


def rehearsal_text(found: Rehearsal, where: str, paint: Paint) -> str:
    """Show the verdict, what led to it and what to change."""
    role = "good" if found.good else "bad"
    lines = [f"{where}: {paint(str(found.code), role)}: {MEANING[found.code]}"]
    lines += [f"  {label:<12} {text}" for label, text in facts(found)]
    lines += [paint(f"  → {text}", "strong") for text in remedies(found)]
    return "\n".join([*lines, f"{LIMITS} {UNSUPPORTED}"])


def remedies(found: Rehearsal) -> Iterator[str]:
    """What to change, one thing a line."""
    yield from (str(change) for change in found.advice.changes)
    if found.advice.hint:
        yield found.advice.hint
    yield from (each.remedy for each in found.coupling if each.remedy)


def facts(found: Rehearsal, *, plot: bool = True) -> Iterator[tuple[str, str]]:
    """The facts behind a verdict, as label and text; with a small plot or without."""
    yield "against", against(found)
    for rejection in found.rejections:
        text = f"line {rejection.line.number}: {rejection.program}: {rejection.words}"
        yield "rejected", text
    yield from (("not played", text) for text in found.unlike)
    yield from _measured(found, plot=plot)
    if found.play:
        yield from (("failover", change_text(each)) for each in found.play.failover)
    if found.play and found.play.words:
        yield "ptp4l says", found.play.words
    for finding in found.coupling:
        yield "phc2sys", f"line {finding.line}: {finding.what}"
    for override in found.client.overrides:
        yield "overridden", override_text(override)
    if found.grandmaster:
        for key, value in found.grandmaster.assumed:
            yield "not heard", f"{key}: the grandmaster plays the default {value}"
        for text in found.grandmaster.changed:
            yield "overridden", f"grandmaster: {text}"


def change_text(change: Change) -> str:
    """Show one change of the grandmasters and what the client did."""
    return f"{change.at:.1f} s: {change.event}: {answer_text(change)}"


def answer_text(change: Change) -> str:
    """Say what the client did at a change of the grandmasters."""
    known = ", ".join(each.replace("_", " ") for each in change.flags)
    time = f"UTC offset {change.utc_offset} s" + (f", {known}" if known else "")
    if change.without_time is None:
        return f"no time any more, states {' → '.join(change.states)}"
    gap = f"{change.without_time:.1f} s without time" if change.without_time else "no time lost"
    return f"{gap}, follows the {change.followed} ({change.parent}), {time}"


def against(found: Rehearsal) -> str:
    """Where and against what it ran."""
    other = found.grandmaster.source if found.grandmaster else found.interface
    own, others = found.linuxptp, found.grandmaster_linuxptp
    beside = f" (grandmaster {others})" if others not in {"", own} else ""
    return f"{other}, in {found.world}, linuxptp {own}{beside}"


def override_text(override: Override) -> str:
    """Show what the rehearsal set itself, and why."""
    instead = f" instead of line {override.line}" if override.line else ""
    return f"{override.key} {override.value}{instead}: {override.why}"


def _measured(found: Rehearsal, *, plot: bool) -> Iterator[tuple[str, str]]:
    play = found.play
    if play is None or not play.samples:
        return
    last = play.samples[-1].data
    if play.chosen_after is not None:
        yield "grandmaster", f"{last.grandmaster}, chosen after {play.chosen_after:.1f} s"
    offsets = offsets_of(measured(play))
    if offsets:
        low, high = nanoseconds(min(offsets)), nanoseconds(max(offsets))
        after = f", the first after {play.offset_after:.1f} s"
        yield "offset", f"{low} to {high}{after}" + (f"  {curve(offsets)}" if plot else "")
    delay = last.path_delay or last.peer_delay
    if delay:
        yield "path delay", nanoseconds(delay) + (" (peer)" if not last.path_delay else "")
    yield "states", ", ".join(f"{state} {start:.1f} s" for state, start in states_of(play.samples))
    yield "received", _counted(last.received)
    yield "sent", _counted(last.sent)


def _counted(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in counts.items() if count) or "nothing"


def measured(play: Play) -> tuple[Sample, ...]:
    """Return the samples since the first offset: what ptp4l says before it is no measurement."""
    if play.offset_after is None:
        return ()
    return tuple(sample for sample in play.samples if sample.seconds >= play.offset_after)


def offsets_of(samples: Sequence[Sample]) -> list[float]:
    """The offsets that were measured, each once."""
    found: list[float] = []
    for sample in samples:
        if sample.data.offset and (not found or sample.data.offset != found[-1]):
            found.append(sample.data.offset)
    return found


def states_of(samples: Sequence[Sample]) -> list[tuple[str, float]]:
    """The states of the port and when each began, as far as they were seen."""
    found: list[tuple[str, float]] = []
    for sample in samples:
        if not found or sample.data.state != found[-1][0]:
            found.append((sample.data.state, sample.seconds))
    return found


def live_line(samples: Sequence[Sample]) -> str:
    """One line of a running rehearsal."""
    now = samples[-1]
    delay = now.data.path_delay or now.data.peer_delay
    plot = curve(offsets_of(samples), 30)
    offset_text = nanoseconds(now.data.offset) if now.data.offset else "-"
    delay_text = nanoseconds(delay) if delay else "-"
    return (
        f"{now.seconds:5.1f} s  {now.data.state:<12}  offset {offset_text:>8}  "
        f"delay {delay_text:>8}  {plot}"
    )


def conf_lines(found: Rehearsal) -> list[tuple[int, str]]:
    """The lines of the trx.conf with their numbers."""
    return [(line.number, shown(line.text)) for line in found.client.conf.lines]
