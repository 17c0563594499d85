from collections.abc import Callable

import pytest

from vibforge.errors import TrxError
from vibforge.esxi.release import Certainty
from vibforge.trx.configstore import official_ways
from vibforge.trx.nic import Answer, judge_nic
from vibforge.trx.rules.value import CONFIGSTORE_KEYS


@pytest.mark.parametrize(
    ("nic", "function", "answer"),
    [
        ("8086:1592", 0, Answer.YES),
        ("8086:159B", 1, Answer.NO),
        ("0x8086:0x1572", 0, Answer.YES),
        ("8086:1572", 1, Answer.UNKNOWN),
        ("8086:1583", 0, Answer.UNKNOWN),
        ("8086:124c", 0, Answer.UNKNOWN),
        ("8086:188c", 0, Answer.UNKNOWN),
        ("8086:579E", 0, Answer.UNKNOWN),
        ("15b3:124c", 0, Answer.NO),
        ("15ad:07b0", 0, Answer.YES),
        ("15b3:1017", 0, Answer.NO),
        ("8086:10fb", 0, Answer.NO),
    ],
)
def test_nic_is_judged_by_family_and_function(nic: str, function: int, answer: Answer) -> None:
    verdict = judge_nic(nic, function)
    assert verdict.answer is answer
    assert all(fact.says for fact in verdict.facts)
    unknown = any(fact.certainty is Certainty.UNKNOWN for fact in verdict.facts)
    assert unknown is (answer is Answer.UNKNOWN)


@pytest.mark.parametrize(("nic", "function"), [("8086", 0), ("vmnic0", 0), ("8086:1592", -1)])
def test_what_is_no_nic_is_refused(nic: str, function: int) -> None:
    with pytest.raises(TrxError):
        judge_nic(nic, function)


def test_official_ways_are_those_of_the_configstore() -> None:
    ways = official_ways(24)
    assert {way.key for way in ways} == set(CONFIGSTORE_KEYS)
    assert "24" in ways[0].means
    assert all(way.commands for way in ways)


def test_a_nic_is_named_as_lspci_does_and_every_fact_is_said(
    golden: Callable[[str, str], None],
) -> None:
    lines = []
    for nic in ("0x8086:0x159B", "8086:1572", "8086:1583", "8086:579c", "15AD:07B0", "15b3:1017"):
        for function in (0, 1, 255):
            verdict = judge_nic(nic, function)
            lines.append(f"{verdict.nic} {verdict.function}: {verdict.answer}")
            lines += [f"  ({fact.certainty}) {fact.says}" for fact in verdict.facts]
    golden("trx-nics.txt", "\n".join((*lines, "")))
    with pytest.raises(TrxError, match="256 is no physical function"):
        judge_nic("8086:1592", 256)


def test_an_official_way_says_what_it_replaces() -> None:
    assert {way.key: way.instead_of for way in official_ways()} == {
        "domain_number": "domainNumber",
        "calibration_delay": "",
        "log_level": "logging_level",
        "ports": "",
    }
    assert official_ways()[0].means == "the PTP domain: set it to the domain of your grandmaster"
    assert official_ways(0)[0].means == "the PTP domain: set it to 0"
