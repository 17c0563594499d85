"""`build`, and the record that it leaves, build.json."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self

from vibforge.esxi.acceptance import AcceptanceLevel
from vibforge.formats.deflating import codec_release, codec_version
from vibforge.host.install_needs import outcomes_of
from vibforge.host.prediction import InstallOutcome
from vibforge.project import source_places
from vibforge.project.read_project import ProjectKind
from vibforge.project.recipe import PayloadType
from vibforge.project.recipe_writing import table
from vibforge.project.version_lock import ConflictKind
from vibforge.report.build import install_command, least_certainty
from vibforge.report.documents.bundle import WrittenBundle
from vibforge.report.documents.lint import LintFinding
from vibforge.report.documents.shape import (
    Document,
    Entry,
    EsxiRelease,
    Fault,
    Mode,
    Sha1,
    Sha256,
    Shape,
    Size,
    Sure,
    Time,
    says,
)
from vibforge.report.documents.sign import Expiring, ExpiringSoon, Trust
from vibforge.report.documents.trx import Allowed, AllowedRules, Counts
from vibforge.signing.stated_time import TimeSource

if TYPE_CHECKING:
    from vibforge.api.build import BuildResult
    from vibforge.formats.deflating import GzipMember
    from vibforge.host.install_needs import Outlook
    from vibforge.packages.lint import LintResult
    from vibforge.project.build import Built
    from vibforge.project.pack import PayloadTree
    from vibforge.project.plan_build import BuildPlan
    from vibforge.project.version_lock import PublishedVersion, VersionConflict
    from vibforge.project.versioning import BuildVersion
    from vibforge.trx.check import CheckResult


class BuiltVib(Shape, frozen=True):
    """A VIB that was built."""

    path: Annotated[str, says("The file.")]
    size: Size
    sha256: Sha256

    @classmethod
    def of(cls, result: "BuildResult") -> Self:
        """Return the VIB of a build."""
        return cls(path=str(result.vib_path), size=result.size, sha256=result.sha256)


class VersionOrigin(Shape, frozen=True):
    """The version of a build."""

    version: Annotated[str, says("The version of the VIB.")]
    given: Annotated[str, says("What the recipe or the option has: `v1.2.0`, `git`.")]
    rules: Annotated[
        tuple[str, ...], says("What was done to that text, or to the tag, to get the version.")
    ]
    tag: Annotated[str | None, says("The tag that it comes from; null if it was given.")]
    distance: Annotated[int | None, says("Commits since the tag; null without one.")]

    @classmethod
    def of(cls, version: "BuildVersion") -> Self:
        """Return the version of a build."""
        return cls(
            version=version.version,
            given=version.given,
            rules=version.rules,
            tag=version.tag or None,
            distance=version.distance if version.tag else None,
        )


class TrxVerdict(Shape, frozen=True):
    """What the rules say of the trx.conf in a VIB."""

    counts: Counts
    allowed: AllowedRules

    @classmethod
    def of(cls, result: "CheckResult") -> Self:
        """Return what the rules say."""
        return cls(counts=Counts.of(result), allowed=Allowed.all_of(result))


class BuiltPayload(Shape, frozen=True):
    """A payload of a build; what packing shows is null before it."""

    name: Annotated[str, says("Name.")]
    type: Annotated[PayloadType, says("How it is packed.")]
    size: Annotated[Size | None, says("Bytes as stored.")]
    sha256: Annotated[Sha256 | None, says("Of the stored bytes.")]
    uncompressed_size: Annotated[Size, says("Bytes unpacked.")]
    uncompressed_sha256: Annotated[Sha256 | None, says("Of the unpacked bytes.")]
    uncompressed_sha1: Annotated[Sha1 | None, says("Of the unpacked bytes.")]
    entries: Annotated[tuple[Entry, ...], says("Its files.")]

    @classmethod
    def of(cls, tree: "PayloadTree", packed: "GzipMember | None") -> Self:
        """Return a payload, with what packing shows after it."""
        return cls(
            name=tree.recipe.name,
            type=tree.recipe.type,
            size=packed.size if packed else None,
            sha256=packed.sha256 if packed else None,
            uncompressed_size=tree.image_size,
            uncompressed_sha256=packed.content_sha256 if packed else None,
            uncompressed_sha1=packed.content_sha1 if packed else None,
            entries=tuple(map(Entry.of, tree.entries)),
        )


class StockHost(Shape, frozen=True):
    """What a stock host will say."""

    release: EsxiRelease
    outcomes: Annotated[tuple[InstallOutcome, ...], says("As it is.")]
    errors: Annotated[tuple[str, ...], says("Errors that refuse it.")]
    outcomes_with_needs: Annotated[
        tuple[InstallOutcome, ...], says("With the flags and the level.")
    ]
    certainty: Sure

    @classmethod
    def of(cls, outlook: "Outlook") -> Self:
        """Return what a stock host will say."""
        return cls(
            release=str(outlook.release),
            outcomes=tuple(outcomes_of(outlook.bare)),
            errors=tuple(outlook.errors),
            outcomes_with_needs=tuple(outcomes_of(outlook.then)),
            certainty=least_certainty(outlook),
        )


class Install(Shape, frozen=True):
    """What a host will ask for."""

    command: Annotated[str, says("The line that installs it.")]
    flags: Annotated[tuple[str, ...], says("Flags that it needs.")]
    reasons: Annotated[tuple[str, ...], says("Why.")]
    highest_host_level: Annotated[
        AcceptanceLevel, says("The strictest level of a host that takes it with the flags.")
    ]
    works_with_secure_boot: Annotated[bool, says("Whether a host with Secure Boot takes it.")]
    stock_hosts: Annotated[tuple[StockHost, ...], says("What stock hosts will say.")]

    @classmethod
    def of(cls, plan: "BuildPlan") -> Self:
        """Return what a host will ask for."""
        return cls(
            command=install_command(plan),
            flags=tuple(plan.needs.flags),
            reasons=tuple(plan.needs.reasons),
            highest_host_level=plan.needs.host_level,
            works_with_secure_boot=plan.needs.secure_boot,
            stock_hosts=tuple(map(StockHost.of, plan.outlook)),
        )


class PreviousVersion(Shape, frozen=True):
    """A version that was published before."""

    where: Annotated[str, says("The file, with the line or member.")]
    version: Annotated[str, says("Version.")]

    @classmethod
    def of(cls, release: "PublishedVersion") -> Self:
        """Return a version that was published."""
        return cls(where=release.where, version=release.version)


class Contradicted(Shape, frozen=True):
    """An older build that the new one contradicts."""

    kind: Annotated[ConflictKind, says("How.")]
    where: Annotated[str, says("The file that holds or names it.")]
    version: Annotated[str, says("Its version.")]
    sha256: Annotated[Sha256 | None, says("Of its VIB; null if the version is another.")]

    @classmethod
    def of(cls, conflict: "VersionConflict") -> Self:
        """Return an older build."""
        return cls(
            kind=conflict.kind,
            where=conflict.where,
            version=conflict.version,
            sha256=conflict.sha256 or None,
        )


class Build(Document, tag="vibforge/build/1", frozen=True):
    """What was built, or would be built with --dry-run.

    Then `folder`, `vib`, `bundle`, `trust`, `codec`, `codec_library`, and what packing shows of
    payloads, are null. With --if-changed, where `unchanged` is true, `trust`, both codecs,
    `findings` and what packing shows are null too, and `bundle` is null if it was not made again.
    """

    dry_run: Annotated[bool, says("Whether nothing was written.")]
    unchanged: Annotated[
        bool, says("Whether --if-changed found the same package in the folder and built nothing.")
    ]
    vib_id: Annotated[str, says("VIB ID.")]
    project: Annotated[ProjectKind, says("What it was made of.")]
    acceptance_level: Annotated[AcceptanceLevel, says("An acceptance level.")]
    signed: Annotated[bool, says("Whether the recipe names a key.")]
    key_not_opened: Annotated[
        str | None,
        says(
            "The key that the recipe names, where it was not opened: --dry-run opens none, and "
            "--unsigned leaves it out; otherwise null."
        ),
    ]
    version_origin: Annotated[VersionOrigin, says("The version, and where it comes from.")]
    release_date: Annotated[str, says("The date in the VIB, as the descriptor has it.")]
    release_date_source: Annotated[str, says("What named it.")]
    changed_files: Annotated[
        tuple[str, ...],
        says("Files of the VIB that are not as in the commit that names the date; else empty."),
    ]
    changed_line_ends: Annotated[
        tuple[str, ...],
        says("Files with CRLF line ends that have LF in that commit, by a setting of this clone."),
    ]
    recipe: Annotated[
        Mapping[str, Any], says("The recipe as resolved; `vibforge schema` describes it.")
    ]
    folder: Annotated[str | None, says("Where to.")]
    outputs: Annotated[tuple[str, ...], says("Names of the files, below the folder.")]
    vib: Annotated[BuiltVib | None, says("The VIB.")]
    bundle: Annotated[WrittenBundle | None, says("The bundle that was made of it.")]
    trust: Annotated[Trust | None, says("What its signature is worth; null where it has none.")]
    signing_time_source: Annotated[
        TimeSource | None,
        says(
            "Where the time in the signature comes from: the recipe's `signing-time`, the release "
            "date, or the certificate's notBefore where that is later; null where it has none."
        ),
    ]
    expiring: ExpiringSoon
    previous: Annotated[
        tuple[PreviousVersion, ...] | None,
        says("Versions of this package that --previous knows; null without it."),
    ]
    overwritten: Annotated[
        tuple[Contradicted, ...],
        says("Older builds that this one contradicts; empty without --overwrite."),
    ]
    removed: Annotated[
        tuple[str, ...], says("Bundles that held the VIB that was overwritten; `bundle` is anew.")
    ]
    warnings: Annotated[
        tuple[Fault, ...], says("What to know before the VIB is published; empty after --dry-run.")
    ]
    codec: Annotated[
        str | None, says("The package release that compressed the payloads, as pip wants it named.")
    ]
    codec_library: Annotated[str | None, says("The library in it, which determines the bytes.")]
    trx: Annotated[
        TrxVerdict | None,
        says("What the rules say of the trx.conf in it; null where it has none."),
    ]
    findings: Annotated[
        tuple[LintFinding, ...] | None,
        says("What lint finds in it; null where --if-changed built nothing."),
    ]
    payloads: Annotated[tuple[BuiltPayload, ...], says("Payloads.")]
    install: Annotated[Install, says("What a host will ask for.")]

    @classmethod
    def of(cls, result: "BuildResult") -> Self:
        """Tell what a build made or would make; what only packing shows is null without it."""
        plan, built = result.plan, result.built
        written = not result.dry_run
        signature = built.signature if built else None
        return cls(
            dry_run=result.dry_run,
            unchanged=result.unchanged,
            vib_id=plan.vib_id,
            project=plan.project.kind,
            acceptance_level=plan.recipe.acceptance_level,
            signed=plan.recipe.signing is not None,
            key_not_opened=result.key_not_opened or None,
            version_origin=VersionOrigin.of(plan.version),
            release_date=str(plan.dated.date),
            release_date_source=plan.dated.source.value,
            changed_files=plan.dated.changes.files,
            changed_line_ends=plan.dated.changes.line_ends,
            recipe=table(plan.recipe),
            folder=str(result.folder) if written else None,
            outputs=(*plan.output_names, *filter(None, [plan.bundle_name])),
            vib=BuiltVib.of(result) if result.sha256 else None,
            bundle=WrittenBundle.of(result.bundle) if result.bundle else None,
            trust=Trust.of(signature.judgement) if signature else None,
            signing_time_source=signature.stated.source if signature else None,
            expiring=Expiring.all_of(result.expiring),
            previous=_previous(result),
            overwritten=tuple(map(Contradicted.of, result.overwritten)),
            removed=tuple(map(str, result.removed)),
            warnings=Fault.all_of(result.warnings),
            codec=codec_release() if built else None,
            codec_library=codec_version() if built else None,
            trx=TrxVerdict.of(plan.trx) if plan.trx else None,
            findings=_findings(result.findings, plan),
            payloads=_payloads(plan, built),
            install=Install.of(plan),
        )


def _previous(result: "BuildResult") -> tuple[PreviousVersion, ...] | None:
    if result.previous is None:
        return None
    return tuple(map(PreviousVersion.of, result.previous))


def _findings(findings: "LintResult | None", plan: "BuildPlan") -> tuple[LintFinding, ...] | None:
    if findings is None:
        return None
    return tuple(map(LintFinding.of, source_places.with_sources(findings, plan).findings))


def _payloads(plan: "BuildPlan", built: "Built | None") -> tuple[BuiltPayload, ...]:
    members = built.members if built else [None] * len(plan.trees)
    return tuple(map(BuiltPayload.of, plan.trees, members))


class RecordedPayload(Shape, frozen=True):
    """A payload as it was packed."""

    name: Annotated[str, says("Name.")]
    size: Annotated[Size, says("Bytes as stored.")]
    sha256: Annotated[Sha256, says("Of the stored bytes.")]
    uncompressed_size: Annotated[Size, says("Bytes unpacked.")]
    uncompressed_sha256: Annotated[Sha256, says("Of the unpacked bytes.")]
    modes: Annotated[
        Mapping[Mode, tuple[str, ...]] | None,
        says("Files whose mode is not 0644, by mode; null if there are more than 10,000."),
    ]


class RecordedFile(Shape, frozen=True):
    """A file that a build wrote."""

    kind: Annotated[
        Literal["vib", "descriptor", "signature", "instructions", "script", "bundle"],
        says("What it is."),
    ]
    name: Annotated[str, says("Name in the folder of the record.")]
    size: Size
    sha256: Sha256


class Record(Document, tag="vibforge/record/2", frozen=True):
    """The record that a build leaves beside the VIB."""

    title: ClassVar[str] = "build.json"

    vibforge: Annotated[str, says("PublishedVersion of vibforge.")]
    codec: Annotated[
        str, says("The package release that compressed the payloads, as pip wants it named.")
    ]
    codec_library: Annotated[str, says("The library in it, which determines the bytes.")]
    compression_level: Annotated[Literal["best", "fast"], says("How hard it compressed.")]
    release_date: Annotated[str, says("The date in the VIB.")]
    release_date_source: Annotated[str, says("What named it.")]
    certificates: Annotated[
        tuple[Sha256, ...],
        says(
            "SHA-256 of the certificates that the signature carries, the signer's first; empty "
            "without a signature."
        ),
    ]
    recipe: Annotated[
        Mapping[str, Any], says("The recipe as resolved; `vibforge schema` describes it.")
    ]
    allowed: Annotated[tuple[Allowed, ...], says("What was allowed on trx.conf, and why.")]
    signing_time: Annotated[
        Time | None, says("The time in the signature; null without a signature.")
    ]
    payloads: Annotated[tuple[RecordedPayload, ...], says("Payloads.")]
    files: Annotated[
        tuple[RecordedFile, ...], says("Every file that the build wrote, but for this one.")
    ]
