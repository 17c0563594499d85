"""metadata.zip: vendor, platforms, bulletins (depot-format.md#bulletins) and vmware.xml."""

import io
import posixpath
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from lxml import etree
from msgspec import Struct, field

from vibforge.bundle import index
from vibforge.bundle.index import (
    INDEX_NAME,
    VENDOR_INDEX_NAME,
    DepotVib,
    Platform,
    Vendor,
    child_text,
    content,
    missing_elements,
    parse_index,
    parse_vendor_index,
)
from vibforge.errors import FormatError, ModelError, Problem
from vibforge.esxi.release import PRODUCT
from vibforge.formats.budget import Budget
from vibforge.formats.xml_reading import SIZE_LIMIT as XML_LIMIT
from vibforge.formats.xml_reading import as_ascii
from vibforge.formats.xml_reading import parse as parse_xml
from vibforge.formats.xml_writing import branch, element, leaf, text
from vibforge.formats.zip_archive import ZipArchive, ZipMember, open_zip
from vibforge.vib.descriptor import Descriptor, MaintenanceMode, SoftwarePlatform, SystemRequires
from vibforge.vib.descriptor_reading import part_text
from vibforge.vib.relationships import Constraint, Provide

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


def parse_bulletin(root: etree._Element, budget: Budget, member: str = "") -> Bulletin:
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
            SoftwarePlatform.from_attributes(each.get)
            for each in root.iterfind("platforms/softwarePlatform")
        ),
        unknown=tuple(part_text(child, budget) for child in root if _is_foreign(child)),
    )


def _is_foreign(child: etree._Element) -> bool:
    """Whether a name and a text are not all of an element that this model does not know."""
    tag = str(child.tag)
    if tag in _STRUCTURED:
        return False
    return len(child) > 0 or "{" in tag or (len(child.attrib) > 0 and tag not in _TEXTS)


def serialise_bulletin(bulletin: Bulletin) -> bytes:
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


RESPONSE_NAME = "vmware.xml"
RESPONSE_LIMIT = 16 * 1024 * 1024
"""Characters of VIBs in a vmware.xml that is written: it repeats a VIB in each of its bulletins."""
_VERSION = "3.0"
_VIB_VERSION = "1.4.5"


class ResponseVib(Struct, frozen=True, kw_only=True):
    """A VIB as vmware.xml announces it; `packed_size` is None where it is no number."""

    vib_id: str
    relative_path: str
    packed_size: int | None
    sha256: str


class Response(Struct, frozen=True, kw_only=True):
    """What vmware.xml says: its time, its bulletins, and their VIBs in the same order."""

    timestamp: str
    bulletins: tuple[Bulletin, ...] = ()
    vibs: tuple[tuple[ResponseVib, ...], ...] = ()


def parse_response(root: etree._Element, budget: Budget) -> Response:
    """Read a vmware.xml; what is missing is empty.

    Raises:
        LimitError: it asks for more work than the budget allows.
    """
    nodes = root.findall("bulletin")
    return Response(
        timestamp=child_text(root, "timestamp"),
        bulletins=tuple(parse_bulletin(node, budget) for node in nodes),
        vibs=tuple(
            tuple(_parse_vib(vib) for vib in node.iterfind("vibList/vib")) for node in nodes
        ),
    )


def serialise_response(
    timestamp: str, bulletins: Iterable[Bulletin], vibs: Iterable[DepotVib]
) -> bytes:
    """Return a vmware.xml.

    Args:
        timestamp: an ISO 8601 time.
        bulletins: what it tells of.
        vibs: the VIBs that the bulletins name, and others.

    Raises:
        ModelError: the bulletins repeat VIBs until it is too large.
    """
    texts = {vib.descriptor.vib_id: _vib(vib) for vib in vibs}
    named = [(b, [texts[i] for i in dict.fromkeys(b.vib_ids) if i in texts]) for b in bulletins]
    size = sum(len(text) for _bulletin, found in named for text in found)
    if size > RESPONSE_LIMIT:
        raise ModelError(
            f"the VIBs in all bulletins would take {size} characters of {RESPONSE_NAME}, more than "
            f"{RESPONSE_LIMIT}",
            remedy="leave out bulletins with `vibforge bundle remove`",
        )
    nodes = (response_node(bulletin, found) for bulletin, found in named)
    body = [leaf("version", _VERSION), leaf("timestamp", timestamp), *nodes]
    return f"{branch('metadataResponse', body)}\n".encode("ascii")


def _parse_vib(of: etree._Element) -> ResponseVib:
    size = (of.findtext("vibFile/packedSize") or "").strip()
    return ResponseVib(
        vib_id=child_text(of, "vibID"),
        relative_path=(of.findtext("vibFile/relativePath") or "").strip(),
        packed_size=int(size) if size.isascii() and size.isdigit() and len(size) < 20 else None,  # noqa: PLR2004 - u64
        sha256=(of.findtext("vibFile/checksum/checksum") or "").strip().lower(),
    )


def _vib(vib: DepotVib) -> str:
    of = vib.descriptor
    live = bool(of.live_install_allowed) and bool(of.live_remove_allowed)
    children = [
        leaf("vibVersion", _VIB_VERSION),
        leaf("vibID", of.vib_id),
        *(leaf(name, getattr(of, name)) for name in ("name", "version", "vendor")),
        leaf("vibType", of.type or ""),
        leaf("summary", of.summary),
        branch("systemReqs", _system_requires(of.system_requires)),
        branch("relationships", _relationships(of)),
        branch(
            "postInstall",
            [leaf("rebootRequired", _boolean(not live)), leaf("hostdRestart", "false")],
        ),
    ]
    if of.software_tags:
        children.append(branch("softwareTags", [leaf("tag", tag) for tag in of.software_tags]))
    return branch("vib", [*children, branch("vibFile", _file(vib))])


def _file(vib: DepotVib) -> Iterator[str]:
    yield leaf("sourceUrl", "")
    yield leaf("relativePath", vib.relative_path)
    yield leaf("packedSize", str(vib.packed_size or 0))
    for checksum in vib.checksums:
        yield branch(
            "checksum",
            [leaf("checksumType", checksum.checksum_type), leaf("checksum", checksum.digest)],
        )


def _system_requires(of: SystemRequires) -> Iterator[str]:
    mode = of.maintenance_mode or MaintenanceMode(on_install=True, on_remove=True)
    attributes = {} if mode.on_install == mode.on_remove else {"install": _boolean(mode.on_install)}
    yield element("maintenanceMode", text(_boolean(mode.on_remove)), attributes)
    for hardware in of.hardware_platforms:
        model = {"model": hardware.model} if hardware.model else {}
        yield element("hwPlatform", attributes={"vendor": hardware.vendor} | model)
    any_platform = SoftwarePlatform(version="", product_line_id=PRODUCT)
    for platform in of.software_platforms or (any_platform,):
        yield element("swPlatform", attributes=platform.attributes)


def _relationships(of: Descriptor) -> Iterator[str]:
    r = of.relationships
    for tag, entries in (
        ("depends", r.depends),
        ("conflicts", r.conflicts),
        ("replaces", r.replaces),
        ("provides", r.provides),
        ("compatibleWith", r.compatible_with),
    ):
        yield branch(tag, [_entry(entry) for entry in entries])


def _entry(of: Constraint | Provide) -> str:
    relation = {} if isinstance(of, Provide) else {"relation": of.relation}
    given = {"name": of.name} | relation | {"version": of.version}
    tag = "provide" if isinstance(of, Provide) else "constraint"
    return element(tag, attributes={name: value for name, value in given.items() if value})


def _boolean(value: bool) -> str:  # noqa: FBT001 - the value itself is what is written
    return "true" if value else "false"


METADATA_LIMIT = 64 * 1024 * 1024
"""Bytes of the metadata zip, which is kept in memory; those of whole releases take 5 MB."""


class Bundle(Struct, frozen=True, kw_only=True):
    """An offline bundle; `members` and `metadata_members` are names in the order of the files.

    `vendor` is the first vendor's node as it stands; `inner_platforms` are those of the copy of
    the vendor index in the metadata, and `response` is vmware.xml, None where there is none.
    """

    name: str
    members: tuple[str, ...]
    vendor: Fields = ()
    vendors: tuple[Vendor, ...] = ()
    platforms: tuple[Platform, ...] = ()
    inner_platforms: tuple[Platform, ...] = ()
    metadata_members: tuple[str, ...] = ()
    bulletins: tuple[Bulletin, ...] = ()
    vibs: tuple[DepotVib, ...] = ()
    response: Response | None = None
    faults: tuple[Problem, ...] = ()

    @property
    def components(self) -> tuple[Bulletin, ...]:
        """The bulletins that are components."""
        return tuple(bulletin for bulletin in self.bulletins if bulletin.is_component)


def read_bundle(archive: ZipArchive, name: str) -> Bundle:
    """Read a bundle's metadata, but not its VIBs."""
    return _Reader(archive, name).bundle()


class _Found(Struct):
    """The content of the metadata zips."""

    names: list[str] = field(default_factory=list)
    platforms: list[Platform] = field(default_factory=list)
    bulletins: list[Bulletin] = field(default_factory=list)
    vibs: list[DepotVib] = field(default_factory=list)
    response: Response | None = None


class _Reader:
    """Follows the chain of references from index.xml on."""

    def __init__(self, archive: ZipArchive, name: str) -> None:
        self._archive = archive
        self._name = name
        self._faults: list[Problem] = list(archive.oddities)
        self._found = _Found()

    def bundle(self) -> Bundle:
        fields, vendors = self._index()
        platforms = tuple(each for vendor in vendors for each in self._vendor_index(vendor))
        for url in metadata_urls(platforms):
            self._metadata(url)
        return Bundle(
            name=self._name,
            members=self._archive.names,
            vendor=fields,
            vendors=vendors,
            platforms=platforms,
            inner_platforms=tuple(self._found.platforms),
            metadata_members=tuple(self._found.names),
            bulletins=tuple(self._found.bulletins),
            vibs=tuple(self._found.vibs),
            response=self._found.response,
            faults=tuple(self._faults),
        )

    def _index(self) -> tuple[Fields, tuple[Vendor, ...]]:
        index = self._xml(self._archive, INDEX_NAME)
        if index is None:
            return (), ()
        self._faults += missing_elements(index, f"{self._name}:{INDEX_NAME}")
        first = index.find("vendor")
        if first is None:
            self._fault("the index names no vendor", INDEX_NAME)
            return (), ()
        return tuple((str(child.tag), content(child)) for child in first), parse_index(index)

    def _vendor_index(self, vendor: Vendor) -> tuple[Platform, ...]:
        path = vendor.index_path
        root = self._xml(self._archive, path)
        if root is None:
            return ()
        self._faults += missing_elements(root, f"{self._name}:{path}")
        return parse_vendor_index(root, posixpath.dirname(path))

    def _metadata(self, url: str) -> None:
        member = self._archive.find(url)
        if member is None:
            self._fault("the vendor index names this file, but the bundle lacks it", url)
            return
        try:
            with opened_metadata(self._archive, member, f"{self._name}:{url}") as metadata:
                self._faults += metadata.oddities
                self._found.names += metadata.names
                for each in metadata.members:
                    self._metadata_member(metadata, each)
        except FormatError as error:
            self._faults += error.problems

    def _metadata_member(self, metadata: ZipArchive, member: ZipMember) -> None:
        folder = posixpath.dirname(member.name)
        if folder == "vibs":
            self._vib(metadata, member)
            return
        read = self._readers.get(folder or member.name)
        root = self._xml(metadata, member.name) if read else None
        if read is not None and root is not None:
            read(root, member.name)

    @property
    def _readers(self) -> dict[str, Callable[[etree._Element, str], None]]:
        """Return the function that reads a metadata file, by its folder or name."""
        return {
            "bulletins": self._bulletin,
            VENDOR_INDEX_NAME: self._inner_index,
            RESPONSE_NAME: self._response,
        }

    def _bulletin(self, root: etree._Element, member: str) -> None:
        self._found.bulletins.append(parse_bulletin(root, self._archive.budget, member))

    def _inner_index(self, root: etree._Element, _member: str) -> None:
        self._found.platforms += parse_vendor_index(root)

    def _response(self, root: etree._Element, _member: str) -> None:
        self._found.response = parse_response(root, self._archive.budget)

    def _vib(self, metadata: ZipArchive, member: ZipMember) -> None:
        where = f"{self._name}:{member.name}"
        try:
            data = metadata.read(member, XML_LIMIT)
            self._found.vibs.append(index.parse(data, member.name, where, metadata.budget))
        except FormatError as error:
            self._faults += error.problems

    def _xml(self, archive: ZipArchive, name: str) -> etree._Element | None:
        member = archive.find(name)
        if member is None:
            self._fault("it is missing", name)
            return None
        try:
            data = archive.read(member, XML_LIMIT)
            return parse_xml(data, f"{self._name}:{name}", archive.budget)
        except FormatError as error:
            self._faults += error.problems
            return None

    def _fault(self, what: str, member: str) -> None:
        self._faults.append(Problem(what=what, where=f"{self._name}:{member}"))


@contextmanager
def opened_metadata(archive: ZipArchive, member: ZipMember, where: str) -> Iterator[ZipArchive]:
    """Open a metadata zip, which is kept in memory.

    Raises:
        FormatError: it is too large, or no zip file.
    """
    data = archive.read(member, METADATA_LIMIT)
    with open_zip(io.BytesIO(data), where, len(data), archive.budget) as metadata:
        yield metadata


def metadata_urls(platforms: Iterable[Platform]) -> tuple[str, ...]:
    """Return the metadata zips that a bundle's platforms name, each once."""
    return tuple(dict.fromkeys(platform.url for platform in platforms))
