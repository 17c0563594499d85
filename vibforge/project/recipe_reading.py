"""Read a recipe from TOML, reporting all problems at once, and describe it as a JSON Schema."""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, datetime
from enum import StrEnum
from functools import cached_property
from itertools import pairwise
from types import NoneType, UnionType
from typing import Annotated, Any, Self, get_args, get_origin

from msgspec import Struct
from msgspec.structs import FieldInfo

from vibforge.bundle.recipe import BundleRecipe, check_bundle
from vibforge.errors import FormatError, ModelError, Problem
from vibforge.esxi.acceptance import AcceptanceLevel
from vibforge.formats.toml_keys import (
    Fault,
    Path,
    Rule,
    broken_keys,
    described,
    dotted,
    key_lines,
    keys_of,
    nearest_line,
    rule_of,
)
from vibforge.formats.toml_reading import read_toml
from vibforge.project.mapped_files import mapping_faults
from vibforge.project.recipe import PATTERN_LIMIT, FileMapping, PayloadRecipe, Recipe, VibType
from vibforge.vib.descriptor import (
    HardwarePlatform,
    MaintenanceMode,
    SoftwarePlatform,
    SystemRequires,
    Url,
)
from vibforge.vib.identity import TAG_OR_KEY_LIMIT, check_any_version
from vibforge.vib.relationships import Relationships


def broken_rules(recipe: Recipe) -> Iterator[Fault]:
    """Yield an error for each rule that a recipe breaks, with its key."""
    for path, error in broken_keys(recipe, ()):
        if path != ("version",) or not recipe.version_as_is:
            yield path, error
    if recipe.version_as_is:
        yield from _version_faults(recipe.version)
    for index, payload in enumerate(recipe.payloads):
        if not (payload.tree or payload.files):
            yield ("payloads", index), _no_content()
        for number, mapping in enumerate(payload.files):
            for below, error in mapping_faults(mapping):
                yield ("payloads", index, "files", number, *below), error
    yield from contradictions(recipe)


def contradictions(recipe: Recipe) -> Iterator[Fault]:
    """Yield an error for each contradiction between keys of a recipe, with its key."""
    lists = (paths for payload in recipe.payloads for paths in _patterns(payload))
    if (patterns := sum(map(len, lists))) > PATTERN_LIMIT:
        what = f"{patterns} patterns in all, more than {PATTERN_LIMIT}"
        remedy = "let a pattern match more: `*` and `?` stand for any characters"
        yield ("payloads",), ModelError(what, remedy=remedy)
    counts = Counter(payload.name for payload in recipe.payloads)
    for index, payload in enumerate(recipe.payloads):
        if counts[payload.name] > 1:
            yield (
                ("payloads", index, "name"),
                ModelError(
                    f"{counts[payload.name]} payloads are named {payload.name!r}",
                    remedy="give each payload a name of its own",
                ),
            )
    if not recipe.payloads and recipe.type is not VibType.META:
        yield (
            ("payloads",),
            ModelError("there is no payload", remedy="add a [[payloads]] with name and tree"),
        )


def _version_faults(version: str) -> Iterator[Fault]:
    try:
        check_any_version(version)
    except ModelError as error:
        yield ("version",), error


def _rules(kind: Any, table: Mapping[str, Any]) -> dict[str, Rule | None]:  # noqa: ANN401
    """Return the rule of each key in a table of a type."""
    rules = {name: rule_of(field.type) for name, field in keys_of(kind).items()}
    if kind is Recipe and table.get("version-as-is") in (True, "true"):
        rules["version"] = check_any_version
    return rules


def _no_content() -> ModelError:
    return ModelError(
        "the payload has neither `tree` nor `files`",
        remedy="name the folder whose content appears at / on the host, or files with `src` and "
        "`dst`",
    )


def _patterns(payload: PayloadRecipe) -> Iterator[tuple[str, ...]]:
    yield payload.exclude
    yield tuple(mapping.src for mapping in payload.files)
    yield from (rule.paths for rule in payload.rules)


_STEP = re.compile(r"([A-Za-z0-9_-]+)((?:\[[0-9]{1,4}\])*)")


class CommandLineValue(str):
    """A value from the command line: text that is read as the type of its key."""

    __slots__ = ()


class OptionValue(str):
    """A setting that has an option of its own on the command line, such as `--version`."""

    __slots__ = ("option",)

    option: str

    def __new__(cls, value: str, option: str) -> Self:
        """Note with a value the option that was typed."""
        made = super().__new__(cls, value)
        made.option = option
        return made


def origin(name: str, value: str) -> str:
    """Return what was typed to give a setting: `--version`, or `--set version`."""
    return value.option if isinstance(value, OptionValue) else f"--set {name}"


def setting_path(name: str) -> Path:
    """Return the path of a dotted key; an empty path if the text is no key."""
    path: list[str | int] = []
    for step in name.split("."):
        match = _STEP.fullmatch(step)
        if not match:
            return ()
        path.append(match[1])
        path += [int(index) for index in re.findall(r"[0-9]+", match[2])]
    return tuple(path)


def put(table: dict[str, Any], path: Path, value: CommandLineValue) -> bool:
    """Put a setting into a document's tables; return False if its path does not exist."""
    place: Any = table
    for step, after in pairwise(path):
        if isinstance(step, str) and isinstance(place, dict):
            place = place.setdefault(step, [] if isinstance(after, int) else {})
        elif isinstance(step, int) and isinstance(place, list) and step < len(place):
            place = place[step]
        else:
            return False
    last = path[-1]
    if isinstance(last, str) and isinstance(place, dict):
        place[last] = value
        return True
    if isinstance(last, int) and isinstance(place, list) and last < len(place):
        place[last] = value
        return True
    return False


def setting_value(kind: Any, text: CommandLineValue) -> Any:  # noqa: ANN401
    """Return a setting, read as TOML unless its key takes a text."""
    if kind is str or hasattr(kind, "parse") or (isinstance(kind, type) and issubclass(kind, str)):
        return str(text)
    try:
        return read_toml(f"value = {text}")["value"]
    except FormatError:
        return str(text)


def required_kind(kind: Any) -> Any:  # noqa: ANN401 - a type, a union, or either with notes
    """Return the type of a key's value, without `None` and without the annotation of `key`."""
    if get_origin(kind) is Annotated:
        kind = get_args(kind)[0]
    if get_origin(kind) is UnionType:
        return next(part for part in get_args(kind) if part is not NoneType)
    return kind


_NAMES = {
    str: "a text",
    bool: "true or false",
    int: "a whole number",
    list: "an array",
    dict: "a table",
}


def typed(kind: type, value: Any) -> Any:  # noqa: ANN401
    """Return the value if it has the type `kind`.

    Raises:
        ModelError: it has another type.
    """
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise ModelError(f"is {describe(value)}, but must be {_NAMES[kind]}")
    return value


def as_text(value: Any) -> str:  # noqa: ANN401
    """Return a text, or a TOML date as text.

    Raises:
        ModelError: the value is neither.
    """
    if isinstance(value, int) and not isinstance(value, bool):
        raise ModelError("is a number, but must be a text", remedy="quote it")
    if isinstance(value, date | datetime):
        return value.isoformat()
    return str(typed(str, value))


def as_list(value: Any) -> list[Any]:  # noqa: ANN401
    """Return the elements of an array, or of a setting that holds an array.

    Raises:
        ModelError: the value is no array.
    """
    plain = setting_value(list, value) if isinstance(value, CommandLineValue) else value
    return list(typed(list, plain))


def describe(value: Any) -> str:  # noqa: ANN401
    """Return the kind of a value in words, without the value, which may be a secret."""
    return _NAMES.get(type(value), "a date or a number with a fraction")


def one_of(kind: type[StrEnum], text: str) -> StrEnum:
    """Return the member of an enumeration that a text names.

    Raises:
        ModelError: the text is not a member.
    """
    if text not in set(kind):
        raise ModelError(f"{text!r} is none of {', '.join(kind)}")
    return kind(text)


_VARIABLE = re.compile(r"\$(?:\$\{|\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\})")
_BROKEN = object()


def read_recipe(
    document: str,
    where: str = "vibforge.toml",
    *,
    environment: Mapping[str, str] | None = None,
    settings: Mapping[str, str] | None = None,
    keyless: bool = False,
) -> Recipe:
    """Read a recipe.

    Args:
        document: TOML.
        where: its name, for messages.
        environment: values of `${NAME}` and `${NAME:-default}` in its texts.
        settings: values that override the document's, by dotted key: `payloads[0].type`.
        keyless: whether the key is not needed: a `${NAME}` in [signing] that the environment lacks
            then stays as it is.

    Raises:
        ModelError: with all problems: syntax, unknown keys, types, rules.

    Examples:
        >>> from vibforge import read_recipe
        >>> recipe = read_recipe(
        ...     '''
        ...     name = "acme"
        ...     version = "1.0-1"
        ...     [[payloads]]
        ...     name = "conf"
        ...     tree = "my-trx"
        ...     '''
        ... )
        >>> recipe.version
        '1.0-1'
    """
    table = toml_table(document, where)
    place = DocumentPlaces(document, where)
    return read_table(table, place, environment=environment, settings=settings, keyless=keyless)


def read_bundle_recipe(
    document: str = "",
    where: str = "vibforge.toml",
    *,
    environment: Mapping[str, str] | None = None,
    settings: Mapping[str, str] | None = None,
) -> BundleRecipe:
    """Read only the table `[bundle]` of a recipe.

    Args:
        document: TOML; the table may be missing.
        where: as for `read_recipe`.
        environment: as for `read_recipe`.
        settings: values that override the table's, by key: `vendor-code`.

    Raises:
        ModelError: with all problems: syntax, unknown keys, types, rules.
    """
    table = {"bundle": toml_table(document, where).get("bundle", {})}
    reader = _Reader(DocumentPlaces(document, where), environment)
    given = {
        f"bundle.{name}": OptionValue(value, origin(name, value))
        for name, value in (settings or {}).items()
    }
    reader.apply(table, given)
    recipe = reader.read(BundleRecipe, table["bundle"], ("bundle",))
    if isinstance(recipe, BundleRecipe):
        try:
            check_bundle(recipe)
        except ModelError as error:
            reader.refuse(("bundle",), error)
    if reader.problems:
        raise ModelError.from_problems(reader.problems)
    assert isinstance(recipe, BundleRecipe)  # noqa: S101 - no problem was met, so it was built
    return recipe


def toml_table(document: str, where: str) -> dict[str, Any]:
    """Return a document as plain values.

    Raises:
        ModelError: it is not TOML.
    """
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
    keyless: bool = False,
) -> Recipe:
    """Read a recipe from plain values, named and nested as in TOML.

    Args:
        table: the values; settings are put into it.
        place: returns where the value of a key is, for messages.
        environment: as for `read_recipe`; None leaves `${NAME}` as it is.
        settings: as for `read_recipe`.
        keyless: as for `read_recipe`.

    Raises:
        ModelError: with all problems: unknown keys, types, rules.
    """
    reader = _Reader(place, environment, optional="signing" if keyless else "")
    reader.apply(table, settings or {})
    recipe = reader.read(Recipe, table, ())
    if not reader.problems:
        for path, problem in contradictions(recipe):
            reader.refuse(path, problem)
    if reader.problems:
        raise ModelError.from_problems(reader.problems)
    assert isinstance(recipe, Recipe)  # noqa: S101 - no problem was met, so it was built
    return recipe


class DocumentPlaces:
    """Finds the line of a key; reads the document for lines only at the first request."""

    def __init__(self, document: str, where: str) -> None:
        self._document = document
        self._where = where

    @cached_property
    def _lines(self) -> dict[Path, int]:
        return key_lines(self._document)

    def __contains__(self, path: Path) -> bool:
        return path in self._lines

    def __call__(self, path: Path) -> str:
        line = nearest_line(self._lines, path)
        return f"{self._where}:{line}: {dotted(path)}" if path else f"{self._where}:{line}"


class _Reader:
    """Turns plain TOML values into those of a recipe, and collects all problems."""

    def __init__(
        self,
        place: Callable[[Path], str],
        environment: Mapping[str, str] | None,
        optional: str = "",
    ) -> None:
        """Prepare a reader.

        Args:
            place: returns where the value of a key is, for messages.
            environment: values of `${NAME}`; None leaves them as they are.
            optional: a table whose `${NAME}` may be missing in the environment; empty if none.
        """
        self.problems: list[Problem] = []
        self._place_of = place
        self._environment = environment
        self._optional = optional
        self._set: dict[Path, str] = {}

    def refuse(self, path: Path, error: ModelError) -> object:
        """Add the problems of the value at `path`; return a marker for a broken value."""
        place = self._place(path)
        self.problems += [
            Problem(what=problem.what, where=place, remedy=problem.remedy)
            for problem in error.problems
        ]
        return _BROKEN

    def _place(self, path: Path) -> str:
        for length in range(len(path), 0, -1):
            if path[:length] in self._set:
                return self._set[path[:length]]
        return self._place_of(path)

    def apply(self, table: dict[str, Any], settings: Mapping[str, str]) -> None:
        """Override the document's values by settings from the command line."""
        for name, value in settings.items():
            path = setting_path(name)
            self._set[path] = origin(name, value)
            if not path or not put(table, path, CommandLineValue(value)):
                self.refuse(path, ModelError("no such key in this recipe"))

    def read(self, kind: Any, value: Any, path: Path) -> Any:  # noqa: ANN401 - any key's value
        """Return a value read as `kind`, or a marker if it was refused."""
        try:
            return self._read(required_kind(kind), value, path)
        except ModelError as error:
            return self.refuse(path, error)

    def _read(self, kind: Any, value: Any, path: Path) -> Any:  # noqa: ANN401 - any key's value
        if kind == tuple[Url, ...]:
            return self._urls(value, path)
        if get_origin(kind) is tuple:
            return self._sequence(get_args(kind)[0], as_list(value), path)
        if isinstance(value, CommandLineValue):
            value = setting_value(kind, value)
        if kind is MaintenanceMode and isinstance(value, bool):
            return MaintenanceMode(on_install=value, on_remove=value)
        if hasattr(kind, "parse"):
            return kind.parse(self._expand(as_text(value), path))
        if isinstance(kind, type) and issubclass(kind, Struct):
            return self._table(kind, value, path)
        if isinstance(kind, type) and issubclass(kind, StrEnum):
            return one_of(kind, self._expand(typed(str, value), path))
        if kind is str:
            return self._expand(typed(str, value), path)
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
        keys = keys_of(kind)
        for name in table:
            if name not in keys:
                self.refuse((*path, name), _unknown_key(name, keys))
        given: dict[str, Any] = {}
        rules = _rules(kind, table)
        for name, field in keys.items():
            if name in table:
                found = self.read(field.type, table[name], (*path, name))
                given[field.name] = self._checked(rules[name], found, (*path, name))
            elif field.required:
                self.refuse(path, ModelError(f"the key `{name}` is missing"))
                given[field.name] = _BROKEN
        if kind is PayloadRecipe and not (table.get("tree") or table.get("files")):
            self.refuse(path, _no_content())
        if _BROKEN in given.values():
            return _BROKEN
        made: object = kind(**given)
        if isinstance(made, FileMapping):
            for below, error in mapping_faults(made):
                self.refuse((*path, *below), error)
        return made

    def _checked(self, check: Rule | None, value: Any, path: Path) -> Any:  # noqa: ANN401
        if check and value is not _BROKEN:
            try:
                check(value)
            except ModelError as error:
                return self.refuse(path, error)
        return value

    def _expand(self, text: str, path: Path) -> str:
        environment = self._environment
        is_optional = path[:1] == (self._optional,)
        if environment is None:
            return text

        def replacement(match: re.Match[str]) -> str:
            name, default = match[1], match[2]
            if name is None:
                return "${"
            if name not in environment and default is None:
                if is_optional:
                    return match[0]
                raise ModelError(
                    f"the environment has no {name}",
                    remedy=f"set it, or write ${{{name}:-default}}",
                )
            return environment.get(name, default or "")

        # A `${NAME:-` without an end would be looked through to the end of the text each time.
        end = text.rfind("}") + 1
        return _VARIABLE.sub(replacement, text[:end]) + text[end:].replace("$${", "${")


def _unknown_key(name: str, known: Mapping[str, object]) -> ModelError:
    from difflib import get_close_matches  # noqa: PLC0415 - only for a wrong key

    close = get_close_matches(name, known, n=2)
    remedy = f"did you mean {' or '.join(close)}?" if close else f"known: {', '.join(known)}"
    return ModelError(f"unknown key `{name}`", remedy=remedy)


DESCRIPTOR_KEY = "descriptor"
"""The key of a recipe that goes over a stage's descriptor; `read_project` follows it."""

Schema = dict[str, Any]

_DOCS = {
    Relationships: {
        "depends": "VIBs and interfaces that must be installed: `esx-version >= 7.0.2`, "
        "`vmkapi_2_6_0_0`.",
        "conflicts": "VIBs that must not be installed.",
        "replaces": "VIBs that this one replaces; it always replaces older versions of itself.",
        "provides": "Names that other VIBs may depend on: `com.example.agent = 1.0`.",
        "compatible-with": "Written to the descriptor; ESXi 6.7 ignores it.",
    },
    SystemRequires: {
        "maintenance-mode": "Whether live installs and removals need maintenance mode; false if "
        "it is missing.",
        "hardware-platforms": "Hosts that the VIB is for, compared exactly with SMBIOS.",
        "software-platforms": "Release lines of ESXi that the VIB is for; ignored before 7.0.",
    },
    MaintenanceMode: {
        "on-install": "Needed for a live install.",
        "on-remove": "Needed for a live removal.",
    },
    HardwarePlatform: {
        "vendor": "SMBIOS vendor, or one of the OEM strings.",
        "model": "SMBIOS product.",
    },
    SoftwarePlatform: {
        "version": "`7.0`, `8.0`, `8.*`.",
        "locale": "Empty in all that was seen.",
        "product-line-id": "`embeddedEsx` for hosts.",
    },
}
"""Descriptions of the keys that a recipe shares with the model of the descriptor."""


def recipe_schema() -> Schema:
    """Return the JSON Schema (draft 2020-12) of a recipe."""
    table = _of(Recipe)
    table["properties"][DESCRIPTOR_KEY] = {
        "description": "Descriptor of a VIB Author stage directory, beside this recipe. Its values "
        "apply where the recipe has no key of its own; payloads are matched by name.",
        "type": "string",
    }
    table["if"] = {"required": [DESCRIPTOR_KEY]}
    table["else"] = {"required": table.pop("required")}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "vibforge recipe",
        "description": "The recipe from which `vibforge build` makes a VIB.",
        **table,
    }


def _of(kind: Any) -> Schema:  # noqa: ANN401 - the type of any key
    if kind == tuple[Url, ...]:
        return {"type": "object", "additionalProperties": {"type": "string"}}
    if get_origin(kind) is tuple:
        return {"type": "array", "items": _of(get_args(kind)[0])}
    if kind is MaintenanceMode:
        return {"anyOf": [{"type": "boolean"}, _table(kind)]}
    if kind is AcceptanceLevel:
        words = [word for level in AcceptanceLevel for word in (level.value, level.esxcli_name)]
        return {"type": "string", "enum": words}
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return {"type": "string", "enum": list(kind)}
    if hasattr(kind, "parse"):
        return {"type": "string"}
    if isinstance(kind, type) and issubclass(kind, Struct):
        return _table(kind)
    return {"type": {str: "string", bool: "boolean", int: "integer"}[kind]}


def _table(kind: type[Struct]) -> Schema:
    keys = keys_of(kind)
    schema: Schema = {
        "type": "object",
        "additionalProperties": False,
        "properties": {
            name: _described(_DOCS.get(kind, {}).get(name, ""), field)
            for name, field in keys.items()
        },
    }
    required = [name for name, field in keys.items() if field.required]
    return schema | ({"required": required} if required else {})


def _described(shared: str, field: FieldInfo) -> Schema:
    schema: Schema = {"description": described(field.type).description or shared}
    default = field.default
    if isinstance(default, StrEnum):
        schema["default"] = default.value
    elif isinstance(default, str | bool | int) and default != "":
        schema["default"] = default
    return schema | _of(required_kind(field.type))
