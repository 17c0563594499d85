from pathlib import Path

import pytest

from tests import vibs
from tests.bundles import changed_file, members, zipped
from tests.vibs import Change, swap
from vibforge.bundle.compose import add, file_name, merge, remove, split, vendor_of
from vibforge.bundle.create import create_bundle
from vibforge.bundle.index import Vendor
from vibforge.bundle.modernise import modernise
from vibforge.bundle.opening import Written, opened_content, write
from vibforge.bundle.recipe import BundleRecipe, ComponentRecipe
from vibforge.errors import DepotError, FormatError, ModelError, VibforgeError
from vibforge.host.candidate import BundleReader
from vibforge.packages.verify import judge_bundle

RECIPE = BundleRecipe(vendor_code="ABC", platforms=("8.0",), kb_url="https://x.y", contact="me")
FLINGS = (
    "itiligent-ESXi703-VMKUSB-NIC-FLING-55634242-component-19849370.zip",
    "itiligent-ESXi803-VMKUSB-NIC-FLING-93415869-component.zip",
    "itiligent-ESXi90-VMKUSB-NIC-FLING-84947163_24739691-component.zip",
)


def bundle(folder: Path, *names: str, recipe: BundleRecipe = RECIPE, about: str = "") -> Path:
    made = [vibs.write(folder / "vibs", name, description=about) for name in names]
    return create_bundle(made, folder / f"{'-'.join(names)}.zip", recipe).path


def ids(done: Written) -> list[str]:
    return [vib.id for vib in done.content.vibs]


def bulletins(done: Written) -> list[str]:
    return [carried.bulletin.id for carried in done.content.bulletins]


def test_adding_keeps_what_is_there(tmp_path: Path) -> None:
    old = bundle(tmp_path, "a")
    vib = vibs.write(tmp_path, "b", system_requires=vibs.requires())
    done = add(old, [vib], tmp_path / "new.zip")
    assert ids(done) == ["ACME_bootbank_a_1.0.0-1", "ACME_bootbank_b_1.0.0-1"]
    assert [p.version for p in done.content.platforms] == ["8.0"]
    assert done.content.vendor == Vendor(name="ACME", code="ABC")
    (found,) = judge_bundle(done.path)
    assert found.verification.held
    before, after = members(old.read_bytes()), members(done.path.read_bytes())
    kept = "bulletins/a_1.0.0-1.xml"
    assert members(after["metadata.zip"])[kept] == members(before["metadata.zip"])[kept]


def test_adding_what_contradicts_names_both(tmp_path: Path) -> None:
    old = bundle(tmp_path, "a")
    other = vibs.write(tmp_path, "a", description="other")
    with pytest.raises(DepotError) as caught:
        add(old, [other], tmp_path / "new.zip")
    assert str(old) in str(caught.value)
    assert str(other) in str(caught.value)


def test_signed_vibs_stay_byte_for_byte(corpus: Path, tmp_path: Path) -> None:
    paths = [corpus / "bundles" / name for name in FLINGS]
    done = merge(paths, tmp_path / "m.zip", Vendor(name="VMware", code="VMW"))
    (found,) = judge_bundle(done.path)
    assert found.verification.held
    merged = members(done.path.read_bytes())
    for path in paths:
        whole = members(path.read_bytes())
        (vib,) = [name for name in whole if name.endswith(".vib")]
        assert merged[vib] == whole[vib]
        inner, inner_merged = members(whole["metadata.zip"]), members(merged["metadata.zip"])
        for name in inner:
            if name.startswith(("vibs/", "bulletins/")):
                assert inner_merged[name] == inner[name]
    assert [p.version for p in done.content.platforms] == ["7.0", "8.0", "9.0"]
    parts = split(done.path, tmp_path / "parts")
    assert len(parts) == 3
    for part, version in zip(parts, ("7.0", "8.0", "9.0"), strict=True):
        assert [p.version for p in part.content.platforms] == [version]
        assert judge_bundle(part.path)[0].verification.held


def test_merging_what_was_split_gives_the_same_bytes(tmp_path: Path) -> None:
    whole = bundle(tmp_path, "a", "b")
    parts = split(whole, tmp_path / "parts")
    again = merge([part.path for part in parts], tmp_path / "again.zip")
    assert again.path.read_bytes() == whole.read_bytes()


@pytest.mark.parametrize("name", FLINGS)
def test_writing_a_real_bundle_again_keeps_its_meaning(
    corpus: Path, tmp_path: Path, name: str
) -> None:
    with opened_content(corpus / "bundles" / name) as found:
        first = write(found, tmp_path / "1.zip")
    with opened_content(first.path) as found:
        second = write(found, tmp_path / "2.zip")
    assert first.path.read_bytes() == second.path.read_bytes()
    assert judge_bundle(first.path)[0].verification.held


def test_vendors_that_differ_have_to_be_decided(tmp_path: Path) -> None:
    first = bundle(tmp_path, "a")
    second = bundle(tmp_path, "b", recipe=BundleRecipe(vendor="Other", vendor_code="OTH"))
    with pytest.raises(DepotError) as caught:
        merge([first, second], tmp_path / "m.zip")
    assert f"{first} of ACME (ABC), {second} of Other (OTH)" in str(caught.value)
    done = merge([first, second], tmp_path / "m.zip", vendor_of("Both", "BTH"))
    assert done.content.vendor == Vendor(name="Both", code="BTH")


@pytest.mark.parametrize(("name", "code"), [("x", None), (None, "ABC"), ("x", "ABCD")])
def test_a_vendor_is_named_whole(name: str | None, code: str | None) -> None:
    with pytest.raises(ModelError):
        vendor_of(name, code)
    assert vendor_of(None, None) is None


def test_bulletins_that_contradict_name_both(tmp_path: Path) -> None:
    first = bundle(tmp_path, "a")
    second = changed_file(first, {}, {"bulletins/": swap("<contact>me", "<contact>you")})
    with pytest.raises(DepotError) as caught:
        merge([first, second], tmp_path / "m.zip")
    assert str(first) in str(caught.value)
    assert str(second) in str(caught.value)
    assert not (tmp_path / "m.zip").exists()


def test_removing_a_vib_takes_its_empty_component_along(tmp_path: Path) -> None:
    whole = bundle(tmp_path, "a", "b")
    done = remove(whole, ["a"], tmp_path / "less.zip")
    assert (ids(done), bulletins(done)) == (["ACME_bootbank_b_1.0.0-1"], ["b_1.0.0-1"])
    assert judge_bundle(done.path)[0].verification.held


def test_removing_a_component_takes_its_vibs_along(tmp_path: Path) -> None:
    recipe = BundleRecipe(
        vendor_code="ABC",
        components=(
            ComponentRecipe(name="one", vibs=("a", "b")),
            ComponentRecipe(name="two", vibs=("c",)),
        ),
    )
    whole = bundle(tmp_path, "a", "b", "c", recipe=recipe)
    assert ids(remove(whole, ["one"], tmp_path / "x.zip")) == ["ACME_bootbank_c_1.0.0-1"]
    fewer = remove(whole, ["ACME_*_a_*"], tmp_path / "y.zip")
    assert bulletins(fewer) == ["one_1.0.0-1", "two_1.0.0-1"]
    assert fewer.notes == ("bulletin one_1.0.0-1 lists 1 VIBs fewer",)
    assert judge_bundle(fewer.path)[0].verification.held


@pytest.mark.parametrize(
    ("what", "reason"), [("x", "no VIB or bulletin x"), ("*", "would have no VIB left")]
)
def test_removing_nothing_or_all(tmp_path: Path, what: str, reason: str) -> None:
    with pytest.raises(DepotError, match=reason):
        remove(bundle(tmp_path, "a"), [what], tmp_path / "x.zip")
    assert not (tmp_path / "x.zip").exists()


def test_vibs_without_a_bulletin_are_parts_too(corpus: Path, tmp_path: Path) -> None:
    path = corpus / "bundles" / "Soulveig-vmksdhci-0.1.0-1-offline-bundle.zip"
    (part,) = split(path, tmp_path)
    assert part.path.name == "Soulveig_bootbank_vmksdhci_0.1.0-1.zip"


@pytest.mark.parametrize("name", ["../../etc", "a/b", "", ".hidden", "ä b"])
def test_names_of_parts_stay_in_the_folder(name: str) -> None:
    assert "/" not in file_name(name)
    assert not file_name(name).startswith(".")


def test_a_licence_beside_the_depot_is_kept(tmp_path: Path) -> None:
    whole = bundle(tmp_path, "a")
    parts = members(whole.read_bytes())
    with_licence = tmp_path / "licence.zip"
    with_licence.write_bytes(zipped([*parts.items(), ("LICENCE.txt", b"mine")]))
    done = add(with_licence, [vibs.write(tmp_path, "b")], tmp_path / "new.zip")
    assert members(done.path.read_bytes())["LICENCE.txt"] == b"mine"


BAD: dict[str, tuple[dict[str, Change], dict[str, Change], str]] = {
    "a fault": ({"index.xml": swap("<code>ABC</code>", "")}, {}, "no element code"),
    "no VIB": ({"vib20/": lambda _: b""}, {}, "the bundle lacks it"),
    "another VIB": ({"vib20/": lambda _: vibs.vib(name="c")}, {}, "differs from the metadata"),
}


@pytest.mark.parametrize("case", BAD)
def test_bundles_that_contradict_themselves_are_not_composed(tmp_path: Path, case: str) -> None:
    outer, inner, reason = BAD[case]
    broken = changed_file(bundle(tmp_path, "a"), outer, inner)
    for attempt in (
        lambda: merge([broken], tmp_path / "x.zip"),
        lambda: remove(broken, ["b"], tmp_path / "x.zip"),
        lambda: split(broken, tmp_path / "parts"),
        lambda: modernise(broken, tmp_path / "x.zip"),
    ):
        with pytest.raises(VibforgeError, match=reason):
            attempt()
    assert not (tmp_path / "x.zip").exists()
    assert not (tmp_path / "parts").exists()


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_unsafe_members_are_not_carried_on(tmp_path: Path) -> None:
    parts = members(bundle(tmp_path, "a").read_bytes())
    for name in ("../evil", "/evil", "index.xml"):
        path = tmp_path / "bad.zip"
        path.write_bytes(zipped([*parts.items(), (name, parts["index.xml"])]))
        with pytest.raises(FormatError):
            merge([path], tmp_path / "x.zip")


MODERN = {
    "lamw-vghetto-ghettoVCB-offline-bundle.zip": ["7.0"],
    "JakDaniels-ghettoVCB-offline-bundle.zip": ["7.0"],
    "money114-net-forcedeth-1-1.0.0-1-offline_bundle.zip": ["7.0"],
    "vsphere-tmm-HANA_on_vSAN_health_check_1.8.0-offline_bundle-22465865.zip": [
        *("7.0", "8.0", "9.0")
    ],
}


@pytest.mark.parametrize("name", MODERN)
def test_old_bundles_become_components_where_that_is_possible(
    corpus: Path, tmp_path: Path, name: str
) -> None:
    done = modernise(corpus / "bundles" / name, tmp_path / "x.zip")
    assert [p.version for p in done.content.platforms] == MODERN[name]
    (component,) = done.content.components
    assert [p.version for p in component.platforms] == MODERN[name]
    (found,) = judge_bundle(done.path)
    assert found.verification.held
    assert not any(found.refused_by(r) for r in BundleReader if r is not BundleReader.VLCM)
    old, new = members((corpus / "bundles" / name).read_bytes()), members(done.path.read_bytes())
    vib = next(data for member, data in old.items() if member.endswith(".vib"))
    assert vib in new.values()


def test_what_was_assumed_is_told(corpus: Path, tmp_path: Path) -> None:
    path = corpus / "bundles" / "lamw-vghetto-ghettoVCB-offline-bundle.zip"
    told = "\n".join(modernise(path, tmp_path / "x.zip").notes)
    assert "not for 8.0: virtuallyGhetto_bootbank_ghettoVCB_1.0.0-0.0.0: has no sha-256" in told
    assert "the vendor code is VIR, derived from the vendor's name virtuallyGhetto" in told
    assert "becomes the component ghettoVCB 1.0.0-0.0.0, named after its VIB" in told
    assert "not tried on them" in told


def test_a_driver_of_the_days_of_vmklinux_is_refused(corpus: Path, tmp_path: Path) -> None:
    path = corpus / "bundles" / "itiligent-net55-r8168-8.045a-napi-offline_bundle.zip"
    with pytest.raises(DepotError) as caught:
        modernise(path, tmp_path / "x.zip")
    assert "com.vmware.driverAPI-9.2.2.0" in str(caught.value)
    assert "must be rebuilt" in str(caught.value)


def test_a_driver_of_one_update_is_for_that_update(corpus: Path, tmp_path: Path) -> None:
    done = modernise(corpus / "bundles" / FLINGS[0], tmp_path / "x.zip")
    assert [p.version for p in done.content.platforms] == ["7.0"]
    assert "of 7.0, it is for 7.0 U3" in done.notes


def test_a_release_that_is_asked_for_and_cannot_be(corpus: Path, tmp_path: Path) -> None:
    path = corpus / "bundles" / "lamw-vghetto-ghettoVCB-offline-bundle.zip"
    with pytest.raises(DepotError, match=r"not for 8\.0"):
        modernise(path, tmp_path / "x.zip", platforms=["7.0", "8.0"])
    with pytest.raises(ModelError, match="has no components"):
        modernise(path, tmp_path / "x.zip", platforms=["6.7.0"])
    with pytest.raises(ModelError, match="not a release"):
        modernise(path, tmp_path / "x.zip", platforms=["new"])


def test_vibs_without_a_bulletin_get_one(corpus: Path, tmp_path: Path) -> None:
    path = corpus / "bundles" / "Soulveig-vmksdhci-0.1.0-1-offline-bundle.zip"
    done = modernise(path, tmp_path / "x.zip", vendor_code="SOU")
    assert bulletins(done) == ["vmksdhci_0.1.0-1"]
    assert done.content.vendor.code == "SOU"
    assert any("its VIB declares only 8.0" in note for note in done.notes)


def test_a_modern_bundle_stays_one(tmp_path: Path) -> None:
    vib = vibs.write(tmp_path, system_requires=vibs.requires("8.0"))
    path = create_bundle([vib], tmp_path / "x.zip", RECIPE).path
    done = modernise(path, tmp_path / "y.zip", platforms=["8.0"])
    assert done.path.read_bytes() == path.read_bytes()
