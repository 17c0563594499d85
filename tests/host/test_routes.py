import pytest
from msgspec.structs import replace

from tests.host.packages import PLAIN, UNPACKED_SHA1, package
from tests.releases import ESXI_67, ESXI_70, ESXI_80, ESXI_90
from vibforge.errors import ModelError
from vibforge.esxi.acceptance import AcceptanceLevel
from vibforge.esxi.release import Certainty, Release
from vibforge.host.host import stock_host
from vibforge.host.offer import InstallCandidate
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


def journey(offered: Package, release: Release = ESXI_80, *, component: bool = True) -> Delivery:
    host = replace(stock_host(release), acceptance_level=COMMUNITY)
    offer = InstallCandidate(
        name="x", packages=(offered,), is_bundle=component, is_component=component
    )
    return Delivery(host=host, offer=offer, upgrade_to=ESXI_90)


def outcomes(of: Delivery, route: Route) -> set[InstallOutcome]:
    return {world.result.outcome for world in predict_route(of, route)}


def test_components_exist_from_70_on() -> None:
    assert Route.COMPONENT not in routes_of(journey(package(), ESXI_67))
    assert Route.VLCM in routes_of(journey(package(), ESXI_70))


@pytest.mark.parametrize("route", [Route.COMPONENT, Route.VLCM])
def test_a_loose_vib_is_no_component(route: Route) -> None:
    assert outcomes(journey(package(), component=False), route) == {InstallOutcome.REFUSED}


def test_what_vlcm_makes_of_an_unsigned_component_is_open() -> None:
    assert outcomes(journey(package()), Route.VLCM) == {
        InstallOutcome.REBOOT,
        InstallOutcome.REFUSED,
    }
    signed = package(level="partner", signature=Signature.TRUSTED)
    assert outcomes(journey(signed), Route.VLCM) == {InstallOutcome.REBOOT}
    outside = package(files=("etc/vmware/trx.conf",))
    assert outcomes(journey(outside), Route.VLCM) == {InstallOutcome.REFUSED}


def test_image_builder_wants_a_trusted_signer_above_community() -> None:
    unsigned = journey(package(level="partner"))
    (world,) = predict_route(unsigned, Route.IMAGE_BUILDER)
    assert "Could not find a trusted signer" in world.result.says
    assert outcomes(journey(package()), Route.IMAGE_BUILDER) == {InstallOutcome.REBOOT}


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
    (world,) = predict_upgrade(host, (offered,), to)
    assert says in world.result.says


def test_whether_an_upgrade_stops_at_a_forced_in_path_is_not_known() -> None:
    host = replace(stock_host(ESXI_67), acceptance_level=COMMUNITY)
    found = predict_upgrade(host, (package(files=("etc/vmware/trx.conf",)),), ESXI_80)
    assert {world.result.outcome for world in found} == {
        InstallOutcome.REBOOT,
        InstallOutcome.REFUSED,
    }
    assert {world.result.certainty for world in found} == {Certainty.UNKNOWN}
    told = " ".join(text for world in found for text in world.answers.conditions)
    assert "7.0.0" in told
    assert "ghettoVCB #63" in told


def test_an_upgrade_prints_everything_at_once() -> None:
    bad = package(files=("bin/x",), checksums=(PLAIN, UNPACKED_SHA1), depends=("vmkapi_2_2_0_0",))
    found = predict_upgrade(stock_host(ESXI_67), (bad,), ESXI_80)
    says = max((world.result.says for world in found), key=len)
    for part in ("GUNZIP", "extensibility", "acceptance level is community", "vmkapi_2_2_0_0"):
        assert part in says


def test_routes_by_their_words() -> None:
    assert parse_route("vlcm") is Route.VLCM
    with pytest.raises(ModelError, match="is no route"):
        parse_route("mail")
