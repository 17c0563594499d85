import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from msgspec.structs import replace

from tests import vibs
from tests.trees import make_tree
from vibforge import lint
from vibforge.errors import VibforgeError
from vibforge.project.build import build
from vibforge.project.plan_build import plan_build
from vibforge.project.read_project import ProjectKind, repack_command
from vibforge.vib.descriptor_reading import parse

DATE = {"SOURCE_DATE_EPOCH": "0"}

DESCRIPTOR = """\
<vib version="6.0">
  <name>esx-service</name>
  <version>0.1-0.0.1</version>
  <vendor>ACME</vendor>
  <summary>A service</summary>
  <description>
  Several
  lines.
  </description>
  <payloads><payload name="vmdkops" type="vgz" boot-order="3"/></payloads>
  <urls><url key="kb">https://example.com/</url></urls>
  <relationships>
    <depends><constraint name="esx-version" relation="&gt;=" version="6.0.0"/></depends>
    <provides><provide name="com.acme.service" version="1.0"/></provides>
  </relationships>
  <software-tags><tag>driver</tag></software-tags>
  <system-requires>
    <maintenance-mode on-install="false">true</maintenance-mode>
    <hwplatform vendor="Dell Inc." model="R750"/>
    <softwarePlatform version="8.*" locale="" productLineID="embeddedEsx"/>
  </system-requires>
  <file-list><file>/stale</file></file-list>
  <acceptance-level>accepted</acceptance-level>
  <live-install-allowed>true</live-install-allowed>
</vib>
"""


def stage(root: Path, descriptor: str = DESCRIPTOR, payload: str = "vmdkops") -> Path:
    return make_tree(
        root,
        {"descriptor.xml": descriptor, f"payloads/{payload}/opt/x": "x"},
    )


def problems_of(project: Path, **settings: str) -> list[str]:
    with pytest.raises(VibforgeError) as caught:
        plan_build(project, settings=settings, environment=DATE)
    return [str(problem) for problem in caught.value.problems]


def test_a_stage_directory_is_built_unchanged(tmp_path: Path) -> None:
    built = build(stage(tmp_path / "stage"), tmp_path / "dist", environment=DATE)
    given, made = parse(DESCRIPTOR.encode()), built.descriptor
    for name in ("name", "version", "vendor", "summary", "description", "urls", "relationships"):
        assert getattr(made, name) == getattr(given, name), name
    for name in ("software_tags", "system_requires", "acceptance_level", "live_install_allowed"):
        assert getattr(made, name) == getattr(given, name), name
    assert made.type == "bootbank"
    assert (made.live_remove_allowed, made.stateless_ready, made.overlay) == (False, False, False)
    assert made.file_list == ("opt/x",)
    assert [(p.name, p.type, p.boot_order) for p in made.payloads] == [("vmdkops", "vgz", 3)]


def test_what_is_missing_means_what_it_means_to_a_host(tmp_path: Path) -> None:
    descriptor = (
        "<vib><name>x</name><version>1-1</version><vendor>v</vendor>"
        '<payloads><payload name="p" type="tgz"/></payloads></vib>'
    )
    built = build(stage(tmp_path / "s", descriptor, "p"), tmp_path / "dist", environment=DATE)
    mode = built.descriptor.system_requires.maintenance_mode
    assert mode is not None
    assert (mode.on_install, mode.on_remove) == (True, True)
    assert built.descriptor.live_install_allowed is False
    assert built.descriptor.acceptance_level == "community"


def test_settings_go_over_the_descriptor(tmp_path: Path) -> None:
    plan = plan_build(
        stage(tmp_path / "s"), settings={"acceptance-level": "PartnerSupported"}, environment=DATE
    )
    assert plan.recipe.acceptance_level == "partner"


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("0.1-0.0.1", "${VIB_TAG}-0.0.0", "version holds the placeholder ${VIB_TAG}"),
        ("0.1-0.0.1", "$AGENT_VERSION", "version holds the placeholder $AGENT_VERSION"),
        ("A service", "$(date +%F)", "summary holds the placeholder $(date +%F)"),
        ("0.1-0.0.1", "VERSION", "version: 'VERSION' is not a VIB version"),
        ("0.1-0.0.1", "1_0", "version: '1_0' is not a VIB version"),
        ('<vib version="6.0">', '<vib version=\\"6.0\\">', "not well-formed XML"),
        ("<payloads><payload", "<a><payload", "not well-formed XML"),
        ('"vgz"', '"boot"', "payloads[0].type: 'boot' is none of tgz, vgz"),
        ('name="vmdkops"', 'name="other"', "payload 'other' has no tree"),
        ('name="vmdkops"', 'name="other"', "vmdkops: the descriptor names no payload"),
        ("accepted", "trusted", "acceptance-level: 'trusted' is not an acceptance level"),
        ("&gt;=", "&gt;", "is not a constraint"),
        ("<tag>driver</tag>", "<tag/>", "software-tags: the text is empty"),
        ("live-install-allowed>true", "live-install-allowed>perhaps", "neither true nor false"),
        (
            "</vib>",
            "<cimon-restart>true</cimon-restart></vib>",
            "<cimon-restart> is not an element",
        ),
        (
            '<payloads><payload name="vmdkops" type="vgz" boot-order="3"/></payloads>',
            "",
            "the descriptor has no <payloads>",
        ),
    ],
)
def test_what_no_tool_could_build(tmp_path: Path, old: str, new: str, problem: str) -> None:
    assert old in DESCRIPTOR
    found = problems_of(stage(tmp_path / "s", DESCRIPTOR.replace(old, new)))
    assert any(problem in text for text in found), found


def test_a_placeholder_can_be_filled_in_from_outside(tmp_path: Path) -> None:
    project = stage(tmp_path / "s", DESCRIPTOR.replace("0.1-0.0.1", "${VIB_TAG}"))
    plan = plan_build(project, settings={"version": "2.0-1"}, environment=DATE)
    assert plan.recipe.version == "2.0-1"


def test_a_template_of_sizes_needs_no_filling_in(tmp_path: Path) -> None:
    text = DESCRIPTOR.replace('boot-order="3"', 'boot-order="3" size="${PAYLOAD_SIZE}"')
    plan = plan_build(stage(tmp_path / "s", text), environment=DATE)
    assert plan.recipe.payloads[0].boot_order == 3


def test_a_placeholder_is_told_once(tmp_path: Path) -> None:
    project = stage(tmp_path / "s", DESCRIPTOR.replace("0.1-0.0.1", "${VIB_TAG}"))
    (only,) = problems_of(project)
    assert "version holds the placeholder ${VIB_TAG}" in only


BUILDABLE = {
    "JakDaniels__ghettoVCB_VIB_build__descriptor.xml",
    "Soulveig__native-esxi-driver-bcm54213-rpi5__descriptor.xml",
    "fangli__esxi-hardware-watchdog-driver__descriptor.xml",
    "gdawar-xilinx__esxi_sfc-test__descriptor.xml",
    "keramix__agent__descriptor.xml",
    "michaelrice__esxi-firewall-vib__descriptor.xml",
    "msterin__docker-volume-vsphere__descriptor.xml",
    "mufeng05__r8168-esxi__descriptor.xml",
    "realganfan__compile-vib-tutorial__descriptor.xml",
    "umich-vci__packer-vib__descriptor.xml",
}
"""Descriptors of the field that are complete; the others are templates that a script fills in."""


def test_the_descriptors_of_the_field(tmp_path: Path, corpus: Path) -> None:
    built_ones = set()
    for file in sorted((corpus / "descriptors").iterdir()):
        data = file.read_bytes()
        project = tmp_path / file.name
        make_tree(project, {"descriptor.xml": data})
        try:
            for payload in parse(data).payloads:
                make_tree(project, {f"payloads/{payload.name}/opt/x": "x"})
            built = build(project, tmp_path / f"dist-{file.name}", environment=DATE)
        except VibforgeError as error:
            reasons = str(error)
            assert "placeholder" in reasons or "VERSION" in reasons or "not well-formed" in reasons
        else:
            built_ones.add(file.name)
            assert built.descriptor.name == parse(data).name
    assert built_ones == BUILDABLE


OVER = """\
descriptor = "descriptor.xml"
live-remove-allowed = true
[urls]
more = "https://example.com/more"
[[payloads]]
name = "vmdkops"
[[payloads.rules]]
paths = ["opt/x"]
mode = "1600"
"""


def test_a_recipe_goes_over_the_descriptor_that_it_names(tmp_path: Path) -> None:
    project = make_tree(stage(tmp_path / "s"), {"vibforge.toml": OVER})
    plan = plan_build(project, environment=DATE)
    given = plan_build(stage(tmp_path / "t"), environment=DATE).recipe
    assert plan.project.kind is ProjectKind.STAGE
    assert [f"{e.mode:o}" for e in plan.trees[0].entries if e.path == "opt/x"] == ["1600"]
    assert [url.key for url in plan.recipe.urls] == ["kb", "more"]
    assert plan.recipe.live_remove_allowed is True
    same = replace(
        plan.recipe,
        urls=given.urls,
        live_remove_allowed=False,
        payloads=tuple(replace(each, rules=()) for each in plan.recipe.payloads),
    )
    assert same == given


def test_texts_of_a_descriptor_are_no_variables_of_the_recipe(tmp_path: Path) -> None:
    descriptor = DESCRIPTOR.replace("0.1-0.0.1", "${VIB_TAG}").replace("lines.", "${lines")
    over = OVER + '[[payloads.files]]\nsrc = "more"\ndst = "opt/${WHERE}"\n'
    project = make_tree(
        stage(tmp_path / "s", descriptor),
        {"vibforge.toml": f'version = "${{TAG}}-1"\n{over}', "more/a": ""},
    )
    plan = plan_build(project, environment={"TAG": "7.0", "WHERE": "there", **DATE})
    assert plan.recipe.version == "7.0-1"
    assert "${lines" in plan.recipe.description
    assert plan.files == ("opt/there/a", "opt/x")


def test_a_recipe_adds_a_payload_and_replaces_a_tree(tmp_path: Path) -> None:
    over = (
        'descriptor = "descriptor.xml"\n'
        '[[payloads]]\nname = "second"\nfiles = [{src = "more/*", dst = "opt/more"}]\n'
        '[[payloads]]\nname = "vmdkops"\nfiles = [{src = "more/a", dst = "opt/b"}]\n'
    )
    files = {"descriptor.xml": DESCRIPTOR, "vibforge.toml": over, "more/a": ""}
    plan = plan_build(make_tree(tmp_path / "s", files), environment=DATE)
    assert [(each.recipe.name, *each.files()) for each in plan.trees] == [
        ("second", "opt/more/a"),
        ("vmdkops", "opt/b"),
    ]
    assert plan.recipe.payloads[0].boot_order == 3


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("1600", "9", "vibforge.toml:9: payloads[0].rules[0].mode: '9' is not a file mode"),
        ("true", "1", "vibforge.toml:2: live-remove-allowed: is a whole number"),
        ("rules", "rulez", "vibforge.toml:7: payloads[0].rulez: unknown key"),
        ("opt/x", "opt/y", "no path matches rules[0]"),
        ('"descriptor.xml"', '"../descriptor.xml"', "is not the name of a file beside the recipe"),
        ('"descriptor.xml"', "1", "vibforge.toml:1: descriptor: is not the name of a file"),
        ('"descriptor.xml"', '"other.xml"', "vibforge.toml:1: descriptor: there is no"),
        ('"vmdkops"', '"other"', "payload 'other' has no tree"),
        ("[[payloads]]", "[payloads]", "payloads: is a table, but must be an array"),
        ("[urls]", "payloads = 1\n[urls]\na=1\n[x]", "unknown key `x`"),
    ],
)
def test_a_wrong_key_over_a_descriptor(tmp_path: Path, old: str, new: str, problem: str) -> None:
    over = OVER.replace(old, new)
    if new == "[payloads]":
        over = over.replace("[[payloads.rules]]", "[payloads.rules]")
    if "payloads = 1" in new:
        over = over.partition("[[payloads]]")[0]
    found = problems_of(make_tree(stage(tmp_path / "s"), {"vibforge.toml": over}))
    assert any(problem in text for text in found), found


def test_a_wrong_value_of_the_descriptor_below_a_recipe_has_its_own_line(tmp_path: Path) -> None:
    project = stage(tmp_path / "s", DESCRIPTOR.replace('"vgz"', '"boot"'))
    (only,) = problems_of(make_tree(project, {"vibforge.toml": OVER}))
    assert "descriptor.xml:10: payloads[0].type: 'boot' is none of tgz, vgz" in only


def test_a_vib_is_refused_with_the_line_that_builds_it_again(tmp_path: Path) -> None:
    folder = make_tree(tmp_path / "it's here", {"-x $y.vib": vibs.vib()})
    (told,) = problems_of(folder / "-x $y.vib")
    assert "a VIB is the result of a build, not a project" in told
    line = told.partition("build that: ")[2]
    assert "$(" not in line
    program = f'vibforge() {{ {shlex.quote(sys.executable)} -m vibforge "$@"; }}; {line}'
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(["sh", "-c", program], cwd=tmp_path, env=environment, check=False)
    assert done.returncode == 0
    assert len(list(tmp_path.glob("-x $y-project/dist/*.vib"))) == 1


def test_a_bundle_and_other_files_are_no_projects(tmp_path: Path) -> None:
    make_tree(tmp_path, {"a.zip": b"PK\x03\x04", "a.txt": "text", "-b.vib": "!<arch>\n"})
    assert "take out its VIBs" in problems_of(tmp_path / "a.zip")[0]
    assert "a file that is no recipe" in problems_of(tmp_path / "a.txt")[0]
    assert "--stage ./-b.vib -C ./-b-project" in repack_command(Path("-b.vib"))


def test_a_finding_has_its_place_in_the_recipe_or_in_the_descriptor(tmp_path: Path) -> None:
    over = OVER.replace("1600", "0666")
    result = lint(make_tree(stage(tmp_path / "s"), {"vibforge.toml": over}))
    places = {each.name: each.source for each in result.findings if each.source}
    found = {name: (Path(of.path).name, of.line) for name, of in places.items()}
    assert found["world-writable"] == ("vibforge.toml", 9)
    assert found["unsigned-claim"] == ("descriptor.xml", 23)
