from pathlib import Path

from tests import vibs
from tests.releases import ESXI_67
from vibforge.esxi.release import Certainty, Release
from vibforge.host.prediction import InstallOutcome
from vibforge.host.routes import Route
from vibforge.packages.plan import plan

UNKNOWN = Release(10, 0)


def test_nothing_is_predicted_for_a_release_that_is_not_in_the_table(tmp_path: Path) -> None:
    planned = plan([vibs.write(tmp_path)], targets=[UNKNOWN])
    assert not planned.good
    (host,) = planned.files[0].hosts
    results = [branch.result for route in host.routes for branch in route.branches]
    assert {(each.outcome, each.certainty) for each in results} == {
        (InstallOutcome.NOT_KNOWN, Certainty.UNKNOWN)
    }
    assert host.remedies == ()


def test_an_upgrade_to_a_release_that_is_not_in_the_table_is_not_known(tmp_path: Path) -> None:
    planned = plan(
        [vibs.write(tmp_path)], targets=[ESXI_67], route=Route.UPGRADE, upgrade_to=UNKNOWN
    )
    assert not planned.good
    (upgrade,) = [r for r in planned.files[0].hosts[0].routes if r.route is Route.UPGRADE]
    assert [branch.result.outcome for branch in upgrade.branches] == [InstallOutcome.NOT_KNOWN]


def test_a_route_that_a_release_does_not_have_is_no_good_plan(tmp_path: Path) -> None:
    assert not plan([vibs.write(tmp_path)], targets=[ESXI_67], route=Route.COMPONENT).good
