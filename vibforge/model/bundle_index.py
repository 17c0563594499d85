"""The two indexes of a depot: index.xml and the vendor index (vib-format 9.1 and 9.2)."""

import posixpath
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from lxml import etree

from vibforge.errors import Problem
from vibforge.formats.xml_text import branch, leaf
from vibforge.model.names import ELEMENT_MISSING

INDEX_NAME = "index.xml"
VENDOR_INDEX_NAME = "vendor-index.xml"
METADATA_NAME = "metadata.zip"

_CONTENT = (("name", "VMware ESX"), ("type", "http://www.vmware.com/depotmanagement/esx"))
_VENDOR_ELEMENTS = ("name", "code", "indexfile", "relativePath")
_PLATFORM_ELEMENTS = ("productId", "version", "locale", "url")


@dataclass(frozen=True, kw_only=True, slots=True)
class Vendor:
    """Whose depot it is: a `vendor` node of index.xml. The index file is relative to index.xml."""

    name: str
    code: str
    index_file: str = VENDOR_INDEX_NAME
    relative_path: str = ""

    @property
    def index_path(self) -> str:
        """Where the vendor index is, seen from index.xml."""
        return posixpath.normpath(posixpath.join(self.relative_path, self.index_file))


@dataclass(frozen=True, kw_only=True, slots=True)
class Platform:
    """A `metadata` node of the vendor index: which hosts a metadata zip is for."""

    product_id: str
    version: str
    locale: str
    url: str
    channels: tuple[str, ...] = ()


def depot_platform(version: str, product: str) -> Platform:
    """Return a platform whose metadata is where depots have it by convention."""
    return Platform(
        product_id=product, version=version, locale="", url=METADATA_NAME, channels=("default",)
    )


def index_bytes(vendors: Iterable[Vendor]) -> bytes:
    """Return an index.xml, in the layout of the vendor's."""
    nodes = (
        branch(
            "vendor",
            [
                leaf("name", vendor.name),
                leaf("code", vendor.code),
                leaf("indexfile", vendor.index_file),
                leaf("patchUrl", ""),
                leaf("relativePath", vendor.relative_path),
                branch("content", [leaf(name, value) for name, value in _CONTENT]),
            ],
        )
        for vendor in vendors
    )
    return f"{branch('vendorList', nodes)}\n".encode("ascii")


def vendor_index_bytes(platforms: Iterable[Platform]) -> bytes:
    """Return a vendor index, in the layout of the vendor's."""
    nodes = (
        branch(
            "metadata",
            [
                leaf("productId", platform.product_id),
                leaf("version", platform.version),
                leaf("locale", platform.locale),
                leaf("url", platform.url),
                *(leaf("channelName", channel) for channel in platform.channels or ("default",)),
            ],
        )
        for platform in platforms
    )
    return f"{branch('metaList', nodes)}\n".encode("ascii")


def parse_index(root: etree._Element) -> tuple[Vendor, ...]:
    """Read the vendors of an index.xml; what is missing is empty."""
    return tuple(
        Vendor(
            name=child_text(vendor, "name"),
            code=child_text(vendor, "code"),
            index_file=child_text(vendor, "indexfile"),
            relative_path=child_text(vendor, "relativePath"),
        )
        for vendor in root.findall("vendor")
    )


def parse_vendor_index(root: etree._Element, folder: str = "") -> tuple[Platform, ...]:
    """Read the platforms of a vendor index that stands in `folder`."""
    return tuple(
        Platform(
            product_id=child_text(node, "productId"),
            version=child_text(node, "version"),
            locale=child_text(node, "locale"),
            url=posixpath.normpath(posixpath.join(folder, child_text(node, "url"))),
            channels=tuple(content(channel) for channel in node.findall("channelName")),
        )
        for node in root.findall("metadata")
    )


def missing_elements(root: etree._Element, where: str) -> Iterator[Problem]:
    """Yield what ESXi's reader wants in an index, even if it is empty (tried on 6.7)."""
    for tag, wanted in (("vendor", _VENDOR_ELEMENTS), ("metadata", _PLATFORM_ELEMENTS)):
        for node in root.findall(tag):
            for name in wanted:
                if node.find(name) is None:
                    yield Problem(
                        what=f"{ELEMENT_MISSING}{name}",
                        where=f"{where}:{node.sourceline}",
                    )


def child_text(of: etree._Element, tag: str) -> str:
    """Return the text of a child, empty where there is none."""
    found = of.find(tag)
    return "" if found is None else content(found)


def content(of: etree._Element) -> str:
    """Return an element's text without blanks around it."""
    return (of.text or "").strip()
