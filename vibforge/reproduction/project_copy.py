"""A copy of a project with what a build reads of it, made as another checkout would be."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from vibforge.errors import NotPossibleHereError
from vibforge.formats.gnu_tar import EntryKind
from vibforge.project.mapped_files import SourcePattern
from vibforge.project.pack import PayloadTree
from vibforge.project.plan_build import BuildPlan
from vibforge.project.read_project import RECIPE_NAME, STAGE_DESCRIPTOR
from vibforge.reproduction.variations import User

_FILE_TIME = 1_000_000_000
"""Of every file in a copy: some second of 2001, which no checkout has."""


def copy_project(
    project: Path, plan: BuildPlan, target: Path, *, umask: int = -1, user: User | None = None
) -> Path:
    """Copy the files that a build reads, with other times and in the reverse order.

    Args:
        project: the project as it was named: a folder or a recipe.
        plan: its build, which names the files.
        target: an empty folder for the copy.
        umask: the bits that files and folders lose; -1 for none.
        user: the owner of the copy; None for this process's.

    Returns:
        The project in the copy.

    Raises:
        NotPossibleHereError: a file is outside of the project's folder.
    """
    root = plan.project.root.resolve()
    copied = target / (root.name or "project")
    copied.mkdir()
    paths = {path for tree in plan.trees for path in _sources(tree, root)}
    recipe = project if project.is_file() else None
    beside = recipe or next(
        (root / name for name in (RECIPE_NAME, STAGE_DESCRIPTOR) if (root / name).is_file()), None
    )
    if beside is not None:
        paths.add(beside)
    for path in sorted({_within(path, root) for path in paths}, reverse=True):
        _copy(root / path, copied / path)
    _settle(copied, umask, user)
    return copied / recipe.name if recipe else copied


def _sources(tree: PayloadTree, project: Path) -> Iterator[Path]:
    """Yield what a tree is made of: its files, links and folders, and files that links lead to."""
    yield tree.root
    for entry in tree.entries:
        origin = tree.source_of(entry.path)
        if not isinstance(origin, Path) or not os.path.lexists(origin):
            continue  # made by the build
        yield origin
        if entry.kind is EntryKind.SYMLINK and not entry.link.startswith("/"):
            target = Path(os.path.normpath(origin.parent / entry.link))
            if target.is_relative_to(tree.root) and os.path.lexists(target):
                yield target
    yield from _mapped_folders(tree, project)


def _mapped_folders(tree: PayloadTree, project: Path) -> Iterator[Path]:
    """Yield all folders that the recipe's `files` look into: empty ones are entries, too."""
    for mapping in tree.recipe.files:
        if mapping.type.has_source:
            fixed = project.joinpath(*SourcePattern.parse(mapping.src).fixed)
            for folder, _, _ in os.walk(fixed):
                yield Path(folder)


def _within(path: Path, root: Path) -> Path:
    """Return a path below the project's folder."""
    whole = path.parent.resolve() / path.name if path.name not in {"", ".."} else path.resolve()
    if not whole.is_relative_to(root):
        raise NotPossibleHereError(
            "outside of the project's folder, so the project cannot be copied", where=str(path)
        )
    return whole.relative_to(root)


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_symlink():
        target.symlink_to(source.readlink())
    elif source.is_dir():
        target.mkdir(exist_ok=True)
    elif source.is_file():
        shutil.copyfile(source, target)
        target.chmod(source.stat().st_mode & 0o7777)


def _settle(copied: Path, umask: int, user: User | None) -> None:
    """Give a copy its owner, the modes that a umask leaves, and its times."""
    for folder, folders, files in os.walk(copied, topdown=False):
        for name in (*files, *folders, ""):
            path = os.path.join(folder, name) if name else folder  # noqa: PTH118 - many paths
            if os.path.islink(path):  # noqa: PTH114 - the same
                continue
            mode = os.stat(path).st_mode & 0o7777  # noqa: PTH116 - the same
            if user is not None:
                os.chown(path, user.uid, user.gid)
            os.chmod(path, mode & ~umask if umask >= 0 else mode)  # noqa: PTH101 - the same
            os.utime(path, (_FILE_TIME, _FILE_TIME))
