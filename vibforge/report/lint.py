"""Formats of findings: text, SARIF, GitHub annotations and GitLab Code Quality."""

import hashlib
import json
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any

from vibforge import __version__
from vibforge.findings.check import Check, Finding, Severity
from vibforge.packages.lint import CHECKS, LintResult
from vibforge.report.paint import Paint
from vibforge.report.plain import plain

_ROLES = {Severity.ERROR: "bad", Severity.WARNING: "warn", Severity.NOTE: "note"}
_GITLAB = {Severity.ERROR: "major", Severity.WARNING: "minor", Severity.NOTE: "info"}
_GITHUB = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.NOTE: "notice"}
_REPEATED = 5
"""Most findings of one check in one file that are listed one by one."""
_NAMED = 3
"""Places that the line for many findings of one check names."""
_KEY_NOT_OPENED = "the key of [signing] was not opened; `vibforge build` opens it"
_SARIF_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"


def lint_text(result: LintResult, paint: Paint, *, every_one: bool = False) -> str:
    """Show the findings, file by file.

    Args:
        result: what was found.
        paint: the colours.
        every_one: whether each finding has a line, also where a check repeats itself.
    """
    return "\n".join(_lines(result, paint, every_one=every_one))


def _lines(result: LintResult, paint: Paint, *, every_one: bool) -> Iterator[str]:
    for file in result.files:
        found = [finding for finding in result.findings if _belongs(finding, file)]
        if found:
            yield paint(file, "strong")
            for _key, group in groupby(found, key=_kind):
                yield from _group_lines(list(group), file, paint, every_one=every_one)
            yield ""
    for name in result.keys_not_opened:
        yield plain(f"{name}: {_KEY_NOT_OPENED}")
    yield counted(result)
    if result.open:
        worst = min(result.open, key=lambda finding: list(Severity).index(finding.severity))
        yield f"`vibforge explain {worst.rule}` explains it and says what to do."


def brief_lines(result: LintResult, paint: Paint) -> Iterator[str]:
    """Yield a line for each check that found an error or a warning, errors first."""
    order = list(Severity)
    found = [finding for finding in result.open if finding.severity is not Severity.NOTE]
    found.sort(key=lambda finding: order.index(finding.severity))
    for _key, same in groupby(found, key=_kind):
        group = list(same)
        count = sum(finding.count for finding in group)
        more = f", and {count - 1} more like it" if count > 1 else ""
        yield _line(group[0], group[0].file, f"{group[0]}{more}", paint)


def counted(result: LintResult) -> str:
    """Return the number of findings of each severity, and of those that are allowed."""
    counts = ", ".join(_count(result.count(severity), severity) for severity in Severity)
    allowed = len(result.findings) - len(result.open)
    return f"{counts}{f', {allowed} allowed' if allowed else ''}"


def _kind(finding: Finding) -> tuple[object, ...]:
    """Return the key by which findings are combined into one line."""
    return (finding.file, finding.rule, finding.severity, finding.certainty, finding.because)


def _group_lines(
    group: Sequence[Finding], file: str, paint: Paint, *, every_one: bool
) -> Iterator[str]:
    """Yield one line for each finding, or one line for all findings of a frequent check."""
    first = group[0]
    if every_one or len(group) <= _REPEATED:
        yield from (_line(finding, file, str(finding), paint) for finding in group)
        return
    count = sum(finding.count for finding in group)
    named = "; ".join(f"{finding.where}: {finding.what}" for finding in group[:_NAMED])
    said = f"{count} times, first {named} ({first.rule} {first.name}; --all lists them)"
    yield _line(first, file, said, paint)


def _belongs(finding: Finding, file: str) -> bool:
    return finding.file == file or finding.file.startswith(f"{file}:")


def _line(finding: Finding, file: str, said: str, paint: Paint) -> str:
    role = "dim" if finding.because else _ROLES[finding.severity]
    label = "allowed" if finding.because else finding.severity.value
    inner = finding.file.removeprefix(file).removeprefix(":").rpartition("/")[2]
    place = f"{inner}: " if inner else ""
    reason = f" ({finding.because})" if finding.because else ""
    text = plain(f"{place}{said}")
    return f"  {paint(f'{label:<7}', role)} {text} [{finding.certainty}]{reason}"


def _count(number: int, severity: Severity) -> str:
    return f"{number} {severity.value}{'' if number == 1 else 's'}"


def sarif(result: LintResult) -> dict[str, Any]:
    """Return the findings as a SARIF 2.1.0 log, for code-scanning pages."""
    met = {finding.rule for finding in result.findings}
    rules = [rule for rule in CHECKS if rule.id in met]
    index = {rule.id: number for number, rule in enumerate(rules)}
    return {
        "$schema": _SARIF_SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "vibforge",
                        "version": __version__,
                        "rules": [_sarif_rule(rule) for rule in rules],
                    }
                },
                "invocations": [_sarif_invocation(result)],
                "results": [_sarif_result(finding, index) for finding in result.findings],
            }
        ],
    }


def _sarif_invocation(result: LintResult) -> dict[str, Any]:
    """Return a notification for each file that was not checked and each key that was not opened."""
    notifications = [
        _sarif_notification("error", str(problem), str(each.path))
        for each in result.unreadable
        for problem in each.problems
    ]
    notifications += [
        _sarif_notification("note", _KEY_NOT_OPENED, name) for name in result.keys_not_opened
    ]
    return {
        "executionSuccessful": not result.unreadable,
        "toolExecutionNotifications": notifications,
    }


def _sarif_notification(level: str, text: str, file: str) -> dict[str, Any]:
    return {
        "level": level,
        "message": {"text": text},
        "locations": [{"physicalLocation": {"artifactLocation": {"uri": _uri(file)}}}],
    }


def _sarif_rule(rule: Check[Any]) -> dict[str, Any]:
    return {
        "id": rule.id,
        "name": rule.name,
        "shortDescription": {"text": rule.summary},
        "fullDescription": {"text": rule.manual},
        "help": {"text": rule.manual},
        "defaultConfiguration": {"level": rule.severity.value},
        "properties": {"certainty": rule.certainty.value, "releases": rule.releases},
    }


def _sarif_result(finding: Finding, index: dict[str, int]) -> dict[str, Any]:
    result = {
        "ruleId": finding.rule,
        "ruleIndex": index[finding.rule],
        "level": finding.severity.value,
        "message": {"text": _message(finding)},
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": {"uri": _uri(finding.file)},
                    "region": {"startLine": 1},
                },
                "logicalLocations": [{"fullyQualifiedName": finding.where or finding.file}],
            }
        ],
        "partialFingerprints": {"vibforge/v1": _fingerprint(finding)},
        "properties": {"certainty": finding.certainty.value},
    }
    if finding.because:
        result["suppressions"] = [{"kind": "external", "justification": finding.because}]
    return result


def github(result: LintResult) -> str:
    """Return the findings as workflow commands, which GitHub shows as annotations."""
    return "".join(
        f"::{_GITHUB[finding.severity]} file={_property(finding.file)},"
        f"title={_property(f'{finding.rule} {finding.name}')}::{_data(_message(finding))}\n"
        for finding in result.open
    )


def gitlab(result: LintResult) -> str:
    """Return the findings as a GitLab Code Quality report."""
    report = [
        {
            "description": _message(finding),
            "check_name": finding.rule,
            "fingerprint": _fingerprint(finding),
            "severity": _GITLAB[finding.severity],
            "location": {"path": finding.file, "lines": {"begin": 1}},
        }
        for finding in result.open
    ]
    return json.dumps(report, indent=2)


def _message(finding: Finding) -> str:
    place = f"{finding.where}: " if finding.where else ""
    return f"{place}{finding.what} [{finding.certainty}]"


def _fingerprint(finding: Finding) -> str:
    """Return a fingerprint that the same finding also has in the next build."""
    parts = json.dumps([finding.rule, finding.file, finding.where, finding.what])
    return hashlib.sha256(parts.encode("ascii")).hexdigest()


def _uri(file: str) -> str:
    from urllib.parse import quote  # noqa: PLC0415 - only for SARIF

    return quote(file.replace("\\", "/"))


def _data(text: str) -> str:
    shown = "\n".join(map(plain, text.splitlines()))
    return shown.replace("%", "%25").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
