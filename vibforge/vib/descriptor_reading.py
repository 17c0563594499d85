"""Read a descriptor, keeping everything that its text states (format.md#descriptor)."""

from collections import Counter
from collections.abc import Iterator

from lxml import etree

from vibforge.errors import FormatError, Problem
from vibforge.formats.budget import Budget, Work
from vibforge.formats.xml_reading import parse as parse_xml
from vibforge.vib.descriptor import (
    BOOLEANS,
    Checksum,
    Descriptor,
    HardwarePlatform,
    MaintenanceMode,
    Payload,
    SoftwarePlatform,
    SystemRequires,
    UnknownPart,
    Url,
)
from vibforge.vib.relationships import Constraint, Provide, Relationships

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
    """Yield the parts inside the `known` children of a descriptor that the model has no field for.

    Unknown children of the root and attributes of a payload have fields of their own.
    """
    yield from _attributes(root, "")
    for child in root:
        if child.tag in known:
            yield from _inside(child, str(child.tag), budget)


def part_text(element: etree._Element, budget: Budget) -> str:
    """Return an element as XML.

    Raises:
        LimitError: the budget is spent; each part repeats the namespaces around it.
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


_KNOWN = frozenset(
    {
        "type",
        "name",
        "version",
        "vendor",
        "summary",
        "description",
        "release-date",
        "urls",
        "relationships",
        "software-tags",
        "system-requires",
        "file-list",
        "acceptance-level",
        "live-install-allowed",
        "live-remove-allowed",
        "cimom-restart",
        "stateless-ready",
        "overlay",
        "payloads",
    }
)
_PAYLOAD_ATTRIBUTES = frozenset(
    {"name", "type", "size", "uncompressed-size", "boot-order", "vfat-name"}
)


def parse(
    data: bytes,
    where: str = "descriptor.xml",
    budget: Budget | None = None,
    *,
    sizes: bool = True,
) -> Descriptor:
    """Read a descriptor. A namespace, in which hosts find no element, is dropped.

    Args:
        data: the XML.
        where: the descriptor's name in messages.
        budget: the budget of the file that contains it; None if the descriptor is a file itself.
        sizes: whether to read the sizes of payloads; in a stage directory they are out of date.

    Raises:
        FormatError: the data is not well-formed XML, or its root is not `vib`.
        LimitError: it needs more work than the budget allows.
    """
    return parse_with_root(data, where, budget or Budget(where, len(data)), sizes=sizes)[0]


def parse_with_root(
    data: bytes, where: str, budget: Budget, *, sizes: bool = True
) -> tuple[Descriptor, etree._Element]:
    """Read a descriptor as `parse` does; also return its root, without most of the file list."""
    files = _FileList()
    root = parse_xml(data, where, budget, tag="{*}file", take=files.take)
    if str(root.tag).startswith("{"):
        _drop_namespace(root)
    if root.tag != "vib":
        raise FormatError(f"the root element is <{root.tag}>, not <vib>", where=where)
    return _Reader(root, where, files.paths, budget, sizes=sizes).descriptor(), root


def _drop_namespace(root: etree._Element) -> None:
    for element in root.iter():
        element.tag = str(element.tag).rpartition("}")[2]


class _FileList:
    """Collects the file list during parsing, because each of its elements takes 400 bytes."""

    def __init__(self) -> None:
        self.paths: list[str] = []

    def take(self, file: etree._Element) -> None:
        """Keep a path, and drop the element before it if that has only a text."""
        parent = file.getparent()
        root = None if parent is None else parent.getparent()
        if parent is None or root is None or root.getparent() is not None:
            return
        if _name(file, root) != "file" or _name(parent, root) != "file-list":
            return
        self.paths.append(_content(file))
        before = file.getprevious()
        if before is not None and before.tag == file.tag and not len(before) and not before.attrib:
            parent.remove(before)


def _name(element: etree._Element, root: etree._Element) -> str:
    """Return a tag without its namespace, if the root has a namespace, too."""
    tag = str(element.tag)
    return tag.rpartition("}")[2] if str(root.tag).startswith("{") else tag


class _Reader:
    """Reads one descriptor, and collects the values that could not be read."""

    def __init__(
        self,
        root: etree._Element,
        where: str,
        file_list: list[str],
        budget: Budget,
        *,
        sizes: bool,
    ) -> None:
        self._root = root
        self._file_list = file_list
        self._where = where
        self._budget = budget
        self._sizes = sizes
        self._faults: list[Problem] = []

    def descriptor(self) -> Descriptor:
        return Descriptor(
            type=self._optional_text("type"),
            name=self._text("name"),
            version=self._text("version"),
            vendor=self._text("vendor"),
            summary=self._text("summary"),
            description=self._text("description"),
            release_date=self._optional_text("release-date"),
            urls=tuple(
                Url(key=url.get("key", ""), link=_content(url)) for url in self._all("urls/url")
            ),
            relationships=self._relationships(),
            software_tags=tuple(_content(tag) for tag in self._all("software-tags/tag")),
            system_requires=self._system_requires(),
            file_list=tuple(self._file_list),
            acceptance_level=self._optional_text("acceptance-level"),
            live_install_allowed=self._boolean("live-install-allowed"),
            live_remove_allowed=self._boolean("live-remove-allowed"),
            cimom_restart=self._boolean("cimom-restart"),
            stateless_ready=self._boolean("stateless-ready"),
            overlay=self._boolean("overlay"),
            payloads=tuple(self._payload(payload) for payload in self._all("payloads/payload")),
            unknown=tuple(self._unknown()),
            unknown_parts=tuple(unknown_parts(self._root, _KNOWN, self._budget)),
            repeated=tuple(self._repeated()),
            faults=tuple(self._faults),
        )

    def _all(self, path: str) -> Iterator[etree._Element]:
        return self._root.iterfind(path)

    def _optional_text(self, tag: str) -> str | None:
        element = self._root.find(tag)
        return None if element is None else _content(element)

    def _text(self, tag: str) -> str:
        return self._optional_text(tag) or ""

    def _fault(self, at: etree._Element, what: str) -> None:
        self._faults.append(Problem(what=what, where=f"{self._where}:{at.sourceline}"))

    def _boolean(self, tag: str) -> bool | None:
        element = self._root.find(tag)
        return None if element is None else self._boolean_value(element, _content(element))

    def _boolean_value(self, at: etree._Element, value: str) -> bool | None:
        if value and value.lower() not in BOOLEANS:
            self._fault(at, f"<{at.tag}> is {value!r}, neither true nor false")
        return BOOLEANS.get(value.lower())

    def _number(self, at: etree._Element, attribute: str) -> int | None:
        value = at.get(attribute)
        if value is None:
            return None
        if not (value.isascii() and value.isdigit() and len(value) <= 20):  # noqa: PLR2004 - u64
            self._fault(at, f"{attribute}={value!r} of <{at.tag}> is not a number")
            return None
        return int(value)

    def _relationships(self) -> Relationships:
        return Relationships(
            depends=self._constraints("depends"),
            conflicts=self._constraints("conflicts"),
            replaces=self._constraints("replaces"),
            provides=tuple(
                Provide(name=provide.get("name", ""), version=provide.get("version", ""))
                for provide in self._related("provides/provide")
            ),
            compatible_with=self._constraints("compatibleWith"),
        )

    def _constraints(self, kind: str) -> tuple[Constraint, ...]:
        return tuple(
            Constraint(
                name=constraint.get("name", ""),
                relation=constraint.get("relation", ""),
                version=constraint.get("version", ""),
            )
            for constraint in self._related(f"{kind}/constraint")
        )

    def _related(self, path: str) -> Iterator[etree._Element]:
        for element in self._all(f"relationships/{path}"):
            self._budget.spend(Work.RELATIONSHIPS)
            yield element

    def _system_requires(self) -> SystemRequires:
        return SystemRequires(
            maintenance_mode=self._maintenance_mode(),
            hardware_platforms=tuple(
                HardwarePlatform(vendor=hardware.get("vendor", ""), model=hardware.get("model", ""))
                for hardware in self._all("system-requires/hwplatform")
            ),
            software_platforms=tuple(
                SoftwarePlatform.from_attributes(software.get)
                for software in self._all("system-requires/softwarePlatform")
            ),
        )

    def _maintenance_mode(self) -> MaintenanceMode | None:
        element = self._root.find("system-requires/maintenance-mode")
        if element is None:
            return None
        both = self._boolean_value(element, _content(element))
        default = True if both is None else both
        on_install, on_remove = (
            self._boolean_value(element, element.get(name, "").strip())
            for name in ("on-install", "on-remove")
        )
        return MaintenanceMode(
            on_install=_first_of(on_install, on_remove, default),
            on_remove=default if on_remove is None else on_remove,
        )

    def _payload(self, at: etree._Element) -> Payload:
        self._budget.spend(Work.PAYLOADS)
        return Payload(
            name=at.get("name", "").strip(),
            type=at.get("type", "").strip(),
            size=self._number(at, "size") if self._sizes else None,
            uncompressed_size=self._number(at, "uncompressed-size") if self._sizes else None,
            boot_order=self._number(at, "boot-order"),
            vfat_name=at.get("vfat-name", ""),
            checksums=tuple(
                Checksum(
                    checksum_type=checksum.get("checksum-type", "").strip(),
                    digest=_content(checksum),
                    verify_process=checksum.get("verify-process", "").strip(),
                )
                for checksum in at.iterfind("checksum")
            ),
            other_attributes=tuple(
                (str(name), str(value))
                for name, value in at.items()
                if name not in _PAYLOAD_ATTRIBUTES
            ),
        )

    def _unknown(self) -> Iterator[str]:
        for child in self._root:
            if child.tag not in _KNOWN:
                yield part_text(child, self._budget)

    def _repeated(self) -> Iterator[str]:
        counts = Counter(str(child.tag) for child in self._root if child.tag in _KNOWN)
        return (tag for tag, count in counts.items() if count > 1)


def _first_of(*values: bool | None) -> bool:
    """Return the first value that is not None; 6.7 uses a lone `on-remove` for installs (tried)."""
    return next(value for value in values if value is not None)


def _content(element: etree._Element) -> str:
    return (element.text or "").strip()
