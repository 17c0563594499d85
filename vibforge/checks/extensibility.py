"""Hold a VIB against its level's list of paths: what a host does, and what it does not tell.

The host serialises the VIB that it read and validates it with a RELAX NG grammar; only the
acceptance level, the overlay flag and the file list matter (format.md#path-lists, tried on
6.7). Here the table in `esxi.paths` is asked, which names the offending path too, as a host never
does; a test holds it against a grammar that is made of it.
"""

from collections.abc import Iterable
from functools import lru_cache

from msgspec import Struct

from vibforge.esxi.acceptance import AcceptanceLevel
from vibforge.esxi.paths import paths_outside
from vibforge.esxi.release import Certainty, Release
from vibforge.esxi.table import has_components, row_of

_INIT_SCRIPTS = "etc/init.d/"


class Violations(Struct, frozen=True, kw_only=True):
    """What of a VIB its acceptance level does not allow."""

    paths: tuple[str, ...] = ()
    """Entries of the file list that are on no list of the level, as they stand there."""
    overlay: bool = False
    """Whether the VIB is an overlay although its level forbids that."""

    def __bool__(self) -> bool:
        return bool(self.paths) or self.overlay


def violations(
    level: AcceptanceLevel, file_list: Iterable[str], *, overlay: bool = False
) -> Violations:
    """Return what a host of 6.7 would refuse as a violation of its rules.

    Empty entries of the file list count for nothing.
    """
    return Violations(
        paths=paths_outside(level, filter(None, file_list)),
        overlay=overlay and level is AcceptanceLevel.COMMUNITY,
    )


def path_list_certainty(release: Release, paths: tuple[str, ...]) -> Certainty:
    """Return how certain it is that a release has the path lists of 6.7, for these paths.

    One report of 7 or 8 reserves `etc/init.d` for partners; 6.5 and 6.7 do not (tried).
    """
    lists = row_of(release).path_lists
    if lists is None:
        return Certainty.UNKNOWN
    components = has_components(row_of(release))
    doubted = components is None or components.value
    if doubted and _has_init_script(paths):
        return Certainty.UNKNOWN
    return lists.certainty


@lru_cache(maxsize=16)
def _has_init_script(paths: tuple[str, ...]) -> bool:
    """Look through a list once: a prediction asks again for each possible host."""
    return any(path.startswith(_INIT_SCRIPTS) for path in paths)
