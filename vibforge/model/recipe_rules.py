"""What is wrong with a recipe's values: key by key, and between keys."""

from collections import Counter
from collections.abc import Iterator

from vibforge.errors import ModelError
from vibforge.model.recipe import PATTERN_LIMIT, PayloadRecipe, Recipe, VibType
from vibforge.model.recipe_key import Fault, broken_keys


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
