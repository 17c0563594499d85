"""How the verdict on a trx.conf looks, for people and for programs."""

from collections.abc import Iterator

from vibforge.findings.check import Finding, Severity
from vibforge.report.paint import Paint
from vibforge.trx.check import CheckResult
from vibforge.trx.option import CANDIDATES, span

UNSUPPORTED = "The vendor neither documents nor supports trx.conf."

_ROLES = {Severity.ERROR: "bad", Severity.WARNING: "warn", Severity.NOTE: "note"}


def check_text(result: CheckResult, where: str, paint: Paint) -> str:
    """Show every finding with its place, its rule, how sure it is and what to do."""
    lines = [line for finding in result.findings for line in _finding(finding, where, paint)]
    if result.more:
        lines.append(f"… and {result.more} more")
    for allowance in result.allowances:
        count = sum(finding.rule == allowance.rule for finding in result.allowed)
        lines.append(f"{where}: allowed {allowance.rule} ({count}): {allowance.because}")
    return "\n".join([*lines, _summary(result, where, paint)])


def _finding(finding: Finding, where: str, paint: Paint) -> Iterator[str]:
    place = f"{where}:{finding.line}:{finding.column}" if finding.line else where
    severity = paint(f"{finding.severity}:", _ROLES[finding.severity])
    rule = paint(f"[{finding.rule}, {finding.certainty}]", "dim")
    yield f"{place}: {severity} {finding.what} {rule}"
    if finding.remedy:
        yield f"  → {finding.remedy}"


def _summary(result: CheckResult, where: str, paint: Paint) -> str:
    counted = [
        f"{count} {severity}{'' if count == 1 else 's'}"
        for severity, count in result.counts.items()
        if count
    ]
    verdict = paint("good", "good") if result.good else paint("bad", "bad")
    all_of_them = ", all that TRX may carry" if result.releases == CANDIDATES else ""
    return (
        f"{where}: {verdict}, {', '.join(counted) or 'nothing found'}, "
        f"for linuxptp {span(result.releases)}{all_of_them}. {UNSUPPORTED}"
    )
