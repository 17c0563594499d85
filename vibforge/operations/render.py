"""Fill in the shipped templates."""

from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jinja2 import Environment


def render(template: str, values: Mapping[str, object]) -> str:
    """Return a template, named by its path below `templates/`, with its values in place.

    What goes into shell scripts and TOML must be checked names: nothing is quoted here.
    """
    return _environment().get_template(template).render(values)


@cache
def _environment() -> "Environment":
    """Return the one environment: a template is compiled once for however many packages."""
    from jinja2 import (  # noqa: PLC0415 - only where something is rendered
        Environment,
        FunctionLoader,
        StrictUndefined,
    )

    from vibforge.resources import shipped  # noqa: PLC0415 - the same: it loads importlib.resources

    folder = shipped("templates")
    return Environment(
        loader=FunctionLoader(lambda path: (folder / path).read_text(encoding="utf-8")),
        undefined=StrictUndefined,
        autoescape=False,  # noqa: S701 - Markdown, shell and TOML, not HTML
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        auto_reload=False,
    )
