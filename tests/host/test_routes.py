import pytest
from msgspec.structs import replace

from tests.host.packages import PLAIN, UNPACKED_SHA1, package
from tests.releases import ESXI_67, ESXI_70, ESXI_80, ESXI_90
from vibforge.errors import ModelError
from vibforge.esxi.acceptance import AcceptanceLevel
from vibforge.esxi.release import Certainty, Release
from vibforge.host.candidate import InstallCandidate
from vibforge.host.host import stock_host
from vibforge.host.package import Package
from vibforge.host.prediction import InstallOutcome
from vibforge.host.routes import (
    Delivery,
    Route,
    parse_route,
    predict_route,
    predict_upgrade,
    routes_of,
)
from vibforge.vib.signature import Signature

COMMUNITY = AcceptanceLevel.COMMUNITY


def delivery(offered: Package, release: Release = ESXI_80, *, component: bool = True) -> Delivery:
    host = replace(stock_host(release), acceptance_level=COMMUNITY)
    candidate = InstallCandidate(
        name="x", packages=(offered,), is_bundle=component, is_component=component
    )
    return Delivery(host=host, candidate=candidate, upgrade_to=ESXI_90)


def outcomes(of: Delivery, route: Route) -> set[InstallOutcome]:
    return {branch.result.outcome for branch in predict_route(of, route)}


def test_components_exist_from_70_on() -> None:
    assert Route.COMPONENT not in routes_of(delivery(package(), ESXI_67))
    assert Route.VLCM in routes_of(delivery(package(), ESXI_70))


@pytest.mark.parametrize("route", [Route.COMPONENT, Route.VLCM])
def test_a_loose_vib_is_no_component(route: Route) -> None:
    assert outcomes(delivery(package(), component=False), route) == {InstallOutcome.REFUSED}


def test_what_vlcm_makes_of_an_unsigned_component_is_open() -> None:
    assert outcomes(delivery(package()), Route.VLCM) == {
        InstallOutcome.REBOOT,
        InstallOutcome.REFUSED,
    }
    signed = package(level="partner", signature=Signature.TRUSTED)
    assert outcomes(delivery(signed), Route.VLCM) == {InstallOutcome.REBOOT}
    outside = package(files=("etc/vmware/trx.conf",))
    assert outcomes(delivery(outside), Route.VLCM) == {InstallOutcome.REFUSED}


def test_image_builder_wants_a_trusted_signer_above_community() -> None:
    unsigned = delivery(package(level="partner"))
    (branch,) = predict_route(unsigned, Route.IMAGE_BUILDER)
    assert "Could not find a trusted signer" in branch.result.says
    assert outcomes(delivery(package()), Route.IMAGE_BUILDER) == {InstallOutcome.REBOOT}


@pytest.mark.parametrize(
    ("offered", "to", "says"),
    [
        (package(), ESXI_80, "goes on and keeps the VIB"),
        (package(checksums=(PLAIN, UNPACKED_SHA1)), ESXI_80, "MISSING_GUNZIP_CHECKSUM"),
        (package(checksums=(PLAIN, UNPACKED_SHA1)), ESXI_70, "goes on and keeps the VIB"),
        (package(depends=("vmkapi_2_2_0_0",)), ESXI_80, "CONFLICTING_VIBS"),
    ],
)
def test_what_an_upgrade_says(offered: Package, to: Release, says: str) -> None:
    host = replace(stock_host(ESXI_67), acceptance_level=COMMUNITY)
    (branch,) = predict_upgrade(host, (offered,), to)
    assert says in branch.result.says


def test_whether_an_upgrade_stops_at_a_forced_in_path_is_not_known() -> None:
    host = replace(stock_host(ESXI_67), acceptance_level=COMMUNITY)
    found = predict_upgrade(host, (package(files=("etc/vmware/trx.conf",)),), ESXI_80)
    assert {branch.result.outcome for branch in found} == {
        InstallOutcome.REBOOT,
        InstallOutcome.REFUSED,
    }
    assert {branch.result.certainty for branch in found} == {Certainty.UNKNOWN}
    told = " ".join(text for branch in found for text in branch.assumptions.conditions)
    assert "7.0.0" in told
    assert "ghettoVCB #63" in told


def test_an_upgrade_prints_everything_at_once() -> None:
    bad = package(files=("bin/x",), checksums=(PLAIN, UNPACKED_SHA1), depends=("vmkapi_2_2_0_0",))
    found = predict_upgrade(stock_host(ESXI_67), (bad,), ESXI_80)
    says = max((branch.result.says for branch in found), key=len)
    for part in ("GUNZIP", "extensibility", "acceptance level is community", "vmkapi_2_2_0_0"):
        assert part in says


def test_routes_by_their_words() -> None:
    assert parse_route("vlcm") is Route.VLCM
    with pytest.raises(ModelError, match="is not a route"):
        parse_route("mail")
