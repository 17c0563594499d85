"""The settings that fit what was heard: of a client for trx.conf, and of a grandmaster like it.

What the wire does not show is not set: a client's own timeouts, its servo, its comparison of data
sets. End-to-end delay shows only where a client asks; without one it follows from the absence of
peer messages, which every peer-to-peer port sends by itself.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from vibforge.errors import Problem, TrxError
from vibforge.formats.ptp_message import Kind
from vibforge.ptp.hearing import Domain, Hearing, Voice
from vibforge.ptp.settings import ClockSettings, Delay, settings_of
from vibforge.trx.document import TrxConf
from vibforge.trx.profile import Profile, profiles
from vibforge.trx.rules.locking import BEST_PRIORITY1

_PEER_KINDS = (Kind.PDELAY_REQ, Kind.PDELAY_RESP, Kind.PDELAY_RESP_FOLLOW_UP)
_END_KINDS = (Kind.DELAY_REQ, Kind.DELAY_RESP)
_SLOWEST, _FASTEST = 16, -10
"""Bounds of an interval that is worked out from times: 18 hours, a millisecond."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Fit:
    """Settings that fit one domain of a network.

    `seen` says whether the delay mechanism was seen or only follows from silence. `unknown` says
    what the network did not show.
    """

    domain: Domain
    settings: ClockSettings
    seen: bool
    profiles: tuple[str, ...]
    unknown: tuple[str, ...]


def fit_domain(domain: Domain) -> Fit:
    """Work out the settings of a client in `domain`."""
    peers, ends = domain.count(*_PEER_KINDS) > 0, domain.count(*_END_KINDS) > 0
    settings = ClockSettings(
        domain=domain.domain,
        sdo=domain.sdo,
        transport=domain.transport,
        delay=Delay.P2P if peers else Delay.E2E,
        log_announce=_interval(domain.masters, Kind.ANNOUNCE, 1),
        log_sync=_interval(domain.masters, Kind.SYNC, 0),
        log_delay_request=_interval(domain.masters, Kind.DELAY_RESP, 0),
        log_peer_request=_interval(domain.masters or domain.voices, Kind.PDELAY_REQ, 0),
        follow_up_information=any(voice.follow_up_information for voice in domain.masters),
        path_trace=any(voice.path_trace for voice in domain.masters),
        hybrid=_asks_in_unicast(domain),
        announces=domain.count(Kind.ANNOUNCE) > 0,
    )
    return Fit(
        domain=domain,
        settings=settings,
        seen=peers or ends,
        profiles=tuple(name for name, each in profiles().items() if _looks_like(settings, each)),
        unknown=tuple(_unknown(domain, settings, seen=peers or ends)),
    )


def _interval(voices: Iterable[Voice], kind: Kind, default: int) -> int:
    """What the messages say of their interval, else what their times show."""
    for voice in voices:
        if kind in voice.stated and _FASTEST <= voice.stated[kind] <= _SLOWEST:
            return voice.stated[kind]
    for voice in voices:
        if voice.spacing.get(kind, 0) > 0:
            measured = round(math.log2(voice.spacing[kind] / 1e9))
            return max(_FASTEST, min(_SLOWEST, measured))
    return default


def _asks_in_unicast(domain: Domain) -> bool:
    return any(
        voice.unicast and Kind.DELAY_REQ in voice.counts and not voice.gives_time
        for voice in domain.voices
    )


def _unknown(domain: Domain, settings: ClockSettings, *, seen: bool) -> Iterable[str]:
    if not seen:
        yield "nobody measured a delay: end-to-end follows from the absence of peer messages only"
    if not settings.announces:
        yield "nobody announces: a client finds its master only with `BMCA noop`"
    if domain.vlans:
        tags = ".".join(str(tag) for tag in domain.vlans)
        yield f"it is tagged with VLAN {tags}, which trx.conf cannot ask for"
    if domain.count(Kind.SIGNALING) and any(voice.unicast for voice in domain.masters):
        yield "the master serves by unicast negotiation, which trx.conf cannot express"


def _looks_like(settings: ClockSettings, profile: Profile) -> bool:
    """Whether a master of `profile` would sound like this."""
    if profile.impossible:
        return False
    return _audible(settings) == _audible(settings_of(profile.ptp4l))


def _audible(settings: ClockSettings) -> tuple[object, ...]:
    return (
        settings.transport,
        settings.domain,
        settings.sdo,
        settings.delay,
        settings.log_announce if settings.announces else None,
        settings.log_sync,
        settings.follow_up_information,
        settings.announces,
    )


def trx_conf_of_fit(fit: Fit) -> TrxConf:
    """Make the trx.conf of a client; what is ptp4l's default is written where masters differ.

    Its `priority1` makes it follow every grandmaster, a backup that is silent now too; the
    comparison of G.8275 does not look at it.
    """
    settings = fit.settings
    shared = {"domainNumber": str(settings.domain)}
    if settings.sdo:
        shared["transportSpecific"] = f"0x{settings.sdo:x}"
    ptp4l = {"slaveOnly": "1", **shared, **audible_options(settings), **_invisible(fit)}
    if ptp4l.get("dataset_comparison") != "G.8275.x":
        ptp4l["priority1"] = str(BEST_PRIORITY1)
    if settings.hybrid and settings.delay is Delay.E2E:
        ptp4l["hybrid_e2e"] = "1"
    triples = [("ptp4l", key, value) for key, value in ptp4l.items()]
    return TrxConf.of([*triples, *(("phc2sys", key, value) for key, value in shared.items())])


def audible_options(settings: ClockSettings) -> dict[str, str]:
    """The options of ptp4l that both sides share beside the domain."""
    peers = settings.delay.of_peers
    options = {
        "network_transport": str(settings.transport),
        "delay_mechanism": str(settings.delay),
        "logAnnounceInterval": str(settings.log_announce),
        "logSyncInterval": str(settings.log_sync),
        ("logMinPdelayReqInterval" if peers else "logMinDelayReqInterval"): str(
            settings.log_peer_request if peers else settings.log_delay_request
        ),
    }
    if settings.path_trace:
        options["path_trace_enabled"] = "1"
    if settings.follow_up_information:
        options |= {"follow_up_info": "1", "assume_two_step": "1"}
    return options


def _invisible(fit: Fit) -> Mapping[str, str]:
    """What the one profile that sounds like this sets beside what can be heard."""
    common: dict[str, str] | None = None
    for name in fit.profiles:
        options = dict(profiles()[name].ptp4l)
        common = (
            options
            if common is None
            else {key: value for key, value in common.items() if options.get(key) == value}
        )
    heard = {*audible_options(fit.settings), "domainNumber", "transportSpecific"}
    other = {"logMinPdelayReqInterval", "logMinDelayReqInterval", "hybrid_e2e"}
    return {key: value for key, value in (common or {}).items() if key not in heard | other}


def chosen_domain(hearing: Hearing, wanted: int | None, where: str) -> Domain:
    """Return the domain to fit: the one with a master, or the one that is asked for.

    Raises:
        TrxError: nobody gives time, or several domains do and none is asked for.
    """
    found = [domain for domain in hearing.domains if domain.masters]
    if wanted is not None:
        found = [domain for domain in found if domain.domain == wanted]
    if len(found) == 1:
        return found[0]
    if found:
        raise TrxError(
            f"{len(found)} networks with a master were heard",
            where=where,
            remedy="Choose one with --domain: "
            + ", ".join(f"{each.domain} ({each.transport}, sdo {each.sdo})" for each in found),
        )
    asked = "" if wanted is None else f" in domain {wanted}"
    raise TrxError.of(
        [
            Problem(
                what=f"no master was heard{asked} in {hearing.packets} packets",
                where=where,
                remedy="Listen for ten seconds or more where the grandmaster's messages pass.",
            )
        ]
    )
