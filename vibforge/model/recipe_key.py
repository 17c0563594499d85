"""How a key of a recipe is declared."""

from collections.abc import Callable, Iterator
from dataclasses import field, fields, is_dataclass
from typing import Any

from vibforge.errors import ModelError
from vibforge.formats.toml_lines import Path

Fault = tuple[Path, ModelError]


def key(
    doc: str,
    *,
    check: Callable[[Any], None] | None = None,
    **default: Any,  # noqa: ANN401 - whatever a dataclass field takes
) -> Any:  # noqa: ANN401 - the type stands in the annotation of the field
    """Declare a recipe's key: its documentation, its rule, its default."""
    return field(metadata={"doc": doc, "check": check}, **default)


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
    for each in fields(value):
        part, where = getattr(value, each.name), (*path, each.name.replace("_", "-"))
        if check := each.metadata.get("check"):
            try:
                check(part)
            except ModelError as error:
                yield where, error
        yield from broken_keys(part, where)
