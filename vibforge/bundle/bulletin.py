"""A bulletin: what a set of VIBs is and is for; with a name and a version it is a component.

The order of the elements is that of the vendor's bulletins (depot-format.md#bulletins).
"""

from collections.abc import Iterator

from lxml import etree
from msgspec import Struct

from vibforge.bundle.index import content
from vibforge.formats.budget import Budget
from vibforge.formats.xml_reading import as_ascii
from vibforge.formats.xml_writing import branch, element, leaf
from vibforge.vib.descriptor import SoftwarePlatform
from vibforge.vib.descriptor_reading import part_text

Fields = tuple[tuple[str, str], ...]
"""Names and texts of an element's children, in the order met."""

TEXTS = (
    *("id", "vendor", "summary", "severity", "category", "urgency"),
    *("releaseType", "description", "kbUrl", "contact"),
)
"""The texts before the component's name, in the order of the vendor's bulletins."""
_TEXTS = frozenset({*TEXTS, "releaseDate"})
_STRUCTURED = frozenset({"componentNameSpec", "componentVersionSpec", "platforms", "vibList"})


class Bulletin(Struct, frozen=True, kw_only=True):
    """A bulletin; one with a component name and version is a component (7.0 and later).

    `member` is its name in the metadata zip, `unknown` holds elements that this model does not
    know, as XML.
    """

    member: str
    fields: Fields
    vib_ids: tuple[str, ...]
    component_name: str = ""
    component_version: str = ""
    component_title: str = ""
    component_version_title: str = ""
    platforms: tuple[SoftwarePlatform, ...] = ()
    unknown: tuple[str, ...] = ()

    @property
    def is_component(self) -> bool:
        return bool(self.component_name)

    @property
    def id(self) -> str:
        return self.value("id")

    def value(self, name: str) -> str:
        """Return the text of a child element, empty where there is none."""
        return dict(reversed(self.fields)).get(name, "")


def parse(root: etree._Element, budget: Budget, member: str = "") -> Bulletin:
    """Read a bulletin; what is missing is empty.

    Raises:
        LimitError: it asks for more work than the budget allows.
    """
    name, version = root.find("componentNameSpec"), root.find("componentVersionSpec")
    return Bulletin(
        member=member,
        fields=tuple((str(child.tag), content(child)) for child in root),
        vib_ids=tuple(_vib_ids(root)),
        component_name="" if name is None else name.get("name", ""),
        component_version="" if version is None else version.get("version", ""),
        component_title="" if name is None else name.get("uiString", ""),
        component_version_title="" if version is None else version.get("uiString", ""),
        platforms=tuple(
            SoftwarePlatform.of(each.get) for each in root.iterfind("platforms/softwarePlatform")
        ),
        unknown=tuple(part_text(child, budget) for child in root if _is_foreign(child)),
    )


def _is_foreign(child: etree._Element) -> bool:
    """Whether a name and a text are not all of an element that this model does not know."""
    tag = str(child.tag)
    if tag in _STRUCTURED:
        return False
    return len(child) > 0 or "{" in tag or (len(child.attrib) > 0 and tag not in _TEXTS)


def serialise(bulletin: Bulletin) -> bytes:
    """Return the bulletin's file in the metadata: one line, as the vendor writes it.

    Raises:
        FormatError: it has elements of others that cannot be written in ASCII.
    """
    vibs = [leaf("vibID", vib_id) for vib_id in bulletin.vib_ids]
    return element("bulletin", "".join(_elements(bulletin, vibs, in_lines=False))).encode("ascii")


def response_node(bulletin: Bulletin, vibs: list[str]) -> str:
    """Return the bulletin as vmware.xml has it: in lines, with `vib` nodes instead of IDs."""
    return branch("bulletin", _elements(bulletin, vibs, in_lines=True))


def _elements(of: Bulletin, vibs: list[str], *, in_lines: bool) -> Iterator[str]:
    known = _TEXTS | _STRUCTURED
    skipped = {str(etree.fromstring(xml).tag) for xml in of.unknown}
    yield from (leaf(name, of.value(name)) for name in TEXTS)
    if of.is_component:
        title = of.component_title or of.component_name
        version_title = of.component_version_title or of.component_version
        yield element(
            "componentNameSpec", attributes={"name": of.component_name, "uiString": title}
        )
        yield element(
            "componentVersionSpec",
            attributes={"version": of.component_version, "uiString": version_title},
        )
    yield leaf("releaseDate", of.value("releaseDate"))
    platforms = [
        element("softwarePlatform", attributes=platform.attributes) for platform in of.platforms
    ]
    for tag, nodes in (("platforms", platforms), ("vibList", vibs)):
        yield branch(tag, nodes) if in_lines else element(tag, "".join(nodes))
    yield from (
        as_ascii(leaf(name, text))
        for name, text in of.fields
        if name not in known and name not in skipped
    )
    yield from map(as_ascii, of.unknown)


def _vib_ids(root: etree._Element) -> Iterator[str]:
    """Yield the VIB IDs of a bulletin, in its own form or that of vmware.xml."""
    for vib in root.iterfind("vibList/vibID"):
        yield content(vib)
    for vib in root.iterfind("vibList/vib/vibID"):
        yield content(vib)
