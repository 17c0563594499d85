"""Small decisions of the checks: in each, a change of the code once got past the tests."""

import pytest
from msgspec.structs import replace

from tests.packages.generated import VIBS
from tests.releases import ESXI_67, ESXI_70, ESXI_80, ESXI_90
from vibforge.checks.reader import unreadable_text
from vibforge.checks.signature import broken_signature
from vibforge.checks.vib_checks import doubts, obstacles, sure_obstacles
from vibforge.esxi.release import Release
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
