"""Every remedy of a plan is carried out with vibforge's own commands, and the result planned."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from tests.host.carrying_out import Thing, Workshop
from tests.host.refusals import CASES, Case
from tests.signing.lab import Lab
from vibforge.esxi.acceptance import AcceptanceLevel
from vibforge.esxi.release import Release
from vibforge.host.host import Host, stock_host
from vibforge.host.remedy import OF_THE_VIB, Remedy
from vibforge.host.routes import Route
from vibforge.packages.plan import HostPlan, RoutePlan

RELEASES = (Release(6, 5), Release(6, 7), Release(7, 0), Release(8, 0, 3), Release(9, 1))
HOPELESS = re.compile(
    "driver|vmklinux|other hardware|type meta|reader: ESX 4"  # for another host, or for none
)


@pytest.fixture(scope="module")
def workshop(tmp_path_factory: pytest.TempPathFactory, lab: Lab) -> Workshop:
    return Workshop(tmp_path_factory.mktemp("workshop"), lab)


def hosts(release: Release) -> Iterator[Host]:
    stock = stock_host(release)
    yield stock
    yield replace(stock, acceptance_level=AcceptanceLevel.COMMUNITY)
    yield replace(stock, secure_boot=True)
    yield Host(release=release)


def by_install(plan: HostPlan) -> RoutePlan:
    (found,) = [route for route in plan.routes if route.route is Route.INSTALL]
    return found


def carry_out_all(workshop: Workshop, case: Case, path: Path, host: Host) -> None:
    thing = Thing(case, path, host)
    plan = workshop.plan(thing)
    if by_install(plan).installs:
        assert [remedy.steps for remedy in plan.remedies] == [()]
        return
    assert plan.remedies or HOPELESS.search(case.name)
    for remedy in plan.remedies:
        ended = by_install(workshop.carry_out(remedy, thing))
        outcomes = {branch.result.outcome for branch in ended.branches}
        told = f"{case.name} on {host.release}: {remedy.words}"
        assert outcomes <= set(remedy.outcomes), told
        assert ended.installs or not remedy.always, told
        assert any(outcome.installs for outcome in outcomes), told
    check_force(case, plan)


def check_force(case: Case, plan: HostPlan) -> None:
    """--force is first only for what no rebuild, level or signature solves, and never in vain."""
    remedies = plan.remedies
    results = [branch.result for branch in by_install(plan).branches]
    causes = [cause for result in results for cause in (*result.causes, *result.hidden)]
    first = remedies[0] if remedies else None
    if first is not None and first.is_forced:
        assert all(remedy.is_forced for remedy in remedies), case.name
        assert "depends on a newer ESXi" in case.name
    forced = [remedy for remedy in remedies if remedy.is_forced]
    if case.name.startswith("reader"):
        assert all(map(_mends, forced)), case.name
    if any("which nothing on the host provides" in str(cause) for cause in causes):
        assert "driver" not in case.name or not forced, case.name


def _mends(remedy: Remedy) -> bool:
    return any(step.key in OF_THE_VIB for step in remedy.steps)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_remedies_work_on_stock_hosts(workshop: Workshop, case: Case) -> None:
    carry_out_all(workshop, case, workshop.file(case), stock_host(Release(8, 0, 3)))


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_remedies_work_everywhere(workshop: Workshop, case: Case) -> None:
    path = workshop.file(case)
    for release in RELEASES:
        for host in hosts(release):
            carry_out_all(workshop, case, path, host)
