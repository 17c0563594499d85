from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from vibforge.formats.xml_writing import branch, element, is_xml_text, text

xml_texts = st.text().filter(is_xml_text)


@given(xml_texts, xml_texts)
def test_what_is_written_is_read_back(content: str, value: str) -> None:
    written = element("a", text(content), {"b": value})
    assert written.isascii()
    root = etree.fromstring(written.encode("ascii"))
    assert (root.text or "") == content
    assert root.get("b") == value


def test_an_empty_element_is_short() -> None:
    assert element("urls") == "<urls/>"


def test_what_xml_cannot_carry_is_known(raises_on: Callable[[str], bool]) -> None:
    for code in [*range(0x20), 0xD800, 0xFFFE, 0xFFFF, 0x7F, 0x85, 0x10FFFF]:
        assert is_xml_text(chr(code)) != raises_on(chr(code)), hex(code)


def test_a_branch_has_each_child_on_a_line() -> None:
    inner = branch("b", ["<c/>", "<d/>"], {"x": "1"})
    assert inner == '<b x="1">\n  <c/>\n  <d/>\n</b>'
    assert branch("a", [inner]) == '<a>\n  <b x="1">\n    <c/>\n    <d/>\n  </b>\n</a>'
    assert branch("a", [], {"x": "1"}) == '<a x="1"/>'
