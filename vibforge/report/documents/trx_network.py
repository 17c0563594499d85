"""PTP networks: captures and rehearsals."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Self

from vibforge.report.documents.shape import Document, Good, Path, Sha256, Shape, noted, says
from vibforge.report.documents.trx import TrxFinding
from vibforge.report.trx_rehearse import FLAGS, LIMITS, good_hearing
from vibforge.trx.network.capture import Transport
from vibforge.trx.network.message import clock_text
from vibforge.trx.network.settings import Delay
from vibforge.trx.rehearsal.remedy import MEANING
from vibforge.trx.rehearsal.verdict import Code

if TYPE_CHECKING:
    from vibforge.trx.network import message, settings
    from vibforge.trx.network.listener import Observation, Speaker
    from vibforge.trx.network.settings import Fit
    from vibforge.trx.rehearsal import client, failover, verdict
    from vibforge.trx.rehearsal.rehearse import Rehearsal


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
    def of(cls, announce: "message.Announce", voice: "Speaker") -> Self:
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
    def of(cls, voice: "Speaker") -> Self:
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
        hearing: "Observation",
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


Nanoseconds = Annotated[float, says("Nanoseconds.")]
MessageCounts = Annotated[Mapping[str, int], says("Messages by kind.")]


class Change(Shape, frozen=True):
    """A line to change."""

    line: Annotated[int | None, says("Line to change.")]
    old: Annotated[str | None, says("What stands there.")]
    new: Annotated[str, says("What shall stand there.")]


class Override(Shape, frozen=True):
    """What the rehearsal set itself."""

    key: Annotated[str, says("Option.")]
    value: Annotated[str, says("Value.")]
    line: Annotated[int | None, says("The line that it goes over.")]
    reason: Annotated[str, says("Why.")]

    @classmethod
    def of(cls, override: "client.Override") -> Self:
        """Return what was set."""
        return cls(
            key=override.key,
            value=override.value,
            line=override.line or None,
            reason=override.why,
        )


class Rejected(Shape, frozen=True):
    """A line that a program does not take."""

    program: Annotated[str, noted("Program.")]
    line: Annotated[int, noted("Line of the trx.conf.")]
    says: Annotated[str, noted("What the program says.")]


class Assumed(Shape, frozen=True):
    """An option of the grandmaster whose default stands for what was not heard."""

    key: Annotated[str, says("Option.")]
    value: Annotated[str, says("Value.")]


class Failover(Shape, frozen=True):
    """A change of the grandmasters and what the client did."""

    event: Annotated[str, says("What happened.")]
    at_seconds: Annotated[float, says("When, since the start of the client.")]
    without_time_seconds: Annotated[
        float | None,
        says(
            "How long the client had no time from a grandmaster that was alive; null where it "
            "never had again."
        ),
    ]
    parent: Annotated[str, says("The port that the client followed at the end.")]
    followed: Annotated[str, says("The grandmaster that this is: first, second or none.")]
    states: Annotated[tuple[str, ...], says("States of the port, in turn.")]
    utc_offset: Annotated[
        int | None, says("Seconds that the client takes TAI to be ahead of UTC at the end.")
    ]
    flags: Annotated[tuple[str, ...], says("Flags of the time that the client knew at the end.")]

    @classmethod
    def of(cls, change: "failover.EventResponse") -> Self:
        """Return a change as programs read it."""
        return cls(
            event=str(change.event),
            at_seconds=change.at,
            without_time_seconds=change.without_time,
            parent=change.parent,
            followed=change.followed,
            states=tuple(change.states),
            utc_offset=change.utc_offset,
            flags=tuple(change.flags),
        )


class Sample(Shape, frozen=True):
    """What was measured at one moment."""

    seconds: Annotated[float, says("Since the start.")]
    state: Annotated[str, says("State of the port.")]
    grandmaster_present: Annotated[bool, says("Whether there is one.")]
    grandmaster: Annotated[str, says("Its identity.")]
    parent: Annotated[str, says("The port that it is heard from.")]
    offset_ns: Nanoseconds
    path_delay_ns: Nanoseconds
    peer_delay_ns: Nanoseconds
    received: MessageCounts
    sent: MessageCounts

    @classmethod
    def of(cls, sample: "verdict.Sample") -> Self:
        """Return a sample as programs read it."""
        data = sample.data
        return cls(
            seconds=sample.seconds,
            state=data.state,
            grandmaster_present=data.grandmaster_present,
            grandmaster=data.grandmaster,
            parent=data.parent,
            offset_ns=data.offset,
            path_delay_ns=data.path_delay,
            peer_delay_ns=data.peer_delay,
            received=dict(data.received),
            sent=dict(data.sent),
        )


class TrxRehearse(Document, tag="vibforge/trx-rehearse/1", frozen=True):
    """A rehearsal of a trx.conf."""

    path: Path
    sha256: Annotated[Sha256, says("Of the file.")]
    verdict: Annotated[Code, says("What came out.")]
    good: Good
    meaning: Annotated[str, says("The verdict in a sentence.")]
    changes: Annotated[tuple[Change, ...], says("What to change.")]
    hint: Annotated[str | None, says("What to do where lines are not enough.")]
    against: Annotated[str, says("Grandmaster or interface.")]
    world: Annotated[str, says("Where it ran.")]
    linuxptp_release: Annotated[str, says("The linuxptp that the client ran.")]
    grandmaster_linuxptp_release: Annotated[
        str | None, says("The linuxptp of the grandmaster; null where the network has one.")
    ]
    chosen_after_seconds: Annotated[float | None, says("When a grandmaster was chosen.")]
    first_offset_after_seconds: Annotated[float | None, says("When the first offset was measured.")]
    ptp4l_says: Annotated[str | None, says("What ptp4l says of the trouble.")]
    client: Annotated[ClockSettings, says("What the client speaks.")]
    network: Annotated[ClockSettings | None, says("What the network speaks, where it is known.")]
    overrides: Annotated[tuple[Override, ...], says("What the rehearsal set itself.")]
    rejected: Annotated[tuple[Rejected, ...], says("Lines that the programs do not take.")]
    failover: Annotated[
        tuple[Failover, ...],
        says("Changes of the grandmasters and what the client did, in turn."),
    ]
    not_played: Annotated[
        tuple[str, ...], says("What the network does and the rehearsal did not play.")
    ]
    grandmaster_not_heard: Annotated[
        tuple[Assumed, ...],
        says("Options of the grandmaster whose default stands for what was not heard."),
    ]
    phc2sys_findings: Annotated[tuple[TrxFinding, ...], says("What phc2sys would make of it.")]
    samples: Annotated[tuple[Sample, ...], says("What was measured.")]
    log: Annotated[tuple[str, ...], says("Lines of ptp4l.")]
    grandmaster_log: Annotated[tuple[str, ...], says("Lines of the grandmaster.")]
    limits: Annotated[str, says("What cannot be rehearsed.")]

    @classmethod
    def of(cls, found: "Rehearsal", where: str) -> Self:
        """Return all of a rehearsal."""
        play, grandmaster = found.play, found.grandmaster
        return cls(
            path=where,
            sha256=found.sha256,
            verdict=found.code,
            good=found.good,
            meaning=MEANING[found.code],
            changes=tuple(
                Change(line=change.line, old=change.old, new=change.new)
                for change in found.advice.changes
            ),
            hint=found.advice.hint or None,
            against=grandmaster.source if grandmaster else found.interface,
            world=found.world,
            linuxptp_release=found.linuxptp,
            grandmaster_linuxptp_release=found.grandmaster_linuxptp or None,
            chosen_after_seconds=play.chosen_after if play else None,
            first_offset_after_seconds=play.offset_after if play else None,
            ptp4l_says=(play.words or None) if play else None,
            client=ClockSettings.of(found.client.settings),
            network=ClockSettings.of(found.network) if found.network else None,
            overrides=tuple(map(Override.of, found.client.overrides)),
            rejected=tuple(
                Rejected(program=each.program, line=each.line.number, says=each.words)
                for each in found.rejections
            ),
            failover=tuple(map(Failover.of, play.failover if play else ())),
            not_played=tuple(found.unlike),
            grandmaster_not_heard=tuple(
                Assumed(key=key, value=value)
                for key, value in (grandmaster.assumed if grandmaster else ())
            ),
            phc2sys_findings=tuple(map(TrxFinding.of, found.coupling)),
            samples=tuple(map(Sample.of, play.samples if play else ())),
            log=tuple(play.log if play else ()),
            grandmaster_log=tuple(play.grandmaster_log if play else ()),
            limits=LIMITS,
        )
