"""The rules on trx.conf that were allowed to be broken, as records and reports keep them.

It stands apart from the record of a build, so that a check need not load what builds.
"""

from typing import Any

from vibforge.trx.check import CheckResult


def allowed(result: CheckResult | None) -> list[dict[str, Any]]:
    """Return the rules on trx.conf that were allowed to be broken, each with its reason."""
    if result is None:
        return []
    return [
        {
            "rule": allowance.rule,
            "because": allowance.because,
            "lines": [finding.line for finding in result.allowed if finding.rule == allowance.rule],
        }
        for allowance in result.allowances
    ]
