"""What libxml2 says of a VIB's paths, by a RELAX NG grammar made of the table of allowed paths."""

from collections.abc import Iterable
from functools import cache

from lxml import etree

from vibforge.esxi.acceptance import AcceptanceLevel
from vibforge.esxi.paths import COMMUNITY_PATTERNS, PARTNER_PATTERNS

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


def complaints(
    level: AcceptanceLevel, file_list: Iterable[str], *, overlay: bool = False
) -> tuple[str, ...]:
    """Validate as the host does, and return what libxml2 says; nothing where all is allowed."""
    if level not in _PATTERNS:
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
def _validator() -> etree.RelaxNG:
    return etree.RelaxNG(etree.fromstring(grammar()))


def _vib(level: AcceptanceLevel, file_list: Iterable[str], *, overlay: bool) -> etree._Element:
    vib = etree.Element("vib")
    etree.SubElement(vib, "acceptance-level").text = level.value
    etree.SubElement(vib, "overlay").text = "true" if overlay else "false"
    listing = etree.SubElement(vib, "file-list")
    for path in filter(None, file_list):
        etree.SubElement(listing, "file").text = path
    return vib
