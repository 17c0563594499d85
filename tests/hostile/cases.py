"""All hostile inputs, in the order of their families."""

from collections.abc import Iterator
from functools import cache

from tests.hostile import (
    of_bundles,
    of_captures,
    of_evidence,
    of_floods,
    of_keys,
    of_logs,
    of_packages,
    of_payloads,
    of_recipes,
    of_records,
    of_settings,
    of_trees,
    of_words,
)
from tests.hostile.case import Hostile

_SOURCES = (
    of_recipes,
    of_records,
    of_packages,
    of_payloads,
    of_bundles,
    of_floods,
    of_keys,
    of_logs,
    of_settings,
    of_captures,
    of_trees,
    of_words,
    of_evidence,
)


@cache
def all_cases() -> tuple[Hostile, ...]:
    """Return every input; names are unique."""
    found = tuple(_all())
    assert len({case.name for case in found}) == len(found)
    return found


def _all() -> Iterator[Hostile]:
    for source in _SOURCES:
        for family in source.FAMILIES:
            yield from family()
