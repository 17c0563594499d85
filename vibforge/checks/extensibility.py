"""Hold a VIB against its level's list of paths: what a host does, and what it does not tell.

The host serialises the VIB that it read and validates it with a RELAX NG grammar; only the
acceptance level, the overlay flag and the file list matter (vib-format 7.1, tried on 6.7). The
grammar here is vibforge's own, made of the table in `allowed_paths`; the same table names the
offending path, which a host never does.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import TYPE_CHECKING

from vibforge.checks.allowed_paths import COMMUNITY_PATTERNS, PARTNER_PATTERNS, paths_outside
from vibforge.esxi.release import Release
from vibforge.esxi.table import has_components, row_of
from vibforge.model.acceptance import AcceptanceLevel
from vibforge.model.certainty import Certainty

if TYPE_CHECKING:
    from lxml import etree

_INIT_SCRIPTS = "etc/init.d/"
_PATTERNS = {
    AcceptanceLevel.COMMUNITY: (COMMUNITY_PATTERNS, "<value>false</value>"),
    AcceptanceLevel.PARTNER: (
        PARTNER_PATTERNS,
        "<choice><value>false</value><value>true</value></choice>",
    ),
}
_GRAMMAR = """\
<grammar xmlns="http://relaxng.org/ns/structure/1.0"
         datatypeLibrary="http://www.w3.org/2001/XMLSchema-datatypes">
  <start><choice>{levels}</choice></start>
</grammar>
"""
_LEVEL = """
    <element name="vib">
      <interleave>
        <element name="acceptance-level"><value>{level}</value></element>
        <optional><element name="overlay">{overlay}</element></optional>
        <optional>
          <element name="file-list">
            <zeroOrMore><element name="file"><choice>{files}</choice></element></zeroOrMore>
          </element>
        </optional>
      </interleave>
    </element>"""
_FILE = '<data type="string"><param name="pattern">{pattern}</param></data>'


@dataclass(frozen=True, kw_only=True, slots=True)
class Violations:
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


def complaints(
    level: AcceptanceLevel, file_list: Iterable[str], *, overlay: bool = False
) -> tuple[str, ...]:
    """Validate as the host does, and return what libxml2 says; nothing where all is allowed."""
    if not level.has_path_rules:
        return ()
    validator = _validator()
    if validator.validate(_vib(level, file_list, overlay=overlay)):
        return ()
    return tuple(entry.message for entry in validator.error_log)


def grammar() -> str:
    """Return the RELAX NG grammar of the levels that have lists, in XML syntax."""
    levels = "".join(
        _LEVEL.format(
            level=level.value,
            overlay=overlay,
            files="".join(_FILE.format(pattern=pattern) for pattern in patterns),
        )
        for level, (patterns, overlay) in _PATTERNS.items()
    )
    return _GRAMMAR.format(levels=levels)


@cache
def _validator() -> "etree.RelaxNG":
    from lxml import etree  # noqa: PLC0415 - predictions do without

    return etree.RelaxNG(etree.fromstring(grammar()))


def _vib(level: AcceptanceLevel, file_list: Iterable[str], *, overlay: bool) -> "etree._Element":
    from lxml import etree  # noqa: PLC0415 - predictions do without

    vib = etree.Element("vib")
    etree.SubElement(vib, "acceptance-level").text = level.value
    etree.SubElement(vib, "overlay").text = "true" if overlay else "false"
    listing = etree.SubElement(vib, "file-list")
    for path in filter(None, file_list):
        etree.SubElement(listing, "file").text = path
    return vib
