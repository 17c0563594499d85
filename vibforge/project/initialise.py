"""Start a project from one of the shipped templates."""

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from importlib.resources.abc import Traversable
from pathlib import Path

from vibforge.errors import ModelError, OutputError
from vibforge.files.folder_handle import FolderHandle, OutputFolder
from vibforge.files.publication import explained
from vibforge.project.instruct import render
from vibforge.project.read_project import RECIPE_NAME
from vibforge.resources import shipped
from vibforge.vib.identity import check_file_name, check_name

_RENDERED = ".j2"
_NAME = "NAME"
_FOLDER_MODE, _FILE_MODE = 0o777, 0o666


def template_names() -> tuple[str, ...]:
    """Return the names of the templates, sorted."""
    folder = shipped("templates") / "projects"
    return tuple(sorted(child.name for child in folder.iterdir() if child.is_dir()))


def initialise(folder: Path, template: str, name: str | None = None) -> tuple[str, ...]:
    """Write a commented recipe and example files.

    Args:
        folder: where; it must be missing or empty.
        template: one of `template_names`.
        name: of the VIB; the folder's name if None.

    Returns:
        The files that were written, relative to the folder.

    Raises:
        ModelError: there is no such template, the name cannot be a VIB's, or the folder's name
            starts with a dash or has a backslash or a control character.
        OutputError: the folder holds something, or cannot be written.
    """
    if template not in template_names():
        raise ModelError(
            f"there is no template {template!r}", remedy=f"use {', '.join(template_names())}"
        )
    with explained(folder):  # the current folder may be gone
        own_name = Path(os.path.realpath(folder)).name
    vib_name = own_name if name is None else name
    try:
        check_name(vib_name)
    except ModelError as error:
        (problem,) = error.problems
        place = str(folder) if name is None else "--name"
        raise ModelError(problem.what, where=place, remedy=problem.remedy) from error
    check_file_name(own_name)
    with explained(folder):
        is_new = not folder.exists() or (folder.is_dir() and not any(folder.iterdir()))
    if not is_new:
        raise OutputError(
            "the folder is not empty", where=str(folder), remedy="name a new or an empty folder"
        )
    shown = os.fsencode(folder).decode("utf-8", "replace")
    is_there = folder.exists()
    output = OutputFolder(folder if is_there else folder.parent)
    with explained(folder):
        try:
            here = output.open()
            with _unfinished(here) as hidden, here.enter(hidden) as unfinished:
                written = tuple(_write(template, unfinished, vib_name, shown))
                if is_there:  # it may be somebody's current folder, or a mount: it stays
                    _fill(here, unfinished, written)
                else:
                    here.rename(hidden, folder.name)
            return written
        finally:
            output.close(keep=False)  # with a project in them, folders stay


@contextmanager
def _unfinished(here: FolderHandle) -> Iterator[str]:
    """Make a folder with a hidden name; remove what still has that name in the end."""
    hidden = here.free_name()
    try:
        here.make_folder(hidden, _FOLDER_MODE)
        yield hidden
    finally:
        here.remove_tree(hidden)


def _fill(folder: FolderHandle, unfinished: FolderHandle, files: tuple[str, ...]) -> None:
    """Move a project into a folder, the recipe last because it makes the folder a project."""
    names = sorted({file.split("/")[0] for file in files}, key=lambda name: name == RECIPE_NAME)
    for number, name in enumerate(names):
        try:
            folder.take(unfinished, name)
        except OSError:
            for taken in names[:number]:
                unfinished.take(folder, taken)
            raise


def _write(template: str, folder: FolderHandle, name: str, shown_folder: str) -> Iterator[str]:
    values = {"name": name, "folder": shown_folder}
    for path, source in _files(shipped("templates") / "projects" / template, ""):
        target = path.removesuffix(_RENDERED).replace(_NAME, name)
        if path.endswith(_RENDERED):
            text = render(f"projects/{template}/{path}", values)
        else:
            text = source.read_text(encoding="utf-8")
        with ExitStack() as stack:
            *steps, file_name = target.split("/")
            here = folder
            for step in steps:
                with suppress(FileExistsError):
                    here.make_folder(step, _FOLDER_MODE)
                here = stack.enter_context(here.enter(step))
            with here.new_file(file_name, _FILE_MODE) as file:
                file.write(text.encode("utf-8"))
        yield target


def _files(folder: Traversable, below: str) -> Iterator[tuple[str, Traversable]]:
    for child in sorted(folder.iterdir(), key=lambda child: child.name):
        if child.is_dir():
            yield from _files(child, f"{below}{child.name}/")
        else:
            yield below + child.name, child
