"""A VIB as the metadata of a depot announces it (vib-format 9.3)."""

import hashlib
from dataclasses import dataclass

from lxml import etree

from vibforge.formats.budget import Budget
from vibforge.formats.safe_xml import parse as parse_xml
from vibforge.model import descriptor_reading
from vibforge.model.bundle_index import child_text, content
from vibforge.model.descriptor import Checksum, Descriptor

_ADDED = ("relative-path", "packed-size", "checksum")
"""What the metadata has and a descriptor has not; the order of the vendor's files."""


@dataclass(frozen=True, kw_only=True, slots=True)
class DepotVib:
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

    All that the descriptor says is kept, also what is not known here: hosts hold the one against
    the other (vib-format 9.4). An encoding declaration, which they refuse in a descriptor, is gone.

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
