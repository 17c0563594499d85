from pathlib import Path

import pytest

from tests import vibs
from tests.bundles import changed_file
from tests.releases import ESXI_67, ESXI_80
from tests.signing.lab import Lab, make_lab
from tests.signing.lab import vib as small_vib
from tests.vibs import Change, swap
from vibforge.bundle.create import create_bundle
from vibforge.bundle.recipe import BundleRecipe
from vibforge.host.routes import Route
from vibforge.packages.plan import plan, read_candidate
from vibforge.packages.sign import sign_vib
from vibforge.signing.policy import TrustPolicy
from vibforge.signing.store import read_store

RECIPE = BundleRecipe(vendor_code="ABC", platforms=("8.0",))


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    return create_bundle([vibs.write(tmp_path)], tmp_path / "x.zip", RECIPE).path


def test_a_component_goes_by_the_routes_of_components(bundle: Path) -> None:
    candidate = read_candidate(bundle)
    assert (candidate.is_bundle, candidate.is_component) == (True, True)
    (file,) = plan([bundle], targets=[ESXI_80]).files
    causes = {
        route.route: {c.rule for branch in route.branches for c in branch.result.causes}
        for route in file.hosts[0].routes
    }
    assert "VF602" not in causes[Route.COMPONENT] | causes[Route.VLCM]


def test_a_plain_bulletin_does_not(bundle: Path) -> None:
    plain = changed_file(bundle, {}, {"bulletins/": swap("componentNameSpec", "old")})
    (file,) = plan([plain], targets=[ESXI_80], route=Route.COMPONENT).files
    (route,) = [r for r in file.hosts[0].routes if r.route is Route.COMPONENT]
    assert {c.rule for w in route.branches for c in w.result.causes} == {"VF602"}


@pytest.mark.parametrize(
    ("outer", "inner", "rule", "message"),
    [
        (
            {"index.xml": swap("<code>ABC</code>", "")},
            {},
            "VF601",
            "Element code was expected, but not found",
        ),
        ({}, {"vibs/": swap("<overlay>false", "<overlay>true")}, "VF604", "unequal values"),
    ],
)
def test_metadata_that_hosts_refuse(
    bundle: Path, outer: dict[str, Change], inner: dict[str, Change], rule: str, message: str
) -> None:
    candidate = read_candidate(changed_file(bundle, outer, inner))
    (refusal,) = (*candidate.refusals, *candidate.damage)
    assert (refusal.cause.rule, message in refusal.message.text) == (rule, True)
    (file,) = plan([changed_file(bundle, outer, inner)], targets=[ESXI_67]).files
    assert not file.hosts[0].routes[0].installs


@pytest.mark.parametrize(
    ("trusted", "installs"), [("own", {True}), ("other", {False}), (None, {True, False})]
)
def test_whom_hosts_trust_decides_on_a_signed_vib(
    lab: Lab, tmp_path: Path, trusted: str | None, installs: set[bool]
) -> None:
    path = tmp_path / "signed.vib"
    path.write_bytes(small_vib())
    sign_vib(path, lab.signer())
    stores = {"own": lab.store, "other": make_lab(tmp_path / "other").store}
    policy = TrustPolicy(store=read_store([stores[trusted]]) if trusted else None)
    (file,) = plan([path], targets=[ESXI_67], policy=policy).files
    (route,) = [r for r in file.hosts[0].routes if r.route is Route.INSTALL]
    assert {branch.result.outcome.installs for branch in route.branches} == installs
