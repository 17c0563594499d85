"""The findings of lint as text."""

from collections.abc import Iterator, Sequence
from itertools import groupby

from vibforge.findings.check import Finding, Severity
from vibforge.packages.lint import LintResult
from vibforge.report.paint import Paint
from vibforge.report.plain import plain

_ROLES = {Severity.ERROR: "bad", Severity.WARNING: "warn", Severity.NOTE: "note"}
_REPEATED = 5
"""Most findings of one check in one file that are listed one by one."""
_NAMED = 3
"""Places that the line for many findings of one check names."""
KEY_NOT_OPENED = "the key of [signing] was not opened; `vibforge build` opens it"


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
        yield plain(f"{name}: {KEY_NOT_OPENED}")
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
