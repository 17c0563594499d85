"""Read a build.json of somebody else, to carry out the build that it describes.

The file may be forged. Nothing that it names is run, and no file that it names is opened but for
those of payload trees inside the project, and the VIB and its signature beside the record.
"""

import os
import re
from collections.abc import Iterator
from pathlib import Path, PureWindowsPath
from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType, structs

from vibforge.errors import FormatError, ModelError, Problem, VibforgeError
from vibforge.files.inputs import read_file
from vibforge.formats.deflating import CompressionLevel
from vibforge.formats.toml_keys import dotted
from vibforge.project.ledger import (
    FORMAT,
    RECORD_LIMIT,
    WrittenFile,
    WrittenKind,
)
from vibforge.project.recipe import Recipe
from vibforge.project.recipe_reading import read_table
from vibforge.vib.identity import ReleaseDate

RECIPE_LIMIT = 4 * 1024 * 1024
"""Most bytes of the recipe in a record; a vibforge.toml has at most 262,144 characters."""
VALUES_LIMIT = 100_000
"""Most values in the recipe of a record; a recipe of 262,144 characters has fewer."""
PROBLEMS_LIMIT = 20
"""Most problems of one record that are reported."""
_TEXT_LIMIT = 300
"""Characters of a text of the record in a message."""
_SHAPE = re.compile(r"vibforge/record/([0-9]{1,9})")
_REMEDY = "name the build.json of a build, unchanged since"
_NOT_BUILT = ("signing", "bundle")
"""Tables of a recipe that have no part in the bytes of an unsigned VIB."""

_Digest = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}\Z")]
_Value = TypeVar("_Value")
_Word = Annotated[str, Meta(pattern=r"^[ -~]{1,200}\Z")]


class RecordedPayload(Struct, frozen=True, kw_only=True):
    """A payload as a record describes it; digests in hex."""

    name: _Word
    sha256: _Digest
    uncompressed_sha256: _Digest
    modes: dict[str, list[str]] | None = None
    """The files whose mode is not 0644, by mode; None if the record does not say."""


class _File(Struct, frozen=True, kw_only=True):
    """A file that the build wrote."""

    kind: WrittenKind
    name: str
    size: Annotated[int, Meta(ge=0)]
    sha256: _Digest


class _Keys(Struct, frozen=True, kw_only=True):
    """The keys of a record that a replay needs, whatever stands there."""

    format: msgspec.Raw | UnsetType = UNSET
    vibforge: msgspec.Raw | UnsetType = UNSET
    codec: msgspec.Raw | UnsetType = UNSET
    compression_level: msgspec.Raw | UnsetType = UNSET
    release_date: msgspec.Raw | UnsetType = UNSET
    certificates: msgspec.Raw | UnsetType = UNSET
    recipe: msgspec.Raw | UnsetType = UNSET
    payloads: msgspec.Raw | UnsetType = UNSET
    files: msgspec.Raw | UnsetType = UNSET


class _Facts(Struct, frozen=True, kw_only=True):
    """The values of a record that a replay needs. Others are skipped, however many there are."""

    vibforge: _Word
    codec: _Word
    codec_library: _Word = ""
    compression_level: _Word
    release_date: _Word
    certificates: list[_Digest]
    recipe: msgspec.Raw
    payloads: list[RecordedPayload]
    files: list[_File]


class RecordedBuild(Struct, frozen=True, kw_only=True):
    """A build as its record describes it; every value has the form that it must have."""

    folder: Path
    """The folder of the record."""
    vibforge: str
    codec: str
    """The release of the package that compressed, as pip wants it named."""
    codec_library: str
    """Name and version of the library in it."""
    level: CompressionLevel
    recipe: Recipe
    """With the release date of the build, without key and bundle."""
    signed: bool
    payloads: tuple[RecordedPayload, ...]
    vib: WrittenFile
    descriptor: WrittenFile
    signature: WrittenFile | None


def read_recorded_build(path: Path) -> RecordedBuild:
    """Read a build.json.

    Raises:
        FormatError: it is not a build.json of this format, lacks what a replay needs, or holds
            values that no build writes.
        ModelError: its recipe breaks a rule.
    """
    where = str(path)
    data = read_file(path, RECORD_LIMIT, FormatError)
    facts = _facts(data, where)
    files = {file.kind: WrittenFile(**structs.asdict(file)) for file in reversed(facts.files)}
    vib, descriptor = files.get(WrittenKind.VIB), files.get(WrittenKind.DESCRIPTOR)
    if vib is None or descriptor is None:
        raise FormatError(
            "its list of files names no VIB, or no descriptor", where=where, remedy=_REMEDY
        )
    return RecordedBuild(
        folder=path.parent,
        vibforge=facts.vibforge,
        codec=facts.codec,
        codec_library=facts.codec_library or facts.codec,
        level=_level(facts, where),
        recipe=_recipe(facts, where),
        signed=bool(facts.certificates),
        payloads=tuple(facts.payloads),
        vib=vib,
        descriptor=descriptor,
        signature=files.get(WrittenKind.SIGNATURE),
    )


def check_trees(recipe: Recipe, project: Path, where: str) -> None:
    """Check that every payload tree of a recorded recipe is inside the project.

    What `files` of a payload map is never outside: collecting them refuses it.

    Raises:
        ModelError: a tree is somewhere else, also by a link.
    """
    root = os.path.realpath(project)
    problems = [
        Problem(
            what=f"the payload tree {_short(payload.tree)!r} is outside of the project, and a "
            "replay reads nothing else",
            where=f"{where}: recipe.payloads[{index}].tree",
            remedy="name as PROJECT the folder that the recipe was in; copy the tree into it if it "
            "was beside it",
        )
        for index, payload in enumerate(recipe.payloads)
        if payload.tree and not _is_inside(payload.tree, root)
    ]
    if problems:
        raise ModelError.from_problems(problems[:PROBLEMS_LIMIT])


def _is_inside(tree: str, root: str) -> bool:
    named = PureWindowsPath(tree)  # knows drives, and slashes of both kinds
    if named.anchor or named.drive or ".." in named.parts:
        return False
    real = os.path.realpath(os.path.join(root, tree))  # noqa: PTH118 - Path raises on a loop of links
    return Path(real).is_relative_to(root)


def _facts(data: bytes, where: str) -> _Facts:
    """Read the values that a replay needs, and check their forms."""
    keys = _decoded(data, _Keys, where)
    shape = "" if keys.format is UNSET else _decoded(bytes(keys.format), str, where)
    if not _SHAPE.fullmatch(shape):
        raise FormatError("not a build.json", where=where, remedy=_REMEDY)
    lacks = [name for name in _Keys.__struct_fields__ if getattr(keys, name) is UNSET]
    if shape != FORMAT or lacks:
        raise _other_shape(shape, lacks, where)
    return _decoded(data, _Facts, where)


def _decoded(data: bytes, kind: type[_Value], where: str) -> _Value:
    """Read JSON as a type, without keeping what the type does not name.

    Raises:
        FormatError: it is not JSON, or not of this type.
    """
    try:
        return msgspec.json.decode(data, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise FormatError(
            f"not what a build writes: {_short(str(error))}", where=where, remedy=_REMEDY
        ) from error


def _other_shape(shape: str, lacks: list[str], where: str) -> FormatError:
    """Return the error about a record of another format, or without some of its keys."""
    parts = [f"it is {shape}, and a replay reads {FORMAT}"] if shape != FORMAT else []
    parts += [f"it lacks {', '.join(lacks)}"] if lacks else []
    newer = shape != FORMAT and int(shape.rsplit("/", 1)[1]) > int(FORMAT.rsplit("/", 1)[1])
    remedy = (
        "use the release of vibforge that wrote it, or a later one"
        if newer
        else "build the same sources with this vibforge, whose build.json has all that is needed"
    )
    return FormatError(
        f"this record cannot be replayed: {'; '.join(parts)}", where=where, remedy=remedy
    )


def _level(facts: _Facts, where: str) -> CompressionLevel:
    try:
        return CompressionLevel.named(facts.compression_level)
    except ModelError as error:
        raise _from_record(error, f"{where}: compression_level") from error


def _recipe(facts: _Facts, where: str) -> Recipe:
    """Read the recipe as resolved; `${NAME}` in it stays as it is."""
    if len(bytes(facts.recipe)) > RECIPE_LIMIT:
        what = f"its recipe has more than {RECIPE_LIMIT} bytes, the limit"
        raise FormatError(what, where=where, remedy=_REMEDY)
    values = _decoded(bytes(facts.recipe), dict[str, Any], where)
    _check_values(values, where)
    table = {name: value for name, value in values.items() if name not in _NOT_BUILT}
    try:
        recipe = read_table(table, lambda path: f"{where}: recipe.{_short(dotted(path))}")
        date = ReleaseDate.parse(facts.release_date)
    except ModelError as error:
        raise _from_record(error, where) from error
    return structs.replace(recipe, release_date=date)


def _from_record(error: VibforgeError, where: str) -> ModelError:
    """Return an error about values of the record, with a bounded number of short problems."""
    return ModelError.from_problems(
        Problem(what=_short(problem.what), where=problem.where or where, remedy=problem.remedy)
        for problem in error.problems[:PROBLEMS_LIMIT]
    )


def _check_values(recipe: dict[str, Any], where: str) -> None:
    """Check the number of values, and that texts hold characters that a TOML file can hold.

    Raises:
        FormatError: there are too many, or a text has half a character or a NUL.
    """
    for count, value in enumerate(_values(recipe), start=1):
        if count > VALUES_LIMIT:
            what = f"its recipe has more than {VALUES_LIMIT} values, the limit"
            raise FormatError(what, where=where, remedy=_REMEDY)
        if isinstance(value, str) and (not _is_text(value) or "\0" in value):
            what = f"its recipe has a text that no recipe can hold: {_short(ascii(value))}"
            raise FormatError(what, where=where, remedy=_REMEDY)


def _values(value: object) -> Iterator[object]:
    """Yield every key and value, those of tables and lists included."""
    ahead = [value]
    while ahead:
        each = ahead.pop()
        yield each
        if isinstance(each, dict):
            ahead += each.keys()
            ahead += each.values()
        elif isinstance(each, list):
            ahead += each


def _is_text(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _short(text: str) -> str:
    return text if len(text) <= _TEXT_LIMIT else f"{text[:_TEXT_LIMIT]}…"
