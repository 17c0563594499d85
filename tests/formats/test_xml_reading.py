import pytest

from tests.budgets import limit, whole_budget
from vibforge.errors import FormatError, LimitError
from vibforge.formats import xml_reading
from vibforge.formats.budget import Work
from vibforge.formats.xml_reading import parse


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
    monkeypatch.setattr(xml_reading, "SIZE_LIMIT", 10)
    assert parse(b"<a>123</a>", "x").text == "123"
    with pytest.raises(FormatError, match="the XML has 11 bytes; the limit is 10"):
        parse(b"<a>1234</a>", "x")


ATTLIST = '<!DOCTYPE a [<!ATTLIST a b CDATA "c">]>'


@pytest.mark.parametrize(
    "data",
    [
        f"{ATTLIST}<a/>".encode(),
        f"<!-- <a/> --><?p <a/>?>{ATTLIST}<a/>".encode(),
        b"\xef\xbb\xbf" + ATTLIST.encode() + b"<a/>",
        f'<?xml version="1.0" encoding="windows-1252"?>{ATTLIST}<a/>'.encode(),
        f"\ufeff{ATTLIST}<a/>".encode("utf-16-le"),
        f"\ufeff{ATTLIST}<a/>".encode("utf-16-be"),
        b"<!DOCTYPE a [" + b"<!ATTLIST a" + b" b CDATA 'c'" * 10_000,
    ],
)
def test_a_document_type_is_refused_before_libxml2_sees_it(
    data: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lxml.etree.XMLPullParser", None)
    with pytest.raises(FormatError, match="document type"):
        parse(data, "x")


@pytest.mark.parametrize("data", [b"<a>&lt;!DOCTYPE a></a>", b"<a><!-- <!DOCTYPE a> --></a>"])
def test_what_only_looks_like_a_document_type_is_read(data: bytes) -> None:
    assert parse(data, "x").tag == "a"


@pytest.mark.parametrize("encoding", ["utf-7", "cp037", "utf-32", "gbk", "unheard-of", "utf-16"])
def test_an_encoding_in_which_a_document_type_could_hide_is_refused(encoding: str) -> None:
    declared = f'<?xml version="1.0" encoding="{encoding}"?>'.encode()
    for body in ("<a/>", f"{ATTLIST}<a/>"):
        told = body.encode("utf-7" if encoding == "utf-7" else "ascii")
        with pytest.raises(FormatError):
            parse(declared + told.replace(b"<", b"+ADw-"), "x")


def test_the_root_begins_early() -> None:
    assert parse(b" " * (xml_reading.PROLOG_LIMIT - 4) + b"<a/>", "x").tag == "a"
    with pytest.raises(FormatError, match="no start tag in the first 65536 bytes"):
        parse(b" " * xml_reading.PROLOG_LIMIT + b"<a/>", "x")


def test_tags_and_attributes_are_counted_before_they_are_parsed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    budget = whole_budget()
    before = budget.left(Work.MARKUP)
    parse(b'<a b="1"><c/></a>', "x", budget)
    assert before - budget.left(Work.MARKUP) == 4
    limit(monkeypatch, Work.MARKUP, 3)
    monkeypatch.setattr("lxml.etree.XMLPullParser", None)
    with pytest.raises(LimitError, match="more than 3 tags and attributes"):
        parse(b'<a b="1"><c/></a>', "x", whole_budget())


def test_namespaces_are_bounded() -> None:
    def declaring(count: int, size: int = 9) -> bytes:
        names = " ".join(f'xmlns:n{number}="{number:0{size}}"' for number in range(count))
        return f"<a {names}/>".encode()

    most = xml_reading.NAMESPACE_LIMIT
    assert parse(declaring(most, xml_reading.NAMESPACE_SIZE_LIMIT), "x").tag == "a"
    with pytest.raises(FormatError, match=f"more than {most} namespaces"):
        parse(declaring(most + 1), "x")
    with pytest.raises(FormatError, match="a namespace of more than 256 characters"):
        parse(declaring(1, xml_reading.NAMESPACE_SIZE_LIMIT + 1), "x")
