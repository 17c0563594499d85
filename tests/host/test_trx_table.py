"""The outcomes that were tried on a 6.7 installer with an unsigned VIB of etc/vmware/trx.conf."""

import pytest
from msgspec.structs import replace

from tests.host.packages import package
from tests.releases import ESXI_67
from vibforge.esxi.acceptance import AcceptanceLevel
from vibforge.esxi.release import Certainty
from vibforge.host.command import Command, Flags
from vibforge.host.host import stock_host
from vibforge.host.install.installer import predict

INSTALLED = "Operation finished successfully."

ROWS = [
    ("community", "community", "", False, "VibValidationError"),
    ("community", "partner", "", False, "VibValidationError"),
    *(
        (vib, host, "--force", False, INSTALLED)
        for vib in ("community", "partner")
        for host in ("community", "partner")
    ),
    ("community", "community", "--no-sig-check", False, INSTALLED),
    ("community", "partner", "--no-sig-check", False, "AcceptanceConfigError"),
    ("partner", "community", "", False, "VibValidationError"),
    ("partner", "partner", "", False, "VibValidationError"),
    ("partner", "community", "--no-sig-check", False, INSTALLED),
    ("partner", "partner", "--no-sig-check", False, INSTALLED),
    *(
        ("accepted", host, "", False, "does not contain a signature")
        for host in ("community", "partner", "accepted")
    ),
    *(
        ("accepted", host, flag, False, INSTALLED)
        for host in ("community", "partner")
        for flag in ("--force", "--no-sig-check")
    ),
    ("community", "partner", "--force", True, "AcceptanceConfigError"),
    ("partner", "partner", "--force", True, "does not contain a signature"),
    ("accepted", "partner", "--force", True, "does not contain a signature"),
    ("certified", "partner", "--force", True, "does not contain a signature"),
]


@pytest.mark.parametrize(("vib", "host", "flags", "secure_boot", "says"), ROWS)
def test_tried_table(vib: str, host: str, flags: str, secure_boot: bool, says: str) -> None:  # noqa: FBT001 - a column
    there = replace(
        stock_host(ESXI_67),
        acceptance_level=AcceptanceLevel.parse(host),
        secure_boot=secure_boot,
    )
    trx = package(level=vib, files=("etc/vmware/trx.conf",))
    (branch,) = predict(Command(host=there, packages=(trx,), flags=Flags.parse(flags)))
    assert says in branch.result.says
    assert branch.result.certainty is Certainty.MEASURED


def test_the_layout_that_needs_no_flag() -> None:
    host = replace(stock_host(ESXI_67), acceptance_level=AcceptanceLevel.COMMUNITY)
    trx = package(files=("opt/trx-conf/trx.conf", "etc/init.d/trx-conf"))
    (branch,) = predict(Command(host=host, packages=(trx,)))
    assert branch.result.says == INSTALLED
