"""Build VIBs."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Literal

from msgspec import Struct
from msgspec.structs import replace

from vibforge.api.arguments import path_of, paths_of, present, typed_errors
from vibforge.comparison import explanation
from vibforge.errors import ModelError
from vibforge.formats import deflating
from vibforge.project import build as project_build
from vibforge.project import (
    bundle_of_build,
    judge_build,
    ledger,
    origin,
    plan_build,
    published,
    up_to_date,
    version_lock,
)
from vibforge.signing import expiry
from vibforge.trx import check

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from datetime import datetime
    from pathlib import Path

    from vibforge.bundle.opening import Written
    from vibforge.errors import Problem
    from vibforge.packages.lint import LintResult
    from vibforge.project.build import Built
    from vibforge.project.ledger import Facts
    from vibforge.project.plan_build import BuildPlan
    from vibforge.project.recipe import Recipe
    from vibforge.project.version_lock import (
        Explanation,
        PublishedVersion,
        VersionConflict,
        VersionLock,
    )
    from vibforge.signing.expiry import Expiry
    from vibforge.signing.signer import Signer


class BuildResult(Struct, frozen=True, kw_only=True, dict=True):
    """What a build made, or would make.

    Attributes:
        plan: the recipe as resolved, the files with their modes, and what hosts will ask for.
        folder: where the files are, or would be.
        dry_run: whether nothing was written because a dry run was asked for.
        built: the VIB that was built; None after a dry run, and where nothing had changed.
        sha256: the SHA-256 of the VIB in hexadecimal; empty after a dry run.
        size: the bytes of the VIB; 0 after a dry run.
        bundle: the offline bundle that was written with the VIB, if any.
        expiring: the certificates of the signer that have expired, or will within 30 days.
        previous: the versions of this package that the argument `previous` knows; None without it.
        overwritten: the older builds that this one contradicts; empty without `overwrite`.
        removed: bundles that held the VIB that was overwritten.
    """

    plan: BuildPlan
    folder: Path
    dry_run: bool = False
    built: Built | None = None
    sha256: str = ""
    size: int = 0
    bundle: Written | None = None
    expiring: tuple[Expiry, ...] = ()
    previous: tuple[PublishedVersion, ...] | None = None
    overwritten: tuple[VersionConflict, ...] = ()
    removed: tuple[Path, ...] = ()

    @property
    def warnings(self) -> tuple[Problem, ...]:
        """What to know before this VIB is published: it has the ID of another VIB, for one."""
        return tuple(origin.warnings(self.built)) if self.built else ()

    @property
    def unchanged(self) -> bool:
        """Whether the folder already held this VIB, so that nothing was built."""
        return self.built is None and not self.dry_run

    @cached_property
    def findings(self) -> LintResult | None:
        """What lint finds in the VIB, found out when it is first asked for; None if unchanged.

        Raises:
            LimitError: checks would keep more of its files than the budget of such a VIB allows.
        """
        if self.dry_run:
            return judge_build.judge_plan(self.plan)
        return judge_build.judge_build(self.built) if self.built else None

    @property
    def key_not_opened(self) -> str:
        """The key that the recipe names and that was not opened; empty if there is none.

        A dry run opens none, and a build with `unsigned` leaves it out.
        """
        signing = self.plan.recipe.signing if self.dry_run else None
        return signing.key if signing else self.plan.left_out_key

    @property
    def vib_path(self) -> Path:
        """The file of the VIB."""
        return self.folder / self.plan.vib_name


@typed_errors
def build(  # noqa: PLR0913 - each one is a thing that a caller decides
    project: str | Path | Recipe,
    output: str | Path = "dist",
    *,
    root: str | Path = ".",
    settings: Mapping[str, str] | None = None,
    environment: Mapping[str, str] | None = None,
    compression: Literal["fast", "best"] = "fast",
    bundle: bool | None = None,
    allow: Mapping[str, str] | None = None,
    instructions: bool = True,
    dry_run: bool = False,
    if_changed: bool = False,
    unsigned: bool = False,
    previous: str | Path | Iterable[str | Path] | None = None,
    overwrite: bool = False,
    signer: Signer | None = None,
    passphrase: Callable[[], bytes] | None = None,
    threads: int | None = None,
    now: datetime | None = None,
    on_progress: Callable[[int, int], None] | None = None,
) -> BuildResult:
    """Build a VIB, with the instructions to install it.

    An ID has one content: a build is refused if the output folder or what was published before has
    a VIB of the same ID with other bytes.

    Args:
        project: a folder with a vibforge.toml, a VIB Author stage directory, a plain tree of files
            as they shall appear on the host, or a recipe.
        output: the folder for what is made; it is created if it is missing.
        root: the folder that the trees of a `Recipe` are relative to.
        settings: recipe keys to override: `{"version": "1.2.0-1"}`.
        environment: the variables for `${NAME}` in recipes, SOURCE_DATE_EPOCH, keys, and
            PKCS11_MODULE_PATH, the only PKCS#11 library that a recipe may use; those of the
            process if None.
        compression: `fast`, or `best`: twice the time for about 2% less.
        bundle: whether to make an offline bundle too; if None, the recipe decides.
        allow: rules for trx.conf that may be broken, each with the reason.
        instructions: whether to write INSTALL.md and the scripts for the host too.
        dry_run: only find out what would be made; write nothing, and do not open the key.
        if_changed: build only if the result would differ from what is in the folder.
        unsigned: do not sign, whatever key the recipe names.
        previous: what was published before: VIBs, bundles, build.json, SHA256SUMS, or folders of
            them. A version of the package that is higher refuses the build, too, unless this very
            version was published as well.
        overwrite: replace a VIB of the same ID, and ignore what `previous` says; the result names
            both.
        signer: signs instead of the key that the recipe names; see `open_signer`.
        passphrase: called if the key is encrypted and the recipe names no source of the passphrase.
        threads: how many threads compress; the number does not change the bytes.
        now: the moment to warn of expired certificates at, UTC unless it has a time zone; the time
            of the clock if None. It changes no byte of the VIB.
        on_progress: called with the bytes that are packed, and how many there are in all.

    Raises:
        ModelError: the recipe or a setting breaks a rule.
        PayloadError: a tree cannot become a payload.
        TrxError: the trx.conf in a tree has errors, or `allow` names no rule or gives no reason.
        SigningError: the key cannot sign.
        DepotError: the bundle cannot be made.
        OutputError: the files cannot be written, or the version is there with other bytes, or a
            higher one was published; the folder is as it was.
        FormatError: a file of `previous` cannot be read, or is none of these.

    Examples:
        >>> from vibforge import BuildPlan, BuildResult, Built, build
        >>> result: BuildResult = build("my-trx", "dist", settings={"version": "1.2.0-1"})
        >>> result.vib_path.name
        'custom_bootbank_my-trx_1.2.0-1.vib'
        >>> plan: BuildPlan = result.plan
        >>> plan.needs.flags
        ('-f',)
        >>> built: Built | None = result.built
        >>> assert built is not None and built.sha256 == result.sha256
        >>> build("my-trx", settings={"version": "1.2.0-1"}, if_changed=True).unchanged
        True
        >>> from vibforge import PublishedVersion, VersionConflict
        >>> higher = build("my-trx", settings={"version": "1.3.0-1"}, previous="dist")
        >>> published: tuple[PublishedVersion, ...] | None = higher.previous
        >>> conflicts: tuple[VersionConflict, ...] = higher.overwritten
        >>> {release.version for release in published or ()}, conflicts
        ({'1.2.0-1'}, ())
    """
    level = deflating.CompressionLevel.named(compression)
    if unsigned and signer is not None:
        raise ModelError("unsigned and signer exclude each other", remedy="give only one of them")
    plan = plan_build.plan_build(
        project,
        root=path_of(root),
        settings=settings,
        environment=environment,
        allow=check.allowances(allow) if allow else (),
        instructions=instructions,
        signed=signer is not None,
        keyless=dry_run or unsigned or signer is not None,
    )
    plan = _bundled(plan_build.without_key(plan) if unsigned else plan, bundle)
    folder = path_of(output)
    releases = None if previous is None else _releases(previous, plan)
    lock = version_lock.VersionLock(releases=releases or (), overwrite=overwrite, explain=_explain)
    lock.check_plan(plan)
    if dry_run:
        return BuildResult(plan=plan, folder=folder, dry_run=True, previous=releases)

    signer = signer or project_build.open_key(plan, passphrase)
    expiring = expiry.signer_expiries(signer, present(now)) if signer else ()
    is_same = if_changed and up_to_date.is_up_to_date(plan, folder, level=level, signer=signer)
    if is_same and not version_lock.has_stale_bundle(plan, folder):
        unchanged = _unchanged(plan, folder, lock)
        return replace(unchanged, previous=releases, expiring=expiring)
    built = project_build.build_plan(
        plan,
        folder,
        level=level,
        threads=threads,
        on_progress=on_progress,
        signer=signer,
        lock=lock,
    )
    written = bundle_of_build.bundle_of(plan, folder) if plan.recipe.bundle else None
    return BuildResult(
        plan=plan,
        folder=folder,
        built=built,
        sha256=built.sha256,
        size=built.size,
        bundle=written,
        expiring=expiring,
        previous=releases,
        overwritten=built.conflicts,
        removed=built.removed,
    )


def _explain(of: PublishedVersion, new: Path, facts: Facts) -> Explanation | None:
    """Load what compares VIBs only if a build is refused."""
    return explanation.explain(of, new, facts)


def _releases(
    previous: str | Path | Iterable[str | Path], plan: BuildPlan
) -> tuple[PublishedVersion, ...]:
    package = version_lock.package_of(plan)
    return published.read_releases(paths_of(previous), package, plan.recipe.version)


def _bundled(plan: BuildPlan, wanted: bool | None) -> BuildPlan:  # noqa: FBT001 - as the argument
    """Decide about the bundle, before anything is packed."""
    if wanted is None and plan.recipe.bundle is None:
        return plan
    if wanted is False:
        return bundle_of_build.without_bundle(plan)
    return bundle_of_build.with_bundle(plan)


def _unchanged(plan: BuildPlan, folder: Path, lock: VersionLock) -> BuildResult:
    """Describe the VIB that is there, and make the bundle again if it is missing or differs."""
    record = ledger.read_record(folder)
    vib = record.find(ledger.WrittenKind.VIB) if record else None
    conflicts = lock.published(plan, vib.sha256) if vib else ()
    if conflicts and record and not lock.overwrite:
        raise lock.refusal(plan, conflicts, (folder / plan.vib_name, record.facts))
    written = None
    if plan.recipe.bundle and not up_to_date.has_bundle(plan, folder):
        written = bundle_of_build.bundle_of(plan, folder)
    result = BuildResult(
        plan=plan,
        folder=folder,
        bundle=written,
        overwritten=conflicts,
    )
    return replace(result, sha256=vib.sha256, size=vib.size) if vib else result
