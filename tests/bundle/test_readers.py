import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests import vibs
from tests.bundles import changed_file, gone, zipped
from tests.vibs import swap
from vibforge.bundle.create import create_bundle
from vibforge.bundle.readers import ReaderVerdict, Verdict
from vibforge.bundle.recipe import BundleRecipe
from vibforge.errors import DepotError
from vibforge.esxi.release import Certainty
from vibforge.host.candidate import BundleReader
from vibforge.packages.verification import Outcome
from vibforge.packages.verify import judge_bundle, opened_bundles

ESXCLI, COMPONENT, VLCM, IMAGE_BUILDER, UPDATE_MANAGER = BundleReader
RECIPE = BundleRecipe(vendor_code="ABC", platforms=("8.0",), kb_url="https://x.y", contact="me")

CORPUS = (
    "JakDaniels-ghettoVCB-offline-bundle.zip",
    "Soulveig-vmksdhci-0.1.0-1-offline-bundle.zip",
    "itiligent-ESXi650-VMKUSB-NIC-FLING-39176435-16775917.zip",
    "itiligent-ESXi703-VMKUSB-NIC-FLING-55634242-component-19849370.zip",
    "itiligent-ESXi803-VMKUSB-NIC-FLING-93415869-component.zip",
    "itiligent-ESXi90-VMKUSB-NIC-FLING-84947163_24739691-component.zip",
    "itiligent-net55-r8168-8.045a-napi-offline_bundle.zip",
    "keramix-vmware-esx-vmdkops-0.1.zip",
    "lamw-vghetto-ghettoVCB-offline-bundle.zip",
    "money114-net-forcedeth-1-1.0.0-1-offline_bundle.zip",
    "thebel1-VMW-esx-7.0.1-thpimon-1.0-0.00001.zip",
    "virtualFrog-customfirewall-offline-bundle.zip",
    "vsphere-tmm-HANA_on_vSAN_health_check_1.8.0-offline_bundle-22465865.zip",
)
UNSIGNED_CLAIM = "keramix-vmware-esx-vmdkops-0.1.zip"
NESTED = "itiligent-ESXi650-VMKUSB-NIC-FLING-39176435-16775917.zip"


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    vib = vibs.write(tmp_path, system_requires=vibs.requires("8.0"))
    return create_bundle([vib], tmp_path / "x.zip", RECIPE).path


def receptions(path: Path) -> dict[BundleReader, ReaderVerdict]:
    (found,) = judge_bundle(path)
    return {reception.reader: reception for reception in found.verdicts}


def test_the_whole_corpus_is_here(corpus: Path) -> None:
    facts = json.loads((corpus / "manifest.json").read_text())["bundles"]
    assert sorted(facts) == sorted(CORPUS)


@pytest.mark.parametrize("name", CORPUS)
def test_a_real_bundle_is_what_the_manifest_says(corpus: Path, name: str) -> None:
    facts = json.loads((corpus / "manifest.json").read_text())["bundles"][name]
    with opened_bundles(corpus / "bundles" / name) as (found,):
        of = found.bundle
        if name == NESTED:
            outer = [member.split(":")[-1] for member in (of.name,)]
            assert outer == facts["members"]
            assert [platform.version for platform in of.platforms] == ["6.*"]
            return
        assert list(of.members) == facts["members"]
        assert list(of.metadata_members) == facts["meta_members"]
        assert [list(pair) for pair in of.vendor] == facts["vendor"]
        assert list(dict.fromkeys(p.version for p in of.platforms)) == facts["platform_versions"]
        if facts["bulletin_elements"] is None:
            assert of.bulletins == ()
            return
        (bulletin,) = of.bulletins
        assert [tag for tag, _text in bulletin.fields] == facts["bulletin_elements"]
        assert bulletin.is_component == facts["component"]
        for tag, text in facts["bulletin_values"].items():
            assert bulletin.value(tag) == (text or "")


@pytest.mark.parametrize("name", CORPUS)
def test_a_real_bundle_is_what_it_says_itself(corpus: Path, name: str) -> None:
    (found,) = judge_bundle(corpus / "bundles" / name)
    facts = list(found.verification.all_facts)
    assert [one.statement for one in facts if one.outcome is Outcome.FAILED] == []
    warned = {one.statement for one in facts if one.outcome is Outcome.WARNING}
    expected = {"a level above community has a signature"} if name == UNSIGNED_CLAIM else set()
    assert warned == expected
    held = {f.statement for f in found.verification.facts if f.outcome is Outcome.HELD}
    assert {"sha-256 of the file", "the metadata states what the VIB states"} <= held


EXPECTED = {
    "JakDaniels-ghettoVCB-offline-bundle.zip": "taken refused refused taken refused",
    "Soulveig-vmksdhci-0.1.0-1-offline-bundle.zip": "taken refused refused taken refused",
    NESTED: "refused refused refused refused refused",
    "itiligent-ESXi703-VMKUSB-NIC-FLING-55634242-component-19849370.zip": "taken " * 5,
    "itiligent-ESXi90-VMKUSB-NIC-FLING-84947163_24739691-component.zip": "taken " * 5,
    "itiligent-net55-r8168-8.045a-napi-offline_bundle.zip": "taken refused refused taken taken",
    "thebel1-VMW-esx-7.0.1-thpimon-1.0-0.00001.zip": "taken taken open taken taken",
    "virtualFrog-customfirewall-offline-bundle.zip": "taken taken open taken taken",
}
WORDS = {Verdict.TAKES: "taken", Verdict.REFUSES: "refused", Verdict.OPEN: "open"}


@pytest.mark.parametrize("name", EXPECTED)
def test_what_readers_make_of_a_real_bundle(corpus: Path, name: str) -> None:
    found = receptions(corpus / "bundles" / name)
    assert [WORDS[found[reader].verdict] for reader in BundleReader] == EXPECTED[name].split()


def test_a_good_bundle_is_taken(bundle: Path) -> None:
    found = receptions(bundle)
    assert found[ESXCLI].certainty is Certainty.MEASURED
    assert found[COMPONENT].verdict is Verdict.TAKES
    assert found[COMPONENT].certainty is Certainty.INFERRED
    assert found[VLCM].verdict is Verdict.OPEN
    assert found[VLCM].certainty is Certainty.UNKNOWN


ALL = frozenset(BundleReader)
OUTER_INDEX = {"index.xml": swap("<code>ABC</code>", "")}
CASES: dict[str, tuple[dict[str, Callable[[bytes], bytes]], dict[str, Callable[[bytes], bytes]]]]
CASES = {
    "an element is missing": (OUTER_INDEX, {}),
    "no index": ({"index.xml": gone}, {}),
    "no vendor index": ({"vendor-index.xml": gone}, {}),
    "wrong XML in vibs": ({}, {"vibs/": lambda _data: b"<vib"}),
    "the VIB is missing": ({"vib20/": gone}, {}),
    "the VIB is another": ({}, {"vibs/": swap("<overlay>false", "<overlay>true")}),
    "not a VIB": ({"vib20/": lambda _data: b"PK"}, {}),
    "no VIBs": ({}, {"vibs/": gone}),
    "no component": ({}, {"bulletins/": swap("componentNameSpec", "old")}),
    "no bulletin": ({}, {"bulletins/": gone}),
    "a lost VIB": ({}, {"bulletins/": swap("<vibID>ACME", "<vibID>OTHER")}),
    "another release inside": ({}, {"vendor-index.xml": swap("8.0", "7.0")}),
    "vmware.xml differs": ({}, {"vmware.xml": swap("<id>acme", "<id>other")}),
    "no vmware.xml": ({}, {"vmware.xml": gone}),
    "no code": ({"index.xml": swap("ABC", "Unknown")}, {}),
}
REFUSED_BY = {
    "an element is missing": ALL,
    "no index": ALL,
    "no vendor index": ALL,
    "wrong XML in vibs": ALL,
    "the VIB is missing": ALL - {UPDATE_MANAGER},
    "the VIB is another": ALL - {UPDATE_MANAGER},
    "not a VIB": ALL - {UPDATE_MANAGER},
    "no VIBs": ALL,
    "no component": {COMPONENT, VLCM, UPDATE_MANAGER},
    "no bulletin": {COMPONENT, VLCM, UPDATE_MANAGER},
    "a lost VIB": {COMPONENT, VLCM, UPDATE_MANAGER},
    "another release inside": {VLCM, UPDATE_MANAGER},
    "vmware.xml differs": {UPDATE_MANAGER},
    "no vmware.xml": {UPDATE_MANAGER},
    "no code": {VLCM},
}


@pytest.mark.parametrize("case", CASES)
def test_who_refuses_what(bundle: Path, case: str) -> None:
    found = receptions(changed_file(bundle, *CASES[case]))
    assert {r for r in BundleReader if found[r].verdict is Verdict.REFUSES} == REFUSED_BY[case]


@pytest.mark.parametrize(
    "case", ["an element is missing", "the VIB is missing", "the VIB is another", "not a VIB"]
)
def test_facts_that_fail(bundle: Path, case: str) -> None:
    (found,) = judge_bundle(changed_file(bundle, *CASES[case]))
    assert not found.verification.held


def test_the_messages_that_are_on_record(bundle: Path) -> None:
    missing = receptions(changed_file(bundle, *CASES["an element is missing"]))[ESXCLI]
    assert missing.says == "[MetadataFormatError] Element code was expected, but not found"
    unlike = receptions(changed_file(bundle, *CASES["the VIB is another"]))[ESXCLI]
    vib_id = "ACME_bootbank_acme_1.0.0-1"
    assert unlike.says == (
        f"[InstallationError] VIBs {vib_id} and {vib_id} have unequal values of the 'overlay' "
        "attribute"
    )
    assert unlike.certainty is Certainty.MEASURED


def test_a_wrong_size_fails_and_hosts_do_not_mind(bundle: Path) -> None:
    wrong = changed_file(bundle, {}, {"vibs/": swap("<packed-size>", "<packed-size>1")})
    (found,) = judge_bundle(wrong)
    assert not found.verification.held
    assert receptions(wrong)[ESXCLI].verdict is Verdict.TAKES


def test_a_damaged_payload(bundle: Path) -> None:
    damaged = changed_file(bundle, {"vib20/": lambda data: data[:-20] + bytes(20)}, {})
    reception = receptions(damaged)[ESXCLI]
    assert reception.verdict is Verdict.REFUSES
    assert "Calculated digest at EOF does not match expected result" in reception.says


def test_members_twice_are_told(bundle: Path) -> None:
    data = bundle.read_bytes().replace(b"index.xml", b"index.xm_")
    bundle.write_bytes(data.replace(b"vendor-index.xm_", b"vendor-index.xml"))
    (found,) = judge_bundle(bundle)
    assert not found.verification.held


def test_what_is_no_bundle(tmp_path: Path) -> None:
    with pytest.raises(DepotError, match="not an offline bundle"):
        judge_bundle(vibs.write(tmp_path))
    empty = tmp_path / "empty.zip"
    empty.write_bytes(zipped([("readme.txt", b"hello")]))
    (found,) = judge_bundle(empty)
    assert not found.verification.held


def test_thousands_of_vibs_in_the_metadata(bundle: Path) -> None:
    files = [(f"vibs/{number}.xml", b"<vib/>") for number in range(5000)]
    metadata = zipped([*files, ("vendor-index.xml", b"<metaList/>")])
    path = changed_file(bundle, {"metadata.zip": lambda _data: metadata}, {})
    (found,) = judge_bundle(path)
    assert not found.verification.held
