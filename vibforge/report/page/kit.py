"""Fill in a page of this folder: it extends `base.html` and uses the parts of `parts.html`."""

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files
from typing import Any

from jinja2 import Environment, FunctionLoader, StrictUndefined
from msgspec import Struct

from vibforge import __version__

LONG_TABLE = 20
"""Rows from which a table can be searched and sorted, where scripts are on."""


def made_at(when: datetime) -> str:
    """Return when a page was made and by which version of vibforge, for its head."""
    return f"{when.astimezone(UTC):%Y-%m-%d %H:%M} UTC, with vibforge {__version__}"


class StateSpan(Struct, frozen=True, kw_only=True):
    """A time in which a port had one state; `share` is per cent of the whole."""

    state: str
    since: str
    share: float


def stretches(states: Sequence[tuple[str, float]], end: float) -> list[StateSpan]:
    """Return the states one after the other.

    Args:
        states: each state and the second in which it began, in order.
        end: the second in which the last one ends.
    """
    if not states:
        return []
    ends = [start for _, start in states[1:]] + [end]
    whole = max(end - states[0][1], 0.01)
    return [
        StateSpan(
            state=state,
            since=f"{start:.1f} s",
            share=round(max(1.0, 100 * (stop - start) / whole), 2),
        )
        for (state, start), stop in zip(states, ends, strict=True)
    ]


def render(name: str, *, title: str, good: bool | None, **values: Any) -> str:  # noqa: ANN401 - a template takes any value
    """Return a page.

    Args:
        name: the template of this folder.
        title: its title and first line.
        good: the verdict, which gives the head its colour; None where there is none.
        values: what the template names; all text is escaped. `has_long_table` adds the script by
            which a table is searched and sorted.
    """
    role = {True: "good", False: "bad", None: "open"}[good]
    known = {"has_long_table": False, **values}
    return _environment().get_template(name).render(title=title, role=role, **known)


@cache
def _environment() -> Environment:
    def load(name: str) -> str:
        return (files(__package__) / name).read_text("utf-8")

    return Environment(
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        loader=FunctionLoader(load),
    )
