"""No command says the opposite of another, for every check and every release.

The cases are generated: the VIBs and bundles of the tables `BAD`, and the good ones. For each, the
answers of `lint`, `verify`, `plan`, `explain`, `bundle create`, `modernise`, `bundle verify` and of
the end of a `build` are compared.
"""

from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path

import pytest
from msgspec.structs import replace

from tests.bundle import test_checks as of_bundles
from tests.checks.test_vib_rules import BAD
from tests.vibs import make, signed_vib
from vibforge.bundle.readers import Verdict, reader_verdicts
from vibforge.bundle.scan import BundleScan
from vibforge.checks.vib_checks import VIB_CHECKS, doubts, errors_on_every_release, obstacles
from vibforge.errors import ModelError, VibforgeError
from vibforge.esxi.acceptance import AcceptanceLevel
from vibforge.esxi.release import Certainty, Release
from vibforge.esxi.table import TABLE
from vibforge.files.inputs import BytesSource
from vibforge.findings.check import Check, Finding, Severity
from vibforge.host.candidate import BundleReader, InstallCandidate, candidate_from_scan
from vibforge.host.command import NO_FLAGS, Command, Flags
from vibforge.host.host import stock_host
from vibforge.host.install.installer import predict
from vibforge.host.prediction import Prediction
from vibforge.host.routes import Delivery, Route, predict_route, routes_of
from vibforge.packages.lint import BUNDLE_CHECKS, CheckSelection, find_rule, lint
from vibforge.packages.plan import bundle_candidate
from vibforge.packages.verification import Outcome
from vibforge.packages.verify import verify_bundle_scan, verify_scan
from vibforge.project.build import build
from vibforge.project.judge_build import judge_build
from vibforge.project.plan_build import plan_build
from vibforge.project.stage import extract_stage
from vibforge.report.explain import rule_text
from vibforge.signing.policy import NO_POLICY
from vibforge.vib.archive import Vib
from vibforge.vib.scan import VibScan

CASES: dict[str, Callable[[], Vib]] = {"good": make, **BAD}
RELEASES = [release for release in TABLE if release >= Release(6, 5)]
UNKNOWN = Release(10, 0)
SOME_DIGESTS = {"VF323"}
"""A host compares one digest of a payload, or two; a fault of another is found by lint alone."""


def linted(scan: VibScan, release: Release) -> dict[str, Finding]:
    """Return what lint says for one release, by the ids of the checks."""
    found = lint([scan], CheckSelection(targets=(release,))).findings
    return {each.rule: each for each in sorted(found, key=lambda each: each.severity != "error")}


def errors(found: dict[str, Finding]) -> set[str]:
    return {rule for rule, each in found.items() if each.severity is Severity.ERROR}


def predicted(
    candidate: InstallCandidate, release: Release, flags: Flags = NO_FLAGS
) -> Iterator[Prediction]:
    """Yield every outcome of an install on a stock host of the VIB's own level."""
    host = replace(stock_host(release), acceptance_level=AcceptanceLevel.COMMUNITY)
    command = Command(
        host=host,
        packages=candidate.packages,
        refusals=candidate.refusals,
        damage=candidate.damage,
        flags=flags,
    )
    return (branch.result for branch in predict(command))


def causes(predictions: Iterator[Prediction]) -> set[str]:
    return {
        cause.rule for each in predictions for cause in (*each.causes, *each.hidden) if cause.rule
    }


@pytest.mark.parametrize("case", CASES)
def test_verify_fails_what_contradicts_itself(case: str) -> None:
    scan = VibScan(CASES[case](), "acme.vib")
    facts = verify_scan(scan).facts
    failed = {fact.reason.rpartition("(")[2].rstrip(")") for fact in facts if _failed(fact.outcome)}
    wrong = {
        check.id
        for check in VIB_CHECKS
        for fault in check.faults(scan)
        if check.contradiction and (fault.severity or check.severity) is Severity.ERROR
    }
    assert failed & {check.id for check in VIB_CHECKS} == wrong
    assert wrong <= errors(linted(scan, Release(8, 0)))


def _failed(outcome: Outcome) -> bool:
    return outcome is Outcome.FAILED


@pytest.mark.parametrize("case", CASES)
def test_plan_and_lint_agree_on_every_release(case: str) -> None:
    """A known refusal has a finding, and an error that hosts react to keeps the VIB out."""
    scan = VibScan(CASES[case](), "acme.vib")
    candidate = candidate_from_scan(scan, "acme.vib")
    for release in RELEASES:
        found = linted(scan, release)
        outcomes = list(predicted(candidate, release))
        assert causes(iter(outcomes)) <= found.keys() | {""}, release
        reacting = {
            check.id
            for check in VIB_CHECKS
            if check.id in errors(found) - SOME_DIGESTS
            and check.reaction
            and check.concerns(release)
        }
        if reacting:
            assert not all(each.outcome.installs for each in outcomes), (release, reacting)
        if not found:
            assert any(each.outcome.installs for each in outcomes), release


@pytest.mark.parametrize("case", CASES)
def test_a_build_tells_what_lint_tells_of_its_vib(case: str, tmp_path: Path) -> None:
    """A VIB is made a project and built again, where a recipe can say what it says."""
    try:
        extract_stage(CASES[case](), tmp_path / "project", outside_links=True)
        built = build(tmp_path / "project", tmp_path / "out", environment={}, instructions=False)
    except VibforgeError:
        return  # such a VIB cannot be built
    scan = VibScan(
        Vib.from_path(built.vib_path), str(built.vib_path), changed_modes=built.plan.changed_modes
    )
    found = lint([scan], CheckSelection(allowances=built.plan.recipe.allow)).findings
    told = [replace(each, minds=None) for each in judge_build(built).findings]
    assert told == [replace(each, minds=None) for each in found if each.rule != "VF401"]


def test_most_cases_can_be_built(tmp_path: Path) -> None:
    """Else the test above would compare nothing."""
    projects = 0
    for number, case in enumerate(CASES):
        with suppress(VibforgeError):
            extract_stage(CASES[case](), tmp_path / str(number), outside_links=True)
            plan_build(tmp_path / str(number), environment={})
            projects += 1
    assert projects * 2 > len(CASES)


@pytest.mark.parametrize("case", CASES)
def test_create_and_modernise_offer_what_lint_allows(case: str) -> None:
    scan = VibScan(CASES[case](), "acme.vib")
    wrong = {found.what for found in errors_on_every_release(scan)}
    for release in RELEASES:
        found = linted(scan, release)
        said = {fault.what for fault in obstacles(scan, release)}
        told = {each.what for each in found.values() if each.severity is Severity.ERROR}
        assert said <= told | _all_of(scan, release), release
        assert wrong <= _all_of(scan, release)
        outcomes = list(predicted(candidate_from_scan(scan, "acme.vib"), release))
        if said and not list(doubts(scan, release)) and "VF317" not in found:
            assert not all(each.outcome.installs for each in outcomes), (release, said)


def _all_of(scan: VibScan, release: Release) -> set[str]:
    found = lint([scan], CheckSelection(targets=(release,))).findings
    return {each.what for each in found if each.severity is Severity.ERROR}


def _bundle(make_vib: Callable[[], Vib]) -> BundleScan:
    """Return a good bundle of one VIB, whatever is wrong with the VIB."""
    vib = make_vib()
    member = "vib20/acme/acme.vib"
    announced = replace(
        of_bundles.ANNOUNCED,
        descriptor=vib.descriptor,
        relative_path=member,
        packed_size=vib.source.size,
        checksums=(),
    )
    bulletin = replace(of_bundles.BULLETIN, vib_ids=(vib.descriptor.vib_id,))
    bundle = replace(
        of_bundles.BUNDLE,
        members=(*of_bundles.BUNDLE.members[:3], member),
        vibs=(announced,),
        bulletins=(bulletin,),
    )
    return BundleScan(bundle=bundle, name="acme.zip", vibs=((member, vib),))


def offered(scan: BundleScan) -> InstallCandidate:
    return bundle_candidate(
        scan, [candidate_from_scan(VibScan(vib), "a.zip") for _member, vib in scan.vibs], "a.zip"
    )


def ways(
    candidate: InstallCandidate, route: Route, release: Release, flags: Flags
) -> list[Prediction]:
    """Return what `plan` says of a route to a host of the VIB's own level, in every branch."""
    host = replace(stock_host(release), acceptance_level=AcceptanceLevel.COMMUNITY)
    delivery = Delivery(host=host, candidate=candidate, flags=flags)
    return [branch.result for branch in predict_route(delivery, route)]


ROUTES = {
    BundleReader.ESXCLI: Route.INSTALL,
    BundleReader.COMPONENT: Route.COMPONENT,
    BundleReader.VLCM: Route.VLCM,
    BundleReader.IMAGE_BUILDER: Route.IMAGE_BUILDER,
}
REBOOTING = Flags.parse("--no-live-install")
FORCED = Flags.parse("--force --no-sig-check --no-live-install")
BUNDLES: dict[str, Callable[[], BundleScan]] = {
    "good bundle": of_bundles.subject,
    **of_bundles.BAD,
    **{f"bundle of {case}": partial(_bundle, make_vib) for case, make_vib in CASES.items()},
}


@pytest.mark.parametrize("case", BUNDLES)
def test_bundle_verify_and_plan_never_say_the_opposite(case: str) -> None:
    """What `bundle verify --for` refuses, no plan lets through, and the other way round."""
    scan = BUNDLES[case]()
    candidate = offered(scan)
    verdicts = {each.reader: each for each in reader_verdicts(scan, candidate)}
    for reader, route in ROUTES.items():
        outcomes = [
            outcome
            for release in RELEASES
            if route in routes_of(Delivery(host=stock_host(release), candidate=candidate))
            for flags in (NO_FLAGS, REBOOTING, FORCED)
            for outcome in ways(candidate, route, release, flags)
        ]
        going = {each.certainty for each in outcomes if each.outcome.installs}
        verdict = verdicts[reader].verdict
        assert (verdict is Verdict.REFUSES) == (not going), reader
        if verdict is Verdict.OPEN:
            assert Certainty.UNKNOWN in going, reader
        if going == {Certainty.UNKNOWN}:
            assert verdict is Verdict.OPEN, reader


@pytest.mark.parametrize("case", CASES)
def test_a_release_that_nobody_described_is_not_known_anywhere(case: str) -> None:
    scan = VibScan(CASES[case](), "acme.vib")
    (outcome,) = {each.outcome for each in predicted(candidate_from_scan(scan, "a"), UNKNOWN)}
    assert outcome == "not known"
    assert not list(obstacles(scan, UNKNOWN))
    for each in linted(scan, UNKNOWN).values():
        check = find_rule(each.rule)
        assert check is not None
        assert each.minds is None or each.certainty == "unknown"


@pytest.mark.parametrize("check", [*VIB_CHECKS, *BUNDLE_CHECKS], ids=lambda check: check.id)
def test_explain_tells_the_same_severity(check: object) -> None:
    text = rule_text(check)  # type: ignore[arg-type] # a check of either kind
    assert f"{check.severity}, {check.certainty}" in text  # type: ignore[attr-defined] # the same


@pytest.mark.parametrize("case", ["good", *of_bundles.BAD])
def test_bundle_verify_and_its_readers_agree(case: str) -> None:
    """A reader that takes a bundle finds no contradiction that hosts react to."""
    scan: BundleScan = of_bundles.subject() if case == "good" else of_bundles.BAD[case]()
    found = lint([scan], CheckSelection()).findings
    verified = verify_bundle_scan(scan, (), NO_POLICY)
    failed = {
        fact.reason.rpartition("(")[2].rstrip(")")
        for fact in verified.facts
        if _failed(fact.outcome)
    }
    wrong = {each.rule for each in found if each.severity is Severity.ERROR}
    contradicting = {check.id for check in BUNDLE_CHECKS if check.contradiction}
    assert failed == wrong & contradicting
    verdicts = {each.reader: each for each in reader_verdicts(scan, offered(scan))}
    for verdict in verdicts.values():
        assert {cause.rule for cause in verdict.causes} <= {each.rule for each in found}
        assert (verdict.verdict is Verdict.REFUSES) == bool(verdict.causes)
    reacting = {check.id for check in BUNDLE_CHECKS if check.reaction} & wrong
    if reacting:
        assert verdicts[BundleReader.ESXCLI].verdict is Verdict.REFUSES


def changed_after_signing() -> Vib:
    signed = Vib.from_source(BytesSource.from_bytes(signed_vib("accepted"), "x.vib"))
    return replace(signed, descriptor_bytes=signed.descriptor_bytes + b" ")


@pytest.mark.parametrize("check", [c for c in VIB_CHECKS if c.reaction], ids=lambda c: c.id)
def test_a_check_names_the_flags_that_skip_it(check: Check[VibScan]) -> None:
    """On 6.7 without Secure Boot, where each flag was tried."""
    assert check.reaction is not None
    broken = {**CASES, "VF504": changed_after_signing}[check.id]()
    candidate, tried = candidate_from_scan(VibScan(broken), "x.vib"), Release(6, 7)
    if check.id not in causes(predicted(candidate, tried)):
        assert check.reaction.skipped_by == ()
        return
    skipping = [
        flag
        for flag in ("--force", "--no-sig-check")
        if check.id not in causes(predicted(candidate, tried, Flags.parse(flag)))
    ]
    assert skipping == list(check.reaction.skipped_by)


def test_the_matrix_is_large() -> None:
    """Cases of VIBs times releases, and cases of bundles times readers."""
    assert len(CASES) * len(RELEASES) + (len(of_bundles.BAD) + 1) * len(BundleReader) > 1000


@pytest.mark.parametrize("word", ["7", "latest", "4.1", "", "8.x", "ESXi"])
def test_a_nonsense_release_is_refused_in_one_place(word: str) -> None:
    with pytest.raises(ModelError, match="is not a release of ESXi"):
        Release.parse(word)
