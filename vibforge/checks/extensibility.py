"""Check a VIB against the path list of its acceptance level.

A host serialises the VIB and validates it with a RELAX NG grammar. Only the acceptance level, the
overlay flag and the file list matter (format.md#path-lists, tried on 6.7). Here the table in
`esxi.paths` decides, so that a finding can name the path, which a host never does. A test compares
the table with a grammar that is generated from it.
"""

from collections.abc import Iterable
from functools import lru_cache

from msgspec import Struct

from vibforge.esxi.acceptance import AcceptanceLevel
from vibforge.esxi.paths import paths_outside
from vibforge.esxi.release import Certainty, Release
from vibforge.esxi.table import has_components, row_of

_INIT_SCRIPTS = "etc/init.d/"


class Disallowed(Struct, frozen=True, kw_only=True):
    """What a VIB contains that its acceptance level does not allow."""

    paths: tuple[str, ...] = ()
    """Entries of the file list that the level does not allow, as they are written there."""
    overlay: bool = False
    """Whether the VIB is an overlay although its level forbids overlays."""

    def __bool__(self) -> bool:
        return bool(self.paths) or self.overlay


def find_disallowed(
    level: AcceptanceLevel, file_list: Iterable[str], *, overlay: bool = False
) -> Disallowed:
    """Return what a host of 6.7 refuses at this acceptance level.

    Empty entries of the file list are ignored.
    """
    return Disallowed(
        paths=paths_outside(level, filter(None, file_list)),
        overlay=overlay and level is AcceptanceLevel.COMMUNITY,
    )


def path_list_certainty(release: Release, paths: tuple[str, ...]) -> Certainty:
    """Return how certain it is that a release applies the path lists of 6.7 to these paths.

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
    """Return whether a path is an init script; cached, as a prediction asks once per branch."""
    return any(path.startswith(_INIT_SCRIPTS) for path in paths)
