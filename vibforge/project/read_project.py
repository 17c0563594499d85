"""Read a project: a vibforge.toml, a stage directory of VIB Author, or a plain tree."""

import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from enum import StrEnum
from io import BytesIO, TextIOWrapper
from itertools import takewhile
from pathlib import Path

from msgspec import Struct

from vibforge.errors import ModelError, Problem, is_file, is_folder
from vibforge.files.inputs import read_file
from vibforge.formats.toml_keys import Path as KeyPath
from vibforge.formats.toml_keys import dotted
from vibforge.formats.toml_reading import SIZE_LIMIT
from vibforge.formats.xml_reading import parse as parse_xml
from vibforge.project.recipe import Recipe
from vibforge.project.recipe_reading import DocumentPlaces, origin, read_recipe, read_table
from vibforge.project.recipe_writing import table_of
from vibforge.vib.descriptor import Descriptor, Payload
from vibforge.vib.descriptor_reading import parse

_SIZE_LIMIT = 4 * 1024 * 1024
"""Most bytes of a stage's descriptor."""
_PLACEHOLDER = re.compile(r"\$\{[^}]*\}|\$\([^)]*\)|\$[A-Za-z_][A-Za-z0-9_]*")
_COMPUTED = frozenset({"packed-size", "relative-path", "checksum", "installdate", "install-date"})
"""Elements that depots and hosts add; at best they describe an older build."""


def read_stage(descriptor: Path, settings: Mapping[str, str]) -> Recipe:
    """Read the stage directory that holds the file `descriptor`.

    Raises:
        FormatError: the descriptor is not XML.
        ModelError: with all problems that prevent a build.
    """
    where = str(descriptor)
    data = read_file(descriptor, _SIZE_LIMIT, ModelError)
    found = parse(data, where, sizes=False)
    lines = {child.tag: child.sourceline for child in parse_xml(data, where)}

    def place(path: KeyPath) -> str:
        line = lines.get(str(path[0])) if path else 1
        return f"{where}:{line or 1}: {dotted(path)}"

    unfilled = _unfilled(found, settings)
    problems = [*found.faults, *_placeholders(unfilled, where)]
    problems += _cannot_be_built(found, descriptor)
    try:
        recipe = read_table(table_of(found), place, settings=settings)
    except ModelError as error:
        told = {place((name,)) for name in unfilled}
        problems += (problem for problem in error.problems if problem.where not in told)
        raise ModelError.from_problems(problems) from error
    if problems:
        raise ModelError.from_problems(problems)
    return recipe


def _unfilled(found: Descriptor, settings: Mapping[str, str]) -> dict[str, str]:
    """Return the placeholders of a template by the names of their keys."""
    matches = ((name, _PLACEHOLDER.search(value)) for name, value in _texts(found))
    return {name: match[0] for name, match in matches if match and name not in settings}


def _placeholders(unfilled: Mapping[str, str], where: str) -> Iterator[Problem]:
    for name, placeholder in unfilled.items():
        yield Problem(
            what=f"{name} holds the placeholder {placeholder}, which a script should have "
            "replaced: this is a template of a descriptor",
            where=where,
            remedy=f"fill it in, or build with --set {name}=…",
        )


def _cannot_be_built(found: Descriptor, descriptor: Path) -> Iterator[Problem]:
    where = str(descriptor)
    for element in found.unknown:
        tag = element[1:].split(">")[0].split()[0].rstrip("/")
        if tag not in _COMPUTED:
            yield Problem(
                what=f"<{tag}> is not an element of a descriptor",
                where=where,
                remedy="correct its name or remove it",
            )
    yield from _payload_faults(found.payloads, descriptor.parent, where)


def _texts(found: Descriptor) -> Iterable[tuple[str, str]]:
    return (
        ("name", found.name),
        ("version", found.version),
        ("vendor", found.vendor),
        ("summary", found.summary),
        ("description", found.description),
        ("release-date", found.release_date or ""),
    )


def _payload_faults(payloads: tuple[Payload, ...], stage: Path, where: str) -> Iterator[Problem]:
    folder = stage / "payloads"
    trees = (
        {child.name for child in folder.iterdir() if child.is_dir()} if folder.is_dir() else set()
    )
    declared = {payload.name for payload in payloads}
    if not payloads:
        yield Problem(
            what="the descriptor has no <payloads> with a <payload> in it",
            where=where,
            remedy='add <payloads><payload name="payload1" type="vgz"/></payloads>',
        )
    for name in sorted(declared - trees):
        yield Problem(
            what=f"payload {name!r} has no tree",
            where=where,
            remedy=f"put its files into {folder / name}",
        )
    for name in sorted(trees - declared):
        yield Problem(
            what="the descriptor names no payload for this tree",
            where=str(folder / name),
            remedy=f'add <payload name="{name}" type="tgz"/>, or remove the folder',
        )


RECIPE_NAME = "vibforge.toml"
_RECIPE_SUFFIX = ".toml"
STAGE_DESCRIPTOR = "descriptor.xml"
PAYLOADS_FOLDER = "payloads"
DEFAULT_VERSION = "1.0.0-1"
DEFAULT_PAYLOAD = "payload1"
_WAYS_IN = (
    "name a folder with a vibforge.toml, a descriptor.xml or the files themselves; "
    "`vibforge init FOLDER` makes a new one"
)


class ProjectKind(StrEnum):
    """The kinds of projects."""

    RECIPE = "recipe"
    STAGE = "stage directory"
    TREE = "payload tree"


class Project(Struct, frozen=True, kw_only=True):
    """A recipe and the folder that its trees are relative to."""

    recipe: Recipe
    root: Path
    kind: ProjectKind
    place: Callable[[KeyPath], str] = dotted
    """Returns where the value of a key is, for messages."""
    file: Path | None = None
    """The recipe or the stage's descriptor; None without one."""

    @property
    def parts(self) -> tuple[str, ...]:
        """The files and folders that hold all that becomes a VIB, relative to `root`."""
        own = () if self.file is None else (self.file.name,)
        payloads = self.recipe.payloads
        mapped = (each for payload in payloads for each in payload.files if each.type.has_source)
        trees = (payload.tree for payload in payloads if payload.tree)
        return (*own, *trees, *(_without_pattern(each.src) for each in mapped))

    def place_of(self, key: KeyPath, settings: Mapping[str, str]) -> str:
        """Return where the value of a key comes from, for messages: an option, or file and line."""
        name = dotted(key)
        return origin(name, settings[name]) if name in settings else self.place(key)


def _without_pattern(source: str) -> str:
    """Return the folder that all matches of a pattern are in; a path without pattern as it is."""
    steps = takewhile(lambda step: not any(char in step for char in "*?["), source.split("/"))
    return "/".join(steps) or "."


def read_project(
    path: Path,
    *,
    settings: Mapping[str, str] | None = None,
    environment: Mapping[str, str] | None = None,
    keyless: bool = False,
) -> Project:
    """Read the project at `path`.

    A file `….toml`, or a folder with a vibforge.toml, is a recipe. A folder with a descriptor.xml
    is a stage directory. Any other folder is a payload tree, or, where it holds nothing but a
    folder `payloads`, one tree for each folder in there.

    Args:
        path: the project.
        settings: values that override the project's, by dotted key.
        environment: values of `${NAME}` in a recipe; those of the process if None.
        keyless: whether the key of the recipe is not needed; see `read_recipe`.

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
        text = recipe_text(file)
        recipe = read_recipe(
            text, str(file), environment=variables, settings=settings or {}, keyless=keyless
        )
        place = DocumentPlaces(text, str(file))
        return Project(
            recipe=recipe, root=file.parent, kind=ProjectKind.RECIPE, place=place, file=file
        )
    if not is_folder(path):
        raise ModelError(
            "there is no such project",
            where=str(path),
            remedy=_WAYS_IN,
        )
    if is_file(path / STAGE_DESCRIPTOR):
        file = path / STAGE_DESCRIPTOR
        recipe = read_stage(file, settings or {})
        return Project(
            recipe=recipe,
            root=path,
            kind=ProjectKind.STAGE,
            place=lambda key: f"{file}: {dotted(key)}",
            file=file,
        )
    return Project(
        recipe=_of_tree(path, settings or {}),
        root=path,
        kind=ProjectKind.TREE,
        place=lambda key: f"{path}: {dotted(key)}",
    )


def recipe_text(file: Path) -> str:
    """Return the text of a recipe's file.

    Raises:
        ModelError: it cannot be read, is too long, or is not UTF-8.
    """
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
