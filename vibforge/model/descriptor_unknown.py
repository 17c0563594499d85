"""What stands inside a descriptor's known elements without a field for it.

Nothing of it reaches a host's decisions (unknown elements and attributes are passed over, tried on
6.7), but a reader wants to see it: it is where generators go wrong.
"""

from collections.abc import Iterator

from lxml import etree

from vibforge.formats.budget import Budget, Work
from vibforge.model.descriptor import UnknownPart

_CONSTRAINTS = frozenset({"constraint"})
_CHILDREN = {
    "urls": frozenset({"url"}),
    "relationships": frozenset({"depends", "conflicts", "replaces", "provides", "compatibleWith"}),
    "depends": _CONSTRAINTS,
    "conflicts": _CONSTRAINTS,
    "replaces": _CONSTRAINTS,
    "compatibleWith": _CONSTRAINTS,
    "provides": frozenset({"provide"}),
    "software-tags": frozenset({"tag"}),
    "system-requires": frozenset({"maintenance-mode", "hwplatform", "softwarePlatform"}),
    "file-list": frozenset({"file"}),
    "payloads": frozenset({"payload"}),
    "payload": frozenset({"checksum"}),
}
_ATTRIBUTES = {
    "vib": frozenset({"version"}),
    "url": frozenset({"key"}),
    "constraint": frozenset({"name", "relation", "version"}),
    "provide": frozenset({"name", "version"}),
    "maintenance-mode": frozenset({"on-install", "on-remove"}),
    "hwplatform": frozenset({"vendor", "model"}),
    "softwarePlatform": frozenset({"version", "locale", "productLineID"}),
    "checksum": frozenset({"checksum-type", "verify-process"}),
}
_NOTHING: frozenset[str] = frozenset()


def unknown_parts(
    root: etree._Element, known: frozenset[str], budget: Budget
) -> Iterator[UnknownPart]:
    """Yield what the `known` children of a descriptor hold beyond the model.

    Unknown children of the root and attributes of a payload have fields of their own.
    """
    yield from _attributes(root, "")
    for child in root:
        if child.tag in known:
            yield from _inside(child, str(child.tag), budget)


def part_text(element: etree._Element, budget: Budget) -> str:
    """Return an element as XML.

    Raises:
        LimitError: the budget is spent: each part repeats the namespaces around it.
    """
    xml = etree.tostring(element, encoding="unicode", with_tail=False)
    budget.spend(Work.NAMES, len(xml))
    return xml


def _inside(element: etree._Element, path: str, budget: Budget) -> Iterator[UnknownPart]:
    known = _CHILDREN.get(str(element.tag), _NOTHING)
    if element.tag != "payload":
        yield from _attributes(element, path)
    for child in element:
        child_path = f"{path}/{child.tag}"
        if child.tag in known:
            yield from _inside(child, child_path, budget)
        else:
            yield UnknownPart(path=child_path, text=part_text(child, budget))


def _attributes(element: etree._Element, path: str) -> Iterator[UnknownPart]:
    known = _ATTRIBUTES.get(str(element.tag), _NOTHING)
    for name, value in element.items():
        if name not in known:
            where = f"{path}/@{name!s}".lstrip("/")
            yield UnknownPart(path=where, text=str(value))
