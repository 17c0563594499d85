"""The JSON Schemas of what `--json` prints, and of other files that programs read or write.

Each shape stands in `schemas/NAME.json`, what several of them have in `schemas/definitions.json`.
"""

import json
from functools import cache
from importlib.resources import files
from typing import Any

from vibforge.errors import ModelError
from vibforge.model.recipe_schema import recipe_schema

Schema = dict[str, Any]

DRAFT = "https://json-schema.org/draft/2020-12/schema"
RECIPE = "recipe"
_FOLDER = files("vibforge.report") / "schemas"
_DEFINITIONS = "definitions"
_REFERENCE = "#/$defs/"


def schema_names() -> tuple[str, ...]:
    """Return the names of all schemas but the recipe's."""
    found = {each.name.removesuffix(".json") for each in _FOLDER.iterdir()}
    return tuple(sorted(found - {_DEFINITIONS}))


def schema(name: str) -> Schema:
    """Return a schema (draft 2020-12) with all that it refers to.

    Args:
        name: the middle part of a document's `format`, such as `build` of `vibforge/build/1`, or
            `recipe`.

    Raises:
        ModelError: there is no schema of this name.
    """
    if name == RECIPE:
        return recipe_schema()
    if name not in schema_names():
        known = ", ".join([RECIPE, *schema_names()])
        raise ModelError(f"there is no schema {name!r}", remedy=f"choose one of {known}")
    shape = _read(name)
    used: set[str] = set()
    _collect(shape, used)
    kept = {each: definitions()[each] for each in sorted(used)}
    return {"$schema": DRAFT, **shape, **({"$defs": kept} if kept else {})}


@cache
def definitions() -> Schema:
    """Return the definitions that the schemas share, by name."""
    return _read(_DEFINITIONS)


def referred(part: Schema) -> str | None:
    """Return the name of the definition that a part of a schema is, or has as items or as value."""
    for each in (part, part.get("items", {}), *part.get("anyOf", ())):
        if reference := each.get("$ref"):
            return str(reference).removeprefix(_REFERENCE)
    return None


def _read(name: str) -> Schema:
    found: Schema = json.loads((_FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    return found


def _collect(part: object, used: set[str]) -> None:
    """Add the definitions that a part of a schema needs."""
    if isinstance(part, dict):
        name = str(part.get("$ref", "")).removeprefix(_REFERENCE)
        if name and name not in used:
            used.add(name)
            _collect(definitions()[name], used)
        for value in part.values():
            _collect(value, used)
    elif isinstance(part, list):
        for value in part:
            _collect(value, used)
