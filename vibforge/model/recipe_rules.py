"""What is wrong with a recipe's values: key by key, and between keys."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from typing import Any

from vibforge.errors import ModelError
from vibforge.formats.toml_lines import Path
from vibforge.model.recipe import PATTERN_LIMIT, PayloadRecipe, Recipe, VibType

Fault = tuple[Path, ModelError]


def broken_rules(recipe: Recipe) -> Iterator[Fault]:
    """Yield every rule that a recipe breaks, each with the key to blame."""
    yield from broken_keys(recipe, ())
    yield from contradictions(recipe)


def contradictions(recipe: Recipe) -> Iterator[Fault]:
    """Yield what is wrong between the keys of a recipe, each with the key to blame."""
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


def _patterns(payload: PayloadRecipe) -> Iterator[tuple[str, ...]]:
    yield payload.exclude
    yield from (rule.paths for rule in payload.rules)


def dotted(path: Path) -> str:
    """Write a key's path as people do: `payloads[0].name`."""
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    return text


def broken_keys(value: Any, path: Path) -> Iterator[Fault]:  # noqa: ANN401 - any part of a recipe
    """Yield the rule that each key of a part of a recipe breaks."""
    if isinstance(value, tuple):
        for index, part in enumerate(value):
            yield from broken_keys(part, (*path, index))
    if not is_dataclass(value):
        return
    for field in fields(value):
        part, where = getattr(value, field.name), (*path, field.name.replace("_", "-"))
        if check := field.metadata.get("check"):
            try:
                check(part)
            except ModelError as error:
                yield where, error
        yield from broken_keys(part, where)
