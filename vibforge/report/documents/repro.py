"""`repro`: whether builds give the same bytes."""

from typing import Annotated, ClassVar, Self

from vibforge.report.documents.diff import OneDifference
from vibforge.report.documents.shape import Count, Document, Good, Sha256, Shape, says
from vibforge.reproduction.rebuilding import Rebuild, RebuildState, Reproduction
from vibforge.reproduction.replaying import Replay, ReplayDifference, ReplayState


class OneRebuild(Shape, frozen=True):
    """One build, or a published VIB, compared with the reference."""

    circumstance: Annotated[
        str, says("The word of --vary; empty for the reference and for the VIB of --against.")
    ]
    what: Annotated[str, says("What was different.")]
    state: Annotated[RebuildState, says("What became of it.")]
    sha256: Annotated[Sha256 | None, says("Of the VIB; null without one.")]
    python: Annotated[str | None, says("The interpreter; null without a build.")]
    codec: Annotated[str | None, says("What compressed the payloads; null without a build.")]
    reason: Annotated[str | None, says("Why it differs, failed or was not tried, if it is known.")]
    difference: Annotated[OneDifference | None, says("The first difference by meaning.")]
    more_differences: Annotated[Count, says("How many more there are.")]

    @classmethod
    def of(cls, found: Rebuild) -> Self:
        """Return a build as programs read it."""
        return cls(
            circumstance=found.circumstance,
            what=found.what,
            state=found.state,
            sha256=found.sha256 or None,
            python=found.python or None,
            codec=found.codec or None,
            reason=found.reason or None,
            difference=OneDifference.of(found.difference) if found.difference else None,
            more_differences=found.more_differences,
        )


class Repro(Document, tag="vibforge/repro/1", frozen=True):
    """Whether a project gives the same VIB under all circumstances."""

    good: Good
    vib_id: Annotated[str, says("VIB ID.")]
    signed_by_recipe: Annotated[
        bool, says("Whether the recipe names a key; all builds do without it.")
    ]
    reference: Annotated[OneRebuild, says("The build under the circumstances of the command.")]
    rebuilds: Annotated[tuple[OneRebuild, ...], says("The other builds.")]

    @classmethod
    def of(cls, found: Reproduction) -> Self:
        """Return the builds as programs read them."""
        return cls(
            good=found.good,
            vib_id=found.vib_id,
            signed_by_recipe=found.signed_by_recipe,
            reference=OneRebuild.of(found.reference),
            rebuilds=tuple(map(OneRebuild.of, found.rebuilds)),
        )


class OneReplayDifference(Shape, frozen=True):
    """A value of the record that the replay did not give."""

    name: Annotated[str, says("The value.")]
    recorded: Annotated[str, says("As the record has it.")]
    rebuilt: Annotated[str, says("As the replay gave it.")]

    @classmethod
    def of(cls, found: ReplayDifference) -> Self:
        """Return a difference as programs read it."""
        return cls(name=found.name, recorded=found.recorded, rebuilt=found.rebuilt)


class ReproOfRecord(Document, tag="vibforge/repro-build/1", frozen=True):
    """Whether a project gives the VIB of a build.json again."""

    title: ClassVar[str] = "vibforge repro --build --json"

    good: Good
    vib_id: Annotated[str, says("VIB ID.")]
    state: Annotated[ReplayState, says("What the replay shows.")]
    recorded_sha256: Annotated[Sha256, says("Of the VIB, by the record.")]
    sha256: Annotated[
        Sha256, says("Of the VIB that was built, with the published signature if it was there.")
    ]
    signed: Annotated[bool, says("Whether the recorded build was signed.")]
    recorded_codec: Annotated[
        str, says("The package release that compressed the payloads of the recorded build.")
    ]
    recorded_codec_library: Annotated[str, says("Name and version of the library in it.")]
    codec: Annotated[str, says("The package release that compresses here.")]
    codec_library: Annotated[str, says("Name and version of the library in it.")]
    recorded_vibforge: Annotated[str, says("Release of vibforge that made the record.")]
    differences: Annotated[
        tuple[OneReplayDifference, ...], says("What came out otherwise, the first 20.")
    ]
    compared_with: Annotated[str | None, says("The published VIB; null if it was not there.")]
    first_difference: Annotated[
        OneDifference | None, says("The first difference from the published VIB by meaning.")
    ]
    more_differences: Annotated[Count, says("How many more there are.")]
    note: Annotated[str | None, says("Why the VIB beside the record was not compared.")]

    @classmethod
    def of(cls, found: Replay) -> Self:
        """Return a replay as programs read it."""
        return cls(
            good=found.good,
            vib_id=found.vib_id,
            state=found.state,
            recorded_sha256=found.recorded_sha256,
            sha256=found.sha256,
            signed=found.signed,
            recorded_codec=found.recorded_codec,
            recorded_codec_library=found.recorded_codec_library,
            codec=found.codec,
            codec_library=found.codec_library,
            recorded_vibforge=found.recorded_vibforge,
            differences=tuple(map(OneReplayDifference.of, found.differences)),
            compared_with=found.compared_with or None,
            first_difference=(
                OneDifference.of(found.first_difference) if found.first_difference else None
            ),
            more_differences=found.more_differences,
            note=found.note or None,
        )
