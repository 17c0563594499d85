"""trx.conf: checks, tables, transfers and hosts."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Self

from msgspec import Meta, field

from vibforge.findings.check import Severity
from vibforge.report.documents.shape import (
    Count,
    Document,
    Good,
    LineNumber,
    Path,
    Shape,
    Sure,
    says,
)
from vibforge.trx.configstore import SCHEMA, OfficialWay
from vibforge.trx.exchange.foreign import Foreign
from vibforge.trx.nic import Answer, NicVerdict
from vibforge.trx.option import Standing, ValueKind

if TYPE_CHECKING:
    from vibforge.findings.check import Finding
    from vibforge.trx import option, profile
    from vibforge.trx.check import CheckResult
    from vibforge.trx.conf import Line
    from vibforge.trx.effective import Effect
    from vibforge.trx.exchange import transfer
    from vibforge.trx.exchange.linuxptp import Exported
    from vibforge.trx.option import Catalogue, Fingerprint


Linuxptp = Annotated[str, Meta(pattern=r"^\d+\.\d+(\.\d+)?$"), says("A release of linuxptp.")]
JudgedFor = Annotated[tuple[Linuxptp, ...], says("Releases of linuxptp that it was judged for.")]


class Counts(Shape, frozen=True):
    """Findings that count, by severity."""

    error: Annotated[Count, says("Errors.")]
    warning: Annotated[Count, says("Warnings.")]
    note: Annotated[Count, says("Notes.")]

    @classmethod
    def of(cls, result: "CheckResult") -> Self:
        """Count what was found."""
        return cls(
            error=result.counts[Severity.ERROR],
            warning=result.counts[Severity.WARNING],
            note=result.counts[Severity.NOTE],
        )


class Allowed(Shape, frozen=True):
    """A rule on trx.conf that was allowed to be broken."""

    rule: Annotated[str, says("Its name.")]
    because: Annotated[str, says("The reason given.")]
    lines: Annotated[tuple[Count, ...], says("Lines that break it.")]

    @classmethod
    def all_of(cls, result: "CheckResult | None") -> tuple[Self, ...]:
        """Return the rules that were allowed to be broken, none where there is no trx.conf."""
        if result is None:
            return ()
        return tuple(
            cls(
                rule=each.rule,
                because=each.because,
                lines=tuple(one.line for one in result.allowed if one.rule == each.rule),
            )
            for each in result.allowances
        )


AllowedRules = Annotated[tuple[Allowed, ...], says("What was allowed, and why.")]


class TrxFinding(Shape, frozen=True):
    """A finding of the rules on trx.conf."""

    rule: Annotated[str, says("Name of the rule.")]
    severity: Annotated[Severity, says("How bad it is.")]
    certainty: Sure
    line: Annotated[LineNumber | None, says("Counts from 1; null for the file as a whole.")]
    column: Annotated[LineNumber | None, says("Counts from 1.")]
    what: Annotated[str, says("What is wrong.")]
    remedy: Annotated[str | None, says("What to do.")]
    linuxptp_releases: Annotated[
        tuple[Linuxptp, ...],
        says("Releases of linuxptp that it is about; all that were asked for where it is empty."),
    ]
    because: Annotated[str | None, says("The reason, where it is allowed.")]

    @classmethod
    def of(cls, finding: "Finding") -> Self:
        """Return a finding as programs read it, with the reason where it is allowed."""
        return cls(
            rule=finding.rule,
            severity=finding.severity,
            certainty=finding.certainty,
            line=finding.line or None,
            column=finding.column if finding.line else None,
            what=finding.what,
            remedy=finding.remedy or None,
            linuxptp_releases=tuple(finding.linuxptp),
            because=finding.because or None,
        )


class TrxCheck(Document, tag="vibforge/trx-check/1", frozen=True):
    """The verdict on a trx.conf."""

    path: Annotated[str, says("The file, `-` for standard input.")]
    good: Good
    linuxptp_releases: JudgedFor
    counts: Counts
    findings: Annotated[tuple[TrxFinding, ...], says("By line; those that are allowed last.")]
    more: Annotated[Count, says("Findings that are not listed.")]
    allowed: AllowedRules

    @classmethod
    def of(cls, result: "CheckResult", where: str) -> Self:
        """Tell every finding, those that are allowed last."""
        return cls(
            path=where,
            good=result.good,
            linuxptp_releases=tuple(result.releases),
            counts=Counts.of(result),
            findings=tuple(map(TrxFinding.of, (*result.findings, *result.allowed))),
            more=result.more,
            allowed=Allowed.all_of(result),
        )


class Statement(Shape, frozen=True):
    """Something that is known, and how sure it is."""

    statement: Annotated[str, says("What is known.")]
    certainty: Sure


class Nic(Shape, frozen=True):
    """Whether TRX takes a NIC."""

    id: Annotated[str, says("Vendor and device.")]
    physical_function: Annotated[int, says("Function.")]
    answer: Annotated[Answer, says("Whether TRX takes it.")]
    statements: Annotated[tuple[Statement, ...], says("Why.")]

    @classmethod
    def of(cls, verdict: NicVerdict) -> Self:
        """Return the answer for a NIC."""
        return cls(
            id=verdict.nic,
            physical_function=verdict.function,
            answer=verdict.answer,
            statements=tuple(
                Statement(statement=fact.says, certainty=fact.certainty) for fact in verdict.facts
            ),
        )


class OfficialSetting(Shape, frozen=True):
    """A setting that ESXi has a way of its own for."""

    key: Annotated[str, says("Key in ConfigStore.")]
    meaning: Annotated[str, says("What it does.")]
    instead_of: Annotated[str | None, says("The option of ptp4l that it replaces.")]
    commands: Annotated[tuple[str, ...], says("How to set it.")]
    certainty: Sure

    @classmethod
    def of(cls, way: OfficialWay) -> Self:
        """Return a way as programs read it."""
        return cls(
            key=way.key,
            meaning=way.means,
            instead_of=way.instead_of or None,
            commands=tuple(way.commands),
            certainty=way.certainty,
        )


class TrxHost(Document, tag="vibforge/trx-host/1", frozen=True):
    """Whether TRX takes a NIC, and what ESXi sets itself."""

    good: Good
    nic: Annotated[Nic | None, says("The NIC that was asked for.")]
    schema_command: Annotated[str, says("The command that shows the form of all settings.")]
    settings: Annotated[
        tuple[OfficialSetting, ...], says("Settings that ESXi has a way of its own for.")
    ]

    @classmethod
    def of(cls, verdict: NicVerdict | None, ways: Sequence[OfficialWay]) -> Self:
        """Return the answer for the NIC and the official ways."""
        return cls(
            good=verdict is None or verdict.answer is Answer.YES,
            nic=Nic.of(verdict) if verdict else None,
            schema_command=SCHEMA,
            settings=tuple(map(OfficialSetting.of, ways)),
        )


class TrxFingerprint(Document, tag="vibforge/trx-fingerprint/1", frozen=True):
    """Which linuxptp a binary is of."""

    path: Path
    linuxptp_releases: Annotated[tuple[Linuxptp, ...], says("Releases that it may be of.")]
    exact: Annotated[bool, says("Whether the labels are just those of the releases.")]
    labels: Annotated[int, says("Option labels in it.")]
    missing: Annotated[tuple[str, ...], says("Labels that it lacks.")]
    extra: Annotated[tuple[str, ...], says("Labels that no release has.")]

    @classmethod
    def of(cls, found: "Fingerprint", where: str) -> Self:
        """Return which releases a binary may be of."""
        return cls(
            path=where,
            linuxptp_releases=tuple(found.releases),
            exact=found.exact,
            labels=found.labels,
            missing=tuple(found.missing),
            extra=tuple(found.extra),
        )


class Setting(Shape, frozen=True):
    """A setting in effect."""

    namespace: Annotated[str, says("Whose: `ptp4l`, `phc2sys`, `sys2vmw`, or what the line says.")]
    key: Annotated[str, says("Option.")]
    value: Annotated[str, says("Value in effect.")]
    default: Annotated[str, says("Default.")]
    line: Annotated[LineNumber | None, says("Null for a default.")]
    meaning: Annotated[str, says("What it does.")]
    note: Annotated[str | None, says("What else to know.")]

    @classmethod
    def of(cls, effect: "Effect") -> Self:
        """Return a setting; what is a default has no line."""
        return cls(
            namespace=effect.namespace,
            key=effect.key,
            value=effect.value,
            default=effect.default,
            line=effect.line or None,
            meaning=effect.does,
            note=effect.note or None,
        )


class TrxShow(Document, tag="vibforge/trx-show/1", frozen=True):
    """What is in effect with a trx.conf."""

    good: Good
    stopping_lines: Annotated[tuple[int, ...], says("Lines with which TRX does not start.")]
    linuxptp_releases: JudgedFor
    settings: Annotated[tuple[Setting, ...], says("Settings.")]

    @classmethod
    def of(
        cls, effects: "Sequence[Effect]", stopping: "Sequence[Line]", releases: Sequence[str]
    ) -> Self:
        """Return the effective configuration."""
        return cls(
            good=not stopping,
            stopping_lines=tuple(line.number for line in stopping),
            linuxptp_releases=tuple(releases),
            settings=tuple(map(Setting.of, effects)),
        )


class Profile(Shape, frozen=True):
    """A PTP profile, with whether trx.conf can express it."""

    name: Annotated[str, says("Name.")]
    title: Annotated[str, says("Title.")]
    expressible: Annotated[bool, says("Whether trx.conf can express it.")]
    impossible: Annotated[str | None, says("Why not.")]
    recommended: Annotated[bool, says("Whether it is recommended.")]
    min_linuxptp_release: Linuxptp
    domain_range: Annotated[
        tuple[int, int] | None, says("Lowest and highest domain; null where no source says.")
    ]
    ptp4l: Annotated[Mapping[str, str], says("Settings of ptp4l.")]
    phc2sys: Annotated[Mapping[str, str], says("Settings of phc2sys.")]
    notes: Annotated[tuple[str, ...], says("What else to know.")]
    sources: Annotated[tuple[str, ...], says("Where it is written.")]

    @classmethod
    def of(cls, found: "profile.Profile") -> Self:
        """Return a profile as programs read it."""
        return cls(
            name=found.name,
            title=found.title,
            expressible=not found.impossible,
            impossible=found.impossible or None,
            recommended=not found.not_recommended,
            min_linuxptp_release=found.min_linuxptp,
            domain_range=found.domains,
            ptp4l=dict(found.ptp4l),
            phc2sys=dict(found.phc2sys),
            notes=tuple(found.notes),
            sources=tuple(found.sources),
        )


class TrxProfiles(Document, tag="vibforge/trx-profiles/1", frozen=True):
    """The PTP profiles."""

    profiles: Annotated[tuple[Profile, ...], says("Profiles.")]

    @classmethod
    def of(cls, profiles: "Iterable[profile.Profile]") -> Self:
        """Return the profiles."""
        return cls(profiles=tuple(map(Profile.of, profiles)))


class Option(Shape, frozen=True):
    """An option of linuxptp."""

    name: Annotated[str, says("Name.")]
    meaning: Annotated[str, says("What it does.")]
    option_group: Annotated[str, says("Group.")]
    type: Annotated[ValueKind, says("What it takes.")]
    default: Annotated[str | float | None, says("Default: a number, or a text.")]
    min: Annotated[float | None, says("Smallest value.")]
    max: Annotated[float | None, says("Largest value.")]
    words: Annotated[tuple[str, ...], says("Words that it takes.")]
    keywords: Annotated[tuple[str, ...], says("Words that it takes beside numbers.")]
    since: Annotated[
        str,
        Meta(pattern=r"^(\d+\.\d+(\.\d+)?|unreleased)$"),
        says("The first release that has it, or `unreleased`."),
    ]
    known: Annotated[bool, says("Whether the release has it.")]
    new_name: Annotated[str | None, says("Its name today.")]
    standing: Annotated[Standing, says("What it is inside TRX.")]
    reason: Annotated[str, says("Why.")]
    note: Annotated[str | None, says("What else to know.")]

    @classmethod
    def of(cls, table: "Catalogue", found: "option.Option", release: str) -> Self:
        """Return an option as of a release."""
        view = found.view(release)
        return cls(
            name=found.name,
            meaning=found.does,
            option_group=found.group,
            type=found.kind,
            default=found.default.at(release),
            min=view.minimum,
            max=view.maximum,
            words=tuple(view.words),
            keywords=tuple(found.keywords),
            since=found.since,
            known=found.known_to(release),
            new_name=found.now or None,
            standing=found.standing,
            reason=table.reason(found),
            note=found.note or None,
        )


class TrxOptions(Document, tag="vibforge/trx-options/1", frozen=True):
    """Options of linuxptp."""

    table_version: Annotated[str, says("Version of the table.")]
    sources: Annotated[tuple[str, ...], says("Where it is written.")]
    linuxptp_release: Annotated[Linuxptp, says("The newest release that was asked for.")]
    options: Annotated[tuple[Option, ...], says("Options.")]

    @classmethod
    def of(
        cls, table: "Catalogue", options: "Sequence[option.Option]", releases: Sequence[str]
    ) -> Self:
        """Return options as of the newest of `releases`."""
        newest = releases[-1]
        return cls(
            table_version=table.version,
            sources=tuple(table.sources),
            linuxptp_release=newest,
            options=tuple(Option.of(table, each, newest) for each in options),
        )


class Loss(Shape, frozen=True):
    """What stayed behind in an import or export."""

    where: Annotated[str, says("Line or option.")]
    text: Annotated[str, says("What stands there.")]
    reason: Annotated[str, says("Why it stayed behind.")]
    harmless: Annotated[bool, says("Whether nothing changes by it.")]

    @classmethod
    def of(cls, loss: "transfer.Loss") -> Self:
        """Return a loss as programs read it."""
        return cls(where=loss.where, text=loss.says, reason=loss.why, harmless=loss.harmless)


Losses = Annotated[tuple[Loss, ...], says("What stayed behind.")]


class TrxImport(Document, tag="vibforge/trx-import/1", frozen=True):
    """A trx.conf that was made of other files."""

    good: Good
    trx_conf: Annotated[str, says("The file.")]
    losses: Losses

    @classmethod
    def of(cls, imported: "transfer.Imported") -> Self:
        """Return the trx.conf with what stayed behind."""
        return cls(
            good=imported.complete,
            trx_conf=imported.conf.serialise().decode("utf-8"),
            losses=tuple(map(Loss.of, imported.losses)),
        )


class TrxExport(Document, tag="vibforge/trx-export/1", frozen=True):
    """Other files that were made of a trx.conf."""

    form: Annotated[Foreign, says("In which form.")] = field(name="as")
    good: Good
    text: Annotated[str, says("The file.")]
    losses: Losses

    @classmethod
    def of(cls, exported: "Exported", text: str, form: Foreign) -> Self:
        """Return the exported text with what stayed behind."""
        return cls(
            form=form,
            good=exported.complete,
            text=text,
            losses=tuple(map(Loss.of, exported.losses)),
        )
