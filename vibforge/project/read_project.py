"""Read a project: a vibforge.toml, a stage directory of VIB Author, or a plain tree."""

import os
import re
from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from enum import StrEnum
from io import BytesIO, TextIOWrapper
from itertools import takewhile
from pathlib import Path
from typing import Any

from msgspec import Struct

from vibforge.errors import ModelError, Problem, is_file, is_folder, shell_line
from vibforge.files.inputs import read_file
from vibforge.formats import sniffing
from vibforge.formats.toml_keys import Path as KeyPath
from vibforge.formats.toml_keys import dotted
from vibforge.formats.toml_reading import SIZE_LIMIT
from vibforge.formats.xml_reading import parse as parse_xml
from vibforge.project.recipe import Recipe
from vibforge.project.recipe_reading import (
    DESCRIPTOR_KEY,
    DocumentPlaces,
    origin,
    read_table,
    toml_table,
)
from vibforge.project.recipe_writing import table_of, without_variables
from vibforge.vib.descriptor import Descriptor
from vibforge.vib.descriptor_reading import parse

_SIZE_LIMIT = 4 * 1024 * 1024
"""Most bytes of a stage's descriptor."""
_PLACEHOLDER = re.compile(r"\$\{[^}]*\}|\$\([^)]*\)|\$[A-Za-z_][A-Za-z0-9_]*")
COMPUTED_ELEMENTS = frozenset(
    {"packed-size", "relative-path", "checksum", "installdate", "install-date"}
)
"""Elements that depots and hosts add; at best they describe an older build."""


class RecipeBeside(Struct, frozen=True, kw_only=True):
    """A vibforge.toml that goes over the descriptor of a stage directory, key by key."""

    file: Path
    table: dict[str, Any]
    places: DocumentPlaces
    environment: Mapping[str, str]

    @property
    def payloads(self) -> list[dict[str, Any]]:
        """Its tables `[[payloads]]`; none if the key holds something else."""
        found = self.table.get(_PAYLOADS, [])
        tables = found if isinstance(found, list) else []
        return [each for each in tables if isinstance(each, dict)]


class _Merged(Struct):
    """The values of a descriptor under those of a recipe."""

    table: dict[str, Any]
    numbers: dict[int, int] = {}
    """For each payload that the recipe has too, its number in the recipe."""

    @classmethod
    def of(cls, found: Descriptor, beside: RecipeBeside | None, stage: Path) -> "_Merged":
        base = table_of(found)
        if beside is None:
            return cls(base)
        merged = cls(without_variables(base))
        for name, value in beside.table.items():
            if name == _PAYLOADS and isinstance(value, list):
                merged._put_payloads(value, stage)
            elif isinstance(value, dict) and isinstance(merged.table.get(name), dict):
                merged.table[name] |= value
            else:
                merged.table[name] = value
        return merged

    def _put_payloads(self, payloads: list[Any], stage: Path) -> None:
        known = {each["name"]: number for number, each in enumerate(self.table[_PAYLOADS])}
        for number, given in enumerate(payloads):
            index = known.pop(given.get("name"), None) if isinstance(given, dict) else None
            if index is None:
                index = len(self.table[_PAYLOADS])
                self.table[_PAYLOADS].append(given)
            else:
                old = self.table[_PAYLOADS][index]
                if "files" in given and not is_folder(stage / old["tree"]):
                    del old["tree"]
                self.table[_PAYLOADS][index] = {**old, **given}
            self.numbers[index] = number

    def in_recipe(self, path: KeyPath) -> KeyPath:
        """Return a key's path in the recipe."""
        if path[:1] == (_PAYLOADS,) and len(path) > 1 and isinstance(path[1], int):
            return (_PAYLOADS, self.numbers.get(path[1], -1), *path[2:])
        return path


def read_stage(
    descriptor: Path,
    settings: Mapping[str, str],
    beside: RecipeBeside | None = None,
    *,
    keyless: bool = False,
) -> "Project":
    """Read the stage directory that holds the file `descriptor`.

    Args:
        descriptor: the file.
        settings: values that override all others, by dotted key.
        beside: the recipe whose keys go over those of the descriptor.
        keyless: as for `read_recipe`.

    Raises:
        FormatError: the descriptor is not XML.
        ModelError: with all problems that prevent a build.
    """
    where = str(descriptor)
    data = read_file(descriptor, _SIZE_LIMIT, ModelError)
    found = parse(data, where, sizes=False)
    lines = {child.tag: child.sourceline for child in parse_xml(data, where)}
    merged = _Merged.of(found, beside, descriptor.parent)

    def place(path: KeyPath) -> str:
        own = merged.in_recipe(path)
        if beside and own[: 3 if own[:1] == (_PAYLOADS,) else 2] in beside.places:
            return beside.places(own)
        line = lines.get(str(path[0])) if path else 1
        return f"{where}:{line or 1}: {dotted(path)}"

    given = {*settings, *(beside.table if beside else ())}
    unfilled = _unfilled(found, given)
    problems = [*found.faults, *_placeholders(unfilled, where)]
    problems += _cannot_be_built(found, descriptor, beside)
    try:
        recipe = read_table(
            merged.table,
            place,
            environment=beside.environment if beside else None,
            settings=settings,
            keyless=keyless,
        )
    except ModelError as error:
        told = {place((name,)) for name in unfilled}
        problems += (problem for problem in error.problems if problem.where not in told)
        raise ModelError.from_problems(problems) from error
    if problems:
        raise ModelError.from_problems(problems)
    return Project(
        recipe=recipe,
        root=descriptor.parent,
        kind=ProjectKind.STAGE,
        place=place,
        files=(descriptor, *((beside.file,) if beside else ())),
        staged=found,
    )


def _unfilled(found: Descriptor, given: Container[str]) -> dict[str, str]:
    """Return the placeholders of a template by the names of their keys."""
    matches = ((name, _PLACEHOLDER.search(value)) for name, value in _texts(found))
    return {name: match[0] for name, match in matches if match and name not in given}


def _placeholders(unfilled: Mapping[str, str], where: str) -> Iterator[Problem]:
    for name, placeholder in unfilled.items():
        yield Problem(
            what=f"{name} holds the placeholder {placeholder}, which a script should have "
            "replaced: this is a template of a descriptor",
            where=where,
            remedy=f"fill it in, or build with --set {name}=…",
        )


def _cannot_be_built(
    found: Descriptor, descriptor: Path, beside: RecipeBeside | None
) -> Iterator[Problem]:
    where = str(descriptor)
    for element in found.unknown:
        tag = tag_of(element)
        if tag not in COMPUTED_ELEMENTS:
            yield Problem(
                what=f"<{tag}> is not an element of a descriptor",
                where=where,
                remedy="correct its name or remove it",
            )
    payloads = beside.payloads if beside else []
    names = {payload.name for payload in found.payloads}
    yield from _payload_faults(
        names | {each.get("name") for each in payloads},
        {each.get("name") for each in payloads if each.keys() & {"tree", "files"}},
        descriptor,
    )


def tag_of(element: str) -> str:
    """Return the name of an element from its text, `<name …>`."""
    return element[1:].split(">", maxsplit=1)[0].split(maxsplit=1)[0].rstrip("/")


def _texts(found: Descriptor) -> Iterable[tuple[str, str]]:
    return (
        ("name", found.name),
        ("version", found.version),
        ("vendor", found.vendor),
        ("summary", found.summary),
        ("description", found.description),
        ("release-date", found.release_date or ""),
    )


def _payload_faults(
    declared: set[Any], with_content: set[Any], descriptor: Path
) -> Iterator[Problem]:
    """Yield payloads without a tree, and trees without a payload.

    Args:
        declared: the names of all payloads.
        with_content: those for which a recipe says what is in them.
        descriptor: the file of the stage directory.
    """
    folder = descriptor.parent / PAYLOADS_FOLDER
    trees = (
        {child.name for child in folder.iterdir() if child.is_dir()} if folder.is_dir() else set()
    )
    if not declared:
        yield Problem(
            what="the descriptor has no <payloads> with a <payload> in it",
            where=str(descriptor),
            remedy='add <payloads><payload name="payload1" type="vgz"/></payloads>',
        )
    for name in sorted(map(str, declared - trees - with_content)):
        yield Problem(
            what=f"payload {name!r} has no tree",
            where=str(descriptor),
            remedy=f"put its files into {folder / name}",
        )
    for name in sorted(trees - declared):
        yield Problem(
            what="the descriptor names no payload for this tree",
            where=str(folder / name),
            remedy=f'add <payload name="{name}" type="tgz"/>, or remove the folder',
        )


RECIPE_NAME = "vibforge.toml"
_PAYLOADS = "payloads"
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
    files: tuple[Path, ...] = ()
    """The recipe, the stage's descriptor, or both."""
    staged: Descriptor | None = None
    """The descriptor of a stage directory."""

    @property
    def parts(self) -> tuple[str, ...]:
        """The files and folders that hold all that becomes a VIB, relative to `root`."""
        own = (file.name for file in self.files)
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
    is a stage directory, and so is one whose recipe names it as its `descriptor`. Any other folder
    is a payload tree, or, where it holds nothing but a folder `payloads`, one tree for each folder
    in there.

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
        raise _no_recipe(path)
    if is_file(path) or is_file(path / RECIPE_NAME):
        file = path if is_file(path) else path / RECIPE_NAME
        variables = os.environ if environment is None else environment
        text = recipe_text(file)
        place = DocumentPlaces(text, str(file))
        table = toml_table(text, str(file))
        if (name := table.pop(DESCRIPTOR_KEY, None)) is not None:
            beside = RecipeBeside(table=table, places=place, environment=variables, file=file)
            descriptor = _descriptor(file, name, place)
            return read_stage(descriptor, settings or {}, beside, keyless=keyless)
        recipe = read_table(
            table, place, environment=variables, settings=settings or {}, keyless=keyless
        )
        return Project(
            recipe=recipe, root=file.parent, kind=ProjectKind.RECIPE, place=place, files=(file,)
        )
    if not is_folder(path):
        raise ModelError(
            "there is no such project",
            where=str(path),
            remedy=_WAYS_IN,
        )
    if is_file(path / STAGE_DESCRIPTOR):
        return read_stage(path / STAGE_DESCRIPTOR, settings or {})
    return Project(
        recipe=_of_tree(path, settings or {}),
        root=path,
        kind=ProjectKind.TREE,
        place=lambda key: f"{path}: {dotted(key)}",
    )


def _descriptor(file: Path, name: object, place: DocumentPlaces) -> Path:
    """Return the stage's descriptor that a recipe names."""
    if not isinstance(name, str) or name in {"", ".", ".."} or {"/", "\\"} & set(name):
        raise ModelError(
            "is not the name of a file beside the recipe",
            where=place((DESCRIPTOR_KEY,)),
            remedy=f'write {DESCRIPTOR_KEY} = "{STAGE_DESCRIPTOR}"',
        )
    if not is_file(file.parent / name):
        raise ModelError(
            f"there is no {file.parent / name}",
            where=place((DESCRIPTOR_KEY,)),
            remedy="put the recipe into the stage directory",
        )
    return file.parent / name


def _no_recipe(path: Path) -> ModelError:
    """Return the error about a file that is no recipe, with the way from a package to a project."""
    try:
        with path.open("rb") as file:
            kind = sniffing.file_kind(file.read(sniffing.HEAD_SIZE))
    except OSError:
        kind = sniffing.FileKind.UNKNOWN
    if kind is sniffing.FileKind.ARCHIVE:
        return ModelError(
            "a VIB is the result of a build, not a project",
            where=str(path),
            remedy=f"make a project of it, and build that: {repack_command(path)}",
        )
    if kind is sniffing.FileKind.ZIP:
        unpack = shell_line("vibforge", "extract", "--payloads-only", _argument(path), "-C", "vibs")
        return ModelError(
            "a zip file, which holds VIBs but is no project",
            where=str(path),
            remedy=f"take out its VIBs, {unpack}, then make a project of each",
        )
    return ModelError(
        f"a file that is no recipe: the name of a recipe ends with {_RECIPE_SUFFIX}",
        where=str(path),
        remedy=_WAYS_IN,
    )


def repack_command(vib: Path) -> str:
    """Return the line for a shell that makes a project of a VIB, and builds that.

    The output goes into the project: the VIB may be in the folder where builds go otherwise.
    """
    project = _argument(Path(f"{vib.stem}-project"))
    extract = shell_line("vibforge", "extract", "--stage", _argument(vib), "-C", project)
    return f"{extract} && {shell_line('vibforge', 'build', project, '-o', f'{project}/dist')}"


def _argument(path: Path) -> str:
    """Return a path that no command takes for an option."""
    return f"./{path}" if str(path).startswith("-") else str(path)


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
