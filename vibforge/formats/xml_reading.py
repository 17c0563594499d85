"""Parse XML from strangers: no document type, no entities, no network, bounded work (lxml)."""

import pyexpat
from typing import TYPE_CHECKING

from vibforge.errors import FormatError
from vibforge.formats.budget import Budget, Work

if TYPE_CHECKING:
    from collections.abc import Callable

    from lxml import etree

SIZE_LIMIT = 64 * 1024 * 1024
"""Bytes of a descriptor; one of 200,000 files of 200 bytes each stays well below."""
ATTRIBUTE_LIMIT = 64
"""Attributes of one element; listing them takes time that grows with their square."""
NAMESPACE_LIMIT = 16
"""Declarations of namespaces in one document: each is written again with every part of it."""
NAMESPACE_SIZE_LIMIT = 256
"""Characters of a namespace's name, which is a part of the name of every element in it."""
PROLOG_LIMIT = 64 * 1024
"""Bytes before the end of the root's start tag; a document type is looked for in them."""

_SLICE = 64 * 1024
"""Bytes that are parsed between two looks at what has ended."""


def parse(  # noqa: PLR0913 - each one is a thing that a caller decides
    data: bytes,
    where: str,
    budget: Budget | None = None,
    *,
    tag: str = "",
    comments: bool = False,
    take: "Callable[[etree._Element], None]" = lambda _element: None,
) -> "etree._Element":
    """Return the root element of a document without its processing instructions.

    Args:
        data: the document; UTF-8 unless it says otherwise.
        where: what the document is, for messages.
        budget: that of the file which the document is in; a file of its own if None.
        comments: whether comments stay in the tree, where they cut the text of an element.
        tag: elements that are handed to `take` while the rest is still to be parsed; none if empty.
        take: gets each of them with all that is in it; it may remove siblings before it.

    Raises:
        FormatError: it is too large, not well-formed, declares a document type, or passes another
            limit of this module.
        LimitError: it has more tags and attributes than the budget allows.
    """
    from lxml import etree  # noqa: PLC0415 - builds ask for the limits alone

    if len(data) > SIZE_LIMIT:
        raise FormatError(f"{len(data)} bytes of XML, more than {SIZE_LIMIT}", where=where)
    allowed = budget or Budget(where, len(data))
    allowed.spend(Work.MARKUP, data.count(b"<") + data.count(b"="))
    _check_prolog(data, where)
    parser = etree.XMLPullParser(
        events=("start-ns", "end") if tag else ("start-ns",),
        tag=tag or None,
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
        remove_comments=not comments,
        remove_pis=True,
    )
    namespaces = _Namespaces(where)
    try:
        for start in range(0, len(data), _SLICE):
            parser.feed(data[start : start + _SLICE])
            for _event, found in parser.read_events():
                if isinstance(found, etree._Element):  # noqa: SLF001 - the stubs name no other
                    take(found)
                elif found is not None:
                    namespaces.add(str(found[1]))
        root = parser.close()
    except etree.XMLSyntaxError as error:
        line, _column = error.position
        raise FormatError(
            f"not well-formed XML: {error.msg}", where=f"{where}:{line}" if line else where
        ) from error
    if root.xpath(f"boolean(//*[count(@*) > {ATTRIBUTE_LIMIT}])"):
        raise FormatError(f"an element with more than {ATTRIBUTE_LIMIT} attributes", where=where)
    return root


class _Namespaces:
    """Counts the declarations of namespaces while a document is parsed."""

    def __init__(self, where: str) -> None:
        self._where = where
        self._count = 0

    def add(self, name: str) -> None:
        self._count += 1
        if self._count > NAMESPACE_LIMIT:
            raise FormatError(f"more than {NAMESPACE_LIMIT} namespaces", where=self._where)
        if len(name) > NAMESPACE_SIZE_LIMIT:
            what = f"a namespace of more than {NAMESPACE_SIZE_LIMIT} characters"
            raise FormatError(what, where=self._where)


def _check_prolog(data: bytes, where: str) -> None:
    """Refuse a document type before libxml2 sees it: its declarations alone can take minutes.

    Expat reads the first bytes, up to the root's start tag. It knows the encodings in which ASCII
    is ASCII, and UTF-16, so that no document says `<!DOCTYPE` to libxml2 alone.

    Raises:
        FormatError: there is one, or these bytes are not well-formed.
    """
    if not data.removeprefix(b"\xef\xbb\xbf").lstrip().startswith((b"<", b"\xff\xfe", b"\xfe\xff")):
        raise FormatError("not an XML document", where=where)
    met: list[str] = []
    parser = pyexpat.ParserCreate()
    parser.StartDoctypeDeclHandler = lambda *_: met.append("doctype")
    parser.StartElementHandler = lambda *_: met.append("root")
    try:
        parser.Parse(data[:PROLOG_LIMIT], len(data) <= PROLOG_LIMIT)
    except (pyexpat.ExpatError, ValueError, LookupError) as error:
        if not met:
            line = f"{where}:{parser.ErrorLineNumber}"
            raise FormatError(f"not well-formed XML: {error}", where=line) from error
    if not met:
        raise FormatError(f"no start tag in the first {PROLOG_LIMIT} bytes of XML", where=where)
    if met[0] == "doctype":
        raise FormatError(
            "the XML declares a document type", where=where, remedy="remove the <!DOCTYPE …>"
        )


def as_ascii(xml: str) -> str:
    """Return an element that was read from elsewhere in ASCII, its texts as character references.

    Raises:
        FormatError: an element or attribute has a name that is not ASCII, for which there is none.
    """
    from lxml import etree  # noqa: PLC0415 - the same

    for element in etree.fromstring(xml).iter():
        for name in (str(element.tag), *map(str, element.attrib)):
            if not name.isascii():
                raise FormatError(
                    f"the XML name {name!a:.80} is not ASCII, as what is written has to be",
                    remedy="give the element or attribute another name, or leave it out",
                )
    return xml.encode("ascii", "xmlcharrefreplace").decode("ascii")
