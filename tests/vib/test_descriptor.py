import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from vibforge.errors import FormatError
from vibforge.formats.xml_writing import is_xml_text
from vibforge.vib.descriptor import (
    Checksum,
    Descriptor,
    HardwarePlatform,
    MaintenanceMode,
    Payload,
    SoftwarePlatform,
    SystemRequires,
    Url,
    serialise,
)
from vibforge.vib.descriptor_reading import parse
from vibforge.vib.relationships import Constraint, Provide, Relationships

texts = st.text(max_size=20).filter(is_xml_text).map(str.strip)
words = texts.filter(bool)
booleans = st.none() | st.booleans()
numbers = st.none() | st.integers(0, 2**40)
constraints = st.lists(
    st.builds(Constraint, name=words, relation=words, version=words), max_size=2
).map(tuple)
descriptors = st.builds(
    Descriptor,
    type=st.none() | words,
    name=texts,
    version=texts,
    vendor=texts,
    summary=texts,
    description=texts,
    release_date=st.none() | texts,
    urls=st.lists(st.builds(Url, key=words, link=texts), max_size=2).map(tuple),
    relationships=st.builds(
        Relationships,
        depends=constraints,
        conflicts=constraints,
        replaces=constraints,
        provides=st.lists(st.builds(Provide, name=words, version=words), max_size=2).map(tuple),
        compatible_with=constraints,
    ),
    software_tags=st.lists(texts, max_size=2).map(tuple),
    system_requires=st.builds(
        SystemRequires,
        maintenance_mode=st.none()
        | st.builds(MaintenanceMode, on_install=st.booleans(), on_remove=st.booleans()),
        hardware_platforms=st.lists(
            st.builds(HardwarePlatform, vendor=words, model=texts), max_size=2
        ).map(tuple),
        software_platforms=st.lists(
            st.builds(SoftwarePlatform, version=texts, locale=texts, product_line_id=texts),
            max_size=2,
        ).map(tuple),
    ),
    file_list=st.lists(texts, max_size=3).map(tuple),
    acceptance_level=st.none() | texts,
    live_install_allowed=booleans,
    live_remove_allowed=booleans,
    cimom_restart=booleans,
    stateless_ready=booleans,
    overlay=booleans,
    payloads=st.lists(
        st.builds(
            Payload,
            name=texts,
            type=texts,
            size=numbers,
            uncompressed_size=numbers,
            boot_order=numbers,
            vfat_name=texts,
            checksums=st.lists(
                st.builds(
                    Checksum,
                    checksum_type=words,
                    digest=st.text("0123456789abcdef", max_size=8),
                    verify_process=texts,
                ),
                max_size=3,
            ).map(tuple),
        ),
        max_size=2,
    ).map(tuple),
)


FULL = Descriptor(
    type="locker",
    name="x",
    version="1.0-1",
    vendor="ACME",
    summary="a & b",
    description="one\ntwo <three>",
    release_date="2024-05-01T12:00:00+00:00",
    urls=(Url(key="home", link="https://example.com/?a&b"),),
    relationships=Relationships(
        depends=(Constraint(name="a", relation=">=", version="1.0"), Constraint(name="b")),
        conflicts=(Constraint(name="c"),),
        replaces=(Constraint(name="d", relation="<<", version="2-1"),),
        provides=(Provide(name="e", version="1.0"), Provide(name="f")),
        compatible_with=(Constraint(name="g"),),
    ),
    software_tags=("driver", "module"),
    system_requires=SystemRequires(
        maintenance_mode=MaintenanceMode(on_install=True),
        hardware_platforms=(
            HardwarePlatform(vendor="Dell Inc.", model="R750"),
            HardwarePlatform(vendor="HPE", model=""),
        ),
        software_platforms=(
            SoftwarePlatform(version="8.0", locale="en", product_line_id="embeddedEsx"),
        ),
    ),
    file_list=("etc/a", "opt/b"),
    acceptance_level="partner",
    live_install_allowed=True,
    live_remove_allowed=False,
    cimom_restart=True,
    stateless_ready=False,
    overlay=True,
    payloads=(
        Payload(
            name="one",
            type="vgz",
            size=10,
            uncompressed_size=20,
            boot_order=3,
            vfat_name="one.v00",
            checksums=(
                Checksum(checksum_type="sha-256", digest="ab", verify_process="gunzip"),
                Checksum(checksum_type="sha-1", digest="cd"),
            ),
        ),
        Payload(name="two", type="tgz"),
    ),
)


def test_a_descriptor_of_everything_is_written_as_ever(golden: Callable[[str, str], None]) -> None:
    data = serialise(FULL)
    assert parse(data) == FULL
    golden("descriptor-of-everything.xml", data.decode("ascii").replace("><", ">\n<") + "\n")


@pytest.mark.parametrize(
    ("modes", "written"),
    [
        ((True, True), b"<maintenance-mode>true</maintenance-mode>"),
        ((False, False), b"<maintenance-mode>false</maintenance-mode>"),
    ],
)
def test_one_mode_for_both_ends_is_written_short(modes: tuple[bool, bool], written: bytes) -> None:
    mode = MaintenanceMode(on_install=modes[0], on_remove=modes[1])
    said = replace(FULL, system_requires=SystemRequires(maintenance_mode=mode))
    assert written in serialise(said)
    assert parse(serialise(said)) == said


@pytest.mark.long
@pytest.mark.slow
@given(descriptors)
def test_a_written_descriptor_is_read_as_the_same(descriptor: Descriptor) -> None:
    data = serialise(descriptor)
    assert data.isascii()
    assert b"\n" not in data
    assert parse(data) == descriptor


def test_xmllint_takes_it(tool: Callable[[str], str]) -> None:
    data = serialise(Descriptor(name="ü<&>", version="1-1", vendor="v", summary='"\r\n'))
    subprocess.run([tool("xmllint"), "--noout", "-"], input=data, check=True)


BYTE_EQUAL = {
    "JakDaniels-ghettoVCB.vib",
    "titom73-VMW_bootbank_ne1000_0.8.4-3vmw.670.3.99.32543355.vib",
    "money114-INT_bootbank_nvmupdaten64e_1.43.28.0-1OEM.800.1.0.20613240.vib",
    "itiligent-VMW_bootbank_vmkusb-nic-fling_2.1-6vmw.670.2.48.39203948.vib",
}
"""Files of the old tool and of the vendor whose descriptors our writer gives back to the byte."""


def test_the_form_is_the_vendors(corpus: Path, tool: Callable[[str], str]) -> None:
    for name in BYTE_EQUAL:
        command = [tool("ar"), "p", str(corpus / "vibs" / name), "descriptor.xml"]
        data = subprocess.run(command, capture_output=True, check=True).stdout
        assert serialise(parse(data)) == data, name


def test_unknown_parts_are_kept() -> None:
    data = (
        b'<vib version="5.0"><name>x</name><packed-size>12</packed-size><payloads>'
        b'<payload name="p" type="vzstd" compression-option="level=18"/></payloads></vib>'
    )
    descriptor = parse(data)
    assert descriptor.unknown == ("<packed-size>12</packed-size>",)
    assert descriptor.payloads[0].other_attributes == (("compression-option", "level=18"),)
    assert parse(serialise(descriptor)).unknown == descriptor.unknown


def test_what_cannot_be_read_is_told_with_its_line() -> None:
    data = (
        b"<vib>\n<overlay>perhaps</overlay>\n<payloads>\n"
        b'<payload name="p" type="tgz" size="1e3"/>\n</payloads></vib>'
    )
    assert [str(fault) for fault in parse(data).faults] == [
        "descriptor.xml:2: <overlay> is 'perhaps', neither true nor false",
        "descriptor.xml:4: size='1e3' of <payload> is not a number",
    ]


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"", "not an XML document"),
        (b"<vib>", "not well-formed"),
        (b"<vibs/>", "not <vib>"),
        (b'<!DOCTYPE vib [<!ENTITY a "b">]><vib><name>&a;</name></vib>', "document type"),
        (b'<!DOCTYPE vib SYSTEM "file:///etc/passwd"><vib/>', "document type"),
        (b"\xff\xfe\x00", "not well-formed"),
    ],
)
def test_what_is_no_descriptor_is_refused(data: bytes, problem: str) -> None:
    with pytest.raises(FormatError, match=problem):
        parse(data)


def test_unknown_elements_are_written_in_ascii_or_not_at_all() -> None:
    known = parse('<vib version="5.0"><new a="\u00df">\u00df</new></vib>'.encode())
    assert b'<new a="&#223;">&#223;</new>' in serialise(known)
    odd = parse("<vib version='5.0'><\u00df/></vib>".encode())
    with pytest.raises(FormatError, match="is not ASCII"):
        serialise(odd)
