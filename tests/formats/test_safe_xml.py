import pytest

from vibforge.errors import FormatError
from vibforge.formats import safe_xml
from vibforge.formats.safe_xml import parse


@pytest.mark.parametrize(
    "data",
    [
        b"<a/>",
        b" \n<a/>",
        b"\xef\xbb\xbf<a/>",
        "\ufeff<a/>".encode("utf-16-le"),
        "\ufeff<a/>".encode("utf-16-be"),
    ],
)
def test_xml_is_read_in_what_it_may_be_written_in(data: bytes) -> None:
    assert parse(data, "x").tag == "a"


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b"", "not an XML document"),
        (b"{}", "not an XML document"),
        (b"<a>\n<b></a>", "not well-formed XML: "),
        (b'<!DOCTYPE a [<!ENTITY e "x">]><a>&e;</a>', "document type"),
        (b"<!DOCTYPE a><a/>", "document type"),
    ],
)
def test_what_is_none_is_refused(data: bytes, what: str) -> None:
    with pytest.raises(FormatError) as caught:
        parse(data, "x")
    assert what in caught.value.problems[0].what


def test_the_line_of_a_fault_is_told() -> None:
    with pytest.raises(FormatError) as caught:
        parse(b"<a>\n<b></a>", "x.xml")
    assert caught.value.problems[0].where == "x.xml:2"


def test_a_document_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(safe_xml, "SIZE_LIMIT", 10)
    assert parse(b"<a>123</a>", "x").text == "123"
    with pytest.raises(FormatError, match="11 bytes of XML, more than 10"):
        parse(b"<a>1234</a>", "x")
