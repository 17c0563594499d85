"""The steps of an install, and the order in which hosts report."""

import tracemalloc
from collections.abc import Sequence

import pytest
from msgspec.structs import replace

from tests.host.packages import PLAIN, UNPACKED, UNPACKED_SHA1, VENDOR_ORDER, package
from tests.releases import ESXI_65, ESXI_67, ESXI_80
from vibforge.esxi.acceptance import AcceptanceLevel
from vibforge.esxi.release import Certainty, Release
from vibforge.host.command import NO_FLAGS, Command, Flags
from vibforge.host.host import Hardware, Host, stock_host
from vibforge.host.image import Verb, chosen_from_depot
from vibforge.host.install.installer import predict
from vibforge.host.package import Package
from vibforge.host.prediction import InstallOutcome, Prediction
from vibforge.vib.descriptor import HardwarePlatform, Payload, SystemRequires

HOST = replace(stock_host(ESXI_67), acceptance_level=AcceptanceLevel.COMMUNITY)


def holding(*installed: Package, host: Host = HOST) -> Host:
    return replace(host, installed=installed, installed_known=True)


def only(
    host: Host, *packages: Package, verb: Verb = Verb.INSTALL, flags: Flags = NO_FLAGS
) -> Prediction:
    (branch,) = predict(Command(host=host, packages=packages, verb=verb, flags=flags))
    return branch.result


def outcomes(host: Host, *packages: Package) -> set[InstallOutcome]:
    return {branch.result.outcome for branch in predict(Command(host=host, packages=packages))}


def test_a_fresh_vib_goes_in_live() -> None:
    assert only(HOST, package()).outcome is InstallOutcome.LIVE


def test_the_same_vib_is_skipped() -> None:
    result = only(holding(package()), package())
    assert (result.outcome, result.says) == (InstallOutcome.SKIPPED, "Host is not changed.")


@pytest.mark.parametrize("release", [ESXI_65, ESXI_67], ids=str)
@pytest.mark.parametrize("flags", [NO_FLAGS, Flags(force=True)], ids=str)
def test_the_same_id_with_other_content_keeps_the_old_files(release: Release, flags: Flags) -> None:
    other = package(checksums=(UNPACKED, replace(PLAIN, digest="dd" * 32), UNPACKED_SHA1))
    result = only(replace(holding(package()), release=release), other, flags=flags)
    assert (result.outcome, result.says) == (InstallOutcome.SKIPPED, "Host is not changed.")
    assert "OLD FILES" in result.causes[0].what


def test_an_update_to_the_same_id_with_other_files_is_an_error_of_python() -> None:
    other = package(files=("opt/trx-conf/other",))
    result = only(holding(package()), other, verb=Verb.UPDATE)
    assert "[ValueError]" in result.says
    assert "unequal values of the 'filelist' attribute" in result.says
    old = only(replace(holding(package()), release=ESXI_65), other, verb=Verb.UPDATE)
    assert "Cannot merge VIBs" in old.says


def test_nothing_is_compared_with_a_vib_of_which_only_the_name_is_known() -> None:
    known_by_name = replace(package(), payloads_known=False, files_known=False)
    other = package(files=("opt/trx-conf/other",))
    assert only(holding(known_by_name), other).outcome is InstallOutcome.SKIPPED


@pytest.mark.parametrize("version", ["0.9-1", "1.1-1"])
def test_install_goes_both_ways(version: str) -> None:
    result = only(holding(package(version="1.0-1")), package(version=version))
    assert result.outcome is InstallOutcome.LIVE
    assert result.removed == ("ACME_bootbank_trx-conf_1.0-1",)


def test_update_goes_only_upwards() -> None:
    host = holding(package(version="1.0-1"))
    assert only(host, package(version="1.1-1"), verb=Verb.UPDATE).outcome is InstallOutcome.LIVE
    assert only(host, package(version="0.9-1"), verb=Verb.UPDATE).outcome is InstallOutcome.SKIPPED
    assert only(host, package("new"), verb=Verb.UPDATE).outcome is InstallOutcome.SKIPPED


def test_a_vib_may_replace_others() -> None:
    host = holding(package("old-name", files=("opt/old",)))
    result = only(host, package(replaces=("old-name",)))
    assert result.removed == ("ACME_bootbank_old-name_1.0.0-1",)


def test_of_several_versions_in_a_bundle_the_newest_is_taken() -> None:
    chosen = chosen_from_depot((package(version="1.9-1"), package(version="1.10-1", live=False)))
    assert only(HOST, *chosen).outcome is InstallOutcome.REBOOT


@pytest.mark.parametrize(
    ("host", "offered", "flags", "cause"),
    [
        (HOST, package(live=False), NO_FLAGS, "does not allow a live install"),
        (HOST, package(), Flags(no_live_install=True), "--no-live-install"),
        (replace(HOST, reboot_pending=True), package(), NO_FLAGS, "waits for a reboot"),
        (
            holding(package(version="0.9-1", live=False)),
            package(),
            NO_FLAGS,
            "does not allow a live removal",
        ),
    ],
)
def test_what_needs_a_reboot(host: Host, offered: Package, flags: Flags, cause: str) -> None:
    result = only(host, offered, flags=flags)
    assert result.outcome is InstallOutcome.REBOOT
    assert "needs to be rebooted" in result.says
    assert any(cause in str(each) for each in result.causes)


def test_maintenance_mode_counts_for_live_changes_only() -> None:
    asks = package(maintenance=True)
    result = only(HOST, asks)
    assert "[MaintenanceModeError]" in result.says
    assert "install: [ACME_bootbank_trx-conf_1.0.0-1]." in result.says
    assert only(replace(HOST, maintenance_mode=True), asks).outcome is InstallOutcome.MAINTENANCE
    assert only(HOST, asks, flags=Flags(maintenance_mode=True)).outcome is InstallOutcome.LIVE
    assert only(HOST, package(maintenance=True, live=False)).outcome is InstallOutcome.REBOOT


def test_silence_on_maintenance_mode_means_yes() -> None:
    silent = package(system_requires=SystemRequires())
    assert "[MaintenanceModeError]" in only(HOST, silent).says


def test_a_stateless_host_takes_live_changes_only() -> None:
    stateless = replace(HOST, stateless=True)
    assert only(stateless, package()).outcome is InstallOutcome.LIVE
    assert "[StatelessError]" in only(stateless, package(live=False)).says


HARDWARE = package(
    system_requires=SystemRequires(
        maintenance_mode=package().maintenance_mode,
        hardware_platforms=(HardwarePlatform(vendor="Dell Inc.", model="R740"),),
    )
)


@pytest.mark.parametrize(
    ("hardware", "fits"),
    [
        (Hardware(vendor="Dell Inc.", model="R740"), True),
        (Hardware(vendor="Dell Inc.", model="R640", oem_strings=()), False),
        (Hardware(vendor="HPE", model="R740", oem_strings=("Dell Inc.",)), False),
        (Hardware(vendor="HPE", model="R740", oem_strings=()), False),
    ],
)
def test_hardware_is_compared_exactly_and_force_does_not_help(
    hardware: Hardware,
    fits: bool,  # noqa: FBT001 - a column
) -> None:
    host = replace(HOST, hardware=hardware)
    result = only(host, HARDWARE, flags=Flags(force=True))
    assert (result.outcome is InstallOutcome.LIVE) is fits


def test_unknown_hardware_is_asked_for() -> None:
    assert outcomes(HOST, HARDWARE) == {InstallOutcome.LIVE, InstallOutcome.REFUSED}


def test_space_on_the_bootbank() -> None:
    """All payloads of the image count, and what is free in the bank does not."""
    room = 240 * 2**20
    full = package("other", files=("opt/other",), payloads=(sized(room - 1000),))
    assert only(replace(holding(full), bootbank_free=0), package()).outcome is InstallOutcome.LIVE
    over = replace(full, descriptor=replace(full.descriptor, payloads=(sized(room - 999),)))
    says = only(replace(holding(over), bootbank_free=2**40), package()).says
    assert "requires 240 MB free space, however the maximum supported size is 240 MB" in says


def sized(size: int) -> Payload:
    return Payload(name="p", type="vgz", size=size, checksums=VENDOR_ORDER)


@pytest.mark.parametrize(
    ("checksums", "broken"),
    [
        ((UNPACKED, PLAIN, UNPACKED_SHA1), False),
        ((PLAIN, UNPACKED, UNPACKED_SHA1), True),
        ((PLAIN, UNPACKED_SHA1), False),
    ],
)
def test_the_order_of_digests_on_old_hosts(checksums: Sequence[object], broken: bool) -> None:  # noqa: FBT001 - a column
    offered = package(checksums=checksums)  # type: ignore[arg-type] # checksums, in a table
    old = replace(HOST, release=ESXI_65)
    assert ("Calculated digest at EOF" in only(old, offered).says) is broken
    assert only(HOST, offered).outcome is InstallOutcome.LIVE


def test_a_live_install_needs_a_digest_of_the_unpacked_form() -> None:
    bare = package(checksums=(PLAIN,))
    assert "Tardisk checksum is not found" in only(HOST, bare).says
    assert only(HOST, bare, flags=Flags(no_live_install=True)).outcome is InstallOutcome.REBOOT


def test_67_reports_the_first_group_and_keeps_the_rest() -> None:
    host = replace(holding(package("other")), acceptance_level=AcceptanceLevel.PARTNER)
    offered = package(
        files=("etc/x", "opt/trx-conf/trx.conf"), depends=("absent",), conflicts=("other",)
    )
    result = only(host, offered)
    assert "[ProfileValidationError]" in result.says
    assert "'/opt/trx-conf/trx.conf' is claimed by multiple non-overlay VIBs" in result.says
    assert "etc/x" not in result.says
    hidden = " ".join(str(cause) for cause in result.hidden)
    for part in ("etc/x", "below the host's PartnerSupported", "absent", "conflicts with"):
        assert part in hidden


def test_65_reports_everything_at_once() -> None:
    host = replace(stock_host(ESXI_65), installed_known=True)
    result = only(host, package(files=("etc/x",), depends=("absent",)))
    assert "[DependencyError]" in result.says
    for part in ("violates extensibility", "acceptance level is community", "requires absent"):
        assert part in result.says
    assert not result.hidden


def test_what_a_vib_provides_is_kept_once_for_all_conflicts() -> None:
    many = package("provider", files=(), provides=[f"part{number}" for number in range(3_000)])
    picky = package("picky", conflicts=["part7"])
    tracemalloc.start()
    try:
        result = only(HOST, many, picky)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert "are conflicting" in str(result.says)
    assert peak < 20_000_000, "it grows with the square of what is provided"


def test_overlays_conflict_among_themselves_only() -> None:
    plain = package("other", level="partner")
    over = package(level="partner", overlay=True)
    flags = Flags(no_sig_check=True)
    assert only(holding(plain), over, flags=flags).outcome is InstallOutcome.LIVE
    second = package("third", level="partner", overlay=True)
    result = only(holding(second), over, flags=flags)
    assert "claimed by multiple overlay VIBs" in result.says


def test_paths_are_compared_as_they_land() -> None:
    host = holding(package("other", files=("opt/x/../a",)))
    assert "'/opt/a' is claimed" in only(host, package(files=("opt//a",))).says


def test_a_removal_can_break_what_stays() -> None:
    lib = package("lib", files=("opt/lib",), provides=("api = 1.0",))
    user = package("user", files=("opt/user",), depends=("api >= 1.0",))
    newer = package("lib", "2.0-1", files=("opt/lib",))
    result = only(holding(lib, user), newer)
    assert "VIB ACME_bootbank_user_1.0.0-1 requires api >= 1.0" in result.says


@pytest.mark.parametrize(
    ("release", "name", "expected"),
    [
        (ESXI_67, "vmkapi_2_5_0_0", {InstallOutcome.LIVE}),
        (ESXI_67, "vmkapi_2_6_0_0", {InstallOutcome.REFUSED}),
        (ESXI_80, "vmkapi_2_10_0_0", {InstallOutcome.LIVE}),
        (ESXI_80, "vmkapi_2_2_0_0", {InstallOutcome.REFUSED}),
        (ESXI_80, "vmkapi_2_6_0_0", {InstallOutcome.LIVE, InstallOutcome.REFUSED}),
        (ESXI_67, "com.vmware.driverAPI-9.2.2.0", {InstallOutcome.LIVE}),
        (ESXI_80, "com.vmware.driverAPI-9.2.2.0", {InstallOutcome.REFUSED}),
        (ESXI_80, "esx-version >= 8.0.0", {InstallOutcome.LIVE}),
        (ESXI_67, "esx-version >= 7.0.0", {InstallOutcome.REFUSED}),
        (Release(9, 0), "zstd-compression = 1.0", {InstallOutcome.LIVE}),
        (ESXI_80, "zstd-compression = 1.0", {InstallOutcome.REFUSED}),
        (ESXI_67, "installer:esximage = 1.0", {InstallOutcome.LIVE}),
        (ESXI_67, "something-else", {InstallOutcome.LIVE, InstallOutcome.REFUSED}),
    ],
)
def test_what_a_stock_host_provides(
    release: Release, name: str, expected: set[InstallOutcome]
) -> None:
    host = replace(stock_host(release), acceptance_level=AcceptanceLevel.COMMUNITY)
    assert outcomes(host, package(depends=(name,))) == expected


def test_unknown_facts_widen_the_verdict_only_where_they_matter() -> None:
    unknown = Host(release=ESXI_67)
    branches = predict(Command(host=unknown, packages=(package(),)))
    conditions = {condition for branch in branches for condition in branch.assumptions.conditions}
    assert conditions == {
        "the host's acceptance level is CommunitySupported or lower",
        "the host's acceptance level is above CommunitySupported",
        "an earlier change waits for a reboot",
        "no earlier change waits for a reboot",
        "the host boots over the network",
        "the host boots from a disk",
    }


def test_the_longest_name() -> None:
    assert only(HOST, package("x" * 48)).outcome is InstallOutcome.LIVE
    assert outcomes(HOST, package("x" * 49)) == {InstallOutcome.LIVE, InstallOutcome.REFUSED}
    assert "database file path is too long" in only(HOST, package("x" * 50)).says


def test_what_esxi_brings_itself() -> None:
    result = only(HOST, package(files=("etc/vmware/config",)), flags=NO_FLAGS)
    assert "'/etc/vmware/config' is claimed" in result.says
    assert result.certainty is Certainty.INFERRED


@pytest.mark.parametrize(
    ("release", "vfat_name", "outcome"),
    [
        (ESXI_65, "a b.v00", InstallOutcome.REFUSED),
        (ESXI_65, "ab.v00", InstallOutcome.LIVE),
        (ESXI_67, "a b.v00", InstallOutcome.LIVE),
    ],
)
def test_65_takes_the_first_word_for_the_file_of_a_payload(
    release: Release, vfat_name: str, outcome: InstallOutcome
) -> None:
    (payload,) = package().descriptor.payloads
    named = package(payloads=(replace(payload, vfat_name=vfat_name, checksums=(PLAIN,)),))
    gunzip = package(payloads=(replace(payload, vfat_name=vfat_name),))
    host = replace(HOST, release=release)
    for offered in (gunzip, *([named] if release == ESXI_65 else [])):
        result = only(host, offered)
        assert result.outcome is outcome
    if outcome is InstallOutcome.REFUSED:
        assert "No such file or directory: '/tmp/img-stg/data/a'" in only(host, named).says
    at_boot = only(host, gunzip, flags=Flags(no_live_install=True))
    assert at_boot.outcome is InstallOutcome.REBOOT
