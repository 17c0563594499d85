"""Findings as annotations of source files: GitHub, GitLab Code Quality and SARIF.

Paths are relative to the working directory, which is the root of the repository in a pipeline.
Formats: "Workflow commands" of GitHub's documentation, "Code Quality report format" of GitLab's,
and SARIF 2.1.0 of OASIS.
"""

import hashlib
import json
import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path, PurePath
from typing import Any
from urllib.parse import quote

from msgspec import Struct

from vibforge import __version__
from vibforge.errors import Problem, escaped
from vibforge.findings.check import Check, Finding, Severity, SourcePlace
from vibforge.packages.lint import CHECKS, LintResult
from vibforge.project import source_places
from vibforge.report.lint import KEY_NOT_OPENED

_GITLAB = {Severity.ERROR: "major", Severity.WARNING: "minor", Severity.NOTE: "info"}
_GITHUB = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.NOTE: "notice"}
_SARIF_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
_SARIF_ROOT = "%SRCROOT%"
"""The name that GitHub and others give to the root of the repository."""
_NOT_CHECKED = "not-checked"
_NOT_CHECKED_SUMMARY = "The project or file could not be read, so it was not checked."


class _Annotation(Struct, frozen=True, kw_only=True):
    """A message at a place of a file in the repository."""

    rule: str
    title: str
    severity: Severity
    message: str
    path: str
    line: int
    column: int
    subject: str
    """What the finding is about: a path in the VIB, an element of the descriptor."""
    fingerprint: str
    """The same for the same finding after other lines of the file have changed."""
    because: str
    """The reason if a recipe allows the finding."""
    certainty: str

    @property
    def place(self) -> SourcePlace:
        return SourcePlace(self.path, self.line, self.column)


def github(result: LintResult) -> str:
    """Return the findings as workflow commands, which GitHub shows as annotations."""
    return "".join(f"{_github_line(each)}\n" for each in _open(result))


def gitlab(result: LintResult) -> str:
    """Return the findings as a GitLab Code Quality report."""
    report = [
        {
            "description": each.message,
            "check_name": each.rule,
            "fingerprint": each.fingerprint,
            "severity": _GITLAB[each.severity],
            "location": {"path": each.path, "lines": {"begin": each.line or 1}},
        }
        for each in _open(result)
    ]
    return json.dumps(report, indent=2)


def sarif(result: LintResult) -> dict[str, Any]:
    """Return the findings as a SARIF 2.1.0 log, for code-scanning pages."""
    found = list(_annotations(result))
    met = {each.rule for each in found}
    rules = [_sarif_rule(rule) for rule in CHECKS if rule.id in met]
    if _NOT_CHECKED in met:
        rules.append({"id": _NOT_CHECKED, **_texts(_NOT_CHECKED_SUMMARY, _NOT_CHECKED_SUMMARY)})
    index = {rule["id"]: number for number, rule in enumerate(rules)}
    driver = {"name": "vibforge", "version": __version__, "rules": rules}
    return {
        "$schema": _SARIF_SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {"driver": driver},
                "invocations": [_sarif_invocation(result)],
                "results": [_sarif_result(each, index[each.rule]) for each in found],
            }
        ],
    }


def _open(result: LintResult) -> Iterator[_Annotation]:
    return (each for each in _annotations(result) if not each.because)


def _annotations(result: LintResult) -> Iterator[_Annotation]:
    """Yield an annotation for each finding, and for each problem of a file that was not checked."""
    seen: Counter[str] = Counter()
    for finding in result.findings:
        yield _of_finding(finding, seen)
    for file in result.unreadable:
        for problem in file.problems:
            yield _of_problem(problem, source_places.place_of(problem, file.path), seen)


def _of_finding(finding: Finding, seen: Counter[str]) -> _Annotation:
    place = finding.source or SourcePlace(finding.file)
    subject = finding.where.removesuffix(f":{finding.line}") if finding.line else finding.where
    path = _in_repository(place.path)
    about = f"{subject}: " if subject else ""
    return _Annotation(
        rule=finding.rule,
        title=f"{finding.rule} {finding.name}",
        severity=finding.severity,
        message=f"{about}{finding.what} [{finding.certainty}]",
        path=path,
        line=place.line,
        column=place.column,
        subject=subject or finding.file,
        fingerprint=_fingerprint([finding.rule, path, subject, finding.what], seen),
        because=finding.because,
        certainty=finding.certainty.value,
    )


def _of_problem(problem: Problem, place: SourcePlace, seen: Counter[str]) -> _Annotation:
    path = _in_repository(place.path)
    key = problem.where.rpartition(": ")[2] if place.line else problem.where
    about = f"{key}: " if key and key != problem.where else ""
    remedy = f"\n→ {problem.remedy}" if problem.remedy else ""
    return _Annotation(
        rule=_NOT_CHECKED,
        title="vibforge could not check this",
        severity=Severity.ERROR,
        message=f"{about}{problem.what}{remedy}",
        path=path,
        line=place.line,
        column=place.column,
        subject=problem.where or path,
        fingerprint=_fingerprint([_NOT_CHECKED, path, about, problem.what], seen),
        because="",
        certainty="",
    )


def _fingerprint(parts: list[str], seen: Counter[str]) -> str:
    """Return a fingerprint without the line, so that a line added above does not change it.

    The second and later findings that are alike are counted.
    """
    said = json.dumps(parts)
    seen[said] += 1
    if seen[said] > 1:
        said = json.dumps([*parts, seen[said]])
    return hashlib.sha256(said.encode("ascii")).hexdigest()


def _in_repository(path: str) -> str:
    """Return a path with slashes, relative to the working directory if it is below it."""
    here, there = os.getcwd(), os.path.abspath(path)  # noqa: PTH100, PTH109 - keep links
    try:
        relative = PurePath(there).relative_to(here)
    except ValueError:
        return PurePath(path).as_posix()
    return relative.as_posix()


def _github_line(of: _Annotation) -> str:
    properties = {"file": of.path, "line": of.line, "col": of.column, "title": of.title}
    given = (f"{key}={_property(str(value))}" for key, value in properties.items() if value)
    return f"::{_GITHUB[of.severity]} {','.join(given)}::{_data(of.message)}"


def _data(text: str) -> str:
    """Return a text in which nothing ends or begins a workflow command."""
    shown = "\n".join(map(escaped, text.splitlines()))
    return shown.replace("%", "%25").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def _sarif_invocation(result: LintResult) -> dict[str, Any]:
    """Return a notification for each file that was not checked and each key that was not opened."""
    notifications = [
        _sarif_notification("error", each.message, each.place)
        for each in _annotations(result)
        if each.rule == _NOT_CHECKED
    ]
    for name in result.keys_not_opened:
        place = source_places.place_of(Problem(what=KEY_NOT_OPENED), Path(name))
        file = SourcePlace(_in_repository(place.path))
        notifications.append(_sarif_notification("note", KEY_NOT_OPENED, file))
    return {
        "executionSuccessful": not result.unreadable,
        "toolExecutionNotifications": notifications,
    }


def _sarif_notification(level: str, text: str, place: SourcePlace) -> dict[str, Any]:
    return {
        "level": level,
        "message": {"text": text},
        "locations": [{"physicalLocation": _sarif_location(place)}],
    }


def _sarif_rule(rule: Check[Any]) -> dict[str, Any]:
    return {
        "id": rule.id,
        "name": rule.name,
        **_texts(rule.summary, rule.manual),
        "defaultConfiguration": {"level": rule.severity.value},
        "properties": {"certainty": rule.certainty.value, "releases": rule.releases},
    }


def _texts(summary: str, manual: str) -> dict[str, Any]:
    return {
        "shortDescription": {"text": summary},
        "fullDescription": {"text": manual},
        "help": {"text": manual},
    }


def _sarif_result(of: _Annotation, index: int) -> dict[str, Any]:
    location = {
        "physicalLocation": _sarif_location(of.place),
        "logicalLocations": [{"fullyQualifiedName": of.subject}],
    }
    result: dict[str, Any] = {
        "ruleId": of.rule,
        "ruleIndex": index,
        "level": of.severity.value,
        "message": {"text": of.message},
        "locations": [location],
        "partialFingerprints": {"vibforge/v2": of.fingerprint},
    }
    if of.certainty:
        result["properties"] = {"certainty": of.certainty}
    if of.because:
        result["suppressions"] = [{"kind": "external", "justification": of.because}]
    return result


def _sarif_location(place: SourcePlace) -> dict[str, Any]:
    region = {"startLine": place.line or 1}
    if place.column:
        region["startColumn"] = place.column
    return {"artifactLocation": _artifact(place.path), "region": region}


def _artifact(path: str) -> dict[str, str]:
    pure = PurePath(path)
    if pure.is_absolute():
        return {"uri": pure.as_uri()}
    return {"uri": quote(os.fsencode(path)), "uriBaseId": _SARIF_ROOT}
