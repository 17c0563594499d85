"""How findings look to code-scanning pages, and that no name of a file becomes a command."""

import json
import os
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from tests.bundles import bundle
from tests.trees import make_tree
from tests.vibs import File, make, vib
from vibforge.api.lint import lint as lint_files
from vibforge.findings.check import Allowance
from vibforge.packages.lint import CheckSelection, LintResult, lint
from vibforge.report.annotations import github, gitlab, sarif
from vibforge.report.documents.shape import json_text
from vibforge.vib.scan import VibScan

_TEXT: dict[str, Any] = {
    "type": "object",
    "required": ["text"],
    "properties": {"text": {"type": "string", "minLength": 1}},
}
_RESULT: dict[str, Any] = {
    "type": "object",
    "required": ["ruleId", "ruleIndex", "level", "message", "locations", "partialFingerprints"],
    "properties": {
        "level": {"enum": ["none", "note", "warning", "error"]},
        "message": _TEXT,
        "locations": {
            "type": "array",
            "minItems": 1,
            "items": {
                "required": ["physicalLocation"],
                "properties": {
                    "physicalLocation": {
                        "required": ["artifactLocation"],
                        "properties": {
                            "artifactLocation": {
                                "properties": {"uri": {"type": "string", "pattern": "^[^ \\\\]+$"}}
                            },
                            "region": {"properties": {"startLine": {"minimum": 1}}},
                        },
                    }
                },
            },
        },
        "suppressions": {"items": {"properties": {"kind": {"enum": ["inSource", "external"]}}}},
    },
}
SARIF: dict[str, Any] = {
    "type": "object",
    "required": ["version", "runs"],
    "properties": {
        "$schema": {"const": "https://json.schemastore.org/sarif-2.1.0.json"},
        "version": {"const": "2.1.0"},
        "runs": {
            "type": "array",
            "minItems": 1,
            "items": {
                "required": ["tool", "results"],
                "properties": {
                    "tool": {
                        "required": ["driver"],
                        "properties": {
                            "driver": {
                                "required": ["name", "rules"],
                                "properties": {
                                    "rules": {
                                        "items": {
                                            "required": ["id", "shortDescription", "help"],
                                            "properties": {
                                                "shortDescription": _TEXT,
                                                "fullDescription": _TEXT,
                                                "help": _TEXT,
                                            },
                                        }
                                    }
                                },
                            }
                        },
                    },
                    "results": {"type": "array", "items": _RESULT},
                },
            },
        },
    },
}
"""What SARIF 2.1.0 (OASIS, section 3) asks of the objects that are written here."""


def result(*, name: str = "dist/my vib.vib", allow: bool = False) -> LintResult:
    files = (File(path="bin", content=None, mode=0o755), File(path="bin/a,b:c%"))
    allowances = (Allowance(rule="VF218", because="for a test"),) if allow else ()
    return lint([VibScan(make(files), name)], CheckSelection(allowances=allowances))


def test_sarif_has_the_structure_of_the_standard() -> None:
    for found in (result(), result(allow=True), lint([], CheckSelection())):
        jsonschema.validate(sarif(found), SARIF)


def test_sarif_points_at_its_rules() -> None:
    (run,) = sarif(result())["runs"]
    rules = run["tool"]["driver"]["rules"]
    for each in run["results"]:
        assert rules[each["ruleIndex"]]["id"] == each["ruleId"]
    assert run["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"] == {
        "uri": "dist/my%20vib.vib",
        "uriBaseId": "%SRCROOT%",
    }


def test_an_allowed_finding_is_suppressed_with_its_reason() -> None:
    (run,) = sarif(result(allow=True))["runs"]
    assert run["results"][0]["suppressions"] == [
        {"kind": "external", "justification": "for a test"}
    ]


def test_github_annotations_escape_what_would_end_them() -> None:
    assert github(result(name="a,b:c%.vib")) == (
        "::error file=a%2Cb%3Ac%25.vib,title=VF218 path-outside-list::"
        "bin/a,b:c%25: CommunitySupported VIBs may not install files here [measured]\n"
    )
    assert github(result(allow=True)) == ""


def test_gitlab_reports_have_the_keys_that_it_asks_for() -> None:
    (finding,) = json.loads(gitlab(result()))
    assert finding["check_name"] == "VF218"
    assert finding["severity"] == "major"
    assert finding["location"] == {"path": "dist/my vib.vib", "lines": {"begin": 1}}
    assert len(finding["fingerprint"]) == 64


def test_fingerprints_do_not_depend_on_the_run() -> None:
    assert gitlab(result()) == gitlab(result())


def project(root: Path, conf: bytes | str, recipe: str = "") -> Path:
    """A project whose trx.conf and recipe are given, below the working directory."""
    recipe = recipe or 'name = "acme"\nversion = "1.0-1"\n[[payloads]]\nname = "a"\ntree = "a"\n'
    return make_tree(root, {"vibforge.toml": recipe, "a/etc/vmware/trx.conf": conf})


def test_errors_of_a_trx_conf_are_at_its_lines(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    good = "ptp4l:delay_mechanism P2P\n" * 3
    found = lint_files(project(tmp_path / "p", f"{good}ptp4l:nonsense 1\n"))
    place = "p/a/etc/vmware/trx.conf"
    assert f"::error file={place},line=4,col=7,title=" in github(found)
    locations = [
        (each["location"]["path"], each["location"]["lines"]) for each in json.loads(gitlab(found))
    ]
    assert (place, {"begin": 4}) in locations
    (run,) = sarif(found)["runs"]
    physical = [each["locations"][0]["physicalLocation"] for each in run["results"]]
    assert {
        "artifactLocation": {"uri": place, "uriBaseId": "%SRCROOT%"},
        "region": {"startLine": 4, "startColumn": 7},
    } in physical
    assert run["invocations"][0]["toolExecutionNotifications"]


def test_an_error_of_a_recipe_is_at_its_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    recipe = 'name = "acme"\n\nversion = "one"\n[[payloads]]\nname = "a"\ntree = "a"\n'
    lines = github(lint_files(project(tmp_path / "p", "", recipe))).splitlines()
    assert lines[0].startswith("::error file=p/vibforge.toml,line=3,title=")
    assert "::version: " in lines[0]
    broken = project(tmp_path / "q", "", 'name = "acme"\nversion =\n')
    assert "file=q/vibforge.toml,line=2,col=10," in github(lint_files(broken))


HOSTILE = (
    "a\n::set-output name=x::y",
    "b\r::add-mask::x",
    "c,line=9,title=x::y",
    "d%0A::error::x",
    "e::stop-commands::f",
    "f\u2028::warning::x",
    "##[add-mask]g",
    "-h",
    "$(touch i)`touch j`;'\"",
    b"k\xff".decode(errors="surrogateescape"),
)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such names")
@pytest.mark.parametrize("name", HOSTILE, ids=ascii)
def test_a_name_never_becomes_a_command(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    root = Path(name)
    root.mkdir()
    project(root, f"ptp4l:{name}\n".encode(errors="surrogateescape"))
    found = lint_files([root, tmp_path / f"{name}.vib"])
    assert found.unreadable
    for line in github(found).splitlines():
        match = re.fullmatch(r"::(?:error|warning|notice) ([^:\r\n]*)::(.*)", line)
        assert match
        properties = dict(pair.split("=", 1) for pair in match[1].split(","))
        assert set(properties) <= {"file", "line", "col", "title"}
        assert match[2].isprintable()
    for text in (gitlab(found), json_text(sarif(found))):
        text.encode()
        json.loads(text)


def test_a_fingerprint_survives_a_line_that_is_added_above(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fingerprints(conf: str) -> list[str]:
        found = lint_files(project(tmp_path / "p", conf), select="VF401")
        return [each["fingerprint"] for each in json.loads(gitlab(found))]

    monkeypatch.chdir(tmp_path)
    before = fingerprints("ptp4l:domainNumber 24\n")
    after = fingerprints("# a comment\nptp4l:domainNumber 24\n")
    assert before
    assert set(before) <= set(after)
    twice = fingerprints("\n\nptp4l:domainNumber 24\n\n")
    assert len(twice) == len(set(twice)) > len(before)


def test_paths_are_relative_to_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project(tmp_path / "repository/packages/p", "ptp4l:domainNumber 24\n")
    monkeypatch.chdir(tmp_path / "repository")
    absolute = lint_files(tmp_path / "repository/packages/p")
    relative = lint_files("./packages/../packages/p")
    assert github(absolute) == github(relative)
    assert "file=packages/p/a/etc/vmware/trx.conf" in github(relative)
    monkeypatch.chdir(tmp_path / "repository/packages")
    (run,) = sarif(lint_files("p"))["runs"]
    assert run["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == (
        "p/a/etc/vmware/trx.conf"
    )
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    (run,) = sarif(absolute)["runs"]
    outside = run["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"]
    assert outside["uri"].startswith("file:///")


def test_a_member_of_a_bundle_is_at_the_bundle(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("fleet.zip").write_bytes(bundle(vib((File(path="bin/x"),))))
    found = github(lint_files("fleet.zip"))
    assert "::error file=fleet.zip,title=VF218 path-outside-list::bin/x" in found
    assert "fleet.zip%3A" not in found
