"""Change records: what they say of a package, by commands that say the same another way."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from tests import bundles, vibs
from tests.packages import generated
from tests.report.schemas import facts_of, require_valid
from tests.report.test_trx_rehearse import rehearsal as played
from tests.signing.lab import Lab
from tests.trees import make_tree, trx_tree
from vibforge import ChangeRecord, attest, build, change_record, compare, plan, sign
from vibforge.cli import main
from vibforge.errors import FormatError, LimitError, ModelError
from vibforge.esxi.acceptance import AcceptanceLevel
from vibforge.esxi.controls import ControlSubject
from vibforge.esxi.traces import Act
from vibforge.evidence.assessment import RiskGrade, Standing
from vibforge.evidence.change_record import VIB_LIMIT, MomentSource
from vibforge.evidence.results import (
    CLOCK_LOG_LIMIT,
    ITEM_LIMIT,
    RESULT_LIMIT,
    WORD_LIMIT,
    read_clock_log,
    read_rehearsal,
)
from vibforge.host.install_needs import install_needs, outlook, outlook_words
from vibforge.host.remedy import OF_THE_VIB, PROVIDER, Remedy
from vibforge.packages.plan import read_candidate
from vibforge.report.change_record import change_record_markdown, change_record_text
from vibforge.report.documents.change_record import ChangeRecord as Document
from vibforge.report.documents.shape import json_text
from vibforge.report.documents.trx_network import TrxRehearse
from vibforge.report.paint import Paint

WHEN = datetime(2026, 12, 1, 9, 30, tzinfo=UTC)
AGENT = vibs.tree(
    vibs.File(path="etc/init.d/agent", content=b"#!/bin/sh\n", mode=0o755),
    vibs.File(path="opt/agent/run", content=b"#!/bin/sh\n", mode=0o755),
)
CONF = vibs.tree(vibs.File(path="etc/vmware/trx.conf", content=b"ptp4l:delay_mechanism P2P\n"))


def record(path: Path, **asked: Any) -> ChangeRecord:  # noqa: ANN401 - any argument of it
    return change_record(path, **{"date": WHEN, "sboms": False, **asked})


def standings(found: ChangeRecord) -> dict[ControlSubject, Standing]:
    return {each.subject: each.standing for each in found.controls}


def parts(found: ChangeRecord) -> set[Act]:
    return {each.act for each in found.traces if each.is_part}


def rehearsal(sha256: str, **changes: object) -> dict[str, object]:
    return {
        "format": "vibforge/trx-rehearse/1",
        "path": "trx.conf",
        "sha256": sha256,
        "verdict": "ok",
        "good": True,
        "meaning": "the client measures its offset",
        "against": "profile default-p2p",
        "linuxptp_release": "4.2",
        "limits": "no clock is set",
        **changes,
    }


def clock_log(**changes: object) -> dict[str, object]:
    limit = {
        "host_name": "esx1",
        "limit": "1us",
        "limit_ns": 1000.0,
        "verdict": "kept",
        "total_ns": 400.0,
    }
    return {
        "format": "vibforge/trx-log/1",
        "good": True,
        "sources": [{"sha256": "ab" * 32, "name": "trx.log"}],
        "verdicts": [limit],
        "unproven": ["the error of the grandmaster"],
        **changes,
    }


def written(folder: Path, name: str, facts: object) -> Path:
    path = folder / name
    path.write_text(json.dumps(facts))
    return path


# What is unsigned.


def test_an_unsigned_community_vib_is_recorded_as_such(tmp_path: Path) -> None:
    found = record(vibs.write(tmp_path, files=AGENT))
    assert found.good
    assert found.grade is RiskGrade.HIGH
    assert found.steps.level is AcceptanceLevel.COMMUNITY
    assert "esxcli software acceptance set --level=CommunitySupported" in found.steps.commands
    assert parts(found) == {Act.INSTALL, Act.REMOVE, Act.LEVEL}
    assert standings(found) == {
        ControlSubject.ACCEPTANCE: Standing.NOT_KEPT,
        ControlSubject.EXEC: Standing.NOT_KEPT,
        ControlSubject.EXEC_ENFORCED: Standing.KEPT,
        ControlSubject.SECURE_BOOT: Standing.NOT_KEPT,
        ControlSubject.SECURE_BOOT_ENFORCED: Standing.NOT_KEPT,
    }
    text = change_record_markdown(found, ())
    assert "| signature | **unsigned** |" in text
    assert "anybody may have made it" in text


def test_an_unsigned_claim_needs_force_and_says_what_that_leaves(tmp_path: Path) -> None:
    found = record(vibs.write(tmp_path, files=CONF, acceptance_level="partner"))
    assert found.good
    assert found.steps.flags == ("-f",)
    assert parts(found) == {Act.INSTALL, Act.REMOVE, Act.FORCE}
    force = next(each for each in found.traces if each.act is Act.FORCE)
    assert [trace.name for trace in force.traces] == ["esx.audit.esximage.install.novalidation"]
    assert [rule.id for rule in force.detections] == ["5d4d2cd2"]
    assert standings(found)[ControlSubject.EXEC] is Standing.KEPT, "it brings no program"
    waivers = {each.subject: each.waiver for each in found.controls}
    assert "VCFE-9X-000130" in waivers[ControlSubject.ACCEPTANCE]
    assert found.sha256 in waivers[ControlSubject.ACCEPTANCE]
    assert "5.2.3" not in waivers[ControlSubject.ACCEPTANCE], "not known to belong here"
    assert not waivers[ControlSubject.EXEC]


@pytest.mark.parametrize("signature", [b"", b"no PKCS#7", "broken"])
def test_what_no_signature_carries_is_a_high_risk(signature: bytes | str, tmp_path: Path) -> None:
    path = tmp_path / "acme.vib"
    made = (
        vibs.signed_vib(text=vibs.swap(">Acme</s", ">Acme!</s"))
        if signature == "broken"
        else vibs.vib(acceptance_level="partner", signature=signature)  # type: ignore[arg-type] # bytes
    )
    if signature == "broken":
        made = made.replace(b">Acme!</s", b">Acme?</s")
    path.write_bytes(made)
    found = record(path)
    level = next(risk for risk in found.risks if risk.about == "acceptance level")
    assert level.grade is RiskGrade.HIGH
    assert standings(found)[ControlSubject.ACCEPTANCE] is Standing.NOT_KEPT


def test_a_signature_counts_as_far_as_it_was_checked(tmp_path: Path, lab: Lab) -> None:
    path = vibs.write(tmp_path, acceptance_level="partner")
    sign(path, signer=lab.signer())
    unchecked = record(path)
    assert standings(unchecked)[ControlSubject.ACCEPTANCE] is Standing.NOT_KNOWN
    assert standings(unchecked)[ControlSubject.SECURE_BOOT] is Standing.NOT_KNOWN
    checked = record(path, trust=lab.store)
    assert set(standings(checked).values()) == {Standing.KEPT}
    assert checked.grade in {RiskGrade.LOW, RiskGrade.MEDIUM}
    assert not any(each.waiver for each in checked.controls)


# The same words as other commands.


PACKAGES: dict[str, dict[str, Any]] = {
    "community": {"files": AGENT},
    "claims": {"files": CONF, "acceptance_level": "partner"},
    "reboot": {"live_install_allowed": False, "live_remove_allowed": False},
    "depends": {"relationships": vibs.related(depends=["esx-version >= 99"])},
}


@pytest.mark.parametrize("name", PACKAGES)
def test_verdicts_are_those_of_plan_and_of_install_md(name: str, tmp_path: Path) -> None:
    path = vibs.write(tmp_path, **PACKAGES[name])
    found = record(path)
    planned = plan(path).files[0].hosts
    assert [(v.plan.label, v.plan.routes, v.plan.warnings) for v in found.verdicts] == [
        (host.label, host.routes, host.warnings) for host in planned
    ]
    (package,) = read_candidate(path).packages
    needs = install_needs(replace(package, contents=()))
    for verdict, foreseen in zip(found.verdicts, outlook(package, needs), strict=True):
        assert verdict.with_steps == foreseen.then, outlook_words(foreseen, needs)
    assert found.good == any(verdict.may_install for verdict in found.verdicts)
    assert bool(found.objections) == (name == "depends")


@pytest.mark.slow
@pytest.mark.parametrize("name", generated.VIBS)
def test_the_verdict_agrees_with_what_plan_says_helps(name: str, tmp_path: Path) -> None:
    """Some host takes it by the steps exactly where plan knows flags and levels that help."""
    path = generated.vib_file(tmp_path, name)
    helped = [
        host.label
        for host in plan(path).files[0].hosts
        if any(_is_of_the_host(remedy) for remedy in host.remedies)
    ]
    found = record(path)
    assert found.good == bool(helped), (helped, found.steps)
    taken = [verdict.plan.label for verdict in found.verdicts if verdict.may_install]
    assert set(taken) <= set(helped)


def _is_of_the_host(remedy: Remedy) -> bool:
    """Whether a remedy is flags, a level and maintenance mode alone, or nothing at all."""
    keys = {step.key for step in remedy.steps}
    return not keys & {*OF_THE_VIB, PROVIDER}


def test_with_secure_boot_is_what_plan_says_of_such_a_host(tmp_path: Path) -> None:
    path = vibs.write(tmp_path, files=CONF, acceptance_level="partner")
    facts = {
        "format": "vibforge/host-facts/1",
        "version": "8.0",
        "acceptance_level": "PartnerSupported",
        "secure_boot": "enabled",
        "maintenance_mode": "enabled",
    }
    host = written(tmp_path, "facts.json", {**facts, "secure_boot": True, "maintenance_mode": True})
    (planned,) = plan(path, host=host).files[0].hosts
    found = record(path, esxi="8.0")
    secure = found.verdicts[0].with_secure_boot
    assert secure is not None
    assert [b.result.outcome for b in secure] == [
        b.result.outcome for b in planned.routes[0].branches
    ]
    on_it = record(path, host=host)
    assert on_it.verdicts[0].with_secure_boot is None
    assert not on_it.good
    assert on_it.objections[0].startswith("No host")
    observed = {each.subject: each.observed for each in on_it.controls}
    assert observed[ControlSubject.ACCEPTANCE] == "PartnerSupported"
    assert observed[ControlSubject.SECURE_BOOT] == "on"
    assert observed[ControlSubject.EXEC] == "not known"


@pytest.mark.parametrize("live", ["true", "false"])
def test_the_way_back_is_that_of_install_md(live: str, tmp_path: Path) -> None:
    result = build(
        trx_tree(tmp_path / "tree"),
        tmp_path / "dist",
        settings={"live-install-allowed": live, "live-remove-allowed": live},
    )
    text = (result.folder / "INSTALL.md").read_text(encoding="utf-8")
    back = record(tmp_path / "dist").back
    section = text.partition("## Go back")[2]
    for command in back.commands:
        assert f"    {command}\n" in section
    for requirement in back.requirements:
        assert f"- {requirement}\n" in section
    assert back.then in section
    assert bool(back.then) == (live == "false")
    shown = change_record_markdown(record(tmp_path / "dist"), ())
    assert "\n".join(back.commands) in shown


def test_differences_are_those_of_diff(tmp_path: Path) -> None:
    old = vibs.write(tmp_path, "old", files=CONF)
    new = vibs.write(tmp_path, "new", files=AGENT)
    found = record(new, previous=old).comparison
    assert found is not None
    assert found.differences == compare(old, new).differences
    document = facts_of(Document.of(record(new, previous=old), ()))
    assert document["comparison"]["old"] == "old.vib", "no folder of the machine"


# What is given beside the package.


def test_a_build_names_its_provenance(tmp_path: Path) -> None:
    result = build(trx_tree(tmp_path / "tree"), tmp_path / "dist", bundle=True)
    for given in (tmp_path / "dist", tmp_path / "dist/build.json", result.vib_path):
        found = record(given)
        assert found.sha256 == result.sha256
        assert found.provenance is not None
        assert [each.name for each in found.attachments] == ["build.json"]
        assert found.has_trx_conf
    copied = tmp_path / "elsewhere.vib"
    copied.write_bytes(result.vib_path.read_bytes())
    assert record(copied).provenance is None
    beside = tmp_path / "dist/other.vib"
    beside.write_bytes(vibs.vib())
    assert record(beside).provenance is None, "another digest"


def test_a_vib_that_was_changed_after_its_build_is_refused(tmp_path: Path) -> None:
    result = build(trx_tree(tmp_path / "tree"), tmp_path / "dist")
    result.vib_path.write_bytes(vibs.vib())
    with pytest.raises(FormatError, match="changed after it was built"):
        record(tmp_path / "dist")


def test_a_rehearsal_must_be_of_the_trx_conf_in_the_package(tmp_path: Path) -> None:
    path = vibs.write(tmp_path, files=CONF)
    (digest,) = {file.digest.hex() for file in record(path).vibs[0].files.values() if file.digest}
    good = record(path, rehearsal=written(tmp_path, "good.json", rehearsal(digest)))
    assert good.good
    assert [each.name for each in good.attachments] == ["rehearsal.json"]
    bad = rehearsal(digest, good=False, verdict="wrong-domain", meaning="another domain")
    found = record(path, rehearsal=written(tmp_path, "bad.json", bad))
    assert found.objections == ("The rehearsal of the trx.conf does not fit: another domain.",)
    foreign = written(tmp_path, "foreign.json", rehearsal("00" * 32))
    with pytest.raises(ModelError, match="of another trx"):
        record(path, rehearsal=foreign)
    without = vibs.write(tmp_path, "none", files=AGENT)
    with pytest.raises(ModelError, match="a package without"):
        record(without, rehearsal=foreign)


def test_an_attestation_is_checked_against_the_package(tmp_path: Path, lab: Lab) -> None:
    build(trx_tree(tmp_path / "tree"), tmp_path / "dist")
    claim = tmp_path / "claim.json"
    attest(tmp_path / "dist", claim, signer=lab.signer(), builder="https://ci.test/run/1")
    good = record(tmp_path / "dist", attestation=claim, trust=lab.store)
    assert good.good
    assert "attestation.json" in [each.name for each in good.attachments]
    document = facts_of(Document.of(good, good.attachments))
    assert require_valid(document) == "change-record"
    assert document["attestation"]["builder"] == "https://ci.test/run/1"
    assert {each["outcome"] for each in document["attestation"]["checks"]} == {"held"}
    other = record(vibs.write(tmp_path), attestation=claim, trust=lab.store)
    assert not other.good
    assert "it is about" in other.objections[0]
    assert "**failed**" in change_record_markdown(other, ())
    with pytest.raises(ModelError, match="proves nothing"):
        record(tmp_path / "dist", attestation=claim)
    with pytest.raises(FormatError):
        record(tmp_path / "dist", attestation=tmp_path / "tree", trust=lab.store)


def test_clock_logs_count(tmp_path: Path) -> None:
    path = vibs.write(tmp_path)
    good = written(tmp_path, "good.json", clock_log())
    bad = written(tmp_path, "bad.json", clock_log(good=False))
    assert record(path, clock_logs=[good]).good
    found = record(path, clock_logs=[good, bad])
    assert not found.good
    assert [each.name for each in found.attachments] == ["clock-log-1.json", "clock-log-2.json"]
    assert "esx1" in change_record_markdown(found, ())
    with pytest.raises(ModelError, match="clock logs"):
        record(path, clock_logs=[good] * (CLOCK_LOG_LIMIT + 1))


def test_what_trx_log_and_trx_rehearse_print_is_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = min((Path(__file__).parents[1] / "trx/log/real").glob("*"))
    assert main(["trx", "log", str(log), "--limit", "1ms", "--json"]) == 0
    result = tmp_path / "log.json"
    result.write_text(capsys.readouterr().out)
    found, copy = read_clock_log(result, 1)
    assert [each.verdict for each in found.verdicts] == ["kept"]
    assert copy.data == result.read_bytes()
    made = played()
    result.write_text(json_text(TrxRehearse.of(made, "trx.conf")))
    read, _ = read_rehearsal(result)
    assert (read.sha256, read.verdict, read.good) == (made.sha256, str(made.code), made.good)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no JSON",
        b"[]",
        b"{}",
        b'{"format": "vibforge/trx-log/2"}',
        b'{"format": "vibforge/trx-log/1", "good": "yes"}',
        b'{"format": "vibforge/trx-log/1", "good": true, "sources": [], "verdicts": 1}',
        b'{"format": "vibforge/trx-rehearse/1", "good": true}',
        json.dumps(clock_log(sources=[{"sha256": "<script>"}])).encode(),
        json.dumps(clock_log(unproven=["x"] * (ITEM_LIMIT + 1))).encode(),
        json.dumps(rehearsal("ab" * 32, meaning="x" * (WORD_LIMIT + 1))).encode(),
        b"\xff\xfe",
        b"[" * 100_000,
        b" " * (RESULT_LIMIT + 1),
    ],
    ids=range(14),
)
@pytest.mark.parametrize("option", ["rehearsal", "clock_logs"])
def test_what_is_no_result_is_refused(content: bytes, option: str, tmp_path: Path) -> None:
    path, file = vibs.write(tmp_path, files=CONF), tmp_path / "result.json"
    file.write_bytes(content)
    with pytest.raises(FormatError) as caught:
        record(path, **{option: file if option == "rehearsal" else [file]})
    assert str(file) in caught.value.problems[0].where


def test_the_date_is_given_or_of_the_environment_or_the_clock(tmp_path: Path) -> None:
    path = vibs.write(tmp_path)
    assert record(path).made.source is MomentSource.GIVEN
    by_variable = record(path, date=None, environment={"SOURCE_DATE_EPOCH": "0"}).made
    assert by_variable.source is MomentSource.ENVIRONMENT
    assert by_variable.at == datetime(1970, 1, 1, tzinfo=UTC)
    assert record(path, date=None, environment={}).made.source is MomentSource.CLOCK
    with pytest.raises(ModelError, match="SOURCE_DATE_EPOCH"):
        record(path, date=None, environment={"SOURCE_DATE_EPOCH": "soon"})
    assert record(path, date=datetime(2026, 12, 1, 9, 30)).made.at == WHEN  # noqa: DTZ001 - a naive one is UTC


def test_a_bundle_has_one_command_for_all_its_vibs(tmp_path: Path) -> None:
    path = tmp_path / "fleet.zip"
    path.write_bytes(bundles.bundle(vibs.vib(files=AGENT), vibs.vib(name="other")))
    found = record(path)
    assert found.is_bundle
    assert [vib.package.name for vib in found.vibs] == ["acme", "other"]
    assert found.steps.commands[-1] == (
        "esxcli software vib install -d /vmfs/volumes/DATASTORE/FOLDER/fleet.zip"
    )
    assert found.back.commands[0] == "esxcli software vib remove -n acme -n other"


def test_a_bundle_of_very_many_vibs_is_refused(tmp_path: Path) -> None:
    path, vib = tmp_path / "fleet.zip", vibs.vib()
    more = {f"vib20/more/{number}.vib": vib for number in range(VIB_LIMIT)}
    path.write_bytes(bundles.bundle(outer=more))
    with pytest.raises(LimitError, match="more than 200 VIBs"):
        record(path)


@pytest.mark.parametrize("name", ["absent.vib", "page.vib", "project", "trx.conf", "facts.json"])
def test_what_is_no_package_is_refused(name: str, tmp_path: Path) -> None:
    (tmp_path / "page.vib").write_bytes(b"<!DOCTYPE html>")
    (tmp_path / "trx.conf").write_bytes(b"ptp4l:delay_mechanism P2P\n")
    (tmp_path / "facts.json").write_text('{"format": "vibforge/host-facts/1", "version": "8.0"}')
    make_tree(tmp_path / "project", {"etc/x": b"x"})
    with pytest.raises(FormatError):
        record(tmp_path / name)


def test_the_document_is_as_its_schema_says(tmp_path: Path) -> None:
    old, path = vibs.write(tmp_path, "old"), vibs.write(tmp_path, "new", files=CONF)
    (digest,) = {file.digest.hex() for file in record(path).vibs[0].files.values() if file.digest}
    found = record(
        path,
        previous=old,
        rehearsal=written(tmp_path, "rehearsal.json", rehearsal(digest)),
        clock_logs=[written(tmp_path, "log.json", clock_log())],
        purpose="PTP",
    )
    document = facts_of(Document.of(found, found.attachments))
    assert require_valid(document) == "change-record"
    assert document["purpose"] == "PTP"
    assert document["made_at"] == "2026-12-01T09:30:00Z"
    entry = next(e for e in document["recorded_vibs"][0]["host_entries"] if e["sha256"])
    assert (entry["mode"], entry["owner"], entry["sha256"]) == ("0644", 0, digest)


def test_the_report_tells_level_waivers_and_files(tmp_path: Path) -> None:
    found = record(vibs.write(tmp_path, files=AGENT))
    text = change_record_text(found, Path("out"), ("a", "b"), Paint())
    assert "CommunitySupported" in text
    assert "Waivers needed for: acceptance level, execInstalledOnly, Secure Boot" in text
    assert text.endswith("out: a, b")
