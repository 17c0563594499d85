"""The version of a build: as somebody wrote it, or from the tags of a git history.

On a tag, the version is the tag's. Later commits have the tag's version and their number behind it,
`2.4.0-1.git.5`. Hosts compare versions field by field, and a field without a number (`git`) is
lower than any with one: so the version grows with each commit and stays below that of any next tag,
`2.4.0-2` or `2.4.0-1.1` alike (tests/vib/test_identity_versions.py has the order).
"""

import hashlib
import json
import os
import re
from collections.abc import Callable, Iterable, Sequence
from collections.abc import Set as AbstractSet
from contextlib import suppress
from pathlib import Path

from msgspec import Struct
from msgspec.structs import astuple, replace

from vibforge.errors import ModelError, Problem
from vibforge.project.git import UNSHALLOW, Changes, Checkout, Tag
from vibforge.project.pack import PayloadTree, image_sha256
from vibforge.project.recipe import FROM_GIT, FROM_GIT_WITH_DIGEST, Recipe, is_from_git
from vibforge.project.recipe_writing import table
from vibforge.vib.identity import Version, WrittenVersion, check_version, written_version

_DIGEST_LENGTH = 8
_SHOWN = 3
_GIVE_ONE = "give the version itself, such as --version 1.2.0-1"
LINE_ENDS_REMEDY = (
    "write `* -text` or `* eol=lf` into .gitattributes, and check the files out again"
)


class VersionTag(Struct, frozen=True):
    """A tag that is a version."""

    tag: Tag
    written: WrittenVersion

    @property
    def version(self) -> Version:
        """The version that hosts compare."""
        return Version(self.written.version)


class BuildVersion(Struct, frozen=True, kw_only=True):
    """The version of a build, and where it comes from."""

    version: str
    given: str
    """As the recipe or the option has it: `v2.4.0`, `git`."""
    rules: tuple[str, ...] = ()
    """What was done to the text that was given, or to the tag, in words."""
    tag: str = ""
    """The tag that it comes from; empty if the version was given."""
    distance: int = 0
    """Commits since the tag."""

    @property
    def origin(self) -> str:
        """Where the version comes from, in words; empty if it is what was given."""
        if not self.tag and not self.rules:
            return ""
        commits = f"{self.distance} commit{'' if self.distance == 1 else 's'} after "
        source = f"{commits if self.distance else ''}the tag {self.tag}" if self.tag else self.given
        return f"{source}: {', '.join(self.rules)}" if self.rules else source


NO_VERSION = BuildVersion(version="0-0", given=FROM_GIT)
"""Stands in the VIB of a project that is only judged, whose version would come from git."""


def build_version(
    recipe: Recipe,
    checkout: Checkout,
    trees: Sequence[PayloadTree],
    changes: Callable[[], Changes],
) -> BuildVersion:
    """Return the version of a build.

    Args:
        recipe: its version is a text that `written_version` accepts, `git` or `git+digest`; or
            it stays as it is.
        checkout: the project in git.
        trees: its payloads; their content is hashed for `git+digest`.
        changes: returns the files that differ from the commit.

    Raises:
        ModelError: the history has no version, cannot tell it, or does not describe the files.
    """
    if recipe.version_as_is and not is_from_git(recipe.version):
        return BuildVersion(version=recipe.version, given=recipe.version)
    if not is_from_git(recipe.version):
        written = written_version(recipe.version)
        return BuildVersion(version=written.version, given=written.given, rules=written.rules)
    _require_commit(checkout)
    head, is_shallow = checkout.head()
    tags = version_tags(checkout.tags(), recipe.name)
    latest = latest_version(tags, head, is_shallow=is_shallow)
    distance = checkout.distance(latest.tag.commit) if latest.tag.commit != head else 0
    return _version_after(latest, distance, changes(), recipe, trees)


def _version_after(
    latest: VersionTag,
    distance: int,
    changes: Changes,
    recipe: Recipe,
    trees: Sequence[PayloadTree],
) -> BuildVersion:
    """Return the version a number of commits after a tag, with files that may differ from them."""
    with_digest = recipe.version == FROM_GIT_WITH_DIGEST
    if changes and not with_digest:
        raise _differs(changes)
    fields = [latest.written.version]
    if distance or changes:
        fields += ["git", str(distance)]
        fields += ["dirty"] if changes else []
        fields += [f"c{_digest(recipe, trees)}"] if with_digest else []
    version = ".".join(fields)
    check_version(version)
    return BuildVersion(
        version=version,
        given=recipe.version,
        rules=latest.written.rules,
        tag=latest.tag.name,
        distance=distance,
    )


def _require_commit(checkout: Checkout) -> None:
    """Check that git knows the project: a folder in somebody else's checkout is none of it."""
    if checkout.commit is None:
        raise ModelError(
            "git has no commit of this project, and so no version",
            remedy=f"build in a git checkout that has it, or {_GIVE_ONE}",
        )


def version_tags(tags: Iterable[Tag], name: str) -> tuple[VersionTag, ...]:
    """Return the tags that are versions of a package.

    In a monorepo, tags begin with the package's name: `agent/v1.2.0`, `agent@1.2.0`, `agent-1.2.0`.
    Where a package has such tags, only those count; otherwise those that are nothing but a version.
    """
    tags = tuple(tags)
    own = (tag for tag in tags if re.match(rf"{re.escape(name)}[/@-]", tag.name))
    return _versions(own, len(name) + 1) or _versions(tags, 0)


def _versions(tags: Iterable[Tag], start: int) -> tuple[VersionTag, ...]:
    """Return the tags that are versions from the character `start` on."""
    found = []
    for tag in tags:
        with suppress(ModelError):
            found.append(VersionTag(tag, written_version(tag.name[start:])))
    return tuple(found)


def latest_version(tags: Sequence[VersionTag], head: str, *, is_shallow: bool) -> VersionTag:
    """Return the highest version of a history, as hosts compare.

    The nearest tag may be lower, for example that of an older branch that was merged: versions that
    count from it would go down again.

    Args:
        tags: those of the history.
        head: the commit that is built.
        is_shallow: whether the clone may lack tags and commits.

    Raises:
        ModelError: there is none, it is not known, two commits have it, or `head` has a lower one.
    """
    here = [each for each in tags if each.tag.commit == head]
    if is_shallow and not here:
        raise ModelError(
            "this is a shallow clone, and its commit has no tag that is a version: the last tag "
            "and the number of commits since are not known",
            remedy=f"{UNSHALLOW}, or {_GIVE_ONE}",
        )
    if not tags:
        raise ModelError(
            "no tag of this commit or its ancestors is a version",
            remedy=f"tag a commit, `git tag v1.0.0`, or {_GIVE_ONE}",
        )
    latest = max(tags, key=lambda each: each.version)
    same = [each for each in tags if each.version == latest.version]
    if len({each.tag.commit for each in same}) > 1:
        raise ModelError(
            f"the tags {', '.join(each.tag.name for each in same[:_SHOWN])} name different commits "
            f"and are one version for a host",
            remedy=f"delete all but one, or {_GIVE_ONE}",
        )
    if here and latest.tag.commit != head:
        own = max(here, key=lambda each: each.version)
        raise ModelError(
            f"the tag {own.tag.name} of this commit is lower, as hosts compare versions, than "
            f"the tag {latest.tag.name} of an earlier commit",
            remedy=f"choose a higher version, or {_GIVE_ONE}",
        )
    return latest


def _differs(changes: Changes) -> ModelError:
    problems = []
    if changes.files:
        problems.append(
            Problem(
                what=f"{listed(changes.files)} changed since the last commit: no tag or commit "
                "has this content",
                remedy="commit the change, or build with --version git+digest, which puts `dirty` "
                "and a digest of the content into the version",
            )
        )
    if changes.line_ends:
        problems.append(
            Problem(
                what=f"{listed(changes.line_ends)} with CRLF line ends here, and with LF in the "
                "commit: this VIB would not be the one that others build from this commit",
                remedy=LINE_ENDS_REMEDY,
            )
        )
    return ModelError.from_problems(problems)


def packed_changes(
    checkout: Checkout, recipes: Iterable[Path], trees: Iterable[PayloadTree]
) -> Changes:
    """Return the files of a VIB that differ from the commit.

    A file beside them that is not packed does not count; a missing file does.

    Args:
        checkout: the project in git.
        recipes: the files of the recipe.
        trees: the payloads.

    Raises:
        ModelError: git cannot tell.
    """
    found = checkout.changes
    if not found:
        return found
    paths = (tree.origins.get(e.path, tree.root / e.path) for tree in trees for e in tree.entries)
    packed = {os.path.normpath(path) for path in (*recipes, *paths) if isinstance(path, Path)}
    return Changes(*(_counted(files, checkout.project, packed) for files in astuple(found)))


def _counted(files: Iterable[str], project: Path, packed: AbstractSet[str]) -> tuple[str, ...]:
    """Return the files that are packed, or that are missing."""
    paths = ((file, Path(os.path.normpath(project / file))) for file in files)
    return tuple(
        file
        for file, path in paths
        if str(path) in packed or not (path.is_file() or path.is_symlink())
    )


def listed(files: Sequence[str]) -> str:
    """Return the number of files and the first of them: `4 files (a, b, c, …)`."""
    shown = [*files[:_SHOWN], *(["…"] if len(files) > _SHOWN else [])]
    return f"{len(files)} file{'' if len(files) == 1 else 's'} ({', '.join(shown)})"


def _digest(recipe: Recipe, trees: Iterable[PayloadTree]) -> str:
    """Return the digest of what becomes the VIB, but for its version and its signature."""
    content = replace(recipe, version="", signing=None, bundle=None, allow=())
    images = [(tree.recipe.name, image_sha256(tree)) for tree in trees]
    text = json.dumps([table(content), images], sort_keys=True)
    return hashlib.sha256(text.encode("ascii")).hexdigest()[:_DIGEST_LENGTH]
