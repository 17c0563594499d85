"""Small decisions of the checks: in each, a change of the code once got past the tests."""

import pytest
from msgspec.structs import replace

from tests.packages.generated import VIBS, File
from tests.releases import ESXI_67, ESXI_70, ESXI_80, ESXI_90
from tests.vibs import archive
from vibforge.checks.files import bad_firewall_rules
from vibforge.checks.payloads import uncovered_payload
from vibforge.checks.reader import refused_file, unreadable_text
from vibforge.checks.signature import broken_signature
from vibforge.checks.vib_checks import doubts, obstacles, sure_obstacles
from vibforge.esxi.release import Release
from vibforge.files.inputs import BytesSource
from vibforge.vib.archive import Vib
from vibforge.vib.scan import VibScan


def scan(name: str) -> VibScan:
    return VibScan(Vib.from_bytes(VIBS[name].to_bytes(), name), name)


def test_an_edited_descriptor_is_told_of_the_signature() -> None:
    good = scan("driver-of-7")
    assert list(broken_signature.faults(good)) == []
    edited = replace(good.vib, descriptor_bytes=good.vib.descriptor_bytes + b" ")
    assert [fault.where for fault in broken_signature.faults(VibScan(edited, "x"))] == ["sig.pkcs7"]


@pytest.mark.parametrize(
    ("name", "release", "count"),
    [
        ("script-of-5", ESXI_80, 1),
        ("script-of-5", ESXI_67, 0),
        ("driver-of-6", ESXI_67, 0),
        ("driver-of-7", ESXI_70, 2),
        ("driver-of-9-zstd", ESXI_90, 0),
        ("agent-community", ESXI_67, 0),
    ],
)
def test_what_keeps_a_release_from_using_a_vib(name: str, release: Release, count: int) -> None:
    found = list(obstacles(scan(name), release))
    assert len(found) == count
    assert all(fault in found for fault in sure_obstacles(scan(name), release))


def test_what_may_keep_it_is_a_doubt() -> None:
    unknown = Release(7, 0, 1)
    assert len(list(doubts(scan("driver-of-7"), unknown))) == 2
    assert list(obstacles(scan("driver-of-7"), unknown)) == []
    assert list(doubts(scan("driver-of-7"), ESXI_67)) == []


def test_why_a_descriptor_is_no_text_is_in_the_hosts_message() -> None:
    fault = unreadable_text(b"<vib>\xff</vib>")
    assert fault is not None
    assert fault.form is not None
    assert "0xff" in str(fault.values) + fault.what
    assert unreadable_text(b"<vib/>") is None


def test_the_second_member_is_named_where_it_is_another() -> None:
    data = archive([("descriptor.xml", b"<vib/>"), ("other", b"x")])
    fault = refused_file(BytesSource.from_bytes(data, "x.vib"))
    assert fault is not None
    assert "other" in fault.what


def test_rules_of_the_firewall_are_looked_for_in_its_folder_alone() -> None:
    shape = VIBS["firewall-rule"]
    ((path, file),) = shape.parts[0].files.items()
    bad = File(file.content.replace(b"4711", b"65536"))
    for place, count in ((path, 1), ("opt/acme/acme.xml", 0)):
        moved = replace(shape, parts=(replace(shape.parts[0], files={place: bad}),))
        found = VibScan(Vib.from_bytes(moved.to_bytes(), "x.vib"), "x.vib")
        assert len(list(bad_firewall_rules.faults(found))) == count


def test_weak_digests_are_named() -> None:
    shape = VIBS["agent-community"]
    weak = replace(shape, parts=(replace(shape.parts[0], digests="weak"),))
    found = VibScan(Vib.from_bytes(weak.to_bytes(), "x.vib"), "x.vib")
    (fault,) = uncovered_payload.faults(found)
    assert fault.what.endswith(", only sha-256 gunzip, sha-1")
