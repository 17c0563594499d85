"""How a key of a recipe is declared."""

from collections.abc import Callable
from dataclasses import field
from typing import Any


def key(
    doc: str,
    *,
    check: Callable[[Any], None] | None = None,
    **default: Any,  # noqa: ANN401 - whatever a dataclass field takes
) -> Any:  # noqa: ANN401 - the type stands in the annotation of the field
    """Declare a recipe's key: its documentation, its rule, its default."""
    return field(metadata={"doc": doc, "check": check}, **default)
