"""Parse XML from strangers: no entities, no network, no huge trees (lxml, libxml2's limits on)."""

from collections.abc import Callable

from lxml import etree

from vibforge.errors import FormatError

SIZE_LIMIT = 64 * 1024 * 1024
"""Bytes of a descriptor; one of 200,000 files of 200 bytes each stays well below."""
ATTRIBUTE_LIMIT = 64
"""Attributes of one element; listing them takes time that grows with their square."""
MARK_LIMIT = 500_000
"""Tags, open and closed, and attributes of one document: 500 bytes of memory each at the worst."""

_SLICE = 64 * 1024
"""Bytes that are parsed between two looks at what has ended."""


def parse(
    data: bytes,
    where: str,
    tag: str = "",
    take: Callable[[etree._Element], None] = lambda _element: None,
) -> etree._Element:
    """Return the root element of a document; comments and processing instructions are dropped.

    Args:
        data: the document; UTF-8 unless it says otherwise.
        where: what the document is, for messages.
        tag: elements that are handed to `take` while the rest is still to be parsed; none if empty.
        take: gets each of them with all that is in it; it may remove siblings before it.

    Raises:
        FormatError: it is too large, not well-formed, or declares a document type or entities.
    """
    if len(data) > SIZE_LIMIT:
        raise FormatError(f"{len(data)} bytes of XML, more than {SIZE_LIMIT}", where=where)
    if max(data.count(b"<"), data.count(b"=")) > MARK_LIMIT:
        raise FormatError(f"more than {MARK_LIMIT} tags or attributes", where=where)
    if not data.removeprefix(b"\xef\xbb\xbf").lstrip().startswith((b"<", b"\xff\xfe", b"\xfe\xff")):
        raise FormatError("not an XML document", where=where)
    parser = etree.XMLPullParser(
        events=("end",) if tag else (),
        tag=tag or None,
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )
    try:
        for start in range(0, len(data), _SLICE):
            parser.feed(data[start : start + _SLICE])
            for _event, element in parser.read_events():
                if isinstance(element, etree._Element):  # noqa: SLF001 - the stubs name no other
                    take(element)
        root = parser.close()
    except etree.XMLSyntaxError as error:
        line, _column = error.position
        raise FormatError(
            f"not well-formed XML: {error.msg}", where=f"{where}:{line}" if line else where
        ) from error
    if root.xpath(f"boolean(//*[count(@*) > {ATTRIBUTE_LIMIT}])"):
        raise FormatError(f"an element with more than {ATTRIBUTE_LIMIT} attributes", where=where)
    if root.getroottree().docinfo.internalDTD is not None:
        raise FormatError(
            "the XML declares a document type", where=where, remedy="remove the <!DOCTYPE …>"
        )
    return root


def as_ascii(xml: str) -> str:
    """Return an element that was read from elsewhere in ASCII, its texts as character references.

    Raises:
        FormatError: an element or attribute has a name that is not ASCII, for which there is none.
    """
    for element in etree.fromstring(xml).iter():
        for name in (str(element.tag), *map(str, element.attrib)):
            if not name.isascii():
                raise FormatError(
                    f"the XML name {name!a:.80} is not ASCII, as what is written has to be",
                    remedy="give the element or attribute another name, or leave it out",
                )
    return xml.encode("ascii", "xmlcharrefreplace").decode("ascii")
