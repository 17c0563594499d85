from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vibforge.errors import TrxError
from vibforge.esxi.paths import TRX_CONF_LIMIT
from vibforge.trx.conf import TrxConf
from vibforge.trx.exchange.linuxptp import export_linuxptp, import_linuxptp
from vibforge.trx.exchange.ptpconfig import export_ptpconfig, import_ptpconfig
from vibforge.trx.exchange.transfer import Loss
from vibforge.trx.profile import profiles, trx_conf_of

EXAMPLES = Path("/usr/share/doc/linuxptp/configs")

NAMES = [name for name, each in profiles().items() if not each.impossible]

PTPCONFIG = """\
apiVersion: ptp.openshift.io/v1
kind: PtpConfig
metadata: {name: ordinary, namespace: openshift-ptp}
spec:
  profile:
    - name: ordinary
      interface: ens1f0
      ptp4lOpts: "-2 -s --summary_interval -4"
      phc2sysOpts: "-a -r -n 24 -R 16 -P 0.5"
      ptpSchedulingPolicy: SCHED_FIFO
      ptp4lConf: |
        [global]
        # a comment
        domainNumber 24
        network_transport UDPv4
        unicast_master_table 0
        ptp_dst_mac 01:1B:19:00:00:00
        [ens1f0]
        delay_mechanism P2P
  recommend:
    - {profile: ordinary, priority: 4}
"""


def harmful(losses: Sequence[Loss]) -> tuple[Loss, ...]:
    return tuple(loss for loss in losses if not loss.harmless)


def settings(conf: TrxConf) -> list[str]:
    return conf.serialise().decode().splitlines()


@pytest.mark.parametrize("name", NAMES)
def test_profile_survives_ptp4l_conf_and_back(name: str) -> None:
    conf = trx_conf_of(profiles()[name])
    there = export_linuxptp(conf)
    back = import_linuxptp(there.ptp4l_conf, phc2sys_options=there.phc2sys_options)
    assert there.losses == ()
    assert back.losses == ()
    assert settings(back.conf) == settings(conf)


@pytest.mark.parametrize("name", NAMES)
def test_profile_survives_a_ptpconfig_and_back(name: str) -> None:
    conf = trx_conf_of(profiles()[name])
    text, there = export_ptpconfig(conf, name=name, interface="ens1f0")
    back = import_ptpconfig(text)
    assert there.losses == ()
    assert harmful(back.losses) == ()
    assert settings(back.conf) == settings(conf)


def test_ptpconfig_is_taken_over_with_a_list_of_what_is_lost() -> None:
    imported = import_ptpconfig(PTPCONFIG)
    assert settings(imported.conf) == [
        "ptp4l:domainNumber 24",
        "ptp4l:delay_mechanism P2P",
        "ptp4l:network_transport L2",
        "ptp4l:slaveOnly 1",
        "ptp4l:summary_interval -4",
        "phc2sys:domainNumber 24",
    ]
    assert [loss.says for loss in harmful(imported.losses)] == [
        "pi_proportional_const 0.5",
    ]
    harmless = {loss.says for loss in imported.losses if loss.harmless}
    assert {"recommend", "interface ens1f0", "unicast_master_table 0", "-a", "-r"} <= harmless
    assert "ptp_dst_mac 01:1B:19:00:00:00" in harmless


def test_section_of_another_interface_is_lost_until_it_is_named() -> None:
    text = "[global]\ndomainNumber 1\n[a]\ndelay_mechanism P2P\n[b]\ndelay_mechanism E2E\n"
    assert settings(import_linuxptp(text).conf) == ["ptp4l:domainNumber 1"]
    named = import_linuxptp(text, interface="b")
    assert settings(named.conf) == ["ptp4l:domainNumber 1", "ptp4l:delay_mechanism E2E"]
    assert [loss.where for loss in named.losses] == ["line 4, [a]"]


def test_what_linuxptp_refuses_is_not_taken_over() -> None:
    text = "domainNumber 1\n[eth0]\ndomainNumber 2\n[global]\nfoo 1\nBMCA\n[unicast_master_table]\n"
    imported = import_linuxptp(text + "table_id 1\nUDPv4 192.0.2.1\n")
    assert imported.conf.lines == ()
    assert len(imported.losses) == 6
    assert not imported.complete


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (
            "-P -2 -s -l 7",
            ["delay_mechanism P2P", "network_transport L2", "slaveOnly 1", "logging_level 7"],
        ),
        (
            "-A4ml7",
            ["delay_mechanism Auto", "network_transport UDPv4", "verbose 1", "logging_level 7"],
        ),
        ("--domainNumber=5 --step_threshold 0.1", ["domainNumber 5", "step_threshold 0.1"]),
        ("-f /etc/ptp4l.conf -i eth0 -p /dev/ptp0", []),
    ],
)
def test_letters_of_ptp4l_become_options(options: str, expected: list[str]) -> None:
    found = settings(import_linuxptp("", ptp4l_options=options).conf)
    assert found == [f"ptp4l:{each}" for each in expected]


def test_letters_of_phc2sys_become_options_or_losses() -> None:
    imported = import_linuxptp("", phc2sys_options="-s eth0 -w -n 24 -x -z /run/p -O -37 -Q foo")
    assert settings(imported.conf) == [
        "phc2sys:domainNumber 24",
        "phc2sys:kernel_leap 0",
        "phc2sys:uds_address /run/p",
    ]
    assert [loss.says for loss in harmful(imported.losses)] == ["-O -37", "-Q", "foo"]


def test_quotes_that_do_not_match_are_an_error() -> None:
    with pytest.raises(TrxError, match="cannot be taken apart"):
        import_linuxptp("", ptp4l_options="--message_tag='x")


def test_export_names_what_linuxptp_has_no_word_for() -> None:
    conf = TrxConf.parse(
        b"# c\nptp4l:a 1\nptp4l:a 2\nsys2vmw:x 1\nptp4l:p:b 1\nwhat\nptp4l:BMCA\n"
        b"phc2sys:pi_integral_const 1\nphc2sys:message_tag a b\n"
    )
    exported = export_linuxptp(conf)
    assert exported.ptp4l_conf == "[global]\na 2\n"
    assert exported.phc2sys_options == "'--message_tag=a b'"
    assert [loss.where for loss in harmful(exported.losses)] == [
        f"line {number}" for number in (4, 5, 6, 7)
    ]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "kind: Pod\n",
        "kind: PtpConfig\n",
        "kind: PtpConfig\nspec: {profile: [{name: a}, {name: b}]}\n",
        "kind: PtpConfig\nspec: {profile: [{name: a, ptp4lConf: [1]}]}\n",
        "a: &x [1]\nb: *x\n",
        "[" * 100,
        "a: [\n",
        "\x00",
        "!!python/object/apply:os.system [true]\n",
        "kind: PtpConfig\n2024-99-99: x\n",
        "- " * 60 + "a",
        "x" * (1 << 19),
    ],
)
def test_yaml_that_is_no_ptpconfig_is_refused(text: str) -> None:
    with pytest.raises(TrxError):
        import_ptpconfig(text)


def test_profile_is_chosen_by_name() -> None:
    text = "kind: PtpConfig\nspec: {profile: [{name: a}, {name: b, ptp4lOpts: -P}]}\n"
    assert settings(import_ptpconfig(text, profile="b").conf) == ["ptp4l:delay_mechanism P2P"]


@given(st.text(max_size=200), st.text(max_size=60))
def test_any_text_is_imported_or_refused(conf: str, options: str) -> None:
    try:
        imported = import_linuxptp(conf, ptp4l_options=options, phc2sys_options=options)
    except TrxError:
        return
    for line in imported.conf.settings:
        assert line.canonical == line.text
        assert ":" not in line.value


@given(st.text(st.sampled_from("kind: PtpConfig\nspec{}[],-&*!|>\"' \tab1"), max_size=120))
def test_any_yaml_is_imported_or_refused(text: str) -> None:
    try:
        import_ptpconfig(text)
    except TrxError:
        return


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.cfg")), ids=lambda path: path.stem)
def test_examples_of_linuxptp_lose_nothing_silently(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if line and line[0] not in "#["]
    imported = import_linuxptp(text)
    assert len(imported.conf.settings) + len(imported.losses) == len(lines)


def listed(losses: Iterable[Loss]) -> list[str]:
    return [
        f"{loss.where}: {loss.says}: {loss.why}{' (harmless)' if loss.harmless else ''}"
        for loss in losses
    ]


ODD_CONF = """\
domainNumber 24
[GLOBAL]
delay_mechanism E2E
domainNumber 25
step_threshold 0.0
ptp_dst_mac 01:1B:19:00:00:01
userDescription x
no_such_option 1
clockClass
[nic]
delay_mechanism P2P
[unicast_master_table]
table_id 1
"""
ODD_TRX = b"""\
# a comment
ptp4l:domainNumber 24
ptp4l:delay_mechanism P2P
ptp4l:foo 1
phc2sys:domainNumber 24
phc2sys:pi_integral_const 0.1
phc2sys:network_transport L2
sys2vmw:x 1
[global]
what
"""


def test_what_is_lost_is_said_with_its_place_and_reason(golden: Callable[[str, str], None]) -> None:
    taken = import_linuxptp(ODD_CONF, ptp4l_options="-s -2 -z 1", phc2sys_options="-a -R 16 -n 4")
    given = export_linuxptp(TrxConf.parse(ODD_TRX))
    text, of_given = export_ptpconfig(TrxConf.parse(ODD_TRX), name="ordinary", interface="ens1f0")
    parts = {
        "from ptp4l.conf": [*settings(taken.conf), *listed(taken.losses)],
        "from a PtpConfig": listed(import_ptpconfig(PTPCONFIG).losses),
        "to ptp4l.conf": [given.ptp4l_conf, given.phc2sys_options, *listed(given.losses)],
        "to a PtpConfig": [text, *listed(of_given.losses)],
    }
    golden("trx-exchange.txt", "".join(f"== {k}\n" + "\n".join(v) + "\n" for k, v in parts.items()))


def test_texts_are_bounded() -> None:
    import_linuxptp("#" * TRX_CONF_LIMIT)
    with pytest.raises(TrxError, match=f"more than {TRX_CONF_LIMIT} characters"):
        import_linuxptp("#" * (TRX_CONF_LIMIT + 1))
    with pytest.raises(TrxError, match="the options of ptp4l have more than 65536 characters"):
        import_linuxptp("", ptp4l_options="-s " * 30_000)
    deep = "a: " + "[" * 50 + "]" * 50
    with pytest.raises(TrxError, match="nested deeper than 40 levels"):
        import_ptpconfig(deep)


def test_what_cannot_be_read_is_told_with_its_line() -> None:
    with pytest.raises(TrxError, match="the YAML cannot be read") as caught:
        import_ptpconfig("kind: PtpConfig\nspec: [\n  }\n")
    assert caught.value.problems[0].where == "line 3"


def test_a_profile_without_a_name_is_said_without_one() -> None:
    nameless = PTPCONFIG.replace("    - name: ordinary\n      interface", "    - interface")
    assert nameless != PTPCONFIG
    found = listed(import_ptpconfig(nameless).losses)
    assert (
        "profile : interface ens1f0: TRX has the one NIC that is passed through to it (harmless)"
        in found
    )


def test_a_profile_that_is_not_there_is_answered_with_those_that_are() -> None:
    with pytest.raises(TrxError) as caught:
        import_ptpconfig(PTPCONFIG, profile="other")
    assert caught.value.problems[0].remedy.startswith("Choose one with --")
    assert caught.value.problems[0].remedy.endswith(": ordinary.")


ORDINARY = """\
kind: PtpConfig
spec:
  profile:
    - name: far
      interface: ens1f0
      ptp4lOpts: -2 -s
      phc2sysOpts: -a -r -m -n 24 -N 8 -R 16
      ptpSchedulingPolicy: SCHED_FIFO
      ptpSchedulingPriority: 10
      ptpSettings: {logReduce: "true"}
      ptpClockThreshold: {holdOverTimeout: 5}
      plugins: {e810: {enableDefaultConfig: false}}
      ts2phcConf: ""
      ptp4lConf: |
        [global]
        domainNumber 24
        ptp_dst_mac 01:1B:19:00:00:00
        unicast_master_table 0
        [ens1f1]
        masterOnly 1
  recommend: [{profile: far, priority: 4}]
"""
"""In the shape of the public examples for an ordinary clock."""


@pytest.mark.parametrize(
    ("old", "new", "lost"),
    [
        ("", "", []),
        ('ts2phcConf: ""', "ts2phcConf: '[nmea]'", ["ts2phcConf"]),
        ('ts2phcConf: ""', "ptp4lConfig: x 1", ["ptp4lConfig"]),
        ("-R 16", "-O -37", ["-O -37"]),
        ("interface: ens1f0", "interface: ''", []),
        ("unicast_master_table 0", "unicast_master_table 1", ["unicast_master_table 1"]),
        ("01:1B:19:00:00:00", "01:80:C2:00:00:0E", ["ptp_dst_mac 01:80:C2:00:00:0E"]),
        ("[ens1f1]\n        masterOnly 1", "[nmea]\n        x 1", ["x 1"]),
    ],
)
def test_only_what_matters_to_trx_counts_as_lost(old: str, new: str, lost: list[str]) -> None:
    imported = import_ptpconfig(ORDINARY.replace(old, new))
    assert [loss.says for loss in harmful(imported.losses)] == lost
    assert imported.complete == (not lost)
    assert "ptp4l:domainNumber 24" in settings(imported.conf)
