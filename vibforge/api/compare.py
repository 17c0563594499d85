"""Compare two packages, projects, trx.confs or hosts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vibforge.api.arguments import path_of, typed_errors
from vibforge.comparison import differences

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from vibforge.comparison.differences import Comparison


@typed_errors
def compare(
    old: str | Path, new: str | Path, *, settings: Mapping[str, str] | None = None
) -> Comparison:
    """Compare two VIBs, bundles, projects, trx.confs or facts of hosts by meaning.

    A VIB, a bundle and a project can be compared with each other: a project counts as the unsigned
    VIB that it builds.

    Args:
        old: the older one.
        new: the newer one.
        settings: keys of the recipe that are overridden in projects, as `build --set` does.

    Raises:
        ModelError: the two cannot be compared, or a recipe is wrong.
        FormatError: one of them cannot be read.

    Examples:
        >>> from vibforge import Comparison, compare
        >>> result: Comparison = compare("acme.vib", "partner.vib")
        >>> result.same_content
        False
        >>> [str(each.section) for each in result.differences][:1]
        ['descriptor']
    """
    return differences.compare(path_of(old), path_of(new), settings=settings)
