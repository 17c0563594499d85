"""The indexes of a depot, and the VIBs that it announces (depot-format.md#index)."""

import hashlib
import posixpath
from collections.abc import Iterable, Iterator

from lxml import etree
from msgspec import Struct

from vibforge.errors import FormatError, Problem
from vibforge.files.inputs import Source
from vibforge.formats.budget import Budget
from vibforge.formats.streams import ALGORITHMS, Hasher, read_chunks
from vibforge.formats.xml_reading import parse as parse_xml
from vibforge.formats.xml_writing import branch, leaf
from vibforge.vib import descriptor_reading
from vibforge.vib.descriptor import Checksum, Descriptor

INDEX_NAME = "index.xml"
VENDOR_INDEX_NAME = "vendor-index.xml"
METADATA_NAME = "metadata.zip"

_CONTENT = (("name", "VMware ESX"), ("type", "http://www.vmware.com/depotmanagement/esx"))
_VENDOR_ELEMENTS = ("name", "code", "indexfile", "relativePath")
_PLATFORM_ELEMENTS = ("productId", "version", "locale", "url")


class MissingElement(Problem, frozen=True, kw_only=True):
    """An index without an element that ESXi's reader wants, even if it is empty (tried on 6.7)."""

    element: str


class Vendor(Struct, frozen=True, kw_only=True):
    """Whose depot it is: a `vendor` node of index.xml. The index file is relative to index.xml."""

    name: str
    code: str
    index_file: str = VENDOR_INDEX_NAME
    relative_path: str = ""

    @property
    def index_path(self) -> str:
        """Where the vendor index is, seen from index.xml."""
        return posixpath.normpath(posixpath.join(self.relative_path, self.index_file))


class Platform(Struct, frozen=True, kw_only=True):
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


def missing_elements(root: etree._Element, where: str) -> Iterator[MissingElement]:
    """Yield what ESXi's reader wants in an index, even if it is empty (tried on 6.7)."""
    for tag, wanted in (("vendor", _VENDOR_ELEMENTS), ("metadata", _PLATFORM_ELEMENTS)):
        for node in root.findall(tag):
            for name in wanted:
                if node.find(name) is None:
                    yield MissingElement(
                        what=f"there is no element {name}",
                        where=f"{where}:{node.sourceline}",
                        element=name,
                    )


def child_text(of: etree._Element, tag: str) -> str:
    """Return the text of a child, empty where there is none."""
    found = of.find(tag)
    return "" if found is None else content(found)


def content(of: etree._Element) -> str:
    """Return an element's text without blanks around it."""
    return (of.text or "").strip()


_ADDED = ("relative-path", "packed-size", "checksum")
"""What the metadata has and a descriptor has not; the order of the vendor's files."""


class DepotVib(Struct, frozen=True, kw_only=True):
    """A VIB as the metadata announces it: its descriptor, and where and what its file is."""

    member: str
    descriptor: Descriptor
    relative_path: str
    packed_size: int | None
    checksums: tuple[Checksum, ...]


def parse(data: bytes, member: str, where: str, budget: Budget) -> DepotVib:
    """Read a file of `vibs/`.

    Raises:
        FormatError: it is not well-formed XML, or its root is not `vib`.
        LimitError: it asks for more work than the budget allows.
    """
    descriptor, root = descriptor_reading.parse_with_root(data, where, budget)
    size = child_text(root, "packed-size")
    return DepotVib(
        member=member,
        descriptor=descriptor,
        relative_path=child_text(root, "relative-path"),
        packed_size=int(size) if size.isascii() and size.isdigit() and len(size) < 20 else None,  # noqa: PLR2004 - u64
        checksums=tuple(
            Checksum(checksum_type=each.get("checksum-type", ""), digest=content(each))
            for each in root.findall("checksum")
        ),
    )


def announcement(
    descriptor: bytes, relative_path: str, size: int, sha256: str, budget: Budget
) -> bytes:
    """Return the file of `vibs/` for a VIB.

    All that the descriptor says is kept, also what is not known here: hosts compare both
    (depot-format.md#agreement). An encoding declaration, refused in a descriptor, is gone.

    Args:
        descriptor: the bytes of the VIB's descriptor.xml.
        relative_path: where the VIB is, seen from index.xml.
        size: bytes of the VIB's file.
        sha256: its digest in hex.
        budget: that of the file which the VIB is in.

    Raises:
        FormatError: the descriptor is not well-formed XML.
        LimitError: it asks for more work than the budget allows.
    """
    root = parse_xml(descriptor, "descriptor.xml", budget)
    for tag in _ADDED:
        for old in root.findall(tag):
            root.remove(old)
    nodes = [_node("relative-path", relative_path), _node("packed-size", str(size))]
    nodes.append(_node("checksum", sha256))
    nodes[-1].set("checksum-type", "sha-256")
    tags = root.find("software-tags")
    place = len(root) if tags is None else root.index(tags) + 1
    for offset, node in enumerate(nodes):
        root.insert(place + offset, node)
    return etree.tostring(root, encoding="ascii")


def announced_anew(metadata: bytes, file: Source) -> bytes:
    """Return the file of `vibs/` for a VIB whose file changed and whose descriptor did not.

    Only size and digests change; everything else stays, also what is not known here.

    Args:
        metadata: the file of `vibs/` of the old bundle.
        file: the new file of the VIB.

    Raises:
        FormatError: the metadata is not well-formed XML, or has a checksum of an unknown type.
    """
    root = parse_xml(metadata, file.name, file.budget)
    for size in root.findall("packed-size"):
        size.text = str(file.size)
    for checksum in root.findall("checksum"):
        checksum.text = _digest_of(file, checksum.get("checksum-type", ""))
    return etree.tostring(root, encoding="ascii")


def _digest_of(file: Source, kind: str) -> str:
    if kind not in ALGORITHMS:
        raise FormatError(
            f"the metadata has a checksum of the unknown type {kind!r}", where=file.name
        )
    hasher = Hasher([kind])
    with file.open() as stream:
        for chunk in read_chunks(stream, file.size):
            hasher.take(chunk)
    return hasher.digest(kind)


def announcement_name(descriptor: Descriptor) -> str:
    """Return the conventional name of that file: the VIB's name and a number made of its ID."""
    number = int.from_bytes(hashlib.sha256(descriptor.vib_id.encode()).digest()[:8]) >> 1
    return f"vibs/{descriptor.name}-{number}.xml"


def conventional_path(descriptor: Descriptor) -> str:
    """Return where VMware's depots keep a VIB: `vib20/<name>/<VIB ID>.vib`."""
    return f"vib20/{descriptor.name}/{descriptor.vib_id}.vib"


def _node(tag: str, text: str) -> etree._Element:
    node = etree.Element(tag)
    node.text = text
    return node
