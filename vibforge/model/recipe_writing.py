"""Write a recipe as TOML, or as plain values for JSON."""

from dataclasses import fields, is_dataclass
from enum import StrEnum
from typing import Any

from vibforge.model.descriptor import Url
from vibforge.model.recipe import Recipe


def serialise(recipe: Recipe) -> str:
    """Return a vibforge.toml that `read_recipe` reads as this recipe."""
    import tomli_w  # noqa: PLC0415 - only where a recipe is written

    return tomli_w.dumps(_escaped(table(recipe)))


def table(recipe: Recipe) -> dict[str, Any]:
    """Return a recipe's values as TOML nests them; keys that say nothing are left out."""
    return {name: value for name, value in _plain(recipe).items() if value not in ({}, [])}


def _plain(value: Any) -> Any:  # noqa: ANN401 - any part of a recipe
    if isinstance(value, StrEnum):
        return value.value
    if hasattr(value, "parse"):
        return str(value)
    if isinstance(value, tuple):
        if value and all(isinstance(part, Url) for part in value):
            return {url.key: url.link for url in value}
        return [_plain(part) for part in value]
    if not is_dataclass(value):
        return value
    plain = {
        field.name.replace("_", "-"): _plain(getattr(value, field.name))
        for field in fields(value)
        if getattr(value, field.name) is not None
    }
    return {name: part for name, part in plain.items() if part not in ({}, [], "")}


def _escaped(value: Any) -> Any:  # noqa: ANN401 - any plain value
    """Keep `${` in texts from being read as a variable."""
    if isinstance(value, str):
        return value.replace("${", "$${")
    if isinstance(value, list):
        return [_escaped(part) for part in value]
    if isinstance(value, dict):
        return {name: _escaped(part) for name, part in value.items()}
    return value
