import pytest
from msgspec.structs import replace

from tests.host.packages import PLAIN, UNPACKED_SHA1, package
from tests.releases import ESXI_67, ESXI_80
from vibforge.esxi.acceptance import AcceptanceLevel
from vibforge.esxi.table import STOCK_TARGETS
from vibforge.host.command import Command
from vibforge.host.host import Hardware, Host, stock_host
from vibforge.host.install.installer import predict
from vibforge.host.install_needs import install_needs, outcomes_of, outlook
from vibforge.host.package import Package
from vibforge.host.prediction import BRANCH_LIMIT, Assumptions, UnknownFact, branches
from vibforge.host.remedy import Remedy, remedies
from vibforge.vib.descriptor import HardwarePlatform, SystemRequires
from vibforge.vib.signature import Signature

TRX = ("etc/vmware/trx.conf",)


def keys(remedy: Remedy) -> set[str]:
    return {step.key for step in remedy.steps}


def best(host: Host, offered: Package) -> set[str]:
    return keys(remedies(Command(host=host, packages=(offered,)))[0])


@pytest.mark.parametrize(
    ("host", "offered", "steps"),
    [
        (stock_host(ESXI_67), package(files=TRX), {"--no-sig-check", "level-community"}),
        (stock_host(ESXI_80), package(files=TRX), {"boot-copy", "sign"}),
        (stock_host(ESXI_67), package(level="partner", files=TRX), {"--no-sig-check"}),
        (stock_host(ESXI_80), package(level="partner", files=TRX), {"boot-copy", "sign"}),
        (stock_host(ESXI_67), package(), {"level-community"}),
        (
            replace(stock_host(ESXI_80), acceptance_level=AcceptanceLevel.COMMUNITY),
            package(),
            set[str](),
        ),
        (
            replace(stock_host(ESXI_67), secure_boot=True),
            package(files=TRX),
            {"boot-copy", "sign"},
        ),
        (
            replace(stock_host(ESXI_67), secure_boot=True),
            package(level="accepted"),
            {"sign"},
        ),
        (
            replace(stock_host(ESXI_67), acceptance_level=AcceptanceLevel.COMMUNITY),
            package(maintenance=True),
            {"maintenance"},
        ),
        (
            replace(stock_host(ESXI_80), acceptance_level=AcceptanceLevel.COMMUNITY),
            package(checksums=(PLAIN, UNPACKED_SHA1)),
            {"rebuild"},
        ),
    ],
)
def test_the_least_that_helps(host: Host, offered: Package, steps: set[str]) -> None:
    assert best(host, offered) == steps


def test_a_remedy_does_what_it_says() -> None:
    command = Command(host=stock_host(ESXI_80), packages=(package(files=TRX),))
    for remedy in remedies(command):
        changed = command
        for step in remedy.steps:
            changed = step.apply(changed)
        assert all(branch.result.outcome.installs for branch in predict(changed)) is remedy.always


def test_nothing_helps_the_wrong_hardware() -> None:
    other = Hardware(vendor="ACME", model="Model 1", oem_strings=())
    platforms = (HardwarePlatform(vendor="Other"),)
    offered = package(system_requires=SystemRequires(hardware_platforms=platforms))
    host = replace(stock_host(ESXI_67), hardware=other)
    assert remedies(Command(host=host, packages=(offered,))) == ()


@pytest.mark.parametrize(
    ("offered", "flags"),
    [
        (package(files=TRX), ("-f",)),
        (package(level="partner", files=TRX), ("-f",)),
        (package(level="accepted"), ("-f",)),
        (package(), ()),
        (package(files=("etc/init.d/x",)), ()),
        (package(depends=("vmkapi_2_6_0_0",)), ()),
    ],
)
def test_the_flags_for_all_releases(offered: Package, flags: tuple[str, ...]) -> None:
    assert install_needs(offered).flags == flags


def test_with_what_it_needs_it_goes_onto_every_stock_host() -> None:
    for level in AcceptanceLevel:
        offered = package(level=level.value, files=TRX)
        found = outlook(offered, install_needs(offered))
        assert [each.release for each in found] == list(STOCK_TARGETS)
        assert all(out.installs for each in found for out in outcomes_of(each.then))


def test_secure_boot_takes_a_trusted_vib_without_flags_only() -> None:
    signed = package(level="partner", signature=Signature.TRUSTED)
    assert install_needs(signed).secure_boot
    assert not install_needs(package(level="partner")).secure_boot
    outside = package(level="partner", files=TRX, signature=Signature.TRUSTED)
    assert not install_needs(outside).secure_boot


def test_worlds_are_bounded_and_ask_only_what_is_needed() -> None:
    def curious(assumptions: Assumptions) -> int:
        return sum(
            assumptions.assume(UnknownFact(key=str(number), if_yes="", if_no=""))
            for number in range(20)
        )

    assert len(branches(curious)) == BRANCH_LIMIT
    once = branches(
        lambda assumptions: assumptions.assume(UnknownFact(key="a", if_yes="yes", if_no="no"))
    )
    assert {(branch.assumptions.conditions, branch.result) for branch in once} == {
        (("yes",), True),
        (("no",), False),
    }
