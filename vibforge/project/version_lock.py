"""Keep one content for each version: refuse a build whose ID has other bytes already.

Hosts compare IDs and versions and look at nothing else, so a second content of a version does not
reach a host that has the first. What has the ID is looked for in the output folder, VIBs and
bundles alike, and in what was published before.
"""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Any

from msgspec import Struct

from vibforge.bundle import opening
from vibforge.errors import OutputError, Problem, VibforgeError, is_file
from vibforge.files.publication import Publication
from vibforge.project.ledger import Facts, WrittenKind, is_plain_name, read_record
from vibforge.project.plan_build import BuildPlan
from vibforge.vib.archive import Vib
from vibforge.vib.identity import PackageName, Version, proposed_version


class PublishedVersion(Struct, frozen=True, kw_only=True):
    """A version of the package that is known from a file.

    Attributes:
        where: the file, with the line or member.
        version: its version.
        sha256: the SHA-256 of the VIB in hexadecimal; empty if its version is another.
    """

    where: str
    version: str
    sha256: str = ""
    package: Path | None = None
    """A VIB or bundle that holds it."""
    record: Facts | None = None
    """The build.json that describes it."""


class ConflictKind(StrEnum):
    """Why a build is not what a host that has an older one would install."""

    OTHER_BYTES = "other bytes"
    EQUAL_VERSION = "an equal version"
    HIGHER_VERSION = "a higher version"


class VersionConflict(Struct, frozen=True, kw_only=True):
    """An older build that a new one contradicts.

    Attributes:
        kind: how it contradicts it.
        where: the file that holds or names the older one.
        version: the version of the older one.
        sha256: the SHA-256 of the older VIB in hexadecimal, empty if its version is another.
    """

    kind: ConflictKind
    where: str
    version: str
    sha256: str = ""


class Explanation(Struct, frozen=True, kw_only=True):
    """What differs between two builds of one ID."""

    same_content: bool
    lines: tuple[str, ...] = ()
    """The first differences."""
    more: int = 0
    """Differences that are not among the lines."""


Explain = Callable[[PublishedVersion, Path, Facts], Explanation | None]
"""Compares an older build with the VIB at a path and its record; None if nothing can be said."""


_SHOWN_CONTENTS = 3
"""Contents of one version that were published, and are compared; a list may be forged."""


def _explain_nothing(*_: Any) -> None:  # noqa: ANN401 - whatever an explanation is about
    """Say nothing about what differs (the default explanation)."""


class VersionLock(Struct, frozen=True, kw_only=True):
    """What a build is compared with before it gets its name.

    Attributes:
        releases: what was published before, see `published.read_releases`.
        overwrite: whether conflicts are reported in the result instead of refusing the build.
        explain: says in the refusal what differs.
    """

    releases: tuple[PublishedVersion, ...] = ()
    overwrite: bool = False
    explain: Explain = _explain_nothing

    def check_plan(self, plan: BuildPlan) -> None:
        """Compare versions before anything is packed.

        Raises:
            OutputError: a version that was published is higher, and so is no release of this one.
        """
        if not any(release.version == plan.recipe.version for release in self.releases):
            self.require(plan, tuple(_later(plan, self.releases)))

    def published(self, plan: BuildPlan, sha256: str) -> tuple[VersionConflict, ...]:
        """Return the conflicts of a VIB with this SHA-256 with what was published."""
        same = [release for release in self.releases if release.version == plan.recipe.version]
        if other := [release for release in same if release.sha256 != sha256]:
            return tuple(_of(release, ConflictKind.OTHER_BYTES) for release in _distinct(other))
        # A release that is built again may be followed by higher ones.
        return () if same else tuple(_later(plan, self.releases))

    def require(self, plan: BuildPlan, conflicts: Sequence[VersionConflict]) -> None:
        """Refuse conflicts without saying what differs, unless they are allowed.

        Raises:
            OutputError: there is one.
        """
        if conflicts and not self.overwrite:
            raise self.refusal(plan, conflicts)

    def refusal(
        self,
        plan: BuildPlan,
        conflicts: Sequence[VersionConflict],
        new: tuple[Path, Facts] | None = None,
    ) -> OutputError:
        """Return the error for conflicts.

        Args:
            plan: the build.
            conflicts: one or more.
            new: the VIB that was built and its record, to say what differs.
        """
        known = [plan.recipe.version]
        known += [conflict.version for conflict in conflicts]
        known += [release.version for release in self.releases]
        following = proposed_version(max(map(Version, known)))
        problems = []
        for conflict in conflicts:
            explanation = self._explanation(conflict, new) if new else None
            problems.append(_problem(plan, conflict, explanation, following))
        return OutputError.from_problems(problems)

    def _explanation(
        self, conflict: VersionConflict, new: tuple[Path, Facts]
    ) -> Explanation | None:
        """Say what differs; the older build may be anything, even no VIB."""
        if conflict.kind is not ConflictKind.OTHER_BYTES:
            return None
        known = (release for release in self.releases if release.where == conflict.where)
        path = Path(conflict.where)
        in_folder = PublishedVersion(where=conflict.where, version=conflict.version, package=path)
        return self.explain(next(known, in_folder), *new)


class FolderLock:
    """The lock on what is in an output folder, which is tried while the folder is locked."""

    def __init__(self, lock: VersionLock, plan: BuildPlan, publication: Publication) -> None:
        self._lock, self._plan, self._publication = lock, plan, publication
        self.vibs: tuple[VersionConflict, ...] = ()
        self.bundles: tuple[VersionConflict, ...] = ()

    @property
    def conflicts(self) -> tuple[VersionConflict, ...]:
        """What was found by `check`."""
        return (*self.vibs, *self.bundles)

    def check(self, folder: Path, sha256: str) -> None:
        """Look for conflicts; bundles that hold what is replaced are removed.

        Raises:
            OutputError: there is a conflict, and it is not allowed.
        """
        is_new = self._publication.is_new(self._plan.vib_name)
        self.vibs = tuple(_vibs(self._plan, folder, "" if is_new else sha256))
        paths = _bundles(self._plan, folder)
        self.bundles = tuple(
            conflict for path in paths for conflict in _in_bundle(path, self._plan, sha256)
        )
        self._lock.require(self._plan, self.conflicts)
        for conflict in self.bundles:
            self._publication.remove(Path(conflict.where).name)


def _vibs(plan: BuildPlan, folder: Path, sha256: str) -> Iterator[VersionConflict]:
    """Yield the conflicts with VIBs in a folder; without a digest, the VIB itself is new."""
    package, mine = package_of(plan), Version(plan.recipe.version)
    for path in sorted(folder.glob("*.vib")):
        version = package.version_in(path.name, mine.text)
        if version is None or Version(version) != mine:
            continue
        where = str(path)
        if version != mine.text:
            yield VersionConflict(kind=ConflictKind.EQUAL_VERSION, where=where, version=version)
        elif sha256 and is_file(path):
            found = _sha256(path)
            if found != sha256:
                kind = ConflictKind.OTHER_BYTES
                yield VersionConflict(kind=kind, where=where, version=version, sha256=found)


def _sha256(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        what = f"cannot be compared with the build: {error.strerror or error}"
        raise OutputError(what, where=str(path), remedy="remove it, or build elsewhere") from error


def has_stale_bundle(plan: BuildPlan, folder: Path) -> bool:
    """Whether a bundle in a folder holds other bytes than the VIB of the folder's record."""
    record = read_record(folder)
    vib = record.find(WrittenKind.VIB) if record else None
    paths = _bundles(plan, folder) if vib else []
    return any(conflict for path in paths for conflict in _in_bundle(path, plan, vib.sha256))  # type: ignore[union-attr] # there is one if there are paths


def package_of(plan: BuildPlan) -> PackageName:
    """Return the name that all versions of the package share."""
    of = plan.recipe
    return PackageName(of.vendor, of.type, of.name)


def _bundles(plan: BuildPlan, folder: Path) -> list[Path]:
    """Return the bundles in a folder that may hold a VIB with the ID of the plan.

    That is the one of the folder's record, and one with the name that a build gives.
    """
    record = read_record(folder)
    listed = record.find(WrittenKind.BUNDLE) if record else None
    names = {plan.usual_bundle_name, *([listed.name] if listed else [])}
    paths = [folder / name for name in sorted(names) if is_plain_name(name)]
    return [path for path in paths if is_file(path) and not path.is_symlink()]


def _in_bundle(path: Path, plan: BuildPlan, sha256: str) -> Iterator[VersionConflict]:
    try:
        with opening.opened_bundles(path) as bundles:
            for source in (source for bundle in bundles for source in bundle.sources):
                if Vib.from_source(source).descriptor.vib_id != plan.vib_id:
                    continue
                found = opening.file_digests(source)[0]
                if found != sha256:
                    kind, version = ConflictKind.OTHER_BYTES, plan.recipe.version
                    yield VersionConflict(kind=kind, where=str(path), version=version, sha256=found)
                    return
    except VibforgeError:
        return  # no host can read it either


def _later(plan: BuildPlan, releases: Sequence[PublishedVersion]) -> Iterator[VersionConflict]:
    """Yield the highest of the releases that a host would not replace by the plan's version."""
    mine = Version(plan.recipe.version)
    others = [each for each in releases if each.version != mine.text]
    highest = max(others, key=lambda release: Version(release.version), default=None)
    if highest is None or Version(highest.version) < mine:
        return
    is_equal = Version(highest.version) == mine
    yield _of(highest, ConflictKind.EQUAL_VERSION if is_equal else ConflictKind.HIGHER_VERSION)


def _of(release: PublishedVersion, kind: ConflictKind) -> VersionConflict:
    return VersionConflict(
        kind=kind, where=release.where, version=release.version, sha256=release.sha256
    )


def _distinct(releases: Sequence[PublishedVersion]) -> list[PublishedVersion]:
    """Return one release for each digest: the one that says most about it."""
    said = sorted(releases, key=lambda release: (release.package is None, release.record is None))
    by_digest: dict[str, PublishedVersion] = {}
    for release in said:
        by_digest.setdefault(release.sha256, release)
    return list(by_digest.values())[:_SHOWN_CONTENTS]


def _problem(
    plan: BuildPlan, conflict: VersionConflict, explanation: Explanation | None, following: str
) -> Problem:
    version = plan.recipe.version
    what, remedy = "", ""
    propose = f"build {following} (--version {following})" if following else "build a higher one"
    match conflict.kind:
        case ConflictKind.HIGHER_VERSION:
            what = f"a host with {conflict.version} does not install {version}, which is lower"
            remedy = (
                f"{propose}, name with --previous only the releases of an older line, or use "
                "--overwrite"
            )
        case ConflictKind.EQUAL_VERSION:
            what = f"for a host {conflict.version} and {version} are the same version"
            remedy = f"{propose}, or use --overwrite if no host has {conflict.version}"
        case ConflictKind.OTHER_BYTES:
            what = _said(version, explanation)
            remedy = (
                f"a host that has {version} keeps its files: {propose}, or use --overwrite if no "
                "host has it"
            )
            if explanation and explanation.same_content:
                remedy = f"keep the VIB that is there, or {propose}, or use --overwrite"
    return Problem(what=what, where=conflict.where, remedy=remedy)


def _said(version: str, explanation: Explanation | None) -> str:
    if explanation is None:
        return f"version {version} exists with other bytes"
    content = "the same content, but other bytes" if explanation.same_content else "other content"
    lines = [f"  {line}" for line in explanation.lines]
    if explanation.more:
        lines.append(f"  … and {explanation.more} more differences")
    return "\n".join([f"version {version} exists with {content}{':' if lines else ''}", *lines])
