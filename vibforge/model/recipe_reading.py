"""Read a recipe from TOML: every problem at once, each with its line and key."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, fields, is_dataclass
from enum import StrEnum
from functools import cache, cached_property
from typing import Any, get_args, get_origin, get_type_hints

from vibforge.errors import FormatError, ModelError, Problem
from vibforge.formats.toml_lines import Path, key_lines
from vibforge.formats.toml_reading import read_toml
from vibforge.model.bundle_recipe import BundleRecipe, check_bundle
from vibforge.model.descriptor import MaintenanceMode, Url
from vibforge.model.names import TAG_OR_KEY_LIMIT
from vibforge.model.recipe import Recipe
from vibforge.model.recipe_key import dotted
from vibforge.model.recipe_rules import contradictions
from vibforge.model.recipe_settings import Setting, put, setting_path, setting_value
from vibforge.model.recipe_values import as_list, as_text, one_of, required_kind, typed

_VARIABLE = re.compile(r"\$(?:\$\{|\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\})")
_BROKEN = object()


def read_recipe(
    document: str,
    where: str = "vibforge.toml",
    *,
    environment: Mapping[str, str] | None = None,
    settings: Mapping[str, str] | None = None,
) -> Recipe:
    """Read a recipe.

    Args:
        document: TOML.
        where: its name, for messages.
        environment: what `${NAME}` and `${NAME:-default}` in its texts stand for.
        settings: values that go over the document's, by dotted key: `payloads[0].type`.

    Raises:
        ModelError: with everything that is wrong: syntax, unknown keys, types, rules.
    """
    table = _toml(document, where)
    place = _DocumentPlaces(document, where)
    return read_table(table, place, environment=environment, settings=settings)


def read_bundle_recipe(
    document: str = "",
    where: str = "vibforge.toml",
    *,
    environment: Mapping[str, str] | None = None,
    settings: Mapping[str, str] | None = None,
) -> BundleRecipe:
    """Read the table `[bundle]` of a recipe and nothing else of it.

    Args:
        document: TOML; the table may be missing.
        where: as for `read_recipe`.
        environment: as for `read_recipe`.
        settings: values that go over the table's, by key: `vendor-code`.

    Raises:
        ModelError: with everything that is wrong: syntax, unknown keys, types, rules.
    """
    table = {"bundle": _toml(document, where).get("bundle", {})}
    reader = _Reader(_DocumentPlaces(document, where), environment)
    reader.apply(table, {f"bundle.{name}": value for name, value in (settings or {}).items()})
    recipe = reader.read(BundleRecipe, table["bundle"], ("bundle",))
    if isinstance(recipe, BundleRecipe):
        try:
            check_bundle(recipe)
        except ModelError as error:
            reader.refuse(("bundle",), error)
    if reader.problems:
        raise ModelError.of(reader.problems)
    assert isinstance(recipe, BundleRecipe)  # noqa: S101 - no problem was met, so it was built
    return recipe


def _toml(document: str, where: str) -> dict[str, Any]:
    try:
        return read_toml(document)
    except FormatError as error:
        raise ModelError(error.problems[0].what, where=where) from error


def read_table(
    table: dict[str, Any],
    place: Callable[[Path], str],
    *,
    environment: Mapping[str, str] | None = None,
    settings: Mapping[str, str] | None = None,
) -> Recipe:
    """Read a recipe from plain values, named and nested as in TOML.

    Args:
        table: the values; settings are put into it.
        place: tells people where the value of a key stands.
        environment: as for `read_recipe`; None leaves `${NAME}` as it is.
        settings: as for `read_recipe`.

    Raises:
        ModelError: with everything that is wrong: unknown keys, types, rules.
    """
    reader = _Reader(place, environment)
    reader.apply(table, settings or {})
    recipe = reader.read(Recipe, table, ())
    if not reader.problems:
        for path, problem in contradictions(recipe):
            reader.refuse(path, problem)
    if reader.problems:
        raise ModelError.of(reader.problems)
    assert isinstance(recipe, Recipe)  # noqa: S101 - no problem was met, so it was built
    return recipe


class _DocumentPlaces:
    """Finds the line of a key, and reads the document for it only when one is asked for."""

    def __init__(self, document: str, where: str) -> None:
        self._document = document
        self._where = where

    @cached_property
    def _lines(self) -> dict[Path, int]:
        return key_lines(self._document)

    def __call__(self, path: Path) -> str:
        known = (path[:length] for length in range(len(path), 0, -1))
        line = next((self._lines[part] for part in known if part in self._lines), 1)
        return f"{self._where}:{line}: {dotted(path)}" if path else f"{self._where}:{line}"


class _Reader:
    """Turns plain TOML values into a recipe's and gathers what does not fit."""

    def __init__(self, place: Callable[[Path], str], environment: Mapping[str, str] | None) -> None:
        self.problems: list[Problem] = []
        self._place_of = place
        self._environment = environment
        self._set: dict[Path, str] = {}

    def refuse(self, path: Path, error: ModelError) -> object:
        """Note what is wrong with the value at `path`."""
        place = self._place(path)
        self.problems += [
            Problem(what=problem.what, where=place, remedy=problem.remedy)
            for problem in error.problems
        ]
        return _BROKEN

    def _place(self, path: Path) -> str:
        for length in range(len(path), 0, -1):
            if path[:length] in self._set:
                return f"--set {self._set[path[:length]]}"
        return self._place_of(path)

    def apply(self, table: dict[str, Any], settings: Mapping[str, str]) -> None:
        """Put settings from the command line over the document's values."""
        for name, value in settings.items():
            path = setting_path(name)
            self._set[path] = name
            if not path or not put(table, path, Setting(value)):
                self.refuse(path, ModelError("no such key in this recipe"))

    def read(self, kind: Any, value: Any, path: Path) -> Any:  # noqa: ANN401 - any key's value
        """Read a value as `kind`; a marker comes back where it was refused."""
        try:
            return self._read(required_kind(kind), value, path)
        except ModelError as error:
            return self.refuse(path, error)

    def _read(self, kind: Any, value: Any, path: Path) -> Any:  # noqa: ANN401 - any key's value
        if kind == tuple[Url, ...]:
            return self._urls(value, path)
        if get_origin(kind) is tuple:
            return self._sequence(get_args(kind)[0], as_list(value), path)
        if isinstance(value, Setting):
            value = setting_value(kind, value)
        if kind is MaintenanceMode and isinstance(value, bool):
            return MaintenanceMode(on_install=value, on_remove=value)
        if hasattr(kind, "parse"):
            return kind.parse(self._expand(as_text(value)))
        if is_dataclass(kind):
            return self._table(kind, value, path)
        if isinstance(kind, type) and issubclass(kind, StrEnum):
            return one_of(kind, self._expand(typed(str, value)))
        if kind is str:
            return self._expand(typed(str, value))
        return typed(kind, value)

    def _sequence(self, kind: Any, values: Sequence[Any], path: Path) -> tuple[Any, ...] | object:  # noqa: ANN401
        found = [self.read(kind, value, (*path, index)) for index, value in enumerate(values)]
        return _BROKEN if _BROKEN in found else tuple(found)

    def _urls(self, value: Any, path: Path) -> tuple[Url, ...] | object:  # noqa: ANN401
        table = typed(dict, value)
        found = []
        for name, link in table.items():
            address = self.read(str, link, (*path, name))
            if not name or len(name) > TAG_OR_KEY_LIMIT or not name.isprintable():
                self.refuse((*path, name), ModelError("a link needs a short name"))
            found.append(Url(key=name, link=address))
        return tuple(found)

    def _table(self, kind: Any, value: Any, path: Path) -> object:  # noqa: ANN401
        table = typed(dict, value)
        hints = _hints(kind)
        keys = {field.name.replace("_", "-"): field for field in fields(kind)}
        for name in table:
            if name not in keys:
                self.refuse((*path, name), _unknown_key(name, keys))
        given: dict[str, Any] = {}
        for name, field in keys.items():
            if name in table:
                found = self.read(hints[field.name], table[name], (*path, name))
                given[field.name] = self._checked(field.metadata.get("check"), found, (*path, name))
            elif field.default is MISSING and field.default_factory is MISSING:
                self.refuse(path, ModelError(f"the key `{name}` is missing"))
                given[field.name] = _BROKEN
        return _BROKEN if _BROKEN in given.values() else kind(**given)

    def _checked(self, check: Any, value: Any, path: Path) -> Any:  # noqa: ANN401
        if check and value is not _BROKEN:
            try:
                check(value)
            except ModelError as error:
                return self.refuse(path, error)
        return value

    def _expand(self, text: str) -> str:
        environment = self._environment
        if environment is None:
            return text

        def replacement(match: re.Match[str]) -> str:
            name, default = match[1], match[2]
            if name is None:
                return "${"
            if name not in environment and default is None:
                raise ModelError(
                    f"the environment has no {name}",
                    remedy=f"set it, or write ${{{name}:-default}}",
                )
            return environment.get(name, default or "")

        # A `${NAME:-` without an end would be looked through to the end of the text each time.
        end = text.rfind("}") + 1
        return _VARIABLE.sub(replacement, text[:end]) + text[end:].replace("$${", "${")


@cache
def _hints(kind: type) -> dict[str, Any]:
    """Evaluate the types of a class's fields once, for however many recipes."""
    return get_type_hints(kind)


def _unknown_key(name: str, known: Mapping[str, object]) -> ModelError:
    from difflib import get_close_matches  # noqa: PLC0415 - only for a wrong key

    close = get_close_matches(name, known, n=2)
    remedy = f"did you mean {' or '.join(close)}?" if close else f"known: {', '.join(known)}"
    return ModelError(f"unknown key `{name}`", remedy=remedy)
