"""What a stock host brings: VIBs by name, and trust in the vendor's signers."""

import pytest
from msgspec.structs import replace

from tests.host.packages import package
from tests.releases import ESXI_65, ESXI_67, ESXI_70, ESXI_80
from vibforge.esxi.acceptance import AcceptanceLevel, is_trusted_by, known_signer
from vibforge.esxi.release import Certainty, Release
from vibforge.host.candidate import InstallCandidate
from vibforge.host.command import Command
from vibforge.host.host import Host, stock_host
from vibforge.host.image import Verb
from vibforge.host.install.installer import predict
from vibforge.host.package import seen_by
from vibforge.host.prediction import InstallOutcome
from vibforge.host.route_remedies import route_remedies
from vibforge.host.routes import Delivery, Route
from vibforge.vib.signature import Signature

CERTIFIED = known_signer("321690a8e06810b184032f073c305a082112bdad5870ef2e8953e01be956d710")
ACCEPTED = known_signer("4476e1b3ce65b5a6e8d2dcad62ce539a07e475c32821d20e74476038432fbcf9")
ACCEPTED_EC = known_signer("03f3337b1c70455def7e9f3cb80c2e6c282566c7db4c8e536eb80c3e639cca64")
ACCEPTED_OLD = known_signer("131cbb0f7f3e9bb2b15455d47d55b1bd6c59e48bde6bc00bb0e0033cf7b5036e")
OF_TESTS = known_signer("0" * 64, "CN=VMware Test Root CA")


def community(release: Release) -> Host:
    return replace(stock_host(release), acceptance_level=AcceptanceLevel.COMMUNITY)


@pytest.mark.parametrize(
    ("signer", "level", "release", "trusted"),
    [
        (CERTIFIED, "certified", ESXI_67, True),
        (CERTIFIED, "certified", ESXI_80, True),
        (CERTIFIED, "accepted", ESXI_80, None),
        (ACCEPTED, "accepted", ESXI_65, False),
        (ACCEPTED, "accepted", ESXI_67, False),
        (ACCEPTED, "accepted", Release(6, 7, 3), None),
        (ACCEPTED, "accepted", ESXI_70, True),
        (ACCEPTED_EC, "accepted", ESXI_67, False),
        (ACCEPTED_EC, "accepted", ESXI_80, None),
        (ACCEPTED_OLD, "accepted", ESXI_65, True),
        (ACCEPTED_OLD, "accepted", ESXI_67, True),
        (ACCEPTED_OLD, "accepted", ESXI_80, None),
        (OF_TESTS, "partner", ESXI_80, False),
        ("", "accepted", ESXI_80, None),
    ],
)
def test_whom_stock_hosts_trust(
    *, signer: str, level: str, release: Release, trusted: bool | None
) -> None:
    assert is_trusted_by(release, signer, AcceptanceLevel.parse(level)) is trusted


@pytest.mark.parametrize(
    ("signers", "release", "signature"),
    [
        ((ACCEPTED_OLD, ACCEPTED), ESXI_67, Signature.TRUSTED),
        ((ACCEPTED, ACCEPTED_OLD), ESXI_67, Signature.UNTRUSTED),
        ((ACCEPTED_OLD, ACCEPTED), ESXI_80, Signature.TRUSTED),
        ((ACCEPTED_OLD,), ESXI_80, Signature.UNKNOWN),
        (("", ACCEPTED), ESXI_67, Signature.UNKNOWN),
        ((), ESXI_80, Signature.UNKNOWN),
    ],
)
def test_old_releases_read_the_first_block_alone(
    signers: tuple[str, ...], release: Release, signature: Signature
) -> None:
    offered = package(level="accepted", signature=Signature.UNKNOWN)
    assert seen_by(release, replace(offered, known_signers=signers)).signature is signature


def test_a_judged_signature_stays_as_it_is() -> None:
    judged = replace(package(level="accepted"), known_signers=(ACCEPTED,))
    assert seen_by(ESXI_80, judged) is judged


@pytest.mark.parametrize(
    ("name", "release", "outcomes"),
    [
        ("net-e1000", ESXI_67, {InstallOutcome.REBOOT}),
        ("i40en", ESXI_67, {InstallOutcome.REBOOT}),
        ("esx-ui", ESXI_67, {InstallOutcome.LIVE}),
        ("net-e1000", ESXI_65, {InstallOutcome.REBOOT, InstallOutcome.LIVE}),
        ("net-e1000", ESXI_80, {InstallOutcome.REBOOT, InstallOutcome.LIVE}),
    ],
)
def test_a_name_that_esxi_brings(
    name: str, release: Release, outcomes: set[InstallOutcome]
) -> None:
    found = predict(Command(host=community(release), packages=(package(name),)))
    assert {branch.result.outcome for branch in found} == outcomes
    updates = predict(Command(host=community(release), packages=(package(name),), verb=Verb.UPDATE))
    assert {branch.result.outcome for branch in updates} == outcomes | {InstallOutcome.SKIPPED}


@pytest.mark.parametrize(("release", "known"), [(ESXI_67, True), (ESXI_80, False)])
def test_what_stock_vibs_provide_is_known_of_one_release(*, release: Release, known: bool) -> None:
    offered = package(depends=("net-forcedeth",))
    found = predict(Command(host=community(release), packages=(offered,)))
    outcomes = {branch.result.outcome for branch in found}
    assert outcomes == (
        {InstallOutcome.LIVE} if known else {InstallOutcome.LIVE, InstallOutcome.REFUSED}
    )
    told = [str(cause) for branch in found for cause in branch.result.causes]
    assert known or any("which the host may not provide" in each for each in told)


@pytest.mark.parametrize(
    ("route", "first"),
    [
        (Route.COMPONENT, "vibforge bundle create"),
        (Route.VLCM, "vibforge bundle create"),
        (Route.UPDATE, "use `esxcli software vib install`"),
        (Route.INSTALL, ""),
    ],
)
def test_remedies_are_those_of_the_route(route: Route, first: str) -> None:
    offered = package(level="partner", signature=Signature.TRUSTED)
    candidate = InstallCandidate(name="x.vib", packages=(offered,))
    (remedy,) = route_remedies(Delivery(host=stock_host(ESXI_80), candidate=candidate), route)
    assert remedy.always
    assert remedy.certainty is not Certainty.MEASURED
    assert " ".join(remedy.words).startswith(first)
