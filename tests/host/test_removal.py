"""`esxcli software vib remove`: what it breaks, and how it is carried out."""

import pytest
from msgspec.structs import replace

from tests.host.packages import package
from tests.releases import ESXI_65, ESXI_67, ESXI_80
from vibforge.esxi.acceptance import AcceptanceLevel
from vibforge.esxi.release import Certainty, Release
from vibforge.host.command import NO_FLAGS, Command, Flags
from vibforge.host.host import Host, stock_host
from vibforge.host.image import Verb
from vibforge.host.install.installer import predict
from vibforge.host.package import Package
from vibforge.host.prediction import InstallOutcome, Prediction
from vibforge.vib.descriptor import SystemRequires
from vibforge.vib.signature import Signature

HOST = replace(stock_host(ESXI_67), acceptance_level=AcceptanceLevel.COMMUNITY)
BASE = package("esx-base", "6.7.0-1", files=("opt/base",), provides=("esx-version = 6.7.0",))
LIB = package("lib", files=("opt/lib",), provides=("api = 1.0",))
USER = package("user", files=("opt/user",), depends=("api >= 1.0",))
TRX = package()


def holding(*installed: Package, host: Host = HOST) -> Host:
    return replace(host, installed=(BASE, *installed), installed_known=True)


def listed(*installed: Package, host: Host = HOST) -> Host:
    """A host of which only the list of its VIBs is known."""
    unknown = (
        replace(each, files_known=False, relationships_known=False, payloads_known=False)
        for each in (BASE, *installed)
    )
    return replace(host, installed=tuple(unknown), installed_known=True)


def removals(host: Host, *names: str, flags: Flags = NO_FLAGS) -> dict[str, Prediction]:
    """Return what can come of a removal, by the conditions."""
    branches = predict(Command(host=host, names=names, verb=Verb.REMOVE, flags=flags))
    return {"; ".join(branch.assumptions.conditions): branch.result for branch in branches}


def only(host: Host, *names: str, flags: Flags = NO_FLAGS) -> Prediction:
    (result,) = removals(host, *names, flags=flags).values()
    return result


def test_a_vib_goes_live() -> None:
    result = only(holding(TRX), "trx-conf")
    assert (result.outcome, result.says) == (
        InstallOutcome.LIVE,
        "Operation finished successfully.",
    )
    assert (result.added, result.removed) == ((), (TRX.id,))
    assert result.certainty is Certainty.INFERRED


@pytest.mark.parametrize(
    "words", ["trx-conf", "trx-conf:1.0.0-1", "ACME:trx-conf", "ACME:trx-conf:1.0.0-1"]
)
def test_the_forms_in_which_esxcli_takes_a_name(words: str) -> None:
    assert only(holding(TRX), words).removed == (TRX.id,)


@pytest.mark.parametrize(
    "words", ["trx", "Trx-conf", "trx-conf:1.0", "VMware:trx-conf", TRX.id, ""]
)
def test_what_is_not_installed(words: str) -> None:
    result = only(holding(TRX), words)
    assert "[NoMatchError]" in result.says
    assert f"No VIB matching VIB search specification '{words}'." in result.says
    assert result.certainty is Certainty.DOCUMENTED


def test_one_name_that_is_not_installed_ends_the_whole_removal() -> None:
    result = only(holding(TRX), "trx-conf", "absent")
    assert (result.outcome, result.removed) == (InstallOutcome.REFUSED, ())


def test_a_dependant_is_named() -> None:
    result = only(holding(LIB, USER), "lib")
    assert "[DependencyError]" in result.says
    assert f"VIB {USER.id} requires api >= 1.0, but the requirement cannot be" in result.says
    assert [cause.subject for cause in result.causes] == [USER.id]


def test_a_dependant_that_goes_too_or_finds_another_provider_is_none() -> None:
    assert only(holding(LIB, USER), "lib", "user").outcome is InstallOutcome.LIVE
    second = package("lib2", files=("opt/lib2",), provides=("api = 1.5",))
    assert only(holding(LIB, second, USER), "lib").outcome is InstallOutcome.LIVE


def test_force_breaks_a_dependant() -> None:
    assert only(holding(LIB, USER), "lib", flags=Flags(force=True)).outcome is InstallOutcome.LIVE


@pytest.mark.parametrize("release", [ESXI_67, ESXI_80], ids=str)
def test_esx_base_stays_whatever_the_flags(release: Release) -> None:
    result = only(replace(holding(TRX), release=release), "esx-base", flags=Flags(force=True))
    assert "Base ESX package not found in profile" in result.says


def test_a_vib_that_goes_at_boot_only() -> None:
    fixed = package(live=False)
    result = only(holding(fixed), "trx-conf")
    assert (result.outcome, "rebooted" in result.says) == (InstallOutcome.REBOOT, True)
    assert [str(cause) for cause in result.causes] == [f"{fixed.id}: does not allow a live removal"]


def test_one_vib_that_goes_at_boot_takes_the_others_with_it() -> None:
    fixed = package("fixed", files=("opt/fixed",), live=False)
    assert only(holding(TRX, fixed), "trx-conf", "fixed").outcome is InstallOutcome.REBOOT


@pytest.mark.parametrize(
    ("host", "flags"),
    [(HOST, Flags(no_live_install=True)), (replace(HOST, reboot_pending=True), NO_FLAGS)],
)
def test_other_reasons_for_a_reboot(host: Host, flags: Flags) -> None:
    assert only(holding(TRX, host=host), "trx-conf", flags=flags).outcome is InstallOutcome.REBOOT


def test_maintenance_mode_is_asked_for_the_removal_alone() -> None:
    needs = package(maintenance=True)
    result = only(holding(needs), "trx-conf")
    assert f"MaintenanceMode is required to remove: [{needs.id}]; install: []." in result.says
    in_it = replace(holding(needs), maintenance_mode=True)
    assert only(in_it, "trx-conf").outcome is InstallOutcome.MAINTENANCE
    assert only(holding(needs), "trx-conf", flags=Flags(maintenance_mode=True)).outcome.installs
    on_install = replace(needs.maintenance_mode, on_remove=False)
    asks_before = package(system_requires=SystemRequires(maintenance_mode=on_install))
    assert only(holding(asks_before), "trx-conf").outcome is InstallOutcome.LIVE


def test_the_message_names_those_alone_that_need_maintenance_mode() -> None:
    needs = package("needs", files=("opt/needs",), maintenance=True)
    says = only(holding(TRX, needs), "trx-conf", "needs").says
    assert f"remove: [{needs.id}]; install: []." in says


def test_what_stays_can_refuse_the_removal_of_another() -> None:
    """A VIB with paths outside its list was reported to keep others from being removed."""
    forced = package("forced", files=("etc/forced",))
    assert f"VIB {forced.id} violates extensibility" in only(holding(TRX, forced), "trx-conf").says
    assert only(holding(TRX, forced), "forced").outcome is InstallOutcome.LIVE
    raised = replace(holding(TRX, LIB), acceptance_level=AcceptanceLevel.PARTNER)
    assert "[AcceptanceConfigError]" in only(raised, "trx-conf").says


def test_the_signature_of_what_stays_is_not_looked_at() -> None:
    claimed = package("claimed", files=("opt/claimed",), level="partner")
    assert claimed.signature is Signature.MISSING
    assert only(holding(TRX, claimed), "trx-conf").outcome is InstallOutcome.LIVE


def test_65_reports_as_it_does_of_an_install() -> None:
    old = replace(holding(LIB, USER), release=ESXI_65)
    assert "[DependencyError]" in only(old, "lib").says


OVERLAY = package("over", level="partner", overlay=True, files=("opt/lib", "opt/own"))


def test_an_overlay_that_goes_brings_files_to_light_at_the_next_boot() -> None:
    result = only(holding(LIB, OVERLAY), "over")
    assert result.outcome is InstallOutcome.REBOOT
    assert f"{OVERLAY.id}: masks /opt/lib of {LIB.id}" in str(result.causes[0])


def test_what_an_overlay_masks_goes_at_the_next_boot() -> None:
    assert only(holding(LIB, OVERLAY), "lib").outcome is InstallOutcome.REBOOT
    assert only(holding(LIB, OVERLAY), "lib", "over").outcome is InstallOutcome.LIVE
    elsewhere = package("over", level="partner", overlay=True, files=("opt/own",))
    assert only(holding(LIB, elsewhere), "over").outcome is InstallOutcome.LIVE


def test_a_host_that_boots_over_the_network_has_the_vib_again_after_a_boot() -> None:
    stateless = replace(holding(TRX), stateless=True)
    assert only(stateless, "trx-conf").says.startswith("WARNING: Only live system was updated")
    fixed = replace(holding(package(live=False)), stateless=True)
    assert "[StatelessError]" in only(fixed, "trx-conf").says


def test_a_dry_run_changes_nothing() -> None:
    result = only(holding(TRX), "trx-conf", flags=Flags(dry_run=True))
    assert (result.outcome, result.dry_run) == (InstallOutcome.LIVE, True)


def test_of_a_vib_that_is_only_listed_everything_else_is_asked() -> None:
    found = removals(listed(TRX), "trx-conf")
    assert {result.outcome for result in found.values()} == {
        *(InstallOutcome.LIVE, InstallOutcome.REBOOT, InstallOutcome.REFUSED),
    }
    asked = " ".join(found)
    for words in ("depends on trx-conf", "allows a live removal", "requires maintenance mode"):
        assert words in asked
    assert "No VIB matching" in only(listed(TRX), "absent").says


def test_a_stock_host_may_or_may_not_hold_a_vib() -> None:
    found = removals(HOST, "trx-conf")
    refused = found.pop("trx-conf is not installed")
    assert "[NoMatchError]" in refused.says
    assert all("trx-conf is installed" in conditions for conditions in found)


def test_a_stock_host_of_67_holds_its_drivers_and_drops_them_at_boot() -> None:
    found = removals(HOST, "net-e1000", flags=Flags(force=True))
    assert {result.outcome for result in found.values()} == {InstallOutcome.REBOOT}


def test_nothing_is_said_of_a_release_that_is_not_in_the_table() -> None:
    assert only(holding(TRX, host=stock_host(Release(10, 0))), "trx-conf").outcome is (
        InstallOutcome.NOT_KNOWN
    )
