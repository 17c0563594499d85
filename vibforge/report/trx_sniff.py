"""How what was heard on a network looks, for people and for programs."""

from collections.abc import Iterator, Sequence

from vibforge.report.paint import Paint
from vibforge.report.units import interval
from vibforge.trx.network.fitting import Fit
from vibforge.trx.network.listener import Hearing, Voice
from vibforge.trx.network.message import Kind, clock_text
from vibforge.trx.network.sniff import unread_text


def hearing_text(hearing: Hearing, fits: Sequence[Fit], where: str, paint: Paint) -> str:
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


def _summary(hearing: Hearing, where: str, paint: Paint) -> str:
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


def _master(voice: Voice) -> Iterator[str]:
    steps = {True: "two-step", False: "one-step", None: "no Sync"}[voice.two_step]
    to = ", ".join(dict.fromkeys(each for some in voice.destinations.values() for each in some))
    signed = ", signed" if voice.authenticated else ""
    yield f"  master {voice.port} ({', '.join(voice.addresses)}), {steps}{signed}" + (
        f", to {to}" if to else ""
    )
    announce = voice.announce
    if announce is None:
        cut = Kind.ANNOUNCE in voice.cut
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


def _flags(voice: Voice) -> str:
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
