"""What vibforge says of generated packages of each shape; read the expected texts when they change.

tests/packages/generated.py makes the packages, so that this runs in every clone.
"""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from tests.packages.generated import SIGNER, VIBS, built_files, bundle_files, vib_file
from tests.packages.test_corpus_verdicts import linted
from tests.releases import ESXI_65, ESXI_67, ESXI_70, ESXI_80, ESXI_90
from tests.signing.made import link
from vibforge.esxi import acceptance
from vibforge.esxi.release import Release
from vibforge.host.prediction import InstallOutcome
from vibforge.packages.plan import Plan, plan
from vibforge.report.paint import Paint
from vibforge.report.plan import plan_text
from vibforge.report.plan_summary import plan_summary

Golden = Callable[[str, str], None]
ESXI_70_U3 = Release(7, 0, 3)

HOSTS: Mapping[str, tuple[Release, ...]] = {
    "agent-community": (ESXI_80,),
    "agent-partner-unsigned": (ESXI_80,),
    "script-of-5": (ESXI_67, ESXI_80),
    "firewall-rule": (ESXI_70,),
    "driver-of-6": (ESXI_65, ESXI_70),
    "driver-of-7": (ESXI_67, ESXI_70_U3),
    "driver-of-9-zstd": (ESXI_80, ESXI_90),
    "module-for-arm": (ESXI_80,),
    "cim-provider": (ESXI_65, ESXI_90),
    "tools-in-the-locker": (ESXI_67,),
    "meta": (ESXI_80,),
    "boot-and-two-payloads": (ESXI_80,),
    "for-one-server": (ESXI_80,),
    "odd-date-size-and-list": (ESXI_80,),
    "not-for-stateless": (ESXI_70,),
    "trx-conf": (ESXI_67, ESXI_80),
    "trx-conf-boot-copy": (ESXI_80,),
    "component-of-7": (ESXI_67, ESXI_70_U3),
    "component-of-9": (ESXI_90,),
    "two-components": (ESXI_80,),
    "depot-of-5": (ESXI_67,),
}
"""The releases whose answer to a package is worth reading; other tests compare releases."""


@pytest.fixture(scope="session")
def packages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("generated")
    return all_files(folder)


def all_files(folder: Path) -> dict[str, Path]:
    vibs = {name: vib_file(folder, name) for name in VIBS}
    return vibs | built_files(folder) | bundle_files(folder)


def planned(packages: Mapping[str, Path]) -> Iterator[Plan]:
    for name, path in packages.items():
        if name in HOSTS:
            yield plan([path], targets=HOSTS[name])


def test_packages_are_the_same_in_each_run(packages: dict[str, Path], tmp_path: Path) -> None:
    again = all_files(tmp_path)
    for name, path in packages.items():
        assert again[name].read_bytes() == path.read_bytes(), name


def test_every_package_linted(packages: dict[str, Path], golden: Golden) -> None:
    golden("generated-lint.txt", "\n".join(map(linted, packages.values())))


def test_every_package_planned(packages: dict[str, Path], golden: Golden) -> None:
    texts = [plan_text(each, Paint()) for each in planned(packages)]
    golden("generated-plan.txt", "\n".join(texts) + "\n")


def test_two_packages_planned_in_short(packages: dict[str, Path], golden: Golden) -> None:
    chosen = {name: packages[name] for name in ("script-of-5", "component-of-7")}
    texts = [plan_summary(each, Paint()) for each in planned(chosen)]
    golden("generated-plan-short.txt", "\n\n".join(texts) + "\n")


def test_an_upgrade_with_them_installed(packages: dict[str, Path], golden: Golden) -> None:
    chosen = [packages[name] for name in ("agent-community", "driver-of-6", "driver-of-7")]
    found = plan(chosen, targets=(ESXI_67,), upgrade_to=ESXI_90)
    lines = []
    for file in found.files:
        lines.append(file.candidate.name)
        for route in file.hosts[0].routes:
            lines += [
                f"  {route.route}: {branch.result.outcome}, {branch.result.causes[0].what}"
                for branch in route.branches
                if branch.result.causes and "upgrade" in route.route.name.lower()
            ]
    golden("generated-upgrade.txt", "\n".join(lines) + "\n")


def test_a_driver_of_a_known_signer(
    packages: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The vendor's keys are the vendor's: one of ours stands in for them."""
    known = "VMware Accepted VIB Signing, RSA 4096, 2019 to 2029"
    monkeypatch.setattr(acceptance, "_KNOWN", ((link(SIGNER).sha256, known),))
    (file,) = plan([packages["driver-of-7"]], targets=(ESXI_70_U3,)).files
    assert file.candidate.packages[0].known_signers == (known,)
    (branch,) = file.hosts[0].routes[0].branches
    assert branch.result.outcome is InstallOutcome.REBOOT
