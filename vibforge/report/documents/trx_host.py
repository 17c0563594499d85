"""What `trx host --json` and `trx fingerprint --json` print."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Self

from vibforge.report.documents.shape import Document, Shape, says
from vibforge.report.documents.shapes import Good, Path, Sure
from vibforge.report.documents.trx_check import Linuxptp
from vibforge.trx.nic import Answer, NicVerdict
from vibforge.trx.official import SCHEMA, OfficialWay

if TYPE_CHECKING:
    from vibforge.trx.option import Fingerprint


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
