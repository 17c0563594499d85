"""Parse XML from strangers: no entities, no network, no huge trees (lxml, libxml2's limits on)."""

from lxml import etree

from vibforge.errors import FormatError

SIZE_LIMIT = 64 * 1024 * 1024
"""Bytes of a descriptor; one of 200,000 files of 200 bytes each stays well below."""
ATTRIBUTE_LIMIT = 64
"""Attributes of one element; listing them takes time that grows with their square."""
MARK_LIMIT = 500_000
"""Tags, open and closed, and attributes of one document: 500 bytes of memory each at the worst."""


def parse(data: bytes, where: str) -> etree._Element:
    """Return the root element of a document; comments and processing instructions are dropped.

    Args:
        data: the document; UTF-8 unless it says otherwise.
        where: what the document is, for messages.

    Raises:
        FormatError: it is too large, not well-formed, or declares a document type or entities.
    """
    if len(data) > SIZE_LIMIT:
        raise FormatError(f"{len(data)} bytes of XML, more than {SIZE_LIMIT}", where=where)
    if max(data.count(b"<"), data.count(b"=")) > MARK_LIMIT:
        raise FormatError(f"more than {MARK_LIMIT} tags or attributes", where=where)
    if not data.removeprefix(b"\xef\xbb\xbf").lstrip().startswith((b"<", b"\xff\xfe", b"\xfe\xff")):
        raise FormatError("not an XML document", where=where)
    parser = etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )
    try:
        root = etree.fromstring(data, parser)
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
