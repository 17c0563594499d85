"""Write XML in the form of VMware's descriptors: one line, ASCII, no declaration.

ESXi 6.5 and 6.7 refuse a descriptor whose declaration names an encoding (format.md#encoding).
Characters outside ASCII become character references.
"""

from collections.abc import Iterable, Mapping

_TEXT = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", "\n": "&#10;", "\r": "&#13;"})
_ATTRIBUTE = str.maketrans(
    {
        "&": "&amp;",
        "<": "&lt;",
        ">": "&gt;",
        '"': "&quot;",
        "\n": "&#10;",
        "\r": "&#13;",
        "\t": "&#9;",
    }
)


def element(tag: str, content: str = "", attributes: Mapping[str, str] | None = None) -> str:
    """Return an element; `content` is XML (see `text`), and if empty the result is `<tag/>`."""
    head = tag
    for name, value in (attributes or {}).items():
        head += f' {name}="{_ascii(value.translate(_ATTRIBUTE))}"'
    return f"<{head}>{content}</{tag}>" if content else f"<{head}/>"


def leaf(tag: str, value: str) -> str:
    """Return an element with a text; if it is empty, `<tag></tag>`."""
    return f"<{tag}>{text(value)}</{tag}>"


def branch(tag: str, children: Iterable[str], attributes: Mapping[str, str] | None = None) -> str:
    """Return an element with each child on its own line, indented by two blanks."""
    lines = [f"  {line}" for child in children for line in child.split("\n")]
    body = "\n".join(["", *lines, ""]) if lines else ""
    return element(tag, body, attributes)


def text(value: str) -> str:
    """Return character data for `value`."""
    return _ascii(value.translate(_TEXT))


def _ascii(value: str) -> str:
    return value.encode("ascii", "xmlcharrefreplace").decode("ascii")


def is_xml_text(value: str) -> bool:
    """Whether XML 1.0 allows every character of `value`."""
    return all(
        char in "\t\n\r"
        or "\x20" <= char <= "\ud7ff"
        or "\ue000" <= char <= "\ufffd"
        or char > "\uffff"
        for char in value
    )
