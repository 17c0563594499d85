"""What real descriptors vary in, and what generators get wrong: kept, shown, never guessed."""

import json
from collections.abc import Callable

import pytest
from msgspec import to_builtins

from tests import vibs
from tests.budgets import limit
from vibforge.errors import FormatError, LimitError
from vibforge.formats import xml_reading
from vibforge.formats.budget import Work
from vibforge.report.documents.inspect import DescriptorFacts
from vibforge.vib.descriptor_reading import parse

GOOD = vibs.descriptor().decode()


def replaced(old: str, new: str) -> bytes:
    assert old in GOOD
    return GOOD.replace(old, new).encode()


@pytest.mark.parametrize(
    "date",
    [
        "2015-11-07T12:17:15.851716+00:00",
        "2022-09-21T16:04:06+00:00",
        "2025-06-10T00:00:00.000001",
        "2024-05-01T12:00:00",
        "2024-05-01 12:00:00",
        "2024-05-01T12:00:00+08:00",
        "2024-05-01T12:00:00Z",
        "24/05/01",
        "",
    ],
)
def test_a_release_date_stays_as_it_is_written(date: str) -> None:
    found = parse(replaced("2024-05-01T12:00:00+00:00", date))
    assert found.release_date == date
    assert found.faults == ()
    assert DescriptorFacts.of(found).release_date == date


LAYOUTS: dict[str, Callable[[str], bytes]] = {
    "a byte order mark": lambda text: b"\xef\xbb\xbf" + text.encode(),
    "a declaration": lambda text: b'<?xml version="1.0"?>' + text.encode(),
    "an encoding": lambda text: b'<?xml version="1.0" encoding="utf-8"?>\n' + text.encode(),
    "line ends of Windows": lambda text: text.replace("><", ">\r\n<").encode(),
    "lines": lambda text: text.replace("><", ">\n  <").encode(),
    "comments": lambda text: text.replace("<name>", "<!-- the name --><name>").encode(),
    "blanks in front": lambda text: b"\n  " + text.encode(),
    "blanks around words": lambda text: text.replace("bootbank", "\n bootbank ").encode(),
    "another root version": lambda text: text.replace('"5.0"', '"8.0"').encode(),
    "no root version": lambda text: text.replace(' version="5.0"', "").encode(),
    "UTF-16": lambda text: text.encode("utf-16"),
}


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
def test_layouts_mean_the_same(layout: Callable[[str], bytes]) -> None:
    found, plain = parse(layout(GOOD)), parse(GOOD.encode())
    assert DescriptorFacts.of(found) == DescriptorFacts.of(plain)


@pytest.mark.parametrize(
    ("text", "value"),
    [("TRUE", True), (" 1 ", True), ("0", False), ("False", False), ("", None)],
)
def test_booleans_are_read_as_a_host_reads_them(text: str, *, value: bool | None) -> None:
    found = parse(replaced("<overlay>false", f"<overlay>{text}"))
    assert found.overlay is value
    assert found.faults == ()


def test_missing_parts_are_none_or_empty() -> None:
    found = parse(b"<vib/>")
    assert found.name == ""
    assert found.type is None
    assert found.release_date is None
    assert found.payloads == ()
    assert found.system_requires.maintenance_mode is None


MALFORMED = {
    "a url without a key": ("<urls/>", "<urls><url>https://a</url></urls>", "https://a"),
    "provides of another form": (
        "<provides/>",
        "<provides><name>x-y</name></provides>",
        "x-y",
    ),
    "requires": ("<depends/>", "<depends/><requires>x-y</requires>", "requires"),
    "a misspelt element": (
        "<cimom-restart>false</cimom-restart>",
        "<cimon-restart>true</cimon-restart>",
        "cimon-restart",
    ),
    "an unknown attribute": ("<vib ", '<vib colour="x-y" ', "x-y"),
    "packed-size": ("<software-tags/>", "<software-tags/><packed-size>7</packed-size>", "packed"),
    "a slash in the file list": ("<file>etc/", "<file>/etc/", "/etc/"),
    "another acceptance level": (">community<", ">VMwareAccepted<", "VMwareAccepted"),
    "an empty tag": ("<software-tags/>", "<software-tags><tag/></software-tags>", '[""]'),
    "two names": ("<name>acme</name>", "<name>acme</name><name>x-y</name>", '["name"]'),
    "a namespace in part": ("<overlay>", '<overlay xmlns="urn:x-y">', "urn:x-y"),
}


@pytest.mark.parametrize(("old", "new", "kept"), MALFORMED.values(), ids=MALFORMED)
def test_what_generators_get_wrong_is_kept_and_shown(old: str, new: str, kept: str) -> None:
    found = parse(replaced(old, new))
    assert found.name == "acme"
    assert kept in json.dumps(to_builtins(DescriptorFacts.of(found)))


def test_an_unknown_payload_with_unknown_digests_is_kept() -> None:
    element = (
        '<payload name="p" type="v00-lzma" boot-order="7" vfat-name="p.v00" new="x">'
        '<checksum checksum-type="sha-1">AB</checksum>'
        '<checksum checksum-type="blake3" verify-process="unzip">cd</checksum></payload>'
    )
    (found,) = parse(vibs.descriptor(element)).payloads
    assert (found.type, found.boot_order, found.vfat_name) == ("v00-lzma", 7, "p.v00")
    assert found.other_attributes == (("new", "x"),)
    assert [(each.checksum_type, each.verify_process) for each in found.checksums] == [
        ("sha-1", ""),
        ("blake3", "unzip"),
    ]


@pytest.mark.parametrize("number", ["9" * 5000, "-1", "1e3", "0x10", "", "\u0661"])
def test_numbers_that_lie_are_told(number: str) -> None:
    found = parse(vibs.descriptor(f'<payload name="p" type="vgz" size="{number}"/>'))
    assert found.payloads[0].size is None
    assert len(found.faults) == 1


@pytest.mark.parametrize(
    "document",
    [
        '<!DOCTYPE vib [<!ENTITY a "b">]>',
        '<!DOCTYPE vib [<!ENTITY a SYSTEM "file:///etc/passwd">]>',
        '<!DOCTYPE vib SYSTEM "http://127.0.0.1:9/a.dtd">',
        '<!DOCTYPE vib [<!ENTITY % a SYSTEM "file:///etc/passwd"> %a;]>',
    ],
)
def test_document_types_and_entities_are_refused(document: str) -> None:
    with pytest.raises(FormatError):
        parse((document + GOOD).encode())


def test_a_billion_laughs_are_refused() -> None:
    lines = "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 10))
    document = f'<!DOCTYPE vib [<!ENTITY a0 "ha">{lines}]><vib><name>&a9;</name></vib>'
    with pytest.raises(FormatError):
        parse(document.encode())


def test_depth_size_and_number_of_tags_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(FormatError, match="not well-formed"):
        parse(b"<vib>" + b"<a>" * 400 + b"</a>" * 400 + b"</vib>")
    limit(monkeypatch, Work.MARKUP, 10)
    with pytest.raises(LimitError, match="more than 10 tags"):
        parse(GOOD.encode())
    monkeypatch.undo()
    monkeypatch.setattr(xml_reading, "SIZE_LIMIT", 10)
    with pytest.raises(FormatError, match="the limit is 10"):
        parse(GOOD.encode())


def test_every_cut_is_refused() -> None:
    data = GOOD.encode()
    for end in range(len(data)):
        with pytest.raises(FormatError):
            parse(data[:end])


def test_what_an_element_does_not_say_is_empty() -> None:
    found = parse(
        b"<vib><name>x</name><urls><url>a</url></urls>"
        b"<relationships><provides><provide/></provides>"
        b"<depends><constraint/></depends></relationships>"
        b"<payloads><payload/></payloads></vib>"
    )
    assert [(url.key, url.link) for url in found.urls] == [("", "a")]
    assert [(one.name, one.version) for one in found.relationships.provides] == [("", "")]
    (depends,) = found.relationships.depends
    assert (depends.name, depends.relation, depends.version) == ("", "", "")
    (payload,) = found.payloads
    assert (payload.name, payload.type, payload.size) == ("", "", None)


@pytest.mark.parametrize(
    ("element", "modes"),
    [
        ("<maintenance-mode/>", (True, True)),
        ("<maintenance-mode>false</maintenance-mode>", (False, False)),
        ('<maintenance-mode on-install="false"/>', (False, True)),
        ('<maintenance-mode on-remove="true">false</maintenance-mode>', (True, True)),
    ],
)
def test_maintenance_mode_is_needed_unless_it_is_said(
    element: str, modes: tuple[bool, bool]
) -> None:
    found = parse(f"<vib><system-requires>{element}</system-requires></vib>".encode())
    mode = found.system_requires.maintenance_mode
    assert mode is not None
    assert (mode.on_install, mode.on_remove) == modes


@pytest.mark.parametrize(("digits", "read"), [(20, True), (21, False)])
def test_a_number_has_as_many_digits_as_64_bits(digits: int, read: bool) -> None:  # noqa: FBT001 - the expectation
    found = parse(f'<vib><payloads><payload size="{"1" * digits}"/></payloads></vib>'.encode())
    assert (found.payloads[0].size is not None) is read
    assert bool(found.faults) is not read


def test_what_stands_within_a_known_element_is_kept_with_its_path() -> None:
    found = parse(
        b"<vib><payloads><payload name='p'><checksum new='1'>0</checksum><odd>x</odd></payload>"
        b"</payloads></vib>"
    )
    assert [(part.path, part.text) for part in found.unknown_parts] == [
        ("payloads/payload/checksum/@new", "1"),
        ("payloads/payload/odd", "<odd>x</odd>"),
    ]
