"""Reports of PTP networks: what was captured, and how a rehearsal went."""

from collections.abc import Iterator, Mapping, Sequence

from vibforge.report.paint import Paint
from vibforge.report.trx_check import UNSUPPORTED
from vibforge.report.units import curve, interval, nanoseconds
from vibforge.trx.conf import shown
from vibforge.trx.network.listener import Observation, Speaker
from vibforge.trx.network.message import MessageType, clock_text
from vibforge.trx.network.settings import Fit
from vibforge.trx.network.sniff import unread_text
from vibforge.trx.rehearsal.client import Override
from vibforge.trx.rehearsal.failover import EventResponse
from vibforge.trx.rehearsal.rehearse import Rehearsal
from vibforge.trx.rehearsal.remedy import MEANING
from vibforge.trx.rehearsal.session import RunResult
from vibforge.trx.rehearsal.verdict import Sample


def hearing_text(hearing: Observation, fits: Sequence[Fit], where: str, paint: Paint) -> str:
    """Show every domain with its masters, and what fits it."""
    lines = [_summary(hearing, where, paint)]
    for fit in fits:
        lines += ["", *_fit(fit, paint)]
    if hearing.fault:
        lines.append(f"{hearing.malformed} malformed, the first: {hearing.fault}")
    if hearing.cut:
        lines.append(
            paint(f"{hearing.cut} packets cut by the snap length: record with tcpdump -s 0", "warn")
        )
    if hearing.unread:
        lines.append(paint(unread_text(hearing), "warn"))
    if hearing.overlooked:
        lines.append(f"{hearing.overlooked} messages of more ports than are told apart")
    if hearing.end:
        lines.append(paint(f"not all of it was heard: {hearing.end}", "warn"))
    return "\n".join(lines)


def _summary(hearing: Observation, where: str, paint: Paint) -> str:
    masters = sum(len(domain.masters) for domain in hearing.domains)
    grandmasters = {clock for domain in hearing.domains for clock in domain.grandmasters}
    found = paint(f"{len(grandmasters)} grandmaster(s)", "good" if grandmasters else "warn")
    return (
        f"{where}: {found}, {masters} master port(s), {hearing.messages} PTP messages of "
        f"{hearing.packets} packets in {hearing.seconds:.1f} s"
    )


def _fit(fit: Fit, paint: Paint) -> Iterator[str]:
    domain, settings = fit.domain, fit.settings
    tags = f", VLAN {'.'.join(map(str, domain.vlans))}" if domain.vlans else ""
    yield paint(f"domain {domain.domain}, {domain.transport}, sdo {domain.sdo}{tags}", "strong")
    peers = settings.delay.of_peers
    asks = settings.log_peer_request if peers else settings.log_delay_request
    request = "Pdelay" if peers else "Delay"

    def of(option: str) -> str:
        return " (default, not heard)" if option in fit.assumed else ""

    yield (
        f"  delay {settings.delay}{'' if fit.seen else ' (inferred)'}; "
        f"Announce {interval(settings.log_announce)}{of('logAnnounceInterval')}, "
        f"Sync {interval(settings.log_sync)}{of('logSyncInterval')}, "
        f"{request}_Req {interval(asks)}{of(f'logMin{request}ReqInterval')}; "
        f"802.1AS TLV: {'yes' if settings.follow_up_information else 'no'}{of('follow_up_info')}"
    )
    for voice in domain.masters:
        yield from _master(voice)
    clients = [voice for voice in domain.voices if not voice.gives_time]
    if clients:
        yield f"  {len(clients)} other port(s): {', '.join(str(each.port) for each in clients[:8])}"
    yield f"  sounds like: {', '.join(fit.profiles) or 'no profile that vibforge knows'}"
    yield from (paint(f"  {text}", "warn") for text in fit.unknown)
    yield from (paint(f"  cannot be rehearsed whole: {text}", "warn") for text in fit.unlike)
    yield from (paint(f"  no trx.conf fits: {text}", "bad") for text in fit.inexpressible)


def _master(voice: Speaker) -> Iterator[str]:
    steps = {True: "two-step", False: "one-step", None: "no Sync"}[voice.two_step]
    to = ", ".join(dict.fromkeys(each for some in voice.destinations.values() for each in some))
    signed = ", signed" if voice.authenticated else ""
    yield f"  master {voice.port} ({', '.join(voice.addresses)}), {steps}{signed}" + (
        f", to {to}" if to else ""
    )
    announce = voice.announce
    if announce is None:
        cut = MessageType.ANNOUNCE in voice.cut
        yield "    what it announces is cut" if cut else "    announces nothing"
        return
    quality = announce.quality
    yield (
        f"    grandmaster {clock_text(announce.grandmaster)}, {announce.steps_removed} step(s) "
        f"away, priorities {announce.priority1}/{announce.priority2}, class "
        f"{quality.clock_class}, accuracy 0x{quality.accuracy:02x}, variance "
        f"0x{quality.variance:04x}, time source 0x{announce.time_source:02x}"
    )
    yield f"    UTC offset {announce.utc_offset} s{_flags(voice)}"
    if len(voice.grandmasters) > 1:
        others = ", ".join(clock_text(clock) for clock in voice.grandmasters)
        yield f"    it announced in turn: {others}"


def _flags(voice: Speaker) -> str:
    """The flags of an Announce that are set, in the words of its field (13.3.2.8)."""
    if voice.flags is None:
        return ""
    return "".join(f", {name.replace('_', ' ')}" for name in FLAGS if getattr(voice.flags, name))


FLAGS = (
    *("leap_61", "leap_59", "utc_offset_valid", "ptp_timescale"),
    *("time_traceable", "frequency_traceable"),
)
"""The flags of an Announce, as `Flags` names them."""


def good_hearing(fits: Sequence[Fit]) -> bool:
    """True if somebody gives the time, and a trx.conf can follow."""
    return any(fit.master and not fit.inexpressible for fit in fits)


LIMITS = (
    "Both sides ran with software timestamps; what needs the network card's own clock (one step, "
    "latencies, the usual 800 ns threshold) and TRX's own reading of the file cannot be rehearsed."
)


def rehearsal_text(found: Rehearsal, where: str, paint: Paint, *, verbose: bool = False) -> str:
    """Show the verdict, what to change and what led to it; `verbose` adds what was overridden."""
    role = "good" if found.good else "bad"
    lines = [f"{where}: {paint(str(found.code), role)}: {MEANING[found.code]}"]
    lines += [paint(f"  → {text}", "strong") for text in remedies(found)]
    overridden = list(overrides(found))
    shown = [*facts(found), *(overridden if verbose else ())]
    lines += [f"  {label:<12} {text}" for label, text in shown]
    if overridden and not verbose:
        lines.append(f"  {len(overridden)} settings were overridden for the rehearsal: --verbose")
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
    if found.grandmaster:
        for key, value in found.grandmaster.assumed:
            yield "not heard", f"{key}: the grandmaster plays the default {value}"


def overrides(found: Rehearsal) -> Iterator[tuple[str, str]]:
    """What the rehearsal set itself, as label and text."""
    for override in found.client.overrides:
        yield "overridden", override_text(override)
    if found.grandmaster:
        for text in found.grandmaster.changed:
            yield "overridden", f"grandmaster: {text}"


def change_text(change: EventResponse) -> str:
    """Show one change of the grandmasters and what the client did."""
    return f"{change.at:.1f} s: {change.event}: {answer_text(change)}"


def answer_text(change: EventResponse) -> str:
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


def measured(play: RunResult) -> tuple[Sample, ...]:
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
