"""What `trx show`, `trx profiles` and `trx options` print with `--json`."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Self

from msgspec import Meta

from vibforge.report.documents.shape import Document, Shape, says
from vibforge.report.documents.shapes import Good, LineNumber
from vibforge.report.documents.trx_check import JudgedFor, Linuxptp
from vibforge.trx.option import Kind, Standing

if TYPE_CHECKING:
    from vibforge.trx import option, profile
    from vibforge.trx.document import Line
    from vibforge.trx.effective import Effect
    from vibforge.trx.option import Catalogue


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
    type: Annotated[Kind, says("What it takes.")]
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
