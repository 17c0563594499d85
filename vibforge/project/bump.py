"""Set the next version in a recipe, and change nothing else in the file."""

from enum import StrEnum
from pathlib import Path

from msgspec import Struct

from vibforge.errors import FormatError, ModelError, is_file, is_folder
from vibforge.files.inputs import read_file
from vibforge.files.publication import Publication
from vibforge.formats.toml_keys import value_spans
from vibforge.formats.toml_reading import SIZE_LIMIT, read_toml
from vibforge.project.read_project import RECIPE_NAME
from vibforge.project.recipe import is_from_git
from vibforge.project.recipe_reading import DocumentPlaces, typed
from vibforge.vib.identity import (
    Version,
    WrittenVersion,
    check_any_version,
    check_version,
    next_version,
    written_version,
)

_KEY = ("version",)
_BYTE_ORDER_MARK = "\ufeff"
_QUOTES = ('"', "'")


class VersionPart(StrEnum):
    """The part of a version that grows; what follows it starts again."""

    MAJOR = "major"
    MINOR = "minor"
    PATCH = "patch"
    RELEASE = "release"


_FIELDS = {VersionPart.MAJOR: 0, VersionPart.MINOR: 1, VersionPart.PATCH: 2}


class Bumped(Struct, frozen=True, kw_only=True):
    """A recipe whose version was set.

    Attributes:
        file: the recipe.
        old: the version that it had.
        new: the version that it has now.
        rules: what was done to the version that was given, in words.
    """

    file: Path
    old: str
    new: str
    rules: tuple[str, ...] = ()

    @property
    def is_higher(self) -> bool:
        """Whether hosts take the new version for an update of the old one."""
        return Version(self.new) > Version(self.old)


def bump(
    project: Path, part: VersionPart = VersionPart.RELEASE, version: str | None = None
) -> Bumped:
    """Set the next version in a recipe.

    Args:
        project: the recipe, or a folder with a vibforge.toml.
        part: what grows.
        version: the version to set instead.

    Raises:
        ModelError: there is no recipe, it is not TOML, its version is none that can grow, or
            `version` is none.
        OutputError: the file cannot be written; it is as it was.
    """
    file = _recipe_of(project)
    text = _text_of(file)
    old = _version_in(text, file)
    wanted = None if version is None else _wanted(version)
    new = wanted.version if wanted else next_of(old, part)
    rules = wanted.rules if wanted else ()
    bumped = Bumped(file=file, old=old, new=new, rules=rules)
    changed = _with_version(text, new, file)
    if changed != text:
        _write(file, changed)
    return bumped


def next_of(version: str, part: VersionPart) -> str:
    """Return the next version of a part: for 1.2.3-4 it is 2.0.0-1, 1.3.0-1, 1.2.4-1 or 1.2.3-5.

    Raises:
        ModelError: it would be longer than a version may be.
    """
    if part is VersionPart.RELEASE:
        new = next_version(Version(version)).text
    else:
        index = _FIELDS[part]
        fields = version.partition("-")[0].split(".")
        fields += ["0"] * (index + 1 - len(fields))
        digits = _leading_digits(fields[index])
        following = ["0"] * (len(fields) - index - 1)
        new = ".".join([*fields[:index], str(int(digits or "0") + 1), *following]) + "-1"
    check_version(new)
    return new


def _leading_digits(field: str) -> str:
    return field[: len(field) - len(field.lstrip("0123456789"))]


def _recipe_of(project: Path) -> Path:
    file = project / RECIPE_NAME if is_folder(project) else project
    if not is_file(file) or file.suffix != Path(RECIPE_NAME).suffix:
        raise ModelError(
            "there is no recipe whose version could be set",
            where=str(project),
            remedy=f"name a folder with a {RECIPE_NAME}; other projects get their version from "
            "`vibforge build --version`",
        )
    return file


def _text_of(file: Path) -> str:
    """Return the text with its own line ends, which stay as they are."""
    try:
        return read_file(file, 4 * SIZE_LIMIT, ModelError).decode("utf-8")
    except UnicodeDecodeError as error:
        raise ModelError("the recipe is not UTF-8 text", where=str(file)) from error


def _table_of(text: str, file: Path) -> dict[str, object]:
    try:
        return read_toml(text.removeprefix(_BYTE_ORDER_MARK))
    except FormatError as error:
        raise ModelError(error.problems[0].what, where=str(file)) from error


def _version_in(text: str, file: Path) -> str:
    """Return the version of a recipe in its full form."""
    table = _table_of(text, file)
    place = DocumentPlaces(text.removeprefix(_BYTE_ORDER_MARK), str(file))(_KEY)
    try:
        return _full_version(table.get("version"), as_is=table.get("version-as-is") is True)
    except ModelError as error:
        raise _placed(error, place) from error


def _full_version(found: object, *, as_is: bool) -> str:
    write_it = 'write it into the recipe: version = "1.2.0-1"'
    if found is None:
        raise ModelError("there is no version", remedy=write_it)
    text = str(typed(str, found))
    if is_from_git(text):
        raise ModelError(
            "the version comes from git",
            remedy="tag the commit instead, for example `git tag v1.2.0`",
        )
    if "${" in text:
        raise ModelError("the version comes from the environment", remedy=write_it)
    if as_is:
        check_any_version(text)
        return text
    return written_version(text).version


def _wanted(version: str) -> WrittenVersion:
    try:
        return written_version(version)
    except ModelError as error:
        raise _placed(error, "--version") from error


def _placed(error: ModelError, place: str) -> ModelError:
    (problem,) = error.problems
    return ModelError(problem.what, where=place, remedy=problem.remedy)


def _with_version(text: str, version: str, file: Path) -> str:
    """Return the document with another version, in the quotes that it had."""
    mark = _BYTE_ORDER_MARK if text.startswith(_BYTE_ORDER_MARK) else ""
    document = text.removeprefix(mark)
    start, end = value_spans(document)[_KEY]
    quote = document[start]
    changed = f"{mark}{document[:start]}{quote}{version}{quote}{document[end:]}"
    expected = {**_table_of(text, file), "version": version}
    if quote not in _QUOTES or _table_of(changed, file) != expected:
        raise ModelError(
            "the version cannot be replaced in this file",
            where=str(file),
            remedy=f'write version = "{version}" by hand',
        )
    return changed


def _write(file: Path, text: str) -> None:
    target = file.resolve()  # a link stays one
    with Publication(target.parent) as publication:
        with publication.create(target.name, like_replaced=True) as stream:
            stream.write(text.encode("utf-8"))
        publication.publish()
