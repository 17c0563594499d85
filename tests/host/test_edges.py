"""Small decisions of the host model: in each, a change of the code once got past the tests."""

import json

import pytest
from msgspec.structs import replace

from tests.host.packages import PLAIN, UNPACKED_SHA1, package
from tests.releases import ESXI_65, ESXI_67, ESXI_70, ESXI_80, ESXI_90
from tests.vibs import vib
from vibforge.checks.payloads import no_gunzip_sha256
from vibforge.errors import ModelError
from vibforge.esxi.acceptance import AcceptanceLevel
from vibforge.esxi.messages import SILENT
from vibforge.esxi.release import Certainty, Release
from vibforge.findings.check import Fault
from vibforge.host.candidate import (
    BundleReader,
    InstallCandidate,
    candidate_from_vib,
    join_candidates,
)
from vibforge.host.command import NO_FLAGS, Command, Flags
from vibforge.host.facts import SIZE_LIMIT, read_facts
from vibforge.host.host import Hardware, Host, stock_host
from vibforge.host.image import Verb, dependants, removal, unequal_attribute
from vibforge.host.install.installer import predict
from vibforge.host.install.removal import removal_warnings
from vibforge.host.install_needs import install_needs, outcomes_of, outlook
from vibforge.host.installed import read_installed
from vibforge.host.known_messages import recognise
from vibforge.host.package import Package, PayloadContent
from vibforge.host.prediction import Cause, InstallOutcome, Prediction, Refusal
from vibforge.host.reading import cause_of, refusal
from vibforge.host.rebuild import rebuilt, undamaged
from vibforge.host.remedy import remedies
from vibforge.host.routes import Delivery, Route, predict_route, predict_upgrade
from vibforge.vib.archive import Vib
from vibforge.vib.descriptor import HardwarePlatform, MaintenanceMode, Payload, SystemRequires
from vibforge.vib.signature import Signature

COMMUNITY = AcceptanceLevel.COMMUNITY
HOST = replace(stock_host(ESXI_67), acceptance_level=COMMUNITY)
BASE = package("esx-base", "6.7.0-1", files=("opt/base",), provides=("esx-version = 6.7.0",))


def holding(*installed: Package, host: Host = HOST) -> Host:
    return replace(host, installed=(BASE, *installed), installed_known=True)


def results(
    host: Host,
    *packages: Package,
    names: tuple[str, ...] = (),
    verb: Verb = Verb.INSTALL,
    flags: Flags = NO_FLAGS,
) -> list[Prediction]:
    command = Command(host=host, packages=packages, names=names, verb=verb, flags=flags)
    return [branch.result for branch in predict(command)]


def only(host: Host, *packages: Package, flags: Flags = NO_FLAGS) -> Prediction:
    (result,) = results(host, *packages, flags=flags)
    return result


class TestImage:
    def test_what_depends_on_what_depends_on_a_vib_that_goes(self) -> None:
        lib = package("lib", provides=("api = 1.0",))
        user = package("user", depends=("api >= 1.0",), provides=("tool",))
        users_user = package("users-user", depends=("tool",))
        lacking = package("lacking", depends=("nowhere",))
        change = removal((lib, user, users_user, lacking), ("lib",))
        assert [each.name for each in dependants(change)] == ["user", "users-user"]

    def test_another_provider_keeps_a_dependant(self) -> None:
        lib, twin = package("lib", provides=("api",)), package("twin", provides=("api",))
        change = removal((lib, twin, package("user", depends=("api",))), ("lib",))
        assert dependants(change) == ()

    def test_both_levels_are_told(self) -> None:
        found = unequal_attribute(package(level="partner"), package())
        assert found is not None
        assert (found.installed, found.offered) == ("community", "partner")


class TestRelationships:
    def test_a_conflict_names_both(self) -> None:
        other = package("other", provides=("api = 1.0",), files=("opt/other",))
        (found,) = results(holding(other), package(conflicts=("api",)))
        assert [cause.subject for cause in found.causes] == [package().id]
        assert package().id in found.says
        assert other.id in found.says

    def test_a_conflict_with_what_is_not_there_is_none(self) -> None:
        assert only(holding(), package(conflicts=("absent",))).outcome is InstallOutcome.LIVE

    @pytest.mark.parametrize(
        ("release", "certainty", "words"),
        [
            (ESXI_67, Certainty.MEASURED, "nothing on the host provides"),
            (ESXI_80, Certainty.UNKNOWN, "may not provide"),
        ],
    )
    def test_whether_an_interface_is_there(
        self, release: Release, certainty: Certainty, words: str
    ) -> None:
        host = replace(stock_host(release), acceptance_level=COMMUNITY)
        offered = package(depends=("vmkapi_2_9_0_0" if release == ESXI_67 else "vmkapi_2_5_0_0",))
        refused = [found for found in results(host, offered) if found.causes]
        assert {found.causes[0].certainty for found in refused} == {certainty}
        assert all(words in found.causes[0].what for found in refused)


class TestRemediation:
    def test_a_dry_run_tells_of_the_reboot(self) -> None:
        dry = Flags(dry_run=True)
        assert only(HOST, package(live=False), flags=dry).outcome is InstallOutcome.REBOOT
        assert only(HOST, package(), flags=dry).outcome is InstallOutcome.LIVE

    def test_a_stateless_host_says_why_with_the_certainty_of_the_release(self) -> None:
        found = only(replace(HOST, stateless=True), package(live=False))
        assert "boots over the network" in found.causes[0].what
        assert found.causes[0].certainty is Certainty.MEASURED
        assert len(found.causes) == 2

    def test_a_type_that_no_host_mounts_is_that_checks(self) -> None:
        odd = Payload(
            name="payload1",
            type="odd",
            size=1,
            checksums=package().descriptor.payloads[0].checksums,
        )
        found = only(HOST, package(payloads=(odd,)))
        assert found.outcome is InstallOutcome.REFUSED
        assert [cause.rule for cause in found.causes] == ["VF304"]


class TestRemoval:
    def test_words_name_vendor_name_and_version(self) -> None:
        host = replace(HOST, installed_known=False)
        found = [
            result
            for result in results(host, names=("ACME:tool:1.0-1",), verb=Verb.REMOVE)
            if result.removed
        ]
        assert {result.removed for result in found} == {("ACME_bootbank_tool_1.0-1",)}
        (two, *_) = [
            result.removed
            for result in results(host, names=("tool:1.0-1",), verb=Verb.REMOVE)
            if result.removed
        ]
        assert two == ("…_bootbank_tool_1.0-1",)

    @pytest.mark.parametrize(
        ("level", "left", "told"),
        [
            ("community", "partner", "--level=PartnerSupported"),
            ("community", "community", ""),
            ("partner", "certified", "--level=VMwareCertified"),
            ("certified", "certified", ""),
        ],
    )
    def test_the_level_that_can_be_set_afterwards(self, level: str, left: str, told: str) -> None:
        base = replace(BASE, descriptor=replace(BASE.descriptor, acceptance_level="certified"))
        installed = (base, package("left", level=left), package())
        host = replace(
            holding(), installed=installed, acceptance_level=AcceptanceLevel.parse(level)
        )
        (text,) = removal_warnings(host, ("trx-conf",))
        assert text.endswith(told)
        assert ("--level=" in text) is bool(told)
        assert ("ACME_bootbank_left_1.0.0-1" in text) is (left == "community")

    @pytest.mark.parametrize(("count", "told"), [(5, ""), (6, " and 1 more"), (7, " and 2 more")])
    def test_five_that_hold_the_level_are_named(self, count: int, told: str) -> None:
        kept = [package(f"vib-{number}") for number in range(count)]
        base = replace(BASE, descriptor=replace(BASE.descriptor, acceptance_level="certified"))
        host = replace(holding(), installed=(base, *kept, package()))
        (text,) = removal_warnings(host, ("trx-conf",))
        assert text.endswith(f"vib-4_1.0.0-1{told} stays.")


def wanting(*wanted: tuple[str, str]) -> Package:
    platforms = tuple(HardwarePlatform(vendor=vendor, model=model) for vendor, model in wanted)
    requires = SystemRequires(maintenance_mode=MaintenanceMode(), hardware_platforms=platforms)
    return package(system_requires=requires)


class TestHardware:
    DELL = replace(HOST, hardware=Hardware(vendor="Dell", model="R1", oem_strings=()))

    @pytest.mark.parametrize(
        ("wanted", "fits"),
        [
            (("Dell", ""), True),
            (("Dell", "R1"), True),
            (("Dell", "R2"), False),
            (("HPE", ""), False),
        ],
    )
    def test_a_vendor_alone_takes_all_models(self, wanted: tuple[str, str], *, fits: bool) -> None:
        assert only(self.DELL, wanting(wanted)).outcome.installs is fits

    def test_a_mismatch_is_of_the_vendor_or_of_the_model(self) -> None:
        says = only(self.DELL, wanting(("Dell", "R2"), ("HPE", "G1"))).says
        assert "BIOS model R2 is required but host BIOS model is R1" in says
        assert "BIOS vendor HPE is required but host BIOS vendor is Dell" in says

    def test_a_few_are_named_and_the_others_counted(self) -> None:
        host = replace(HOST, hardware=None)

        def condition(count: int) -> str:
            offered = wanting(*[(f"V{number}", "M") for number in range(count)])
            branches = predict(Command(host=host, packages=(offered,)))
            return " ".join(text for branch in branches for text in branch.assumptions.conditions)

        named = next(count for count in range(2, 40) if "others" in condition(count)) - 1
        assert f"V{named - 1} M" in condition(named)
        assert "or 1 others" in condition(named + 1)


class TestSignatures:
    @pytest.mark.parametrize(
        ("state", "rule", "words"),
        [
            (Signature.MISSING, "VF501", "does not contain a signature"),
            (Signature.BROKEN, "VF504", ""),
            (Signature.MALFORMED, "VF502", "odd bytes"),
            (Signature.UNFIT, "", "partner"),
            (Signature.UNTRUSTED, "", "trusted signer"),
        ],
    )
    def test_each_state_has_its_check_and_names_the_vib(
        self, state: Signature, rule: str, words: str
    ) -> None:
        offered = replace(package(level="partner", signature=state), signature_says="odd bytes")
        found = only(stock_host(ESXI_67), offered)
        assert [cause.rule for cause in found.causes] == [rule]
        assert offered.id in found.says
        assert words in found.says

    def test_an_acceptance_level_is_as_sure_as_the_release_was_tried(self) -> None:
        for release, certainty in ((ESXI_67, Certainty.MEASURED), (ESXI_80, Certainty.DOCUMENTED)):
            found = only(stock_host(release), package())
            assert found.causes[0].certainty is certainty
            assert found.causes[0].what.endswith("PartnerSupported")


class TestFiles:
    def test_all_owners_of_a_file_are_in_the_message(self) -> None:
        other = package("other")
        (found,) = results(holding(other), package())
        if found.outcome is InstallOutcome.REFUSED:
            assert repr(other.id) in found.says
        host = holding(other, host=replace(stock_host(ESXI_80), acceptance_level=COMMUNITY))
        said = " ".join(result.says for result in results(host, package()))
        assert (
            f"{other.id!r}, {package().id!r}" in said or f"{package().id!r}, {other.id!r}" in said
        )

    def test_why_a_payload_cannot_be_unpacked_is_in_the_message(self) -> None:
        content = PayloadContent(
            payload=package().descriptor.payloads[0], unpacking="Not a gzipped file"
        )
        found = only(HOST, replace(package(), contents=(content,)))
        assert "Not a gzipped file" in found.says
        assert found.causes[0].rule == "VF314"


class TestNeeds:
    def test_an_outlook_is_of_a_host_in_maintenance_mode_at_the_lower_level(self) -> None:
        offered = package(level="accepted", signature=Signature.TRUSTED, maintenance=True)
        (found,) = outlook(offered, install_needs(offered), (ESXI_67,))
        assert outcomes_of(found.then) == (InstallOutcome.MAINTENANCE,)
        low = package(maintenance=True)
        (found,) = outlook(low, install_needs(low), (ESXI_67,))
        assert outcomes_of(found.bare) == (InstallOutcome.REFUSED,)
        assert outcomes_of(found.then) == (InstallOutcome.MAINTENANCE,)

    def test_five_paths_are_named(self) -> None:
        for count, told in ((5, "/etc/f4: "), (6, "/etc/f4 and 1 more: "), (7, " and 2 more: ")):
            files = tuple(f"etc/f{number}" for number in range(count))
            (first, *_) = install_needs(package(files=files), (ESXI_67,)).reasons
            assert told in first
            assert first.startswith("/etc/f0, /etc/f1")

    def test_what_is_not_of_a_path_is_of_the_vib(self) -> None:
        (only_reason,) = install_needs(package(level="partner"), (ESXI_67,)).reasons
        assert only_reason.startswith("The VIB claims PartnerSupported")


class TestFacts:
    def test_a_document_that_is_too_large_is_named(self) -> None:
        with pytest.raises(ModelError) as found:
            read_facts(b" " * (SIZE_LIMIT + 1), "of-host.json")
        assert found.value.problems[0].where == "of-host.json"

    def test_a_document_that_is_no_object_says_what_it_is(self) -> None:
        with pytest.raises(ModelError, match="list"):
            read_facts(b"[]", "of-host.json")

    def test_what_is_not_taken_is_noted_with_its_place(self) -> None:
        facts = {
            "format": "vibforge/host-facts/1",
            "version": "6.7.0",
            "acceptance_level": "Odd",
            "bootbank_free": "much",
        }
        notes = read_facts(json.dumps(facts).encode(), "of-host.json").notes
        places = {note.where: note.what for note in notes}
        assert "of-host.json: acceptance_level" in places
        assert "much" in places["of-host.json: bootbank_free"]


class TestOffers:
    REFUSAL = Refusal(
        message=SILENT(), cause=Cause(what="is odd", subject="x", certainty=Certainty.MEASURED)
    )

    def test_a_join_candidates_has_what_all_are_refused_for(self) -> None:
        plain = InstallCandidate(name="a", packages=(package(),))
        odd = InstallCandidate(
            name="b",
            packages=(package("b"),),
            reader_refusals={BundleReader.VLCM: (self.REFUSAL,)},
            payload_refusals=(self.REFUSAL,),
        )
        found = join_candidates([plain, odd])
        assert found.name == "a + b"
        assert found.payload_refusals == (self.REFUSAL,)
        assert found.reader_refusals[BundleReader.VLCM] == (self.REFUSAL,)
        assert found.reader_refusals[BundleReader.ESXCLI] == ()

    def test_an_offer_has_the_name_it_is_given(self) -> None:
        assert candidate_from_vib(Vib.from_bytes(vib(), "x.vib"), "given.vib").name == "given.vib"


def delivery(*packages: Package, release: Release = ESXI_80) -> Delivery:
    offer = InstallCandidate(name="x", packages=packages, is_bundle=True, is_component=True)
    host = replace(stock_host(release), acceptance_level=COMMUNITY)
    return Delivery(host=host, candidate=offer, upgrade_to=ESXI_90)


class TestRebuilding:
    def test_a_rebuilt_vib_is_newer_and_unsigned(self) -> None:
        for version, newer in (("1.0-1", "1.0-1.1"), ("1.0", "1.0-1")):
            signed = package(version=version, signature=Signature.TRUSTED)
            (found,) = rebuilt(Command(host=HOST, packages=(signed,))).packages
            assert found.descriptor.version == newer
            assert found.signature is Signature.MISSING

    def test_undamaged_files_are_those_that_were_meant(self) -> None:
        content = PayloadContent(payload=package().descriptor.payloads[0], present=False)
        damaged = replace(package(), contents=(content,))
        found = undamaged(Command(host=HOST, packages=(damaged,), damage=(TestOffers.REFUSAL,)))
        assert (found.packages[0].contents, found.damage) == ((), ())


class TestReading:
    def test_a_refusal_holds_where_the_check_says_so(self) -> None:
        fault = Fault("payload1", "is odd", certainty=Certainty.INFERRED)
        found = refusal(no_gunzip_sha256, fault, "x")
        assert not found.holds(ESXI_67)
        assert found.holds(ESXI_80)
        assert found.cause.certainty is Certainty.INFERRED
        plain = Fault("payload1", "is odd")
        assert cause_of(no_gunzip_sha256, plain).certainty is no_gunzip_sha256.certainty
        given = cause_of(no_gunzip_sha256, fault, certainty=Certainty.UNKNOWN)
        assert given.certainty is Certainty.UNKNOWN

    def test_an_installed_vib_without_an_id_is_of_the_bootbank(self) -> None:
        entry = {"name": "a", "version": "1-1", "vendor": "V", "acceptance_level": "partner"}
        entries = [entry, entry | {"name": "b", "id": "V_locker_b_1-1"}]
        found = read_installed(entries, "facts.json")
        assert [each.descriptor.type for each in found.packages] == ["bootbank", "locker"]
        assert all(note.where.startswith("facts.json") for note in found.notes)
        assert found.notes

    def test_the_vib_is_in_the_message_about_its_level(self) -> None:
        assert package().id in only(stock_host(ESXI_67), package()).says

    def test_an_image_names_the_vib_without_a_signature(self) -> None:
        (branch,) = predict_route(delivery(package(level="partner")), Route.IMAGE_BUILDER)
        (cause,) = branch.result.causes
        assert (cause.subject, cause.certainty) == (package().id, Certainty.DOCUMENTED)
        (branch,) = predict_route(delivery(package()), Route.IMAGE_BUILDER)
        assert branch.result.says


class TestRoutes:
    def test_vlcm_minds_the_vib_without_a_signature_alone(self) -> None:
        signed = package("signed", level="partner", signature=Signature.TRUSTED)
        branches = predict_route(delivery(signed, package(files=("opt/b",))), Route.VLCM)
        said = {branch.result.outcome: branch for branch in branches}
        assert set(said) == {InstallOutcome.REBOOT, InstallOutcome.REFUSED}
        refused, taken = said[InstallOutcome.REFUSED], said[InstallOutcome.REBOOT]
        assert [cause.subject for cause in refused.result.causes] == [package().id]
        assert refused.assumptions.conditions != taken.assumptions.conditions

    def test_vlcm_takes_the_lowest_level_of_a_bundle(self) -> None:
        high = package("high", level="accepted", signature=Signature.TRUSTED, files=("opt/h",))
        low = package(signature=Signature.TRUSTED)
        (branch,) = predict_route(delivery(high, low), Route.VLCM)
        assert branch.result.outcome is InstallOutcome.REBOOT

    def test_an_upgrade_forgets_what_is_installed(self) -> None:
        """The VIBs of the old release are replaced: they are no owners of files there."""
        other = package("other")
        (branch,) = predict_upgrade(holding(other), (package(),), ESXI_70)
        assert branch.result.outcome is InstallOutcome.REBOOT

    def test_levels_may_be_left_out_from_seven_on(self) -> None:
        bad = package(files=("etc/vmware/trx.conf",))
        assert len(predict_upgrade(HOST, (bad,), ESXI_70)) == 2


class TestRemedies:
    def test_a_removal_can_take_what_depends_on_it_along(self) -> None:
        lib = package("lib", files=("opt/lib",), provides=("api",))
        user = package("user", files=("opt/user",), depends=("api",))
        command = Command(host=holding(lib, user), names=("lib",), verb=Verb.REMOVE)
        steps = [step for remedy in remedies(command) for step in remedy.steps]
        (step,) = {step.key: step for step in steps if step.key == "dependants"}.values()
        assert step.what.endswith("-n user")
        assert step.cost

    def test_a_later_version_is_one_that_fits(self) -> None:
        offered = package(depends=("api >> 1.0",))
        found = remedies(Command(host=HOST, packages=(offered,)))
        assert any("provider" in {step.key for step in remedy.steps} for remedy in found)


def test_a_message_of_python_2_is_recognised_without_its_prefix() -> None:
    text = "[DependencyError] VIB a requires b, but the requirement cannot be satisfied"
    plain = recognise(f"{text} within the ImageProfile.")
    assert plain
    assert recognise(f"u'{text}' within the ImageProfile.") is not None


def test_digests_of_the_old_order_are_refused_on_the_releases_that_misread_them() -> None:
    old = package(checksums=(PLAIN, UNPACKED_SHA1))
    for release in (ESXI_65, ESXI_67):
        host = replace(stock_host(release), acceptance_level=COMMUNITY)
        assert only(host, old).outcome is InstallOutcome.LIVE
