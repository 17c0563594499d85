"""Several VIBs in one command: one answer for all of them."""

import pytest
from msgspec.structs import replace

from tests.host.packages import PLAIN, UNPACKED, UNPACKED_SHA1, package
from tests.releases import ESXI_65, ESXI_67, ESXI_80
from vibforge.esxi.acceptance import AcceptanceLevel
from vibforge.esxi.release import Certainty, Release
from vibforge.host.candidate import InstallCandidate, join_candidates
from vibforge.host.command import NO_FLAGS, Command, Flags
from vibforge.host.host import Host, stock_host
from vibforge.host.image import Verb, chosen_from_depot, old_files
from vibforge.host.install.installer import predict
from vibforge.host.package import Package
from vibforge.host.prediction import InstallOutcome, Prediction
from vibforge.host.routes import Delivery
from vibforge.vib.descriptor import Payload

HOST = replace(stock_host(ESXI_67), acceptance_level=AcceptanceLevel.COMMUNITY)
FIRST = package("first", files=("opt/first",))
SECOND = package("second", files=("opt/second",))


def holding(*installed: Package, host: Host = HOST) -> Host:
    return replace(host, installed=installed, installed_known=True)


def only(
    host: Host, *packages: Package, verb: Verb = Verb.INSTALL, flags: Flags = NO_FLAGS
) -> Prediction:
    (branch,) = predict(Command(host=host, packages=packages, verb=verb, flags=flags))
    return branch.result


def candidate(*packages: Package, bundle: bool = False) -> InstallCandidate:
    return InstallCandidate(name="x", packages=packages, is_bundle=bundle)


def test_all_go_in() -> None:
    result = only(HOST, FIRST, SECOND)
    assert (result.outcome, result.added) == (InstallOutcome.LIVE, (FIRST.id, SECOND.id))


def test_the_order_of_the_files_changes_nothing() -> None:
    lib = package("lib", files=("opt/lib",), provides=("api = 1.0",))
    user = package("user", files=("opt/user",), depends=("api",))
    for given in ((lib, user), (user, lib)):
        assert only(holding(), *given).outcome is InstallOutcome.LIVE
    assert "[DependencyError]" in only(holding(), user).says


@pytest.mark.parametrize(
    ("bad", "says"),
    [
        (package("bad", files=("etc/bad",)), "violates extensibility rule checks"),
        (package("bad", files=("opt/bad",), depends=("absent",)), "requires absent"),
        (package("bad", files=("opt/bad",), conflicts=("first",)), "are conflicting with"),
        (package("bad", files=("opt/first",)), "'/opt/first' is claimed by multiple"),
        (package("bad", files=("opt/bad",), release_date=None), "unorderable types"),
        (package("bad", files=("opt/bad",), level="partner"), "does not contain a signature"),
        (package("bad", files=("opt/bad",), maintenance=True), "MaintenanceMode is required"),
        (package("bad", files=("opt/bad",), checksums=(UNPACKED,)), "has no attribute"),
    ],
)
def test_one_bad_vib_keeps_all_out(bad: Package, says: str) -> None:
    for given in ((FIRST, bad), (bad, FIRST)):
        result = only(holding(), *given)
        assert (result.outcome, result.added) == (InstallOutcome.REFUSED, ())
        assert says in result.says


def test_one_vib_that_needs_a_reboot_makes_all_wait() -> None:
    result = only(HOST, FIRST, package("late", files=("opt/late",), live=False))
    assert result.outcome is InstallOutcome.REBOOT
    assert [cause.subject for cause in result.causes] == ["ACME_bootbank_late_1.0.0-1"]


def test_the_message_names_those_alone_that_need_maintenance_mode() -> None:
    old = package("second", "0.9-1", files=("opt/second",), maintenance=True)
    asks = package("asks", files=("opt/asks",), maintenance=True)
    says = only(holding(old), FIRST, asks, SECOND).says
    assert f"remove: [{old.id}]; install: [{asks.id}]." in says


def test_up_and_down_in_one_command() -> None:
    old = (package("first", "0.9-1", files=("opt/first",)), package("second", "9-1"))
    result = only(holding(*old), FIRST, SECOND)
    assert result.removed == ("ACME_bootbank_first_0.9-1", "ACME_bootbank_second_9-1")


def test_an_update_takes_those_alone_that_update() -> None:
    host = holding(package("first", "0.9-1", files=("opt/first",)), package("second", "9-1"))
    result = only(host, FIRST, SECOND, verb=Verb.UPDATE)
    assert (result.added, result.removed) == ((FIRST.id,), ("ACME_bootbank_first_0.9-1",))
    assert [str(cause) for cause in result.skipped] == [
        f"{SECOND.id}: does not update an installed VIB"
    ]


def test_a_downgrade_can_break_what_stays() -> None:
    lib = package("lib", "2.0-1", files=("opt/lib",), provides=("api = 2.0",))
    user = package("user", files=("opt/user",), depends=("api >= 2.0",))
    older = package("lib", "1.0-1", files=("opt/lib",), provides=("api = 1.0",))
    assert f"VIB {user.id} requires api >= 2.0" in only(holding(lib, user), older).says
    fitting = package("user", "0.9-1", files=("opt/user",), depends=("api >= 1.0",))
    result = only(holding(lib, user), older, fitting)
    assert (result.outcome, len(result.removed)) == (InstallOutcome.LIVE, 2)


def test_what_is_installed_is_passed_over_and_the_others_go_in() -> None:
    result = only(holding(FIRST), FIRST, SECOND)
    assert result.added == (SECOND.id,)
    assert [str(cause) for cause in result.skipped] == [f"{FIRST.id}: is already installed"]


OTHER = package(
    "first",
    files=("opt/first",),
    checksums=(UNPACKED, replace(PLAIN, digest="dd" * 32), UNPACKED_SHA1),
)


def test_old_files_stay_while_others_go_in() -> None:
    result = only(holding(FIRST), OTHER, SECOND)
    assert result.outcome is InstallOutcome.LIVE
    assert "differs in payloads: the host keeps the OLD FILES" in result.skipped[0].what
    assert "[ValueError]" in only(holding(FIRST), OTHER, SECOND, verb=Verb.UPDATE).says


@pytest.mark.parametrize(
    ("held", "offered", "attribute"),
    [
        (FIRST, OTHER, "payloads"),
        (FIRST, package("first", files=("opt/first", "opt/more")), "filelist"),
        (FIRST, package("first", files=("opt/first",), level="partner"), "acceptancelevel"),
        (FIRST, package("first", files=("opt/first",), overlay=True), "overlay"),
        (
            FIRST,
            package(
                "first",
                files=("opt/first",),
                payloads=(
                    Payload(
                        name="payload1",
                        type="vgz",
                        size=1000,
                        boot_order=7,
                        checksums=FIRST.descriptor.payloads[0].checksums,
                    ),
                ),
            ),
            "payloads",
        ),
        (FIRST, FIRST, ""),
        (FIRST, replace(FIRST, descriptor=replace(FIRST.descriptor, summary="x")), ""),
        (FIRST, SECOND, ""),
    ],
)
@pytest.mark.parametrize("release", [ESXI_65, ESXI_67, ESXI_80], ids=str)
def test_whose_old_files_stay(
    release: Release, held: Package, offered: Package, attribute: str
) -> None:
    host = replace(holding(held), release=release)
    found = list(old_files(host, [offered]))
    assert [f"differs in {attribute}: the host keeps" in text for text in found] == (
        [True] if attribute else []
    )


def test_of_a_vib_that_is_only_listed_nobody_knows_whether_its_files_are_old() -> None:
    listed = replace(FIRST, files_known=False, relationships_known=False, payloads_known=False)
    (told,) = old_files(holding(listed), [OTHER])
    assert "the facts lack its descriptor: if its content differs" in told


@pytest.mark.parametrize(("release", "says"), [(ESXI_67, "unequal values"), (ESXI_65, "merge")])
def test_one_id_twice_with_other_content(release: Release, says: str) -> None:
    assert says in only(replace(holding(), release=release), FIRST, OTHER).says
    assert only(holding(), FIRST, FIRST).outcome is InstallOutcome.LIVE


def test_two_versions_of_a_name_are_rivals_in_one_command_and_not_in_a_bundle() -> None:
    newer = package("first", "2.0-1", files=("opt/first",))
    for given in ((FIRST, newer), (newer, FIRST)):
        result = only(HOST, *given)
        assert f"VIB {newer.id} obsoletes VIBs {FIRST.id} in the input to AddVibs" in result.says
        assert result.certainty is Certainty.INFERRED
        assert chosen_from_depot(given) == (newer,)
        assert "AddVibs" in only(HOST, *given, flags=Flags(force=True)).says


def test_what_replaces_another_is_its_rival_too() -> None:
    heir = package("heir", files=("opt/heir",), replaces=("first",))
    assert f"VIB {heir.id} obsoletes VIBs {FIRST.id}" in only(HOST, FIRST, heir).says
    assert chosen_from_depot((FIRST, heir, SECOND)) == (heir, SECOND)
    later = package("heir", files=("opt/heir",), replaces=("first << 1.0",))
    assert only(HOST, FIRST, later).outcome is InstallOutcome.LIVE
    virtual = package("virtual", files=("opt/virtual",), provides=("thing = 1.0",))
    taker = package("taker", files=("opt/taker",), replaces=("thing",))
    assert chosen_from_depot((virtual, taker)) == (taker,)


def test_a_bundle_is_chosen_from_and_loose_files_are_taken_as_they_are() -> None:
    newer = package("first", "2.0-1", files=("opt/first",))
    loose = join_candidates([candidate(FIRST), candidate(newer)])
    assert Delivery(host=HOST, candidate=loose).command().packages == (FIRST, newer)
    bundles = join_candidates(
        [candidate(FIRST, bundle=True), candidate(newer, SECOND, bundle=True)]
    )
    assert Delivery(host=HOST, candidate=bundles).command().packages == (newer, SECOND)


def test_the_sizes_of_all_count() -> None:
    half = 125 * 2**20
    two = [package(name, files=(f"opt/{name}",), payloads=(_sized(half),)) for name in ("a", "b")]
    assert only(holding(), two[0]).outcome is InstallOutcome.LIVE
    says = only(holding(), *two).says
    assert "requires 250 MB free space, however the maximum supported size is 240 MB" in says
    assert "[InstallationError]" in only(holding(), *two, flags=Flags(force=True)).says


def test_a_vib_that_no_bank_holds_is_refused_on_every_host() -> None:
    """What a stock host holds beside it is not known, and can only make it worse."""
    huge = package("huge", files=("opt/huge",), payloads=(_sized(241 * 2**20),))
    result = only(HOST, huge)
    assert "requires … MB free space" in result.says
    assert "needs at least" in result.causes[0].what
    assert (
        only(HOST, package("fits", payloads=(_sized(240 * 2**20),))).outcome is InstallOutcome.LIVE
    )


def test_a_locker_vib_takes_no_room_of_the_bank() -> None:
    tools = package("tools", type="locker", payloads=(_sized(300 * 2**20),))
    assert only(holding(), tools).outcome is InstallOutcome.LIVE


def test_the_room_of_a_downgrade_is_that_of_what_is_left() -> None:
    full = package("full", "2.0-1", files=("opt/full",), payloads=(_sized(239 * 2**20),))
    less = package("full", "1.0-1", files=("opt/full",), payloads=(_sized(1000),))
    assert only(holding(full), less, SECOND).outcome is InstallOutcome.LIVE


def _sized(size: int) -> Payload:
    return Payload(name="p", type="vgz", size=size, checksums=(UNPACKED, PLAIN, UNPACKED_SHA1))


OVERLAY = package("over", level="partner", overlay=True, files=("opt/first", "opt/own"))
UNSIGNED = Flags(no_sig_check=True)


def test_adding_an_overlay_is_live() -> None:
    assert only(holding(FIRST), OVERLAY, flags=UNSIGNED).outcome is InstallOutcome.LIVE


def test_what_comes_below_an_overlay_waits_for_the_next_boot() -> None:
    result = only(holding(OVERLAY), FIRST, flags=UNSIGNED)
    assert result.outcome is InstallOutcome.REBOOT
    assert f"{OVERLAY.id}: masks /opt/first of {FIRST.id}" in str(result.causes[0])
    assert only(holding(OVERLAY), SECOND, flags=UNSIGNED).outcome is InstallOutcome.LIVE


def test_a_newer_overlay_above_what_stays_waits_for_the_next_boot() -> None:
    newer = replace(OVERLAY, descriptor=replace(OVERLAY.descriptor, version="2.0-1"))
    assert only(holding(FIRST, OVERLAY), newer, flags=UNSIGNED).outcome is InstallOutcome.REBOOT
    assert only(holding(SECOND, OVERLAY), newer, flags=UNSIGNED).outcome is InstallOutcome.LIVE


def test_a_host_that_boots_over_the_network_is_warned_of_its_next_boot() -> None:
    stateless = replace(HOST, stateless=True)
    assert only(stateless, FIRST).says.startswith("WARNING: Only live system was updated")
    assert only(replace(HOST, stateless=None), FIRST).says == "Operation finished successfully."
    late = package("late", files=("opt/late",), live=False)
    for flags in (NO_FLAGS, Flags(dry_run=True)):
        assert "[StatelessError]" in only(stateless, FIRST, late, flags=flags).says


@pytest.mark.parametrize(
    ("release", "outcomes"),
    [
        (ESXI_67, {InstallOutcome.LIVE}),
        (ESXI_80, {InstallOutcome.LIVE, InstallOutcome.REFUSED}),
    ],
    ids=["6.7", "8.0"],
)
def test_missing_folders_may_keep_a_payload_from_being_mounted(
    release: Release, outcomes: set[InstallOutcome]
) -> None:
    bare = replace(FIRST, missing_folders=("opt",))
    host = replace(HOST, release=release)
    branches = predict(Command(host=host, packages=(bare,)))
    assert {branch.result.outcome for branch in branches} == outcomes
    for result in (branch.result for branch in branches):
        if result.outcome is InstallOutcome.REFUSED:
            assert "Failed to mount: [Errno 1] Operation not permitted" in result.says
            assert "it has no entries for the folders opt" in result.causes[0].what
            assert (result.causes[0].rule, result.certainty) == ("VF309", Certainty.INFERRED)
    assert {w.result.outcome for w in predict(Command(host=host, packages=(FIRST,)))} == {
        InstallOutcome.LIVE
    }


@pytest.mark.parametrize(
    ("release", "error"), [(ESXI_65, "DependencyError"), (ESXI_67, "ProfileValidationError")]
)
@pytest.mark.parametrize("flags", [NO_FLAGS, Flags(force=True)], ids=str)
def test_what_takes_the_place_of_esx_base_goes_in_on_no_release(
    release: Release, error: str, flags: Flags
) -> None:
    base = package(
        "esx-base", "6.7.0-0.0.8169922", files=("opt/base",), provides=("esx-version = 6.7.0",)
    )
    heir = package("heir", files=("opt/heir",), replaces=("esx-base",))
    says = only(replace(holding(base), release=release), heir, FIRST, flags=flags).says
    assert f"[{error}]" in says
    assert (
        "Base ESX package not found in profile (Updated) ESXi-6.7.0-8169922-standard: There is no "
        "VIB providing 'esx-version'."
    ) in says
