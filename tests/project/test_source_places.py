"""Every finding about a project names the file and the line to edit, never a folder."""

from pathlib import Path

import pytest

from tests import vibs
from tests.trees import make_tree
from vibforge import lint
from vibforge.errors import Problem
from vibforge.findings.check import SourcePlace
from vibforge.packages.lint import LintResult
from vibforge.project.source_places import place_of

RECIPE = """\
name = "acme"
version = "1.0-1"
acceptance-level = "partner"

[[payloads]]
name = "conf"
tree = "conf"

[[payloads.rules]]
paths = ["etc/acme/*"]
mode = "0666"

[[payloads]]
name = "scripts"
tree = "scripts"
[[payloads.rules]]
paths = ["**/folder"]
mode = "0644"

[relationships]
depends = ["acme"]
"""
TREES: dict[str, bytes | str] = {
    "conf/etc/vmware/trx.conf": "ptp4l:delay_mechanism P2P\n\nptp4l:priority1 255\n",
    "conf/etc/acme/open": "x\n",
    "conf/etc/vmware/firewall/acme.xml": "<Config>\n<port type='dst'>\n<begin>9</begin>"
    "<end>1</end></port>\n<port>70000</port></Config>\n",
    "scripts/etc/init.d/acme": "#!/bin/bash\n",
    "scripts/opt/acme/folder/x": "x\n",
}


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    make_tree(Path("project"), {"vibforge.toml": RECIPE, **TREES})
    Path("project/scripts/etc/init.d/acme").chmod(0o755)
    return Path("project")


def places(result: LintResult, rule: str) -> list[tuple[str, int]]:
    """The places of the findings of one rule, below the project."""
    found = [finding.source for finding in result.findings if finding.rule == rule]
    return [(each.path.removeprefix("project/"), each.line) for each in found if each]


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("VF218", ("conf/etc/vmware/trx.conf", 0)),
        ("VF337", ("scripts/etc/init.d/acme", 1)),
        ("VF344", ("conf/etc/vmware/firewall/acme.xml", 2)),
        ("VF344", ("conf/etc/vmware/firewall/acme.xml", 4)),
        ("VF401", ("conf/etc/vmware/trx.conf", 2)),
        ("VF334", ("vibforge.toml", 11)),
        ("VF342", ("vibforge.toml", 18)),
        ("VF501", ("vibforge.toml", 3)),
        ("VF220", ("vibforge.toml", 21)),
        ("VF221", ("vibforge.toml", 1)),
    ],
)
def test_a_finding_is_at_its_cause(project: Path, rule: str, expected: tuple[str, int]) -> None:
    result = lint(project)
    assert not result.unreadable
    assert expected in places(result, rule), {each.rule: each.source for each in result.findings}


def test_no_finding_is_at_a_folder(project: Path) -> None:
    for each in lint(project).findings:
        assert each.source
        assert Path(each.source.path).is_file(), each


def test_a_file_that_the_layout_moves_is_named_where_it_is_in_the_tree(project: Path) -> None:
    recipe = RECIPE.replace('name = "acme"\n', 'name = "other"\nlayout = "boot-copy"\n')
    (project / "vibforge.toml").write_text(recipe)
    assert ("conf/etc/vmware/trx.conf", 2) in places(lint(project), "VF401")


def test_a_finding_in_a_plain_tree_is_at_a_file(tmp_path: Path) -> None:
    tree = make_tree(tmp_path / "tree", {"etc/vmware/trx.conf": "ptp4l:priority1 255\n"})
    sources = {finding.source for finding in lint(tree).findings}
    assert {each.path for each in sources if each} == {str(tree / "etc/vmware/trx.conf")}


def test_a_finding_in_a_stage_is_at_the_element(tmp_path: Path) -> None:
    descriptor = (
        "<vib version='5.0'>\n<name>acme</name>\n<version>1.0-1</version>\n<vendor>a</vendor>\n"
        "<summary>a</summary>\n<description>a</description>\n<relationships>\n"
        "<depends><constraint name='acme'/></depends>\n</relationships>\n"
        "<acceptance-level>partner</acceptance-level>\n"
        "<payloads><payload name='p' type='tgz'/></payloads>\n</vib>\n"
    )
    stage = make_tree(
        tmp_path / "stage", {"descriptor.xml": descriptor, "payloads/p/opt/acme/x": "x"}
    )
    by_rule = {finding.rule: finding.source for finding in lint(stage).findings}
    assert by_rule["VF501"] == SourcePlace(str(stage / "descriptor.xml"), 10)
    assert by_rule["VF220"] == SourcePlace(str(stage / "descriptor.xml"), 8)


def test_a_finding_in_a_vib_or_bundle_is_at_its_file(tmp_path: Path) -> None:
    file = tmp_path / "a.vib"
    file.write_bytes(vibs.vib((vibs.File(path="bin/x"),)))
    assert {finding.source for finding in lint(file).findings} == {SourcePlace(str(file))}


@pytest.mark.parametrize(
    ("where", "what", "expected"),
    [
        ("project/vibforge.toml:12: name", "", SourcePlace("project/vibforge.toml", 12)),
        ("project/trx.conf:4:7", "", SourcePlace("project/trx.conf", 4, 7)),
        ("project/trx.conf", "not text", SourcePlace("project/trx.conf")),
        (
            "project/vibforge.toml",
            "(at line 3, column 5)",
            SourcePlace("project/vibforge.toml", 3, 5),
        ),
        ("project/a:1:b:2: name", "", SourcePlace("project/a:1:b", 2)),
        ("--set version", "", SourcePlace("project/vibforge.toml")),
        ("project", "", SourcePlace("project/vibforge.toml")),
        ("", "", SourcePlace("project/vibforge.toml")),
        ("gone.toml:3: name", "", SourcePlace("project/vibforge.toml")),
        ("/etc/passwd", "", SourcePlace("project/vibforge.toml")),
        ("/etc/passwd:3: x", "", SourcePlace("project/vibforge.toml")),
        ("x\0y:3", "", SourcePlace("project/vibforge.toml")),
    ],
)
def test_the_place_of_a_problem(
    where: str, what: str, expected: SourcePlace, project: Path
) -> None:
    make_tree(project, {"trx.conf": "", "a:1:b": ""})
    assert place_of(Problem(what=what, where=where), project) == expected


def test_a_project_without_a_recipe_file_is_named_itself(tmp_path: Path) -> None:
    assert place_of(Problem(what="x"), tmp_path / "gone") == SourcePlace(str(tmp_path / "gone"))
