"""The indexes, metadata, bulletins and VIBs of an offline bundle (depot-format.md#bundle).

Values stay as they were found; what is missing or cannot be read is told in `faults`.
"""

import io
import posixpath
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from lxml import etree
from msgspec import Struct, field

from vibforge.bundle import bulletin as bulletin_xml
from vibforge.bundle import index, response
from vibforge.bundle.bulletin import Bulletin, Fields
from vibforge.bundle.index import (
    INDEX_NAME,
    VENDOR_INDEX_NAME,
    DepotVib,
    Platform,
    Vendor,
    content,
    missing_elements,
    parse_index,
    parse_vendor_index,
)
from vibforge.bundle.response import RESPONSE_NAME, Response
from vibforge.errors import FormatError, Problem
from vibforge.formats.xml_reading import SIZE_LIMIT as XML_LIMIT
from vibforge.formats.xml_reading import parse as parse_xml
from vibforge.formats.zip_reading import ZipArchive, ZipMember, open_zip

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
    """Read what a bundle says of itself; its VIBs are not looked at."""
    return _Reader(archive, name).bundle()


class _Found(Struct):
    """What the metadata zips hold."""

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
            self._fault("it names no vendor", INDEX_NAME)
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
            self._fault("it is named by the vendor index and not there", url)
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
        """What reads a file of the metadata, by its folder or its name."""
        return {
            "bulletins": self._bulletin,
            VENDOR_INDEX_NAME: self._inner_index,
            RESPONSE_NAME: self._response,
        }

    def _bulletin(self, root: etree._Element, member: str) -> None:
        self._found.bulletins.append(bulletin_xml.parse(root, self._archive.budget, member))

    def _inner_index(self, root: etree._Element, _member: str) -> None:
        self._found.platforms += parse_vendor_index(root)

    def _response(self, root: etree._Element, _member: str) -> None:
        self._found.response = response.parse(root, self._archive.budget)

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
