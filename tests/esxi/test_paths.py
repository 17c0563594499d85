import pytest

from vibforge.esxi.acceptance import AcceptanceLevel
from vibforge.esxi.paths import paths_outside

COMMUNITY, PARTNER = AcceptanceLevel.COMMUNITY, AcceptanceLevel.PARTNER


@pytest.mark.parametrize(
    ("path", "community", "partner"),
    [
        ("opt/acme/x", True, True),
        ("opt/", False, False),
        ("opt", False, False),
        ("/opt/x", False, False),
        ("./opt/x", False, False),
        ("opt/../bin/x", True, True),
        ("opt//x", True, True),
        ("opt/with space", True, True),
        ("etc/vmware/driverXmap.d/x", True, True),
        ("etc/init.d/x", True, True),
        ("etc/rc.local.d/x", False, True),
        ("etc/vmware/oem.xml", False, True),
        ("etc/vmware/oem.xml/x", False, False),
        ("etc/vmware/trx.conf", False, False),
        ("etc/ghettovcb/x", False, False),
        ("bin/x", False, False),
        ("usr/lib/vmware/vmkmod/x", True, True),
        ("usr/lib/hostprofiles/plugins/x", True, True),
        ("usr/lib/hostprofiles/x", False, False),
        ("usr/share/hwdata/oem.pciids.d/x", True, True),
    ],
)
def test_paths_as_tried_on_a_host(path: str, community: bool, partner: bool) -> None:  # noqa: FBT001
    assert (paths_outside(COMMUNITY, [path]) == ()) is community
    assert (paths_outside(PARTNER, [path]) == ()) is partner


@pytest.mark.parametrize("level", [AcceptanceLevel.ACCEPTED, AcceptanceLevel.CERTIFIED])
def test_the_two_highest_levels_have_no_list(level: AcceptanceLevel) -> None:
    assert paths_outside(level, ["bin/x"]) == ()
