"""How what was heard on a network looks, for people and for programs."""

from collections.abc import Iterator, Sequence
from typing import Any

from vibforge.formats.ptp_message import clock_text
from vibforge.ptp.fitting import Fit
from vibforge.ptp.hearing import Hearing, Voice
from vibforge.ptp.settings import ClockSettings
from vibforge.report.curve import interval
from vibforge.report.paint import Paint


def hearing_text(hearing: Hearing, fits: Sequence[Fit], where: str, paint: Paint) -> str:
    """Show every domain with its masters, and what fits it."""
    lines = [_summary(hearing, where, paint)]
    for fit in fits:
        lines += ["", *_fit(fit, paint)]
    if hearing.fault:
        lines.append(f"{hearing.malformed} malformed, the first: {hearing.fault}")
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
    how = "" if fit.seen else " (inferred)"
    peers = settings.delay.of_peers
    asks = settings.log_peer_request if peers else settings.log_delay_request
    yield (
        f"  delay {settings.delay}{how}; Announce {interval(settings.log_announce)}, "
        f"Sync {interval(settings.log_sync)}, {'Pdelay_Req' if peers else 'Delay_Req'} "
        f"{interval(asks)}; 802.1AS TLV: {'yes' if settings.follow_up_information else 'no'}"
    )
    for voice in domain.masters:
        yield from _master(voice)
    clients = [voice for voice in domain.voices if not voice.gives_time]
    if clients:
        yield f"  {len(clients)} other port(s): {', '.join(str(each.port) for each in clients[:8])}"
    yield f"  sounds like: {', '.join(fit.profiles) or 'no profile that vibforge knows'}"
    yield from (paint(f"  {text}", "warn") for text in fit.unknown)


def _master(voice: Voice) -> Iterator[str]:
    steps = {True: "two-step", False: "one-step", None: "no Sync"}[voice.two_step]
    yield f"  master {voice.port} ({', '.join(voice.addresses)}), {steps}"
    announce = voice.announce
    if announce is None:
        yield "    announces nothing"
        return
    quality = announce.quality
    yield (
        f"    grandmaster {clock_text(announce.grandmaster)}, {announce.steps_removed} step(s) "
        f"away, priorities {announce.priority1}/{announce.priority2}, class "
        f"{quality.clock_class}, accuracy 0x{quality.accuracy:02x}, variance "
        f"0x{quality.variance:04x}, time source 0x{announce.time_source:02x}"
    )
    if len(voice.grandmasters) > 1:
        others = ", ".join(clock_text(clock) for clock in voice.grandmasters)
        yield f"    it announced in turn: {others}"


def good_hearing(hearing: Hearing) -> bool:
    """Whether somebody gives the time."""
    return any(each.masters for each in hearing.domains)


def hearing_json(
    hearing: Hearing, fits: Sequence[Fit], confs: Sequence[str], *, path: str, interface: str
) -> dict[str, Any]:
    """Return everything that was heard, with a trx.conf for each domain."""
    return {
        "format": "vibforge/trx-sniff/1",
        "good": good_hearing(hearing),
        "path": path or None,
        "interface": interface or None,
        "packets": hearing.packets,
        "ptp_messages": hearing.messages,
        "malformed": hearing.malformed,
        "first_fault": hearing.fault or None,
        "overlooked": hearing.overlooked,
        "seconds": hearing.seconds,
        "complete": not hearing.end,
        "end": hearing.end or None,
        "domains": [
            _fit_json(fit) | {"trx_conf": conf} for fit, conf in zip(fits, confs, strict=True)
        ],
    }


def _fit_json(fit: Fit) -> dict[str, Any]:
    domain = fit.domain
    return {
        "vlans": list(domain.vlans),
        "clock_settings": settings_json(fit.settings),
        "delay_seen": fit.seen,
        "profiles": list(fit.profiles),
        "unknown": list(fit.unknown),
        "grandmasters": [clock_text(clock) for clock in domain.grandmasters],
        "ports": [_voice_json(voice) for voice in domain.voices],
    }


def settings_json(settings: ClockSettings) -> dict[str, Any]:
    """Return what a port speaks; intervals are log2 of seconds."""
    return {
        "domain": settings.domain,
        "sdo": settings.sdo,
        "transport": str(settings.transport),
        "delay_mechanism": str(settings.delay),
        "log_announce_interval": settings.log_announce,
        "log_sync_interval": settings.log_sync,
        "log_delay_req_interval": settings.log_delay_request,
        "log_pdelay_req_interval": settings.log_peer_request,
        "follow_up_information": settings.follow_up_information,
        "path_trace": settings.path_trace,
        "announces": settings.announces,
    }


def _voice_json(voice: Voice) -> dict[str, Any]:
    announce = voice.announce
    return {
        "port": str(voice.port),
        "addresses": list(voice.addresses),
        "master": voice.gives_time,
        "two_step": voice.two_step,
        "unicast": voice.unicast,
        "follow_up_information": voice.follow_up_information,
        "path_trace": voice.path_trace,
        "message_counts": {kind.label: count for kind, count in voice.counts.items()},
        "stated_log_intervals": {kind.label: log for kind, log in voice.stated.items()},
        "spacing_ns": {kind.label: gap for kind, gap in voice.spacing.items()},
        "grandmasters": [clock_text(clock) for clock in voice.grandmasters],
        "announce": announce
        and {
            "grandmaster": clock_text(announce.grandmaster),
            "steps_removed": announce.steps_removed,
            "priority1": announce.priority1,
            "priority2": announce.priority2,
            "clock_class": announce.quality.clock_class,
            "clock_accuracy": announce.quality.accuracy,
            "variance": announce.quality.variance,
            "time_source": announce.time_source,
            "utc_offset": announce.utc_offset,
        },
    }
