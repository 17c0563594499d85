"""What `trx rehearse --json` prints."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Self

from vibforge.report.documents.shape import Document, Shape, says
from vibforge.report.documents.shapes import Good, Path, Sha256
from vibforge.report.documents.trx_check import TrxFinding
from vibforge.report.documents.trx_sniff import ClockSettings
from vibforge.report.trx_rehearse import LIMITS
from vibforge.trx.rehearsal.remedy import MEANING
from vibforge.trx.rehearsal.verdict import Code

if TYPE_CHECKING:
    from vibforge.trx.rehearsal import client, failover, verdict
    from vibforge.trx.rehearsal.rehearse import Rehearsal

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

    program: Annotated[str, says("Program.")]
    line: Annotated[int, says("Line of the trx.conf.")]
    says: Annotated[str, says("What the program says.")]


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
    def of(cls, change: "failover.Change") -> Self:
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
