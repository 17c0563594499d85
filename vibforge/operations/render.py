"""Fill in the shipped templates."""

import re
from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING

from vibforge.errors import shell_line

if TYPE_CHECKING:
    from jinja2 import Environment

_MARKUP = re.compile(r"[\\`*<>\[\]|&~]|(?<![0-9A-Za-z])_|_(?![0-9A-Za-z])")
"""What CommonMark may read as markup within a line; a backslash before it takes that away."""


def render(template: str, values: Mapping[str, object]) -> str:
    """Return a template, named by its path below `templates/`, with its values in place.

    Templates quote what they show: `| sh` makes a word for a shell, `| md` plain text of Markdown.
    Where a value goes into TOML, it must be a checked name.
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
    environment = Environment(
        loader=FunctionLoader(lambda path: (folder / path).read_text(encoding="utf-8")),
        undefined=StrictUndefined,
        autoescape=False,  # noqa: S701 - Markdown, shell and TOML, not HTML
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        auto_reload=False,
    )
    environment.filters["sh"] = shell_line
    environment.filters["md"] = _markdown
    return environment


def _markdown(text: object) -> str:
    """Return a text that Markdown shows as it is: no markup, no HTML."""
    return _MARKUP.sub(r"\\\g<0>", str(text))
