from collections.abc import Callable
from pathlib import Path

import pytest

from vibforge.findings.check import Check, Finding, Severity
from vibforge.trx.check import CheckResult, check
from vibforge.trx.configstore import official_ways
from vibforge.trx.profile import profiles, trx_conf_of
from vibforge.trx.rules import BY_NAME, RULES
from vibforge.trx.subject import Subject

EXAMPLES = Path(__file__).parents[2] / "docs" / "reference" / "trx-rules"

CONFIGSTORE = {"domain_number": "44"}
"""What the host of the examples says; only one rule looks at it."""


def judged(name: str, kind: str) -> CheckResult:
    host = CONFIGSTORE if name == "contradicts-configstore" else {}
    return check((EXAMPLES / name / f"{kind}.conf").read_bytes(), configstore=host)


@pytest.mark.parametrize("name", BY_NAME)
def test_bad_example_breaks_its_rule_and_the_good_one_nothing_of_weight(name: str) -> None:
    bad = [finding for finding in judged(name, "bad").findings if finding.rule == name]
    good = judged(name, "good")
    assert bad
    assert all(finding.what for finding in bad)
    assert [finding for finding in good.findings if finding.rule == name] == []
    assert good.good


def told(finding: Finding) -> str:
    place = f"{finding.line}:{finding.column}"
    sure = f"{finding.severity} ({finding.certainty})"
    releases = f" [{', '.join(finding.linuxptp)}]" if finding.linuxptp else ""
    return f"{place} {sure} {finding.rule}: {finding.what} -> {finding.remedy}{releases}\n"


def test_what_is_said_of_every_bad_example(golden: Callable[[str, str], None]) -> None:
    text = ""
    for name in BY_NAME:
        text += f"{name}\n" + "".join(f"  {told(one)}" for one in judged(name, "bad").findings)
    golden("trx-findings.txt", text)


CASES = {
    "roles by their new names": "ptp4l:clientOnly 1\nptp4l:serverOnly 1\n",
    "a role by BMCA that is fixed": "ptp4l:BMCA noop\nptp4l:serverOnly 1\n",
    "a role by BMCA": "ptp4l:BMCA noop\n",
    "no role": "ptp4l:hybrid_e2e 1\n",
    "net_sync_monitor alone": "ptp4l:net_sync_monitor 1\n",
    "one gain": "phc2sys:pi_proportional_const 0.5\n",
    "the other gain": "phc2sys:pi_integral_const 0.5\n",
    "gPTP that is capable": "ptp4l:follow_up_info 1\nptp4l:asCapable true\n",
    "gPTP by E2E": "ptp4l:follow_up_info 1\nptp4l:delay_mechanism E2E\n",
    "a domain without its profile": "ptp4l:dataset_comparison G.8275.x\n",
    "a domain outside its profile": "ptp4l:dataset_comparison G.8275.x\nptp4l:domainNumber 4\n",
    "programs that differ": "ptp4l:network_transport L2\nphc2sys:network_transport UDPv4\n",
    "phc2sys alone": "phc2sys:domainNumber 24\n",
    "letters of the command line": "ptp4l:-s 1\nphc2sys:-n 24\nphc2sys:-a 1\n",
    "signs": "ptp4l:domainNumber = 24\nptp4l:domainNumber=24\nptp4l:domainNumber == 24\n",
    "sections": "[global]\nptp4l:[eth0] 1\n",
    "words": "ptp4l:slaveOnly yes\nptp4l:slaveOnly OFF\nptp4l:delay_mechanism peer\n",
    "numbers": "ptp4l:domainNumber 300\nptp4l:domainNumber 0x18\nptp4l:step_threshold 1,5\n",
    "comments": "# one\n# two\nptp4l:domainNumber 24 # three\n",
    "spaces": " ptp4l:domainNumber  24\nphc2sys:domainNumber\t24 \n",
    "bytes": "ptp4l:userDescription caf\u00e9 \u00e9\n",
    "twice": "ptp4l:domainNumber 24\nptp4l:domainNumber 25\n",
    "twice by two names": "ptp4l:slaveOnly 1\nptp4l:clientOnly 0\n",
    "a release's key": "ptp4l:clientOnly 1\nptp4l:step_window 5\n",
    "a better own clock": "ptp4l:priority1 100\n",
    "priorities that are the default, the best and none": "ptp4l:priority1 0x80\n"
    "ptp4l:priority2 1\n",
    "a priority that is refused": "ptp4l:priority1 256\n",
    "a profile that does not look at it": "ptp4l:dataset_comparison g.8275.X\n",
    "phc2sys alone looks at none": "phc2sys:logging_level 5\n",
    "no delay requests": "ptp4l:inhibit_delay_req 1\nptp4l:asCapable TRUE\n",
    "groups of IPv4": "ptp4l:ptp_dst_ipv4 224.1\nptp4l:p2p_dst_ipv4 255.255.255.255\n",
    "groups of IPv6": "ptp4l:network_transport UDPv6\nptp4l:ptp_dst_ipv6 FF0E::181\n"
    "ptp4l:p2p_dst_ipv6 2001:db8::1\nptp4l:ptp_dst_ipv4 192.0.2.1\n",
    "groups of Ethernet": "ptp4l:network_transport L2\nptp4l:ptp_dst_mac 00:11:22:33:44:55\n"
    "ptp4l:p2p_dst_mac zz:80:C2:00:00:0E\n",
    "intervals": "ptp4l:logAnnounceInterval 40\nptp4l:logSyncInterval 8\n"
    "ptp4l:logMinDelayReqInterval -8\nptp4l:logMinPdelayReqInterval -128\n"
    "ptp4l:operLogSyncInterval 20\nptp4l:operLogPdelayReqInterval 7\n",
    "an interval that is refused": "ptp4l:logSyncInterval 128\n",
    "one step in software": "ptp4l:twoStepFlag 0\nptp4l:time_stamping software\n",
    "two steps": "ptp4l:twoStepFlag 1\n",
    "texts with a sign": "ptp4l:userDescription =1\nptp4l:userDescription = rack 7\n",
    "two ports": "ptp4l:clock_type BC\nptp4l:boundary_clock_jbod 1\n",
}


def test_what_is_said_of_settings_together(golden: Callable[[str, str], None]) -> None:
    text = ""
    for name, conf in CASES.items():
        found = check(conf.encode(), releases=("3.1.1", "4.2")).findings
        text += f"{name}\n" + "".join(f"  {told(one)}" for one in found)
    golden("trx-settings-together.txt", text)


@pytest.mark.parametrize("name", BY_NAME)
def test_finding_points_into_its_line(name: str) -> None:
    text = (EXAMPLES / name / "bad.conf").read_bytes().decode("utf-8", "surrogateescape")
    lines = text.removeprefix("\ufeff").split("\n")
    for finding in judged(name, "bad").findings:
        if finding.line:
            assert 1 <= finding.column <= len(lines[finding.line - 1]) + 1


def test_every_rule_has_examples_and_every_example_a_rule() -> None:
    assert {folder.name for folder in EXAMPLES.iterdir()} == set(BY_NAME)
    assert len(BY_NAME) == len(RULES)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_a_manual_has_all_its_parts(rule: Check[Subject]) -> None:
    assert all(f"\n\n{part}: " in rule.manual for part in ("Why", "Remedy", "Evidence"))
    assert rule.summary.endswith(".")
    assert rule.id == rule.name


def test_every_finding_says_what_to_do() -> None:
    for name in BY_NAME:
        assert all(finding.remedy for finding in judged(name, "bad").findings)


def rules_of(text: str, *releases: str, **host: str) -> dict[str, Finding]:
    if releases:
        result = check(text.encode(), releases=releases, configstore=host)
    else:
        result = check(text.encode(), configstore=host)
    return {finding.rule: finding for finding in result.findings}


def test_port_section_offers_the_global_line() -> None:
    found = rules_of("ptp4l:port0:delay_mechanism P2P\n")["port-section"]
    assert found.remedy == "Write `ptp4l:delay_mechanism P2P`."
    assert (found.line, found.column, found.severity) == (1, 7, Severity.ERROR)


def test_unknown_key_names_the_nearest_ones() -> None:
    assert "`domainNumber`" in rules_of("ptp4l:domainnumber 24\n")["unknown-key"].remedy
    assert "`delay_mechanism`" in rules_of("ptp4l:delay_mechanisms P2P\n")["unknown-key"].remedy


def test_configstore_key_is_told_from_an_option() -> None:
    assert "ConfigStore" in rules_of("ptp4l:calibration_delay 1\n")["unknown-key"].remedy


@pytest.mark.parametrize(
    ("releases", "severity"),
    [(("3.1.1",), Severity.ERROR), (("3.1.1", "4.0"), Severity.WARNING), (("4.0",), None)],
)
def test_release_decides_over_a_key_and_a_value(
    releases: tuple[str, ...], severity: Severity | None
) -> None:
    key = rules_of("ptp4l:clientOnly 1\n", *releases).get("key-not-in-release")
    value = rules_of("ptp4l:domainNumber 254\n", *releases).get("out-of-range")
    assert (key and key.severity) == severity
    assert (value and value.severity) == severity
    assert not key or key.linuxptp == ("3.1.1",)


def test_values_of_8_and_9_behind_a_0_are_told_apart_from_octal() -> None:
    found = rules_of("ptp4l:announceReceiptTimeout 08\n")
    assert "octal" in found["malformed-value"].remedy
    assert "octal-look-alike" not in found


def test_mode_of_a_socket_may_be_octal() -> None:
    assert "octal-look-alike" not in rules_of("ptp4l:uds_file_mode 0660\n", "4.0")


def test_phc2sys_lines_that_differ_are_an_error_and_a_lone_one_a_warning() -> None:
    both = rules_of("ptp4l:domainNumber 24\nphc2sys:domainNumber 25\n")["phc2sys-disagrees"]
    lone = rules_of("ptp4l:domainNumber 24\n")["phc2sys-disagrees"]
    assert (both.severity, both.line) == (Severity.ERROR, 2)
    assert (lone.severity, lone.remedy) == (Severity.WARNING, "Add `phc2sys:domainNumber 24`.")
    assert "phc2sys-disagrees" not in rules_of("ptp4l:domainNumber 0\n")


def test_both_names_of_an_option_are_the_same_key() -> None:
    assert "duplicate-key" in rules_of("ptp4l:slaveOnly 1\nptp4l:clientOnly 1\n")
    assert "client-not-gm-capable" in rules_of("ptp4l:clientOnly 1\nptp4l:gmCapable 0\n", "4.0")


def test_defaults_are_not_dangerous() -> None:
    assert "dangerous-setting" not in rules_of("ptp4l:free_running 0\nptp4l:BMCA ptp\n")
    assert "dangerous-setting" in rules_of("ptp4l:uds_address /run/x\n")


@pytest.mark.parametrize(
    ("releases", "silent"), [(("3.1.1", "4.3"), None), (("4.3", "4.4"), ("4.4",))]
)
def test_a_silent_socket_is_of_the_releases_that_have_it(
    releases: tuple[str, ...], silent: tuple[str, ...] | None
) -> None:
    text = "ptp4l:follow_up_info 1\nptp4l:delay_mechanism P2P\n"
    found = rules_of(text, *releases).get("gptp-without-transport-specific")
    assert (found and found.linuxptp) == silent
    told = rules_of(f"{text}ptp4l:transportSpecific 0x1\n", *releases)
    assert "gptp-without-transport-specific" not in told


def test_every_profile_follows_every_grandmaster() -> None:
    kept = {"priority1-not-255", "sync-timeout-without-interval", "absurd-interval"}
    for profile in profiles().values():
        if not profile.impossible:
            result = check(trx_conf_of(profile).serialise())
            assert kept & {finding.rule for finding in result.findings} == set()


def test_configstore_is_compared_with_both_programs() -> None:
    text = "ptp4l:domainNumber 24\nphc2sys:domainNumber 0x18\n"
    assert "contradicts-configstore" in rules_of(text, domain_number="0")
    assert "contradicts-configstore" not in rules_of(text, domain_number="24")


def test_the_domain_has_one_advice_and_none_where_esxi_agrees() -> None:
    text = "ptp4l:domainNumber 24\nphc2sys:domainNumber 24\n"
    alone, equal = rules_of(text), rules_of(text, domain_number="0x18")
    other = rules_of(text, domain_number="25")
    assert "trx host --domain 24" in (told := alone["managed-elsewhere"].remedy)
    assert other["contradicts-configstore"].remedy == told
    assert "managed-elsewhere" not in equal
    assert "managed-elsewhere" in rules_of("ptp4l:logging_level 5\n", domain_number="24")
    assert "contradicts-configstore" not in equal
    assert "= 24}" in official_ways(24)[0].commands[0]
