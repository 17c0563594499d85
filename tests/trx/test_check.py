import random
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vibforge.errors import TrxError
from vibforge.esxi.paths import TRX_CONF_LIMIT
from vibforge.findings.check import Allowance, Severity
from vibforge.trx.check import MOST_FINDINGS, allowances, check
from vibforge.trx.option import CANDIDATES, RANK
from vibforge.trx.profile import profiles, trx_conf_of

CHECKOUT = Path(__file__).parents[2]
PORT = b"ptp4l:port0:delay_mechanism P2P\n"


@pytest.mark.parametrize("name", [name for name, each in profiles().items() if not each.impossible])
def test_profile_is_clean(name: str) -> None:
    profile = profiles()[name]
    able = [release for release in CANDIDATES if RANK[release] >= RANK[profile.min_linuxptp]]
    result = check(trx_conf_of(profile).serialise(), releases=able)
    rules = {each.rule for each in result.findings if each.severity is not Severity.NOTE}
    assert result.good
    assert rules == ({"dangerous-setting"} if profile.not_recommended else set())


@pytest.mark.parametrize(
    "path",
    [*CHECKOUT.glob("payloads/**/trx.conf"), *CHECKOUT.glob("templates/**/trx.conf")],
    ids=str,
)
def test_shipped_trx_conf_is_good(path: Path) -> None:
    assert check(path.read_bytes()).errors == ()


def test_all_problems_come_at_once_in_the_order_of_the_file() -> None:
    result = check(PORT + b"ptp4l:domainNumber 300\nptp4:x 1\nptp4l:BMCA\n")
    assert [each.rule for each in result.errors] == [
        "port-section",
        "out-of-range",
        "unknown-namespace",
        "no-value",
    ]
    assert [each.line for each in result.errors] == [1, 2, 3, 4]


def test_allowed_rule_does_not_count_and_keeps_its_reason() -> None:
    allowed = Allowance(rule="port-section", because="tried on a nested host")
    result = check(PORT, allow=[allowed])
    assert result.good
    assert [each.rule for each in result.allowed] == ["port-section"]
    assert result.allowances == (allowed,)


def test_require_turns_errors_into_problems_with_their_place() -> None:
    with pytest.raises(TrxError) as caught:
        check(PORT + b"ptp4l:BMCA\n").require("etc/vmware/trx.conf")
    first = caught.value.problems[0]
    assert first.where == "etc/vmware/trx.conf:1:7"
    assert "port-section" in first.what
    assert len(caught.value.problems) == 2


@pytest.mark.parametrize(
    ("reasons", "what", "remedy"),
    [
        ({"nosuch": "x"}, "there is no rule 'nosuch'", "`vibforge trx check` names the rule"),
        ({"tabs": "x"}, "there is no rule 'tabs'", "Did you mean tab?"),
        ({"tab": " "}, "no reason for allowing tab", "Say why: --allow RULE"),
    ],
)
def test_allowance_wants_a_rule_and_a_reason(
    reasons: dict[str, str], what: str, remedy: str
) -> None:
    with pytest.raises(TrxError) as caught:
        allowances(reasons)
    (problem,) = caught.value.problems
    assert what in problem.what
    assert problem.remedy.startswith(remedy)


def test_all_that_is_wrong_with_allowances_is_told_at_once() -> None:
    with pytest.raises(TrxError) as caught:
        allowances({"nosuch": "x", "tab": " ", "neither": "y"})
    assert len(caught.value.problems) == 3


HOSTILE = {
    "one line": b"x" * TRX_CONF_LIMIT,
    "one setting": (b"ptp4l:domainNumber " + b"9" * TRX_CONF_LIMIT)[:TRX_CONF_LIMIT],
    "one text": (b"ptp4l:userDescription " + b"x" * TRX_CONF_LIMIT)[:TRX_CONF_LIMIT],
    "colons": b":" * TRX_CONF_LIMIT,
    "blank lines": b"\n" * TRX_CONF_LIMIT,
    "junk": random.Random(5).randbytes(TRX_CONF_LIMIT),
    "many lines": (b"ptp4l:a 1\n" * TRX_CONF_LIMIT)[:TRX_CONF_LIMIT],
    "many names": b"".join(b"ptp4l:%06d\n" % each for each in range(TRX_CONF_LIMIT // 13)),
    "tricks": "ptp4l:\u202edomain\u200bNumber\u00a0\uff12\u0664\u2028\n".encode() * 7_000,
    "overlong": b"ptp4l:\xc0\xaf\xed\xa0\x80 1\n" * 10_000,
}


@pytest.mark.slow
@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_file_is_judged_in_bounds(name: str) -> None:
    start = time.process_time()
    result = check(HOSTILE[name])
    assert time.process_time() - start < 20
    assert sum(result.counts.values()) == len(result.findings) + result.more
    assert 0 < len(result.findings) <= MOST_FINDINGS
    assert max(len(each.what) + len(each.remedy) for each in result.findings) < 1000
    assert all(f"{each.what}{each.remedy}".isprintable() for each in result.findings)


@given(st.binary(max_size=300))
def test_any_bytes_have_a_verdict(data: bytes) -> None:
    result = check(data)
    assert result.good is not bool(result.errors)


@given(st.text(st.sampled_from("ptp4l:sy2vmwhcdoainNumber 0x8.#=[]\t\r\n\u00a0-"), max_size=120))
def test_any_near_miss_has_a_verdict(text: str) -> None:
    for finding in check(text.encode()).findings:
        assert 0 <= finding.line <= text.count("\n") + 1
