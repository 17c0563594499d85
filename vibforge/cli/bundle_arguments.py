"""The options that several `vibforge bundle` commands share."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vibforge.cli.arguments import settings_of, words_of

if TYPE_CHECKING:
    from vibforge.model.bundle_recipe import BundleRecipe

Bundle = Annotated[Path, typer.Argument(help="An offline bundle.", metavar="BUNDLE")]
Vibs = Annotated[list[Path], typer.Argument(help="Files of VIBs.", metavar="VIB…")]
Output = Annotated[
    Path, typer.Option("--output", "-o", metavar="FILE", help="Write the new bundle here.")
]
RecipeFile = Annotated[
    Path | None,
    typer.Option(metavar="PROJECT", help="A vibforge.toml, or its folder, with a [bundle]."),
]
Platforms = Annotated[
    list[str] | None,
    typer.Option(
        "--platform",
        metavar="RELEASE",
        help="What it says it is for: 7.0, 8.0, …; may be repeated.",
    ),
]
Vendor = Annotated[str | None, typer.Option(metavar="NAME", help="Name of the vendor.")]
Component = Annotated[
    str | None,
    typer.Option(metavar="NAME", help="One component of this name with all VIBs in it."),
]
ComponentVersion = Annotated[
    str | None, typer.Option(metavar="VERSION", help="Its version; the first VIB's if none.")
]


def bundle_recipe(
    recipe: Path | None,
    settings: list[str] | None,
    options: Mapping[str, str | None],
    platforms: list[str] | None,
    component: tuple[str | None, str | None] = (None, None),
) -> "BundleRecipe":
    """Read what a bundle shall say from its recipe and the options that go over it.

    Raises:
        ModelError: a value breaks a rule, or the recipe cannot be read.
    """
    import json  # noqa: PLC0415 - `--version` reads no recipe
    import os  # noqa: PLC0415 - the same
    from dataclasses import replace  # noqa: PLC0415 - the same

    from vibforge.errors import ModelError  # noqa: PLC0415 - the same
    from vibforge.model.bundle_recipe import ComponentRecipe  # noqa: PLC0415 - the same
    from vibforge.model.recipe_reading import read_bundle_recipe  # noqa: PLC0415 - the same

    chosen = settings_of(settings or [])
    chosen |= {name: value for name, value in options.items() if value is not None}
    if platforms:
        chosen["platforms"] = json.dumps(words_of(platforms))
    document, where = _document(recipe)
    found = read_bundle_recipe(document, where, environment=os.environ, settings=chosen)
    name, version = component
    if version is not None and name is None:
        raise ModelError("--component-version needs --component")
    if name is None:
        return found
    return replace(found, components=(ComponentRecipe(name=name, version=version or ""),))


def _document(recipe: Path | None) -> tuple[str, str]:
    from vibforge.errors import ModelError  # noqa: PLC0415 - `--version` reads no recipe

    if recipe is None:
        return "", "the options"
    path = recipe / "vibforge.toml" if recipe.is_dir() else recipe
    try:
        return path.read_text(encoding="utf-8"), str(path)
    except (OSError, ValueError) as error:
        raise ModelError(f"cannot be read: {error}", where=str(path)) from error
