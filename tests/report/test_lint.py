"""How findings look to code-scanning pages."""

import json
from typing import Any

import jsonschema

from tests.report.schemas import facts_of
from tests.vibs import File, make
from vibforge.findings.check import Allowance
from vibforge.packages.lint import CheckSelection, LintResult, lint
from vibforge.report.documents.lint import Lint
from vibforge.report.lint import github, gitlab, lint_text, sarif
from vibforge.report.paint import Paint
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
        "uri": "dist/my%20vib.vib"
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


def test_text_and_json() -> None:
    text = lint_text(result(allow=True), Paint())
    assert "allowed bin/a,b:c%" in text
    assert "0 errors, 0 warnings, 0 notes, 1 allowed" in text
    facts = facts_of(Lint.of(result()))
    assert next(iter(facts)) == "format"
    assert facts["format"] == "vibforge/lint/1"
    assert not facts["good"]
