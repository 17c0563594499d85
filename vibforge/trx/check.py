"""Judge a trx.conf: every problem at once, each with its rule, its remedy and how sure it is."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from vibforge.errors import Problem, TrxError
from vibforge.findings.check import Allowance, Finding, Severity, finding
from vibforge.trx.conf import TrxConf
from vibforge.trx.option import CANDIDATES, catalogue
from vibforge.trx.rules import BY_NAME, RULES
from vibforge.trx.subject import Subject

MOST_FINDINGS = 200
"""Findings that a result lists; the rest is counted. Nobody mends more in one go."""


def allowances(reasons: Mapping[str, str]) -> tuple[Allowance, ...]:
    """Return what may be broken, of the rules for trx.conf and the reasons for it.

    Raises:
        TrxError: an unknown rule, or an empty reason.
    """
    found = tuple(Allowance(rule=rule, because=because) for rule, because in reasons.items())
    _require(found)
    return found


def _require(allowances: Iterable[Allowance]) -> None:
    if problems := [problem for each in allowances for problem in _problems(each)]:
        raise TrxError.from_problems(problems)


def _problems(of: Allowance) -> Iterator[Problem]:
    if of.rule not in BY_NAME:
        near = get_close_matches(of.rule, BY_NAME, n=1)
        yield Problem(
            what=f"there is no rule {of.rule!r} for trx.conf",
            remedy=f"Did you mean {near[0]}?"
            if near
            else "`vibforge trx check` names the rule behind each finding, in brackets.",
        )
    if not of.because.strip():
        yield Problem(
            what=f"no reason for allowing {of.rule}",
            remedy='Say why: --allow RULE --because "…".',
        )


class CheckResult(Struct, frozen=True, kw_only=True):
    """What the rules found, by line, for the `releases` of linuxptp.

    `findings` are those that count, `MOST_FINDINGS` at most; `more` says how many are not listed
    and `counts` counts all of them. `allowed` are findings that an allowance excuses, each with its
    reason.
    """

    releases: tuple[str, ...]
    findings: tuple[Finding, ...]
    more: int
    counts: Mapping[Severity, int]
    allowed: tuple[Finding, ...]
    allowances: tuple[Allowance, ...]

    @property
    def good(self) -> bool:
        """Whether nothing stands against installing the file: no errors."""
        return self.counts[Severity.ERROR] == 0

    @property
    def errors(self) -> tuple[Finding, ...]:
        return tuple(each for each in self.findings if each.severity is Severity.ERROR)

    def problems(self, where: str) -> tuple[Problem, ...]:
        """The errors as problems of the file `where`, for whoever cannot go on with them."""
        return tuple(
            Problem(
                what=f"{each.what} [{each.rule}]",
                where=f"{where}:{each.line}:{each.column}" if each.line else where,
                remedy=each.remedy,
            )
            for each in self.errors
        )

    def require(self, where: str) -> None:
        """Insist on a good file.

        Raises:
            TrxError: one problem for each error that is listed.
        """
        if not self.good:
            raise TrxError.from_problems(self.problems(where))


def check(
    data: bytes,
    *,
    releases: Sequence[str] = CANDIDATES,
    allow: Iterable[Allowance] = (),
    configstore: Mapping[str, str] | None = None,
) -> CheckResult:
    """Judge the bytes of a trx.conf for the given releases of linuxptp.

    Args:
        data: the file, `vibforge.esxi.paths.TRX_CONF_LIMIT` at most.
        releases: names of `vibforge.trx.option.RELEASES`; `chosen` makes them of options.
        allow: rules whose findings shall not count, with the reason.
        configstore: what the host's ConfigStore holds for PTP, by key (`domain_number`).

    Raises:
        TrxError: the file is larger than any trx.conf, or an allowance names no rule or no reason.
    """
    excused = tuple(allow)
    _require(excused)
    subject = Subject.of(TrxConf.parse(data), catalogue(), tuple(releases), configstore or {})
    found = [finding(rule, fault, "") for rule in RULES for fault in rule.faults(subject)]
    found.sort(key=_by_place)
    reasons = {allowance.rule: allowance.because for allowance in excused}
    counting = [each for each in found if each.rule not in reasons]
    allowed = [replace(each, because=reasons[each.rule]) for each in found if each.rule in reasons]
    counts = Counter(each.severity for each in counting)
    listed = _listed(counting)
    return CheckResult(
        releases=subject.releases,
        findings=listed,
        more=len(counting) - len(listed),
        counts={severity: counts[severity] for severity in Severity},
        allowed=tuple(allowed[:MOST_FINDINGS]),
        allowances=excused,
    )


def _by_place(found: Finding) -> tuple[int, int]:
    return found.line, found.column


def _listed(findings: list[Finding]) -> tuple[Finding, ...]:
    """The first findings, errors before what is not as bad, back in the order of the file."""
    if len(findings) <= MOST_FINDINGS:
        return tuple(findings)
    weight = {severity: place for place, severity in enumerate(Severity)}
    worst = sorted(findings, key=lambda each: weight[each.severity])[:MOST_FINDINGS]
    return tuple(sorted(worst, key=_by_place))


def allowed(result: CheckResult | None) -> list[dict[str, Any]]:
    """Return the rules on trx.conf that were allowed to be broken, each with its reason."""
    if result is None:
        return []
    return [
        {
            "rule": allowance.rule,
            "because": allowance.because,
            "lines": [each.line for each in result.allowed if each.rule == allowance.rule],
        }
        for allowance in result.allowances
    ]
