"""record.json of a change record, which `evidence change-record --json` prints."""

from typing import TYPE_CHECKING, Annotated, Self

from vibforge import __version__
from vibforge.esxi.acceptance import AcceptanceLevel
from vibforge.esxi.controls import ControlSubject, Guide
from vibforge.esxi.traces import Act, TraceKind
from vibforge.evidence.assessment import RiskGrade, Standing
from vibforge.evidence.change_record import MomentSource
from vibforge.formats.gnu_tar import KindName
from vibforge.host.prediction import InstallOutcome
from vibforge.packages.verification import Outcome
from vibforge.report import units
from vibforge.report.change_record import old_name
from vibforge.report.documents.diff import Diff, OneDifference
from vibforge.report.documents.shape import (
    Cause,
    Count,
    Document,
    EsxiRelease,
    Good,
    Mode,
    Sha256,
    Shape,
    Size,
    Sure,
    Time,
    noted,
    says,
)
from vibforge.vib.signature import Signature

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from vibforge.comparison.differences import Comparison
    from vibforge.comparison.side import PackedFile
    from vibforge.esxi import controls, traces
    from vibforge.evidence import assessment, change_record, results, steps
    from vibforge.host.prediction import Branch
    from vibforge.host.prediction import Prediction as Predicted

SHOWN_CAUSES = 20
"""Causes of one prediction that are listed; `vibforge plan --json` has all."""


class RecordedPrediction(Shape, frozen=True):
    """What a host does, if the conditions hold."""

    conditions: Annotated[tuple[str, ...], says("What is not known and assumed here.")]
    outcome: Annotated[InstallOutcome, says("What happens.")]
    certainty: Sure
    error_class: Annotated[str | None, says("The host's error; null where it installs.")]
    causes: Annotated[tuple[Cause, ...], says("Why, the first 20.")]
    cause_count: Annotated[Count, says("How many causes there are.")]

    @classmethod
    def of(cls, branch: "Branch[Predicted]") -> Self:
        """Return a prediction with its conditions."""
        result = branch.result
        return cls(
            conditions=tuple(branch.assumptions.conditions),
            outcome=result.outcome,
            certainty=result.certainty,
            error_class=result.message.error if result.message else None,
            causes=tuple(map(Cause.of, result.causes[:SHOWN_CAUSES])),
            cause_count=len(result.causes),
        )


Predictions = tuple[RecordedPrediction, ...]


class HostEntry(Shape, frozen=True):
    """A file, link or folder that the package puts on a host."""

    path: Annotated[str, says("Path without a slash in front.")]
    kind: Annotated[KindName, says("What it is.")]
    mode: Mode
    owner: Annotated[Count, says("Number of the owner.")]
    group: Annotated[Count, says("Number of the group.")]
    size: Size
    link: Annotated[str | None, says("Where a link leads.")]
    sha256: Annotated[Sha256 | None, says("Of a file's content; null for other entries.")]

    @classmethod
    def of(cls, path: str, file: "PackedFile") -> Self:
        """Return an entry as programs read it."""
        owner, _, group = file.owner.partition(":")
        return cls(
            path=path,
            kind=file.kind,  # type: ignore[arg-type] # of kind_name
            mode=units.mode(file.mode),
            owner=int(owner),
            group=int(group),
            size=file.size,
            link=file.link or None,
            sha256=file.digest.hex() or None,
        )


class RecordedVib(Shape, frozen=True):
    """A VIB of the package."""

    vib_id: Annotated[str, says("VIB ID.")]
    name: Annotated[str, says("Name.")]
    version: Annotated[str, says("Version.")]
    vendor: Annotated[str, says("Vendor.")]
    summary: Annotated[str, says("What it is.")]
    description: Annotated[str, says("What it does.")]
    acceptance_level: Annotated[AcceptanceLevel, says("The level that it claims.")]
    signature: Annotated[Signature, says("How hosts judge its signature.")]
    signers: Annotated[tuple[str, ...], says("Who signed it; empty where it is unsigned.")]
    descriptor_rule_fires: Annotated[
        bool, says("Whether the public YARA rule on descriptors fires on it.")
    ]
    host_entries: Annotated[tuple[HostEntry, ...], says("What it puts on a host.")]

    @classmethod
    def of(cls, vib: "change_record.RecordedVib") -> Self:
        """Return a VIB as programs read it."""
        descriptor = vib.descriptor
        return cls(
            vib_id=vib.package.id,
            name=descriptor.name,
            version=descriptor.version,
            vendor=descriptor.vendor,
            summary=descriptor.summary,
            description=descriptor.description,
            acceptance_level=vib.package.level,
            signature=vib.package.signature,
            signers=vib.signers,
            descriptor_rule_fires=vib.is_hunted,
            host_entries=tuple(HostEntry.of(path, file) for path, file in vib.files.items()),
        )


class RecordedRisk(Shape, frozen=True):
    """A risk."""

    risk: Annotated[RiskGrade, says("How grave it is.")]
    about: Annotated[str, says("What it is about.")]
    what: Annotated[str, says("What there is to say.")]

    @classmethod
    def of(cls, risk: "assessment.Risk") -> Self:
        """Return a risk as programs read it."""
        return cls(risk=risk.grade, about=risk.about, what=risk.what)


class RecordedHost(Shape, frozen=True):
    """What a host does with the package."""

    name: Annotated[str, says("Which host.")]
    release: EsxiRelease
    as_it_is: Annotated[Predictions, says("Without any step, one for each set of conditions.")]
    with_steps: Annotated[Predictions, says("After the steps.")]
    with_secure_boot: Annotated[
        Predictions | None,
        says("With Secure Boot on and no flag; null where the host has it on."),
    ]
    warnings: Annotated[tuple[str, ...], says("What else to know.")]

    @classmethod
    def of(cls, verdict: "steps.HostVerdict") -> Self:
        """Return what a host does."""
        secure = verdict.with_secure_boot
        plan = verdict.plan
        return cls(
            name=plan.label,
            release=str(plan.host.release),
            as_it_is=_predictions(plan.routes[0].branches),
            with_steps=_predictions(verdict.with_steps),
            with_secure_boot=None if secure is None else _predictions(secure),
            warnings=(*plan.hopeless, *plan.warnings),
        )


def _predictions(branches: "Iterable[Branch[Predicted]]") -> Predictions:
    return tuple(map(RecordedPrediction.of, branches))


class RecordedSteps(Shape, frozen=True):
    """The steps that install the package."""

    commands: Annotated[tuple[str, ...], says("On the host, in order.")]
    flags: Annotated[tuple[str, ...], says("Flags that the install needs.")]
    reasons: Annotated[tuple[str, ...], says("Why it needs them.")]
    highest_host_level: Annotated[
        AcceptanceLevel, says("The strictest level of a host that takes it by the steps.")
    ]
    needs_maintenance_mode: Annotated[bool, says("Whether the host must enter it first.")]
    needs_reboot: Annotated[bool, says("Whether it takes effect at the next boot only.")]

    @classmethod
    def of(cls, found: "steps.InstallSteps") -> Self:
        """Return the steps as programs read them."""
        return cls(
            commands=found.commands,
            flags=found.flags,
            reasons=found.reasons,
            highest_host_level=found.level,
            needs_maintenance_mode=found.needs_maintenance,
            needs_reboot=found.needs_reboot,
        )


class RecordedTrace(Shape, frozen=True):
    """What an act leaves on a host."""

    kind: Annotated[TraceKind, noted("Where it is found.")]
    name: Annotated[str, noted("Name of the record or event, or the words; ? if none is known.")]
    says: Annotated[str, noted("What it says.")]
    certainty: Sure
    source: Annotated[str, noted("Where that is from.")]

    @classmethod
    def of(cls, trace: "traces.Trace") -> Self:
        """Return a trace as programs read it."""
        return cls(
            kind=trace.kind,
            name=trace.name,
            says=trace.says,
            certainty=trace.certainty,
            source=trace.source,
        )


class RecordedRule(Shape, frozen=True):
    """A detection rule that fires on an act."""

    name: Annotated[str, says("Its title.")]
    publisher: Annotated[str, says("Who publishes it.")]
    id: Annotated[str | None, says("Its identifier, as far as it is known.")]
    priority: Annotated[str | None, says("How it rates a hit; null if it does not say so.")]
    matches: Annotated[tuple[str, ...], says("What it looks for.")]
    technique: Annotated[str | None, says("The MITRE ATT&CK technique that it names.")]
    certainty: Sure
    source: Annotated[str, says("Where that is from.")]

    @classmethod
    def of(cls, rule: "traces.Detection") -> Self:
        """Return a rule as programs read it."""
        return cls(
            name=rule.name,
            publisher=rule.publisher,
            id=rule.id or None,
            priority=rule.priority or None,
            matches=rule.matches,
            technique=rule.technique or None,
            certainty=rule.certainty,
            source=rule.source,
        )


class RecordedAct(Shape, frozen=True):
    """What one act leaves on the host, and whose rules fire on it."""

    act: Annotated[Act, says("What is done.")]
    is_part: Annotated[bool, says("Whether it is part of this change or of its way back.")]
    skips: Annotated[str | None, says("What a flag makes the host skip; null for other acts.")]
    traces: Annotated[tuple[RecordedTrace, ...], says("What it leaves.")]
    rules: Annotated[tuple[RecordedRule, ...], says("The rules that fire.")]

    @classmethod
    def of(cls, each: "steps.ActTraces") -> Self:
        """Return an act as programs read it."""
        return cls(
            act=each.act,
            is_part=each.is_part,
            skips=each.skips or None,
            traces=tuple(map(RecordedTrace.of, each.traces)),
            rules=tuple(map(RecordedRule.of, each.detections)),
        )


class ControlNumber(Shape, frozen=True):
    """A control of a guide."""

    guide: Annotated[Guide, says("The guide.")]
    id: Annotated[str, says("Its number or name there.")]
    severity: Annotated[str | None, says("Null where it is not known here.")]
    certainty: Sure
    source: Annotated[str, says("Where that is from.")]

    @classmethod
    def of(cls, control: "controls.Control") -> Self:
        """Return a control as programs read it."""
        return cls(
            guide=control.guide,
            id=control.id,
            severity=control.severity or None,
            certainty=control.certainty,
            source=control.source,
        )


class RecordedControl(Shape, frozen=True):
    """What the package does to the controls about one subject."""

    subject: Annotated[ControlSubject, says("What they are about.")]
    standing: Annotated[Standing, says("Whether the package keeps them.")]
    why: Annotated[str, says("The reason.")]
    certainty: Sure
    asks: Annotated[str, says("What the controls ask for.")]
    numbers: Annotated[tuple[ControlNumber, ...], says("Guide by guide.")]
    evidence_commands: Annotated[tuple[str, ...], says("Commands on a host that show it.")]
    observed: Annotated[str | None, says("What the facts of the host say; null without facts.")]
    waiver: Annotated[str | None, says("The wording of a waiver; null where none is needed.")]

    @classmethod
    def of(cls, finding: "assessment.ControlFinding") -> Self:
        """Return a finding as programs read it."""
        return cls(
            subject=finding.subject,
            standing=finding.standing,
            why=finding.why,
            certainty=finding.certainty,
            asks=finding.evidence.asks,
            numbers=tuple(map(ControlNumber.of, finding.controls)),
            evidence_commands=finding.evidence.commands,
            observed=finding.observed or None,
            waiver=finding.waiver or None,
        )


class RecordedWayBack(Shape, frozen=True):
    """How a host loses the package again."""

    commands: Annotated[tuple[str, ...], says("On the host, in order.")]
    requirements: Annotated[tuple[str, ...], says("What they require.")]
    then: Annotated[str | None, says("What to do if the level cannot be set at once.")]


class RecordedRehearsal(Shape, frozen=True):
    """The rehearsal of the trx.conf in the package."""

    good: Annotated[bool, says("Whether it fits.")]
    verdict: Annotated[str, says("What came out.")]
    meaning: Annotated[str, says("The verdict in a sentence.")]
    against: Annotated[str, says("Grandmaster or interface.")]
    linuxptp_release: Annotated[str, says("The linuxptp that the client ran.")]
    trx_conf_sha256: Annotated[Sha256, says("Of the trx.conf.")]

    @classmethod
    def of(cls, found: "results.RehearsalResult") -> Self:
        """Return a rehearsal as programs read it."""
        return cls(
            good=found.good,
            verdict=found.verdict,
            meaning=found.meaning,
            against=found.against,
            linuxptp_release=found.linuxptp_release,
            trx_conf_sha256=found.sha256,
        )


class RecordedLimit(Shape, frozen=True):
    """Whether a clock kept a limit."""

    host_name: Annotated[str, says("The host.")]
    limit: Annotated[str, says("Name of the limit.")]
    limit_ns: Annotated[float, says("Nanoseconds.")]
    verdict: Annotated[str, says("Whether it was kept.")]
    total_ns: Annotated[float | None, says("max |TE| with the budget, in nanoseconds.")]


class RecordedClockLog(Shape, frozen=True):
    """What clock logs say."""

    good: Annotated[bool, says("Whether every limit that was named was kept.")]
    limit_verdicts: Annotated[tuple[RecordedLimit, ...], says("Each limit for each host.")]
    log_sha256: Annotated[tuple[str, ...], says("Of the logs that were read.")]

    @classmethod
    def of(cls, found: "results.ClockLogResult") -> Self:
        """Return a result as programs read it."""
        return cls(
            good=found.good,
            limit_verdicts=tuple(
                RecordedLimit(
                    host_name=each.host_name,
                    limit=each.limit,
                    limit_ns=each.limit_ns,
                    verdict=each.verdict,
                    total_ns=each.total_ns,
                )
                for each in found.verdicts
            ),
            log_sha256=tuple(source.sha256 for source in found.sources),
        )


class RecordedComparison(Shape, frozen=True):
    """The differences to the last release."""

    old: Annotated[str, says("The file of the last release.")]
    old_sha256: Annotated[str, says("Its SHA-256; empty for a project.")]
    same_content: Annotated[bool, says("Whether a host would get the same from both.")]
    differences: Annotated[tuple[OneDifference, ...], says("As `vibforge diff` finds them.")]

    @classmethod
    def of(cls, found: "Comparison") -> Self:
        """Return a comparison as programs read it."""
        diff = Diff.of(found)
        return cls(
            old=old_name(found),
            old_sha256=found.old.sha256,
            same_content=diff.same_content,
            differences=diff.differences,
        )


class RecordedFact(Shape, frozen=True):
    """A fact about the attestation that was checked."""

    statement: Annotated[str, says("What has to hold.")]
    outcome: Annotated[Outcome, says("Whether it does.")]
    reason: Annotated[str | None, says("Why it does not.")]


class RecordedAttestation(Shape, frozen=True):
    """The attestation of the build."""

    builder: Annotated[str | None, says("URI of the builder; null where it is not stated.")]
    build_type: Annotated[str | None, says("URI of the build's type.")]
    built_at: Annotated[Time | None, says("The time that it states.")]
    checks: Annotated[tuple[RecordedFact, ...], says("What was checked.")]

    @classmethod
    def of(cls, found: "change_record.CheckedAttestation") -> Self:
        """Return an attestation as programs read it."""
        stated = found.attestation
        return cls(
            builder=stated.builder or None,
            build_type=stated.build_type or None,
            built_at=units.utc(stated.moment) if stated.moment else None,
            checks=tuple(
                RecordedFact(
                    statement=fact.statement, outcome=fact.outcome, reason=fact.reason or None
                )
                for fact in found.facts
            ),
        )


class RecordedAttachment(Shape, frozen=True):
    """A file of the record's folder."""

    name: Annotated[str, says("Its name.")]
    what: Annotated[str, says("What it is.")]
    size: Size
    sha256: Sha256

    @classmethod
    def of(cls, file: "results.Attachment") -> Self:
        """Return a file as programs read it."""
        return cls(name=file.name, what=file.what, size=len(file.data), sha256=file.sha256)


class ChangeRecord(Document, tag="vibforge/change-record/1", frozen=True):
    """What a board that approves changes asks about a package."""

    good: Good
    objections: Annotated[tuple[str, ...], says("Why the exit code is 1; empty if it is 0.")]
    risk: Annotated[RiskGrade, says("The gravest risk.")]
    made_at: Time
    made_at_source: Annotated[MomentSource, says("Where that date is from.")]
    vibforge: Annotated[str, says("The version that made the record.")]
    purpose: Annotated[str | None, says("Why it is installed, and for whom.")]
    package: Annotated[str, says("The file name.")]
    is_bundle: Annotated[bool, says("Whether it is an offline bundle.")]
    size: Size
    sha256: Annotated[Sha256, says("Of the package.")]
    recorded_vibs: Annotated[tuple[RecordedVib, ...], says("Its VIBs.")]
    risks: Annotated[tuple[RecordedRisk, ...], says("The gravest first.")]
    hosts: Annotated[tuple[RecordedHost, ...], says("What each host does.")]
    install_steps: Annotated[RecordedSteps, says("The steps that install it.")]
    acts: Annotated[tuple[RecordedAct, ...], says("What leaves traces, this change first.")]
    controls: Annotated[tuple[RecordedControl, ...], says("Subject by subject.")]
    way_back: Annotated[RecordedWayBack, says("As INSTALL.md has it.")]
    comparison: Annotated[RecordedComparison | None, says("Null where no release was named.")]
    rehearsal: Annotated[RecordedRehearsal | None, says("Null where there is none.")]
    clock_logs: Annotated[tuple[RecordedClockLog, ...], says("Of the change.")]
    built_by: Annotated[
        str | None, says("The vibforge of the build.json beside it; null where there is none.")
    ]
    attestation: Annotated[RecordedAttestation | None, says("Null where none was given.")]
    attachments: Annotated[tuple[RecordedAttachment, ...], says("The files beside the record.")]

    @classmethod
    def of(
        cls, record: "change_record.ChangeRecord", attachments: "Sequence[results.Attachment]"
    ) -> Self:
        """Return a record as programs read it."""
        found, back = record.comparison, record.back
        built = record.provenance.facts.get("vibforge") if record.provenance else None
        return cls(
            good=record.good,
            objections=record.objections,
            risk=record.grade,
            made_at=units.utc(record.made.at),
            made_at_source=record.made.source,
            vibforge=__version__,
            purpose=record.purpose or None,
            package=record.name,
            is_bundle=record.is_bundle,
            size=record.size,
            sha256=record.sha256,
            recorded_vibs=tuple(map(RecordedVib.of, record.vibs)),
            risks=tuple(map(RecordedRisk.of, record.risks)),
            hosts=tuple(map(RecordedHost.of, record.verdicts)),
            install_steps=RecordedSteps.of(record.steps),
            acts=tuple(map(RecordedAct.of, record.traces)),
            controls=tuple(map(RecordedControl.of, record.controls)),
            way_back=RecordedWayBack(
                commands=back.commands, requirements=back.requirements, then=back.then or None
            ),
            comparison=RecordedComparison.of(found) if found else None,
            rehearsal=RecordedRehearsal.of(record.rehearsal) if record.rehearsal else None,
            clock_logs=tuple(map(RecordedClockLog.of, record.clock_logs)),
            built_by=None if built is None else str(built),
            attestation=RecordedAttestation.of(record.attestation) if record.attestation else None,
            attachments=tuple(map(RecordedAttachment.of, attachments)),
        )
