import re
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from tests import vibs
from tests.budgets import whole_budget
from vibforge.bundle.contradictions import disagreements
from vibforge.bundle.index import (
    DepotVib,
    Platform,
    Vendor,
    announcement,
    announcement_name,
    conventional_path,
    index_bytes,
    missing_elements,
    parse,
    parse_index,
    parse_vendor_index,
    vendor_index_bytes,
)
from vibforge.bundle.metadata import (
    TEXTS,
    Bulletin,
    parse_bulletin,
    parse_response,
    serialise_bulletin,
    serialise_response,
)
from vibforge.bundle.recipe import check_platforms, check_vendor_code, platform_version
from vibforge.errors import FormatError, ModelError
from vibforge.formats.xml_reading import parse as parse_xml
from vibforge.project.recipe_reading import read_bundle_recipe, read_recipe
from vibforge.project.recipe_writing import serialise as serialise_recipe
from vibforge.vib.descriptor import (
    Checksum,
    HardwarePlatform,
    MaintenanceMode,
    SoftwarePlatform,
    SystemRequires,
)
from vibforge.vib.relationships import Constraint, Provide, Relationships

LINE = st.text(st.characters(codec="utf-8", exclude_categories=("C", "Z")), max_size=20)
VIB = vibs.make(name="test", vendor="VFG", summary="A test")
BULLETIN = Bulletin(
    member="bulletins/x.xml",
    fields=(
        *((name, f"{name} & <more>") for name in TEXTS),
        ("componentNameSpec", ""),
        ("componentVersionSpec", ""),
        ("releaseDate", "2024-05-01T12:00:00+00:00"),
        ("platforms", ""),
        ("vibList", ""),
    ),
    vib_ids=("VFG_bootbank_test_1.0.0-1",),
    component_name="test",
    component_version="1.0.0-1",
    component_title="A test",
    component_version_title="1.0",
    platforms=(SoftwarePlatform(version="8.0"),),
)


@given(st.lists(st.builds(Vendor, name=LINE, code=LINE, index_file=LINE, relative_path=LINE)))
def test_an_index_comes_back(vendors: list[Vendor]) -> None:
    data = index_bytes(vendors)
    assert data.isascii()
    assert parse_index(parse_xml(data, "index.xml")) == tuple(vendors)


@given(st.lists(st.builds(Platform, product_id=LINE, version=LINE, locale=LINE, url=st.just("m"))))
def test_a_vendor_index_comes_back(platforms: list[Platform]) -> None:
    found = parse_vendor_index(parse_xml(vendor_index_bytes(platforms), "vendor-index.xml"))
    assert found == tuple(replace(platform, channels=("default",)) for platform in platforms)


def test_the_indexes_look_like_the_vendor_s() -> None:
    platform = Platform(product_id="embeddedEsx", version="8.0", locale="", url="metadata.zip")
    assert vendor_index_bytes([platform]).decode() == (
        "<metaList>\n  <metadata>\n    <productId>embeddedEsx</productId>\n"
        "    <version>8.0</version>\n    <locale></locale>\n    <url>metadata.zip</url>\n"
        "    <channelName>default</channelName>\n  </metadata>\n</metaList>\n"
    )
    index = index_bytes([Vendor(name="x", code="ABC")])
    assert index.decode() == (
        "<vendorList>\n  <vendor>\n    <name>x</name>\n    <code>ABC</code>\n"
        "    <indexfile>vendor-index.xml</indexfile>\n    <patchUrl></patchUrl>\n"
        "    <relativePath></relativePath>\n    <content>\n      <name>VMware ESX</name>\n"
        "      <type>http://www.vmware.com/depotmanagement/esx</type>\n    </content>\n"
        "  </vendor>\n</vendorList>\n"
    )
    assert not list(missing_elements(parse_xml(index, "index.xml"), "index.xml"))
    without = index.replace(b"<code>ABC</code>", b"")
    (missing,) = missing_elements(parse_xml(without, "index.xml"), "index.xml")
    assert missing.what == "there is no element code"


def test_a_bulletin_comes_back() -> None:
    data = serialise_bulletin(BULLETIN)
    assert parse_bulletin(parse_xml(data, "x"), whole_budget(), "bulletins/x.xml") == BULLETIN
    assert serialise_bulletin(parse_bulletin(parse_xml(data, "x"), whole_budget())) == data


def test_attributes_and_namespaces_of_others_are_kept() -> None:
    data = serialise_bulletin(BULLETIN).replace(
        b"</bulletin>", b'<note lang="de">x</note><n:y xmlns:n="urn:n">z</n:y></bulletin>'
    )
    again = serialise_bulletin(parse_bulletin(parse_xml(data, "x"), whole_budget()))
    assert again == data


@pytest.mark.parametrize(
    "part", ["<neu\u00df>x</neu\u00df>", '<new \u00df="x"/>', "<new><\u00df/></new>"]
)
def test_names_that_ascii_cannot_write_are_refused(part: str) -> None:
    data = serialise_bulletin(BULLETIN).replace(b"</bulletin>", f"{part}</bulletin>".encode())
    found = parse_bulletin(parse_xml(data, "x"), whole_budget())
    with pytest.raises(FormatError, match="is not ASCII"):
        serialise_bulletin(found)


def test_a_bulletin_that_is_no_component_has_no_specs() -> None:
    plain = replace(
        BULLETIN,
        fields=tuple(pair for pair in BULLETIN.fields if not pair[0].startswith("component")),
        component_name="",
        component_version="",
        component_title="",
        component_version_title="",
    )
    data = serialise_bulletin(plain)
    assert b"Spec" not in data
    assert parse_bulletin(parse_xml(data, "x"), whole_budget()) == replace(plain, member="")
    assert not plain.is_component
    assert BULLETIN.is_component


def test_the_title_of_a_component_is_its_name_where_it_has_none() -> None:
    bare = replace(BULLETIN, component_title="", component_version_title="")
    data = serialise_bulletin(bare)
    assert b'<componentNameSpec name="test" uiString="test"/>' in data
    assert b'<componentVersionSpec version="1.0.0-1" uiString="1.0.0-1"/>' in data
    empty = re.sub(rb"(<component\w+) [^/]*/>", rb"\1/>", data)
    found = parse_bulletin(parse_xml(empty, "x"), whole_budget())
    named = (found.component_name, found.component_version)
    assert (*named, found.component_title, found.component_version_title) == ("", "", "", "")


def test_what_is_not_known_of_a_bulletin_is_kept() -> None:
    data = serialise_bulletin(BULLETIN).replace(
        b"</bulletin>", b'<new a="b"><c>d</c></new>\n <plain>text</plain>\n</bulletin>'
    )
    found = parse_bulletin(parse_xml(data, "x"), whole_budget())
    assert found.unknown == ('<new a="b"><c>d</c></new>',)
    again = serialise_bulletin(found)
    assert b'<new a="b"><c>d</c></new>' in again
    assert b"<plain>text</plain>" in again
    assert parse_bulletin(parse_xml(again, "x"), whole_budget()) == replace(
        found, fields=parse_bulletin(parse_xml(again, "x"), whole_budget()).fields
    )


def test_an_announcement_says_what_the_descriptor_says() -> None:
    strange = VIB.descriptor_bytes.replace(b"<urls/>", b"<urls/><strange><deep/></strange>")
    data = announcement(strange, "vib20/x.vib", 17, "ab" * 32, whole_budget())
    found = parse(data, "vibs/x.xml", "x", whole_budget())
    assert (found.relative_path, found.packed_size) == ("vib20/x.vib", 17)
    assert found.checksums == (Checksum(checksum_type="sha-256", digest="ab" * 32),)
    assert disagreements(VIB.descriptor, found.descriptor) == ()
    assert b"<strange><deep/></strange>" in data
    assert b"<software-tags/><relative-path>" in data


def test_an_announcement_replaces_what_a_descriptor_says_of_its_own_file() -> None:
    """Descriptors of 8.0U3 have been seen with a packed-size of their own."""
    own = VIB.descriptor_bytes.replace(b"<urls/>", b"<packed-size>1</packed-size><urls/>")
    data = announcement(own, "p", 17, "ab" * 32, whole_budget())
    assert data.count(b"packed-size>") == 2
    assert parse(data, "m", "x", whole_budget()).packed_size == 17


def test_conventional_names() -> None:
    assert conventional_path(VIB.descriptor) == "vib20/test/VFG_bootbank_test_1.0.0-1.vib"
    assert announcement_name(VIB.descriptor) == "vibs/test-8909023634399954384.xml"


def test_vmware_xml_tells_of_bulletins_and_vibs() -> None:
    vib = parse(
        announcement(VIB.descriptor_bytes, "vib20/x.vib", 17, "ab" * 32, whole_budget()),
        "vibs/x.xml",
        "x",
        whole_budget(),
    )
    data = serialise_response("2024-05-01T12:00:00", [BULLETIN], [vib])
    found = parse_response(parse_xml(data, "vmware.xml"), whole_budget())
    assert found.timestamp == "2024-05-01T12:00:00"
    (told,) = found.bulletins
    assert replace(told, member=BULLETIN.member) == BULLETIN
    ((told_vib,),) = found.vibs
    assert told_vib.vib_id == "VFG_bootbank_test_1.0.0-1"
    assert (told_vib.relative_path, told_vib.packed_size) == ("vib20/x.vib", 17)
    assert told_vib.sha256 == "ab" * 32
    assert b"<rebootRequired>false</rebootRequired>" in data


FULL = replace(
    VIB.descriptor,
    software_tags=("driver", "a & b"),
    relationships=Relationships(
        depends=(Constraint(name="a", relation=">=", version="1.0"), Constraint(name="b")),
        conflicts=(Constraint(name="c"),),
        replaces=(Constraint(name="d", relation="<<", version="2-1"),),
        provides=(Provide(name="e", version="1.0"), Provide(name="f")),
        compatible_with=(Constraint(name="g"),),
    ),
    system_requires=SystemRequires(
        maintenance_mode=MaintenanceMode(on_install=True),
        hardware_platforms=(
            HardwarePlatform(vendor="Dell Inc.", model="R750"),
            HardwarePlatform(vendor="HPE"),
        ),
        software_platforms=(
            SoftwarePlatform(version="8.0", locale="en", product_line_id="embeddedEsx"),
        ),
    ),
)


def test_vmware_xml_says_all_that_a_descriptor_says(golden: Callable[[str, str], None]) -> None:
    digest = Checksum(checksum_type="sha-256", digest="ab" * 32)
    announced = [
        DepotVib(
            member=f"vibs/{number}.xml",
            descriptor=replace(descriptor, name=f"part{number}"),
            relative_path=f"vib20/{number}.vib",
            packed_size=17 * number,
            checksums=(digest,),
        )
        for number, descriptor in enumerate(
            (
                FULL,
                replace(FULL, live_remove_allowed=False, software_tags=()),
                replace(FULL, live_install_allowed=None, system_requires=SystemRequires()),
            )
        )
    ]
    bulletin = replace(BULLETIN, vib_ids=tuple(vib.descriptor.vib_id for vib in announced))
    golden("vmware.xml", serialise_response("2024-05-01T12:00:00", [bulletin], announced).decode())


@pytest.mark.parametrize("size", ["", "-1", "1.5", "¹", "9" * 20])
def test_a_size_that_is_none_is_not_read(size: str) -> None:
    data = announcement(VIB.descriptor_bytes, "p", 17, "ab" * 32, whole_budget())
    odd = data.replace(b">17<", f">{size}<".encode("ascii", "xmlcharrefreplace"))
    assert odd != data
    assert parse(odd, "m", "x", whole_budget()).packed_size is None


def test_an_announcement_adds_its_elements_in_order_behind_the_tags() -> None:
    root = parse_xml(announcement(VIB.descriptor_bytes, "p", 17, "ab" * 32, whole_budget()), "x")
    tags = [str(child.tag) for child in root]
    at = tags.index("software-tags")
    assert tags[at + 1 : at + 4] == ["relative-path", "packed-size", "checksum"]
    without = VIB.descriptor_bytes.replace(b"<software-tags/>", b"")
    assert without != VIB.descriptor_bytes
    root = parse_xml(announcement(without, "p", 17, "ab" * 32, whole_budget()), "x")
    assert [str(child.tag) for child in root][-3:] == ["relative-path", "packed-size", "checksum"]


ALWAYS = {
    "type": {"type": "locker"},
    "name": {"name": "other"},
    "version": {"version": "2-2"},
    "vendor": {"vendor": "other"},
    "acceptance-level": {"acceptance_level": "partner"},
    "file-list": {"file_list": ("other",)},
    "overlay": {"overlay": True},
    "payloads": {"payloads": ()},
}
SAME_DATE = {
    "summary": {"summary": "other"},
    "description": {"description": "other"},
    "relationships": {"relationships": Relationships(depends=(Constraint(name="x"),))},
    "software-tags": {"software_tags": ("x",)},
    "maintenance-mode": {
        "system_requires": SystemRequires(maintenance_mode=MaintenanceMode(on_install=True))
    },
    "live-install-allowed": {"live_install_allowed": False},
    "live-remove-allowed": {"live_remove_allowed": False},
}


@pytest.mark.parametrize("attribute", [*ALWAYS, *SAME_DATE])
def test_what_has_to_agree(attribute: str) -> None:
    other = replace(VIB.descriptor, **(ALWAYS | SAME_DATE)[attribute])  # type: ignore[arg-type] # fields
    assert disagreements(VIB.descriptor, other) == (attribute,)
    later = replace(other, release_date="2025-01-01T00:00:00")
    expected = (attribute,) if attribute in ALWAYS else ()
    assert disagreements(VIB.descriptor, later) == expected


def test_dates_and_defaults_are_compared_by_meaning() -> None:
    other = replace(
        VIB.descriptor,
        release_date="2024-05-01T12:00:00.000000",
        overlay=None,
        acceptance_level=" community ",
        file_list=tuple(reversed(VIB.descriptor.file_list)),
    )
    assert disagreements(VIB.descriptor, other) == ()
    platform = replace(VIB.descriptor, system_requires=vibs.requires("8.0"))
    assert disagreements(VIB.descriptor, platform) == (), "not compared in 6.x"


@pytest.mark.parametrize("field", ["acceptance_level", "release_date"])
def test_words_that_mean_nothing_are_compared_as_they_stand(field: str) -> None:
    strange, stranger = (
        replace(VIB.descriptor, summary=word, **{field: word}) for word in ("strange", "stranger")
    )
    assert disagreements(strange, strange) == ()
    expected = ("acceptance-level", "summary") if field == "acceptance_level" else ()
    assert disagreements(strange, stranger) == expected


def test_a_date_without_a_zone_is_in_utc() -> None:
    zoned = replace(VIB.descriptor, summary="other", release_date="2024-05-01T14:00:00+02:00")
    plain = replace(VIB.descriptor, release_date="2024-05-01T12:00:00")
    assert disagreements(plain, zoned) == ("summary",)


@pytest.mark.parametrize("code", ["VMW", "vmw", "A1b", ""])
def test_vendor_codes(code: str) -> None:
    check_vendor_code(code)


@pytest.mark.parametrize("code", ["Unknown", "SOULVEIG", "AB", "A-B", "ÄBC"])
def test_other_vendor_codes_are_refused_with_the_reason(code: str) -> None:
    with pytest.raises(ModelError, match="exactly three letters or digits"):
        check_vendor_code(code)


@pytest.mark.parametrize("version", ["6.7.0", "7.0", "8.*", "9.0", "8.0.3-24449057", "6.7"])
def test_platforms(version: str) -> None:
    check_platforms((version,))


@pytest.mark.parametrize("version", ["", "8", "eight", "8.0.0.0", "*", "8.0 "])
def test_no_platforms(version: str) -> None:
    with pytest.raises(ModelError):
        check_platforms((version,))


@pytest.mark.parametrize(
    ("given_version", "written"),
    [("6.7", "6.7.0"), ("6.5.0", "6.5.0"), ("7.0", "7.0"), ("8.*", "8.*"), ("6.*", "6.*")],
)
def test_releases_as_vendors_write_them(given_version: str, written: str) -> None:
    assert platform_version(given_version) == written


RECIPE = """
name = "x"
version = "1-1"
payloads = [{ name = "p", tree = "p" }]

[bundle]
vendor-code = "ABC"
platforms = ["7.0", "8.0"]
severity = "critical"

[[bundle.components]]
name = "part"
vibs = ["x"]
"""


def test_a_bundle_in_a_recipe_comes_back() -> None:
    recipe = read_recipe(RECIPE)
    assert recipe.bundle is not None
    assert recipe.bundle.components[0].vibs == ("x",)
    assert read_recipe(serialise_recipe(recipe)) == recipe
    assert read_bundle_recipe(RECIPE) == recipe.bundle


def test_everything_wrong_with_a_bundle_is_told_at_once() -> None:
    bad = (
        RECIPE.replace('"ABC"', '"Unknown"').replace('"8.0"', '"x"').replace("severity", "sevrity")
    )
    with pytest.raises(ModelError) as caught:
        read_bundle_recipe(bad)
    told = str(caught.value)
    assert "vibforge.toml:7: bundle.vendor-code: 'Unknown'" in told
    assert "vibforge.toml:8: bundle.platforms: 'x'" in told
    assert "did you mean severity?" in told


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ('name = "a b"', "'a b' is not a component name"),
        (f'name = "{"x" * 81}"', "is not a component name"),
        ('name = "part"\nversion = "v1"', "'v1' is not a component version"),
    ],
)
def test_a_component_is_named_as_hosts_take_it(change: str, told: str) -> None:
    with pytest.raises(ModelError) as caught:
        read_bundle_recipe(RECIPE.replace('name = "part"', change))
    (problem,) = caught.value.problems
    assert told in problem.what
    longest = RECIPE.replace('"part"', f'"{"x" * 80}"\nversion = "1.2.0-1"')
    assert read_bundle_recipe(longest).components[0].version == "1.2.0-1"


def test_components_that_cannot_go_together() -> None:
    twice = RECIPE + '[[bundle.components]]\nname = "part"\nvibs = ["x"]\n'
    with pytest.raises(ModelError, match="2 components are 'part'"):
        read_bundle_recipe(twice)
    rest = RECIPE.replace('vibs = ["x"]', "") + '[[bundle.components]]\nname = "other"\n'
    with pytest.raises(ModelError, match="both ask for the VIBs that no other names"):
        read_bundle_recipe(rest)
