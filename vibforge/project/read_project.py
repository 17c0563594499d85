"""Read what to build: a recipe, a VIB Author stage directory or a bare payload tree."""

import os
from collections.abc import Mapping
from enum import StrEnum
from io import BytesIO, TextIOWrapper
from pathlib import Path

from msgspec import Struct

from vibforge.errors import ModelError, is_file, is_folder
from vibforge.files.inputs import read_file
from vibforge.formats.toml_keys import dotted
from vibforge.formats.toml_reading import SIZE_LIMIT
from vibforge.project import read_stage as project_read_stage
from vibforge.project.recipe import Recipe
from vibforge.project.recipe_reading import read_recipe, read_table

RECIPE_NAME = "vibforge.toml"
_RECIPE_SUFFIX = ".toml"
STAGE_DESCRIPTOR = "descriptor.xml"
PAYLOADS_FOLDER = "payloads"
DEFAULT_VERSION = "1.0.0-1"
DEFAULT_PAYLOAD = "payload1"
_WAYS_IN = (
    "name a folder with a vibforge.toml, a descriptor.xml or the files themselves; "
    "`vibforge init FOLDER` makes one to begin with"
)


class ProjectKind(StrEnum):
    """The three ways in."""

    RECIPE = "recipe"
    STAGE = "stage directory"
    TREE = "payload tree"


class Project(Struct, frozen=True, kw_only=True):
    """A recipe and the folder that its trees are relative to."""

    recipe: Recipe
    root: Path
    kind: ProjectKind


def read_project(
    path: Path,
    *,
    settings: Mapping[str, str] | None = None,
    environment: Mapping[str, str] | None = None,
) -> Project:
    """Read the project at `path`.

    A file `….toml`, or a folder with a vibforge.toml, is a recipe. A folder with a descriptor.xml
    is a stage directory. Any other folder is a payload tree, or, where it holds nothing but a
    folder `payloads`, one tree for each folder in there.

    Args:
        path: the project.
        settings: values that go over the project's, by dotted key.
        environment: for `${NAME}` in a recipe; the process's if None.

    Raises:
        ModelError: the recipe or descriptor breaks rules, or there is no project at `path`.
        FormatError: a stage's descriptor is not XML.
    """
    if is_file(path) and path.suffix != _RECIPE_SUFFIX:
        raise ModelError(
            f"a file that is no recipe: the name of a recipe ends with {_RECIPE_SUFFIX}",
            where=str(path),
            remedy=_WAYS_IN,
        )
    if is_file(path) or is_file(path / RECIPE_NAME):
        file = path if is_file(path) else path / RECIPE_NAME
        variables = os.environ if environment is None else environment
        recipe = read_recipe(_text(file), str(file), environment=variables, settings=settings or {})
        return Project(recipe=recipe, root=file.parent, kind=ProjectKind.RECIPE)
    if not is_folder(path):
        raise ModelError(
            "there is no such project",
            where=str(path),
            remedy=_WAYS_IN,
        )
    if is_file(path / STAGE_DESCRIPTOR):
        recipe = project_read_stage.read_stage(path / STAGE_DESCRIPTOR, settings or {})
        return Project(recipe=recipe, root=path, kind=ProjectKind.STAGE)
    return Project(recipe=_of_tree(path, settings or {}), root=path, kind=ProjectKind.TREE)


def _text(file: Path) -> str:
    try:
        data = read_file(file, 4 * SIZE_LIMIT, ModelError)  # characters of 4 bytes at most
        return TextIOWrapper(BytesIO(data), encoding="utf-8-sig").read()  # any line ends
    except UnicodeDecodeError as error:
        raise ModelError("the recipe is not UTF-8 text", where=str(file)) from error


def _of_tree(path: Path, settings: Mapping[str, str]) -> Recipe:
    name = path.resolve().name
    table = {
        "name": name,
        "version": DEFAULT_VERSION,
        "summary": f"Files for ESXi: {name}",
        "payloads": [{"name": name, "tree": tree} for name, tree in _trees(path).items()],
    }
    return read_table(table, lambda key: f"{path}: {dotted(key)}", settings=settings)


def _trees(path: Path) -> dict[str, str]:
    """Return the payloads of a bare tree: name and folder."""
    folder = path / PAYLOADS_FOLDER
    children = [child.name for child in path.iterdir() if not child.name.startswith(".")]
    if children != [PAYLOADS_FOLDER] or not is_folder(folder):
        return {DEFAULT_PAYLOAD: "."}
    names = sorted(child.name for child in folder.iterdir() if child.is_dir())
    return {name: f"{PAYLOADS_FOLDER}/{name}" for name in names}
