"""The traces, rules and controls against the statements of their sources, written down apart."""

import pytest

from vibforge.esxi.controls import CONTROLS, EVIDENCE, ControlSubject, Guide, controls_of
from vibforge.esxi.release import Certainty
from vibforge.esxi.traces import (
    DESCRIPTOR_RULE,
    DETECTIONS,
    TRACES,
    UNKNOWN,
    Act,
    detections_of,
    is_descriptor_hit,
    traces_of,
    why_watched,
)
from vibforge.host.command import SKIPS

EVENTS = {
    Act.INSTALL: {"esx.audit.esximage.vib.install.successful"},
    Act.REMOVE: {"esx.audit.esximage.vib.remove.successful"},
    Act.COMPONENT: {"esx.audit.esximage.software.apply.succeeded"},
    Act.FORCE: {"esx.audit.esximage.install.novalidation"},
    Act.NO_SIG_CHECK: {
        "esx.audit.esximage.install.nosigcheck",
        "esx.audit.esximage.install.securityalert",
    },
    Act.NO_SIG_CHECK_SECURE_BOOT: {"esx.audit.esximage.install.nobypasssigcheck"},
    Act.LEVEL: {"esx.audit.esximage.hostacceptance.changed"},
    Act.EXEC_OFF: {"esx.audit.uw.security.User.ExecInstalledOnly.disabled"},
    Act.FOREIGN_PROGRAM: {"esx.audit.uw.security.execInstalledOnly.violation"},
}
NUMBERS = {
    (Guide.STIG_9, ControlSubject.ACCEPTANCE): {"VCFE-9X-000130"},
    (Guide.STIG_9, ControlSubject.EXEC): {"VCFE-9X-000228"},
    (Guide.STIG_9, ControlSubject.EXEC_ENFORCED): {"VCFE-9X-000229"},
    (Guide.STIG_9, ControlSubject.SECURE_BOOT_ENFORCED): {"VCFE-9X-000082"},
    (Guide.STIG_9, ControlSubject.SECURE_BOOT): {"VCFE-9X-000091"},
    (Guide.STIG_9, ControlSubject.TIME): {"VCFE-9X-000121"},
    (Guide.STIG_8, ControlSubject.ACCEPTANCE): {"ESXI-80-000133"},
    (Guide.STIG_8, ControlSubject.SECURE_BOOT): {"ESXI-80-000094"},
    (Guide.STIG_8, ControlSubject.SECURE_BOOT_ENFORCED): {"ESXI-80-000085"},
    (Guide.STIG_8, ControlSubject.EXEC): {"ESXI-80-000244"},
    (Guide.STIG_8, ControlSubject.TIME): {"ESXI-80-000124"},
    (Guide.SCG_9, ControlSubject.ACCEPTANCE): {"esx-9.vib-acceptance-level-supported"},
    (Guide.SCG_9, ControlSubject.EXEC): {"esx-9.vib-trusted-binaries"},
    (Guide.SCG_9, ControlSubject.EXEC_ENFORCED): {"esx-9.tpm-trusted-binaries"},
    (Guide.SCG_9, ControlSubject.SECURE_BOOT): {"esx-9.hardware-secureboot"},
    (Guide.SCG_9, ControlSubject.SECURE_BOOT_ENFORCED): {"esx-9.secureboot-enforcement"},
    (Guide.SCG_9, ControlSubject.TIME): {"esx-9.time"},
    (Guide.NIST, ControlSubject.ACCEPTANCE): {"CM-14", "SI-7(15)"},
    (Guide.PCI_DSS, ControlSubject.ACCEPTANCE): {"5.2.3"},
}


@pytest.mark.parametrize("act", Act)
def test_the_events_of_an_act_are_those_of_the_vendors_lists(act: Act) -> None:
    found = {each.name for each in traces_of(act) if each.name.startswith("esx.")}
    assert found == EVENTS.get(act, set())
    assert traces_of(act), "an act without a trace says at least that none is known"


@pytest.mark.parametrize("act", [Act.INSTALL, Act.REMOVE])
def test_each_change_has_its_audit_records(act: Act) -> None:
    middle = {Act.INSTALL: "add", Act.REMOVE: "remove"}[act]
    names = [each.name for each in traces_of(act) if each.name.startswith("system.")]
    assert names == [f"system.update.{step}" for step in ("start", middle, "end")]
    assert all("NOTICE" in each.says for each in traces_of(act) if each.name in names)


def test_which_flag_leaves_which_event_is_inferred_and_the_rest_documented() -> None:
    for trace in TRACES:
        by_wording = ".esximage.install." in trace.name
        if trace.name == UNKNOWN:
            assert trace.certainty is Certainty.UNKNOWN
        else:
            assert trace.certainty is (Certainty.INFERRED if by_wording else Certainty.DOCUMENTED)
        assert trace.source


def test_every_flag_of_esxcli_is_an_act() -> None:
    assert {str(act) for act in Act if act.startswith("--") and " " not in act} == set(SKIPS)


@pytest.mark.parametrize(
    ("act", "ids"),
    [
        (Act.FORCE, {"5d4d2cd2"}),
        (Act.NO_SIG_CHECK, {"5d4d2cd2", ""}),
        (Act.LEVEL, {"d051d94f"}),
        (Act.NO_LIVE_INSTALL, set()),
    ],
)
def test_the_rules_that_fire(act: Act, ids: set[str]) -> None:
    assert {rule.id for rule in detections_of(act)} == ids


def test_what_a_rule_matches_is_left_by_each_of_its_acts() -> None:
    """The words of a rule stand in the name or text of a trace of every act it fires on."""
    for rule in DETECTIONS:
        for act in rule.acts - {Act.REMOVE}:
            left = " ".join(f"{each.name} {each.says}" for each in traces_of(act)).lower()
            words = [
                match.removesuffix(".").removeprefix("image profile ") for match in rule.matches
            ]
            assert any(word.lower() in left for word in words), (rule.name, act)


RC = ("etc/rc.local.d/x.sh",)


@pytest.mark.parametrize(
    ("descriptor", "level", "paths", "live", "hit"),
    [
        (b"<?xml version='1.0'?><vib/>", "partner", RC, True, True),
        (b"<?xml version='1.0'?><vib/>", "partner", ("/etc/rc.local.d/x.sh",), True, True),
        (b"<?xml version='1.0'?><vib/>", "partner", (), False, True),
        (b"<?xml version='1.0'?><vib/>", "partner", (), True, False),
        (b"<?xml version='1.0'?><vib/>", "community", RC, False, False),
        (b"<vib/>", "partner", RC, False, False),
        (b"<?xml" + b" " * 19_994, "partner", RC, True, True),
        (b"<?xml" + b" " * 19_995, "partner", RC, True, False),
    ],
)
def test_the_rule_on_descriptors(
    descriptor: bytes,
    level: str,
    paths: tuple[str, ...],
    live: bool,  # noqa: FBT001 - a parameter of the table
    hit: bool,  # noqa: FBT001 - a parameter of the table
) -> None:
    assert is_descriptor_hit(descriptor, level, paths, live_remove_allowed=live) is hit
    assert "20 kB" in DESCRIPTOR_RULE.matches[0]


@pytest.mark.parametrize(
    ("path", "watched"),
    [
        ("etc/rc.local.d/a", True),
        ("/etc/init.d/a", True),
        ("bin/a", True),
        ("usr/bin/a", True),
        ("var/spool/cron/crontabs/root", True),
        ("etc/vmware/firewall/a.xml", True),
        ("opt/bin/a", False),
        ("etc/vmware/trx.conf", False),
    ],
)
def test_paths_that_hunters_look_at(path: str, watched: bool) -> None:  # noqa: FBT001 - of the table
    assert bool(why_watched(path)) is watched


def test_the_control_numbers() -> None:
    found: dict[tuple[Guide, ControlSubject], set[str]] = {}
    for control in CONTROLS:
        found.setdefault((control.guide, control.subject), set()).add(control.id)
        assert control.source
    assert found == NUMBERS


def test_the_level_is_the_grave_control_and_the_open_one_says_so() -> None:
    assert {c.id: c.severity for c in controls_of(ControlSubject.ACCEPTANCE) if c.severity} == {
        "VCFE-9X-000130": "high",
        "ESXI-80-000133": "high",
    }
    unknown = [control.id for control in CONTROLS if control.certainty is Certainty.UNKNOWN]
    assert unknown == ["5.2.3"]


@pytest.mark.parametrize("subject", ControlSubject)
def test_every_subject_has_evidence(subject: ControlSubject) -> None:
    assert EVIDENCE[subject].commands
    assert EVIDENCE[subject].asks.endswith(".")
