"""Parse untrusted XML with lxml: no document type, entities or network access, bounded work."""

import pyexpat
from typing import TYPE_CHECKING, Any

from vibforge.errors import FormatError
from vibforge.formats.budget import Budget, Work

if TYPE_CHECKING:
    from collections.abc import Callable

    from lxml import etree

SIZE_LIMIT = 64 * 1024 * 1024
"""Bytes of a descriptor; 200,000 files with paths of 200 bytes stay well below."""
ATTRIBUTE_LIMIT = 64
"""Attributes of one element; the time to list them grows with their square."""
NAMESPACE_LIMIT = 16
"""Namespace declarations in one document; each is repeated with every part that is kept."""
NAMESPACE_SIZE_LIMIT = 256
"""Characters of a namespace's name, which lxml repeats in the name of every element."""
PROLOG_LIMIT = 64 * 1024
"""Bytes up to the end of the root's start tag, which are searched for a document type."""

_SLICE = 64 * 1024
"""Bytes that are parsed before the finished elements are handed over."""


def parse(  # noqa: PLR0913 - the caller decides each of them
    data: bytes,
    where: str,
    budget: Budget | None = None,
    *,
    tag: str = "",
    comments: bool = False,
    take: "Callable[[etree._Element], None]" = lambda _element: None,
) -> "etree._Element":
    """Return the root element of a document, without processing instructions.

    Args:
        data: the document; UTF-8 unless it declares another encoding.
        where: the document's name in messages.
        budget: the budget of the file that contains the document; None if it is a file itself.
        comments: whether to keep comments, which split the text of an element.
        tag: the tag of elements that are passed to `take` during parsing; empty for none.
        take: called with each such element and its content; may remove earlier siblings.

    Raises:
        FormatError: the document is too large, not well-formed, declares a document type, or
            exceeds another limit of this module.
        LimitError: the document has more tags and attributes than the budget allows.
    """
    from lxml import etree  # noqa: PLC0415 - builds use only the limits

    if len(data) > SIZE_LIMIT:
        raise FormatError(f"the XML has {len(data)} bytes; the limit is {SIZE_LIMIT}", where=where)
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
            for _event, item in parser.read_events():
                if isinstance(item, etree._Element):  # noqa: SLF001 - the stubs name no other
                    take(item)
                elif item is not None:
                    namespaces.add(str(item[1]))
        root = parser.close()
    except etree.XMLSyntaxError as error:
        line, _column = error.position
        raise FormatError(
            f"not well-formed XML: {error.msg}", where=f"{where}:{line}" if line else where
        ) from error
    if root.xpath(f"boolean(//*[count(@*) > {ATTRIBUTE_LIMIT}])"):
        raise FormatError(f"an element with more than {ATTRIBUTE_LIMIT} attributes", where=where)
    return root


def line_of(element: "etree._Element") -> int:
    """Return the line of an element's start tag, counted from 1."""
    line: Any = element.sourceline  # the stubs name no type
    return int(line or 1)


class _Namespaces:
    """Counts the namespace declarations while a document is parsed."""

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

    Expat reads the first bytes, up to the root's start tag. It supports every encoding in which
    libxml2 could see a `<!DOCTYPE`: UTF-16, and those that extend ASCII.

    Raises:
        FormatError: there is a document type, or these bytes are not well-formed.
    """
    if not data.removeprefix(b"\xef\xbb\xbf").lstrip().startswith((b"<", b"\xff\xfe", b"\xfe\xff")):
        raise FormatError("not an XML document", where=where)
    events: list[str] = []
    parser = pyexpat.ParserCreate()
    parser.StartDoctypeDeclHandler = lambda *_: events.append("doctype")
    parser.StartElementHandler = lambda *_: events.append("root")
    try:
        parser.Parse(data[:PROLOG_LIMIT], len(data) <= PROLOG_LIMIT)
    except (pyexpat.ExpatError, ValueError, LookupError) as error:
        if not events:
            line = f"{where}:{parser.ErrorLineNumber}"
            raise FormatError(f"not well-formed XML: {error}", where=line) from error
    if not events:
        raise FormatError(f"no start tag in the first {PROLOG_LIMIT} bytes of XML", where=where)
    if events[0] == "doctype":
        raise FormatError(
            "the XML declares a document type", where=where, remedy="remove the <!DOCTYPE …>"
        )


def as_ascii(xml: str) -> str:
    """Return an element's XML in ASCII, with character references for other characters.

    Raises:
        FormatError: the name of an element or attribute is not ASCII, and has no such reference.
    """
    from lxml import etree  # noqa: PLC0415 - builds use only the limits

    for element in etree.fromstring(xml).iter():
        for name in (str(element.tag), *map(str, element.attrib)):
            if not name.isascii():
                raise FormatError(
                    f"the XML name {name!a:.80} is not ASCII, which a descriptor requires",
                    remedy="give the element or attribute another name, or leave it out",
                )
    return xml.encode("ascii", "xmlcharrefreplace").decode("ascii")
