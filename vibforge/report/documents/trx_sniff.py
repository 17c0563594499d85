"""What `trx sniff --json` prints."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Self

from vibforge.report.documents.shape import Document, Shape, says
from vibforge.report.documents.shapes import Good
from vibforge.report.trx_sniff import FLAGS, good_hearing
from vibforge.trx.network.capture import Transport
from vibforge.trx.network.message import clock_text
from vibforge.trx.network.settings import Delay

if TYPE_CHECKING:
    from vibforge.trx.network import message, settings
    from vibforge.trx.network.fitting import Fit
    from vibforge.trx.network.listener import Hearing, Voice

FollowUp = Annotated[bool, says("The TLV of 802.1AS.")]
PathTrace = Annotated[bool, says("The TLV of path traces.")]
Signs = Annotated[bool, says("Whether it signs its messages.")]


class ClockSettings(Shape, frozen=True):
    """What a PTP port speaks; intervals are log2 of seconds."""

    domain: Annotated[int, says("PTP domain.")]
    sdo: Annotated[int, says("SDO ID.")]
    transport: Annotated[Transport, says("Transport.")]
    delay_mechanism: Annotated[Delay, says("How delay is measured.")]
    log_announce_interval: Annotated[int, says("Announce.")]
    log_sync_interval: Annotated[int, says("Sync.")]
    log_delay_req_interval: Annotated[int, says("Delay_Req.")]
    log_pdelay_req_interval: Annotated[int, says("Pdelay_Req.")]
    follow_up_information: FollowUp
    path_trace: PathTrace
    announces: Annotated[bool, says("Whether it announces.")]
    udp6_scope: Annotated[int, says("Scope of the IPv6 group.")]
    destination: Annotated[str | None, says("The group, where it is not the usual one.")]
    unicast_only: Annotated[bool, says("Whether it sends nothing to a group.")]
    authenticated: Signs
    priority1: Annotated[int, says("First rank in the choice of the best master.")]

    @classmethod
    def of(cls, found: "settings.ClockSettings") -> Self:
        """Return what a port speaks."""
        return cls(
            domain=found.domain,
            sdo=found.sdo,
            transport=found.transport,
            delay_mechanism=found.delay,
            log_announce_interval=found.log_announce,
            log_sync_interval=found.log_sync,
            log_delay_req_interval=found.log_delay_request,
            log_pdelay_req_interval=found.log_peer_request,
            follow_up_information=found.follow_up_information,
            path_trace=found.path_trace,
            announces=found.announces,
            udp6_scope=found.scope,
            destination=found.destination or None,
            unicast_only=found.unicast,
            authenticated=found.authenticated,
            priority1=found.priority1,
        )


class Announce(Shape, frozen=True):
    """The last Announce of a port."""

    grandmaster: Annotated[str, says("Identity.")]
    steps_removed: Annotated[int, says("Steps.")]
    priority1: Annotated[int, says("Priority.")]
    priority2: Annotated[int, says("Priority.")]
    clock_class: Annotated[int, says("Class.")]
    clock_accuracy: Annotated[int, says("Accuracy.")]
    variance: Annotated[int, says("Variance.")]
    time_source: Annotated[int, says("Source.")]
    utc_offset: Annotated[int, says("Seconds.")]
    flags: Annotated[tuple[str, ...], says("Flags that are set.")]

    @classmethod
    def of(cls, announce: "message.Announce", voice: "Voice") -> Self:
        """Return what a port announced."""
        quality = announce.quality
        return cls(
            grandmaster=clock_text(announce.grandmaster),
            steps_removed=announce.steps_removed,
            priority1=announce.priority1,
            priority2=announce.priority2,
            clock_class=quality.clock_class,
            clock_accuracy=quality.accuracy,
            variance=quality.variance,
            time_source=announce.time_source,
            utc_offset=announce.utc_offset,
            flags=tuple(name for name in FLAGS if voice.flags and getattr(voice.flags, name)),
        )


class Port(Shape, frozen=True):
    """A port that was heard."""

    port: Annotated[str, says("Identity.")]
    addresses: Annotated[tuple[str, ...], says("Addresses.")]
    master: Annotated[bool, says("Whether it gives the time.")]
    two_step: Annotated[bool | None, says("Null where it sent no Sync.")]
    unicast: Annotated[
        tuple[str, ...], says("Kinds of messages that went to single stations only.")
    ]
    destinations: Annotated[tuple[str, ...], says("Where it sent to.")]
    authenticated: Signs
    cut_kinds: Annotated[
        tuple[str, ...], says("Kinds of messages that the capture does not have whole.")
    ]
    follow_up_information: FollowUp
    path_trace: PathTrace
    message_counts: Annotated[Mapping[str, int], says("Messages by kind.")]
    stated_log_intervals: Annotated[Mapping[str, int], says("Log2 of seconds by kind.")]
    spacing_ns: Annotated[Mapping[str, float], says("Nanoseconds between messages by kind.")]
    grandmasters: Annotated[tuple[str, ...], says("What it announced, in turn.")]
    announce: Annotated[Announce | None, says("Its last Announce.")]

    @classmethod
    def of(cls, voice: "Voice") -> Self:
        """Return what was heard of a port."""
        everywhere = (each for some in voice.destinations.values() for each in some)
        return cls(
            port=str(voice.port),
            addresses=tuple(voice.addresses),
            master=voice.gives_time,
            two_step=voice.two_step,
            unicast=tuple(kind.label for kind in sorted(voice.unicast)),
            destinations=tuple(dict.fromkeys(everywhere)),
            authenticated=voice.authenticated,
            cut_kinds=tuple(kind.label for kind in sorted(voice.cut)),
            follow_up_information=voice.follow_up_information,
            path_trace=voice.path_trace,
            message_counts={kind.label: count for kind, count in voice.counts.items()},
            stated_log_intervals={kind.label: log for kind, log in voice.stated.items()},
            spacing_ns={kind.label: gap for kind, gap in voice.spacing.items()},
            grandmasters=tuple(clock_text(clock) for clock in voice.grandmasters),
            announce=Announce.of(voice.announce, voice) if voice.announce else None,
        )


class Domain(Shape, frozen=True):
    """A PTP domain that was heard."""

    vlans: Annotated[tuple[int, ...], says("VLAN tags.")]
    clock_settings: ClockSettings
    delay_seen: Annotated[bool, says("Whether the delay mechanism was heard rather than inferred.")]
    not_heard: Annotated[
        tuple[str, ...], says("Options of ptp4l whose default stands for what was not heard.")
    ]
    cannot_be_rehearsed: Annotated[
        tuple[str, ...], says("What a played grandmaster does otherwise.")
    ]
    inexpressible: Annotated[tuple[str, ...], says("Why no trx.conf fits.")]
    profiles: Annotated[tuple[str, ...], says("Profiles that it sounds like.")]
    unknown: Annotated[tuple[str, ...], says("What is not known.")]
    grandmasters: Annotated[tuple[str, ...], says("Identities.")]
    ports: Annotated[tuple[Port, ...], says("Ports.")]
    trx_conf: Annotated[str | None, says("The trx.conf that fits; null where none does.")]

    @classmethod
    def of(cls, fit: "Fit", conf: str) -> Self:
        """Return what was heard in a domain, with the trx.conf that fits."""
        return cls(
            vlans=tuple(fit.domain.vlans),
            clock_settings=ClockSettings.of(fit.settings),
            delay_seen=fit.seen,
            not_heard=tuple(fit.assumed),
            cannot_be_rehearsed=tuple(fit.unlike),
            inexpressible=tuple(fit.inexpressible),
            profiles=tuple(fit.profiles),
            unknown=tuple(fit.unknown),
            grandmasters=tuple(clock_text(clock) for clock in fit.domain.grandmasters),
            ports=tuple(map(Port.of, fit.domain.voices)),
            trx_conf=None if fit.inexpressible else conf,
        )


class UnreadLinkType(Shape, frozen=True):
    """Packets of a link type that is not read."""

    link_type: Annotated[int, says("LINKTYPE_ number.")]
    packets: Annotated[int, says("How many.")]


class TrxSniff(Document, tag="vibforge/trx-sniff/1", frozen=True):
    """What PTP was heard."""

    good: Good
    path: Annotated[str | None, says("The capture.")]
    interface: Annotated[str | None, says("The interface.")]
    packets: Annotated[int, says("Packets looked at.")]
    ptp_messages: Annotated[int, says("PTP messages among them.")]
    malformed: Annotated[int, says("Packets in their place that are none.")]
    first_fault: Annotated[str | None, says("Why the first is none.")]
    cut: Annotated[int, says("Packets that the snap length cut so that PTP in them is incomplete.")]
    unread_link_types: Annotated[
        tuple[UnreadLinkType, ...], says("Packets of link types that are not read.")
    ]
    overlooked: Annotated[int, says("Messages of ports beyond the bound.")]
    seconds: Annotated[float, says("From the first to the last.")]
    complete: Annotated[bool, says("Whether all of it was heard.")]
    end: Annotated[str | None, says("Why not.")]
    domains: Annotated[tuple[Domain, ...], says("Domains.")]

    @classmethod
    def of(
        cls,
        hearing: "Hearing",
        fits: "Sequence[Fit]",
        confs: Sequence[str],
        *,
        path: str,
        interface: str,
    ) -> Self:
        """Return everything that was heard, with a trx.conf for each domain."""
        return cls(
            good=good_hearing(fits),
            path=path or None,
            interface=interface or None,
            packets=hearing.packets,
            ptp_messages=hearing.messages,
            malformed=hearing.malformed,
            first_fault=hearing.fault or None,
            cut=hearing.cut,
            unread_link_types=tuple(
                UnreadLinkType(link_type=link, packets=count)
                for link, count in hearing.unread.items()
            ),
            overlooked=hearing.overlooked,
            seconds=hearing.seconds,
            complete=not hearing.end,
            end=hearing.end or None,
            domains=tuple(map(Domain.of, fits, confs)),
        )
