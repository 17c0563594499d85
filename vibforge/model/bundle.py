"""What an offline bundle says of itself: indexes, metadata, bulletins, VIBs (vib-format 9).

Values stay as they were found; what is missing or cannot be read is told in `faults`.
"""

import io
import posixpath
from collections.abc import Iterator
from dataclasses import dataclass

from lxml import etree

from vibforge.errors import FormatError, Problem
from vibforge.formats.safe_xml import parse as parse_xml
from vibforge.formats.zip_reading import ZipArchive, ZipMember, open_zip
from vibforge.model import descriptor_reading
from vibforge.model.descriptor import Checksum, Descriptor

INDEX_NAME = "index.xml"
METADATA_LIMIT = 64 * 1024 * 1024
"""Bytes of the metadata zip, which is kept in memory; those of whole releases take 5 MB."""
XML_LIMIT = 16 * 1024 * 1024
"""Bytes of one XML file of the metadata."""
METADATA_TOTAL_LIMIT = 64 * 1024 * 1024
"""Bytes of all files of the metadata unpacked: what they say is kept in memory."""

Fields = tuple[tuple[str, str], ...]
"""Names and texts of an element's children, in the order met."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Platform:
    """A `metadata` node of the vendor index: which hosts a metadata zip is for."""

    product_id: str
    version: str
    locale: str
    url: str
    channels: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Bulletin:
    """A bulletin; one with a component name and version is a component (7.0 and later)."""

    member: str
    fields: Fields
    vib_ids: tuple[str, ...]
    component_name: str = ""
    component_version: str = ""

    @property
    def is_component(self) -> bool:
        return bool(self.component_name)

    def value(self, name: str) -> str:
        """Return the text of a child element, empty where there is none."""
        return dict(reversed(self.fields)).get(name, "")


@dataclass(frozen=True, kw_only=True, slots=True)
class DepotVib:
    """A VIB as the metadata announces it: its descriptor, and where and what its file is."""

    member: str
    descriptor: Descriptor
    relative_path: str
    packed_size: int | None
    checksums: tuple[Checksum, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Bundle:
    """An offline bundle; `members` and `metadata_members` are names in the order of the files."""

    name: str
    members: tuple[str, ...]
    vendor: Fields = ()
    platforms: tuple[Platform, ...] = ()
    metadata_members: tuple[str, ...] = ()
    bulletins: tuple[Bulletin, ...] = ()
    vibs: tuple[DepotVib, ...] = ()
    faults: tuple[Problem, ...] = ()


def read_bundle(archive: ZipArchive, name: str) -> Bundle:
    """Read what a bundle says of itself; its VIBs are not looked at."""
    return _Reader(archive, name).bundle()


class _Reader:
    """Follows the chain of references from index.xml on."""

    def __init__(self, archive: ZipArchive, name: str) -> None:
        self._archive = archive
        self._name = name
        self._faults: list[Problem] = []

    def bundle(self) -> Bundle:
        vendor, platforms = self._indexes()
        names: list[str] = []
        bulletins: list[Bulletin] = []
        vibs: list[DepotVib] = []
        for url in dict.fromkeys(platform.url for platform in platforms):
            self._metadata(url, names, bulletins, vibs)
        return Bundle(
            name=self._name,
            members=self._archive.names,
            vendor=vendor,
            platforms=platforms,
            metadata_members=tuple(names),
            bulletins=tuple(bulletins),
            vibs=tuple(vibs),
            faults=tuple(self._faults),
        )

    def _indexes(self) -> tuple[Fields, tuple[Platform, ...]]:
        index = self._xml(self._archive, INDEX_NAME)
        vendor = None if index is None else index.find("vendor")
        if vendor is None:
            return (), ()
        relative = _text(vendor, "relativePath")
        path = posixpath.normpath(posixpath.join(relative, _text(vendor, "indexfile")))
        vendor_index = self._xml(self._archive, path)
        nodes = [] if vendor_index is None else vendor_index.findall("metadata")
        folder = posixpath.dirname(path)
        return _fields(vendor), tuple(_platform(node, folder) for node in nodes)

    def _metadata(
        self, url: str, names: list[str], bulletins: list[Bulletin], vibs: list[DepotVib]
    ) -> None:
        member = self._archive.find(url)
        if member is None:
            self._fault("it is named by the vendor index and not there", url)
            return
        try:
            data = self._archive.read(member, METADATA_LIMIT)
            with open_zip(io.BytesIO(data), f"{self._name}:{url}", len(data)) as metadata:
                names += metadata.names
                for each in self._within_total(metadata):
                    self._metadata_member(metadata, each, bulletins, vibs)
        except FormatError as error:
            self._faults += error.problems

    def _within_total(self, metadata: ZipArchive) -> Iterator[ZipMember]:
        total = 0
        for member in metadata.members:
            total += member.size
            if total > METADATA_TOTAL_LIMIT:
                raise FormatError(f"metadata of more than {METADATA_TOTAL_LIMIT} bytes")
            yield member

    def _metadata_member(
        self,
        metadata: ZipArchive,
        member: ZipMember,
        bulletins: list[Bulletin],
        vibs: list[DepotVib],
    ) -> None:
        folder = posixpath.dirname(member.name)
        if folder == "bulletins":
            root = self._xml(metadata, member.name)
            if root is not None:
                bulletins.append(_bulletin(root, member.name))
        elif folder == "vibs":
            root = self._xml(metadata, member.name)
            if root is not None:
                self._vib(root, metadata.read(member, XML_LIMIT), member.name, vibs)

    def _vib(self, root: etree._Element, data: bytes, member: str, vibs: list[DepotVib]) -> None:
        try:
            descriptor = descriptor_reading.parse(data, f"{self._name}:{member}")
        except FormatError as error:
            self._faults += error.problems
            return
        size = _text(root, "packed-size")
        vibs.append(
            DepotVib(
                member=member,
                descriptor=descriptor,
                relative_path=_text(root, "relative-path"),
                packed_size=int(size) if size.isascii() and size.isdigit() else None,
                checksums=tuple(
                    Checksum(checksum_type=each.get("checksum-type", ""), digest=_content(each))
                    for each in root.findall("checksum")
                ),
            )
        )

    def _xml(self, archive: ZipArchive, name: str) -> etree._Element | None:
        member = archive.find(name)
        if member is None:
            self._fault("it is missing", name)
            return None
        try:
            return parse_xml(archive.read(member, XML_LIMIT), f"{self._name}:{name}")
        except FormatError as error:
            self._faults += error.problems
            return None

    def _fault(self, what: str, member: str) -> None:
        self._faults.append(Problem(what=what, where=f"{self._name}:{member}"))


def _platform(node: etree._Element, folder: str) -> Platform:
    url = posixpath.normpath(posixpath.join(folder, _text(node, "url")))
    return Platform(
        product_id=_text(node, "productId"),
        version=_text(node, "version"),
        locale=_text(node, "locale"),
        url=url,
        channels=tuple(_content(channel) for channel in node.findall("channelName")),
    )


def _bulletin(root: etree._Element, member: str) -> Bulletin:
    name, version = root.find("componentNameSpec"), root.find("componentVersionSpec")
    return Bulletin(
        member=member,
        fields=_fields(root),
        vib_ids=tuple(_content(vib) for vib in root.iterfind("vibList/vibID")),
        component_name="" if name is None else name.get("name", ""),
        component_version="" if version is None else version.get("version", ""),
    )


def _fields(of: etree._Element) -> Fields:
    return tuple((str(child.tag), _content(child)) for child in of)


def _text(of: etree._Element, tag: str) -> str:
    found = of.find(tag)
    return "" if found is None else _content(found)


def _content(of: etree._Element) -> str:
    return (of.text or "").strip()
