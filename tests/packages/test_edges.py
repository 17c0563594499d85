"""Small decisions of the verbs: in each, a change of the code once got past the tests."""

import gzip
import zipfile
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from msgspec.structs import replace

from tests.bundles import bundle, zipped
from tests.packages.generated import VIBS, bundle_files, vib_file
from tests.releases import ESXI_67, ESXI_80
from tests.signing.lab import Lab
from tests.signing.lab import vib as lab_vib
from tests.trees import make_tree
from tests.vibs import MIXED_VIB, archive, descriptor, image, vib
from vibforge import Outcome
from vibforge.bundle.readers import Verdict
from vibforge.errors import FormatError, ModelError, OutputError, SigningError
from vibforge.esxi.acceptance import AcceptanceLevel
from vibforge.esxi.release import Certainty, Release
from vibforge.findings.check import Severity, Topic
from vibforge.formats.budget import SIGNATURE_LIMIT
from vibforge.host.candidate import BundleReader
from vibforge.host.command import Flags
from vibforge.host.host import stock_host
from vibforge.host.prediction import InstallOutcome
from vibforge.host.routes import Route
from vibforge.packages.extract import ExtractOptions, extract, extract_members
from vibforge.packages.inspect import BundleInspection, StageInspection, inspect, print_file
from vibforge.packages.lint import CheckSelection, LintResult, lint
from vibforge.packages.plan import plan, plan_removal, read_candidate, unread_candidate
from vibforge.packages.sign import Existing, choose_signer, sign_vib, to_sign, write_request
from vibforge.packages.subjects import StageFolder, opened
from vibforge.packages.verification import Fact, level_objections
from vibforge.packages.verify import judge_bundle, verify, verify_all
from vibforge.signing.key_source import KeySource
from vibforge.signing.passphrase import no_passphrase
from vibforge.signing.policy import NO_POLICY, TrustPolicy
from vibforge.signing.signer import GivenSignature
from vibforge.signing.store import read_store
from vibforge.vib.archive import Vib
from vibforge.vib.payload_scan import ScannedPayload
from vibforge.vib.scan import VibScan
from vibforge.vib.signature import Signature


class TestRemoval:
    @pytest.fixture
    def agent(self, tmp_path: Path) -> Path:
        return vib_file(tmp_path, "agent-community")

    def test_a_vib_of_a_file_is_held_by_a_stock_host(self, agent: Path) -> None:
        found = plan_removal(["agent"], installed=[agent], targets=(ESXI_67, ESXI_80))
        assert found.route is Route.REMOVE
        assert [file.candidate.name for file in found.files] == ["agent-community.vib"]
        assert found.removal is not None
        assert found.removal.names == ("agent",)
        assert [host.label for host in found.removal.hosts] == ["stock 6.7", "stock 8.0"]
        for host in found.removal.hosts:
            (route,) = host.routes
            (branch,) = route.branches
            assert branch.result.outcome is InstallOutcome.LIVE
            assert branch.result.removed == (VIBS["agent-community"].says.vib_id,)
            assert host.remedies
            assert "The host stays at PartnerSupported" in host.warnings[0]

    def test_a_name_beside_the_files_leaves_open_what_else_is_there(self, agent: Path) -> None:
        found = plan_removal(["agent", "other"], installed=[agent], targets=(ESXI_67,))
        assert found.removal is not None
        outcomes = {w.result.outcome for w in found.removal.hosts[0].routes[0].branches}
        assert {InstallOutcome.LIVE, InstallOutcome.REFUSED} <= outcomes

    def test_a_removal_looks_at_no_signature(self) -> None:
        with pytest.raises(ModelError):
            plan_removal(["agent"], flags=Flags(no_sig_check=True))


class TestUnreadable:
    def test_a_host_refuses_what_its_reader_refuses(self, tmp_path: Path) -> None:
        """The file is told as unreadable, and what a host says of it is planned all the same."""
        path = tmp_path / "cut.vib"
        path.write_bytes(archive([("descriptor.xml", b"<vib")]))
        offer = unread_candidate(path)
        assert offer is not None
        assert offer.name == "cut.vib"
        (refusal,) = offer.refusals
        assert refusal.cause.rule == "VF110"
        found = plan([path], targets=(ESXI_67,))
        assert [each.path for each in found.unreadable] == [path]
        assert found.files[0].candidate == offer

    def test_of_a_folder_nothing_is_known(self, tmp_path: Path) -> None:
        assert unread_candidate(tmp_path) is None


class TestSigning:
    @pytest.mark.parametrize("has_key", [True, False])
    def test_a_key_or_a_signature(self, *, has_key: bool, tmp_path: Path) -> None:
        source = KeySource(key="k" if has_key else "")
        signature = tmp_path / "s" if has_key else None
        with pytest.raises(SigningError, match="--signature-in") as found:
            choose_signer(source, signature, no_passphrase, {})
        assert found.value.problems[0].remedy

    def test_a_signature_needs_a_certificate(self, tmp_path: Path) -> None:
        with pytest.raises(SigningError, match="--cert"):
            choose_signer(KeySource(key=""), tmp_path / "s", no_passphrase, {})

    def test_the_signature_of_the_file_is_taken(self, lab: Lab, tmp_path: Path) -> None:
        made = encode_dss_signature(1, 2)
        (tmp_path / "s").write_bytes(made)
        name = lab.issued().wanted.name
        certificates = lab.source(name).certificates
        signer = choose_signer(
            KeySource(key="", certificates=certificates), tmp_path / "s", no_passphrase, {}
        )
        assert isinstance(signer, GivenSignature)
        assert signer.signature == made

    def test_what_was_written_is_told(self, tmp_path: Path) -> None:
        (tmp_path / "x.vib").write_bytes(lab_vib())
        request = to_sign(tmp_path / "x.vib")
        one, two = tmp_path / "one", tmp_path / "two"
        assert write_request(request, one, None) == (one,)
        assert write_request(request, one, two) == (one, two)
        assert (one.read_bytes(), two.read_bytes()) == (request.digest, request.text)
        assert write_request(request, None, None) == ()


class TestReading:
    def test_a_stage_folder_without_a_signature_has_none(self, tmp_path: Path) -> None:
        (tmp_path / "descriptor.xml").write_bytes(descriptor(""))
        with opened(tmp_path) as (found,):
            assert isinstance(found, StageFolder)
            assert (found.signature, found.payloads) == (b"", ())

    def test_a_bad_descriptor_of_a_stage_folder_is_named(self, tmp_path: Path) -> None:
        (tmp_path / "descriptor.xml").write_bytes(b"<vib")
        with pytest.raises(FormatError) as found, opened(tmp_path):
            pass
        assert str(tmp_path / "descriptor.xml") in found.value.problems[0].where

    def test_a_loose_payload_tells_its_unpacked_size(self, tmp_path: Path) -> None:
        path = tmp_path / "payload1"
        content = image()
        path.write_bytes(gzip.compress(content, mtime=0))
        with opened(path) as (subject,):
            found = inspect(subject)
            assert isinstance(found, ScannedPayload)
            assert found.content_size == len(content)

    @pytest.mark.parametrize("whole", [True, False])
    def test_a_short_loose_payload_too(self, *, whole: bool, tmp_path: Path) -> None:
        """Its trailer is found from the end, wherever that is."""
        path = tmp_path / "payload1"
        path.write_bytes(gzip.compress(b"x" * 9, mtime=0))
        with opened(path) as (subject,):
            found = inspect(subject, whole=whole)
            assert isinstance(found, ScannedPayload)
            assert found.content_size == 9

    def test_a_stage_folder_shows_sizes_of_files_alone(self, tmp_path: Path) -> None:
        (tmp_path / "descriptor.xml").write_bytes(descriptor(""))
        make_tree(tmp_path / "payloads" / "payload1", {"etc/x": "four", "etc/link": "-> x"})
        with opened(tmp_path) as (subject,):
            found = inspect(subject)
        assert isinstance(found, StageInspection)
        sizes = {entry.path: entry.size for _name, entries in found.trees for entry in entries}
        assert sizes == {"etc": 0, "etc/x": 4, "etc/link": 0}

    def test_a_bad_vib_of_a_bundle_is_told_beside_the_others(self, tmp_path: Path) -> None:
        with zipfile.ZipFile(bundle_files(tmp_path)["two-components"]) as file:
            members = {name: file.read(name) for name in file.namelist()}
        bad = next(name for name in members if name.endswith(".vib"))
        path = tmp_path / "x.zip"
        path.write_bytes(zipped(list((members | {bad: b"no VIB"}).items())))
        with opened(path) as (subject,):
            found = inspect(subject)
        assert isinstance(found, BundleInspection)
        assert len(found.vibs) == 1
        assert len(found.faults) == 1

    def test_members_are_not_written_over(self, tmp_path: Path) -> None:
        file = tmp_path / "x.vib"
        file.write_bytes(vib())
        (tmp_path / "out").mkdir()
        (tmp_path / "out" / "acme").write_bytes(b"mine")
        with opened(file) as subjects, pytest.raises(OutputError):
            extract_members(subjects, tmp_path / "out")
        with opened(file) as subjects:
            extract_members(subjects, tmp_path / "out", force=True)
        assert (tmp_path / "out" / "acme").read_bytes() != b"mine"

    def test_paths_that_are_not_there_are_each_named(self, tmp_path: Path) -> None:
        file = tmp_path / "x.vib"
        file.write_bytes(MIXED_VIB)
        options = ExtractOptions(paths=("etc/x/x.conf", "etc/y", "opt/z"))
        with opened(file) as subjects, pytest.raises(FormatError) as found:
            extract(subjects, tmp_path / "out", options)
        assert [problem.where for problem in found.value.problems] == ["etc/y", "opt/z"]

    def test_a_signature_as_large_as_may_be_is_read(self, tmp_path: Path) -> None:
        (tmp_path / "descriptor.xml").write_bytes(descriptor(""))
        (tmp_path / "sig.pkcs7").write_bytes(b"x" * SIGNATURE_LIMIT)
        with opened(tmp_path) as (found,):
            assert isinstance(found, StageFolder)
            assert len(found.signature) == SIGNATURE_LIMIT
        (tmp_path / "sig.pkcs7").write_bytes(b"x" * (SIGNATURE_LIMIT + 1))
        with pytest.raises(FormatError), opened(tmp_path):
            pass

    def test_a_link_is_not_printed(self, tmp_path: Path) -> None:
        file = tmp_path / "x.vib"
        file.write_bytes(MIXED_VIB)
        with (
            opened(file) as subjects,
            pytest.raises(FormatError, match=r"link to x\.conf") as found,
        ):
            print_file(subjects, "/etc/x/link", lambda _: None)
        assert found.value.problems[0].where == "/etc/x/link"


class TestPlans:
    def test_a_zip_without_vibs_is_named(self, tmp_path: Path) -> None:
        path = tmp_path / "none.zip"
        path.write_bytes(zipped([("index.xml", b"<vendorList/>"), ("metadata.zip", zipped([]))]))
        with pytest.raises(FormatError) as found:
            read_candidate(path)
        assert str(path) in found.value.problems[0].where

    def test_a_host_prints_a_signer_with_blanks(self, lab: Lab, tmp_path: Path) -> None:
        path = tmp_path / "x.vib"
        path.write_bytes(lab_vib())
        sign_vib(path, lab.signer())
        offer = read_candidate(path, TrustPolicy(store=read_store([lab.store])))
        assert ", O=" in offer.packages[0].signature_says
        assert offer.packages[0].signature is Signature.TRUSTED

    def test_only_what_a_release_surely_lacks_is_hopeless(self, tmp_path: Path) -> None:
        path = vib_file(tmp_path, "driver-of-7")
        for release, hopeless in ((ESXI_67, True), (Release(7, 0, 1), False)):
            (file,) = plan([path], targets=(release,)).files
            assert bool(file.hosts[0].hopeless) is hopeless

    def test_files_keep_their_order_and_go_in_together(self, tmp_path: Path) -> None:
        names = ("firewall-rule", "agent-community", "for-one-server")
        paths = [vib_file(tmp_path, name) for name in names]
        found = plan(paths, targets=(ESXI_80,), together=True)
        assert [file.candidate.name for file in found.files] == [f"{name}.vib" for name in names]
        assert all(file.hosts == () for file in found.files)
        assert found.together is not None
        assert found.together.candidate.name == " + ".join(f"{name}.vib" for name in names)

    def test_bundles_go_in_together_and_not_with_vibs(self, tmp_path: Path) -> None:
        found = bundle_files(tmp_path)
        both = [found["component-of-9"], found["two-components"]]
        assert plan(both, targets=(ESXI_80,), together=True).together is not None
        with pytest.raises(ModelError):
            plan([*both, vib_file(tmp_path, "meta")], targets=(ESXI_80,), together=True)

    def test_a_zip_of_two_bundles_is_named(self, tmp_path: Path) -> None:
        path = tmp_path / "two.zip"
        path.write_bytes(zipped([("a.zip", bundle()), ("b.zip", bundle())]))
        with pytest.raises(FormatError) as found:
            read_candidate(path)
        assert found.value.problems[0].where == str(path)

    def test_without_a_signature_a_store_says_nothing(self, lab: Lab, tmp_path: Path) -> None:
        policy = TrustPolicy(store=read_store([lab.store]))
        for name, state in (
            ("agent-partner-unsigned", Signature.MISSING),
            ("agent-community", Signature.MISSING),
            ("driver-of-9-zstd", Signature.UNTRUSTED),
        ):
            (package,) = read_candidate(vib_file(tmp_path, name), policy).packages
            assert package.signature is state

    def test_what_waits_for_a_reboot_is_named(self, tmp_path: Path) -> None:
        path = vib_file(tmp_path, "agent-community")
        waiting = replace(stock_host(ESXI_80), reboot_pending=True)
        for pending in ((), ("a goes", "b comes")):
            host = replace(waiting, pending=pending)
            (file,) = plan([path], host=host).files
            told = " ".join(file.hosts[0].warnings)
            assert ("(a goes; b comes)" in told) is bool(pending)
            assert "waits for a reboot of this host" in told


class TestLint:
    def linted(self, *names: str, targets: tuple[Release, ...] = (ESXI_80,)) -> LintResult:
        scans = [VibScan(Vib.from_bytes(VIBS[name].to_bytes(), name), name) for name in names]
        return lint(scans, CheckSelection(targets=targets))

    def test_the_findings_of_all_files_are_there(self) -> None:
        found = self.linted("script-of-5", "odd-date-size-and-list")
        assert {each.file for each in found.findings} == set(found.files)

    def test_a_wrong_word_is_told_before_anything_is_read(self) -> None:
        with pytest.raises(ModelError):
            CheckSelection(select=("VF9",))

    def test_what_may_matter_is_a_warning_at_least(self) -> None:
        """Nobody knows whether 7.0 U1 has these interfaces."""
        release = Release(7, 0, 1)
        findings = self.linted("driver-of-7", targets=(release,)).findings
        found = [each for each in findings if each.rule == "VF230"]
        assert [each.severity for each in found] == [Severity.WARNING] * 2
        assert all(each.certainty is Certainty.UNKNOWN for each in found)
        assert all(str(release) in each.what for each in found)


class TestVerifying:
    def facts(self, path: Path, topic: Topic, policy: TrustPolicy = NO_POLICY) -> list[Fact]:
        return [fact for fact in verify(path, policy).facts if fact.topic is topic]

    def test_a_signature_that_cannot_be_read_fails(self, tmp_path: Path) -> None:
        path = tmp_path / "x.vib"
        path.write_bytes(vib(signature=b"no PEM", acceptance_level="partner"))
        (found,) = self.facts(path, Topic.SIGNATURE)
        assert found.outcome is Outcome.FAILED
        assert found.reason

    def test_each_signature_is_told_with_its_days_and_old_hosts_with_several(
        self, lab: Lab, tmp_path: Path
    ) -> None:
        path = tmp_path / "x.vib"
        path.write_bytes(lab_vib())
        policy = TrustPolicy(store=read_store([lab.store]))
        sign_vib(path, lab.signer())

        def of_signatures() -> list[Fact]:
            found = self.facts(path, Topic.LEVEL, policy)
            return [fact for fact in found if "signature" in fact.statement]

        alone = of_signatures()
        sign_vib(path, lab.signer(name="second"), existing=Existing.APPEND)
        dates = self.facts(path, Topic.DATES, policy)
        assert [fact.subject for fact in dates] == ["signature 1", "signature 2"]
        assert all(fact.statement.startswith("signed 2026-04-01, ") for fact in dates)
        assert not any("6.5 and 6.7.0" in fact.statement for fact in alone)
        assert any("6.5 and 6.7.0" in fact.statement for fact in of_signatures())
        assert any("level partner" in fact.statement for fact in alone)
        assert {fact.outcome for fact in of_signatures()} == {Outcome.HELD}

    def test_a_level_that_is_demanded(self, lab: Lab, tmp_path: Path) -> None:
        path = tmp_path / "x.vib"
        path.write_bytes(lab_vib())
        sign_vib(path, lab.signer())
        store = read_store([lab.store])
        for level, outcome in (
            (AcceptanceLevel.PARTNER, Outcome.HELD),
            (AcceptanceLevel.ACCEPTED, Outcome.FAILED),
        ):
            policy = TrustPolicy(store=store, require_level=level)
            _signed, demanded = self.facts(path, Topic.POLICY, policy)
            assert demanded.outcome is outcome
            assert level.esxcli_name in demanded.statement

    def test_a_weak_cover_fails_by_strict_rules_alone_and_nothing_else_does(
        self, tmp_path: Path
    ) -> None:
        path = tmp_path / "x.vib"
        shape = VIBS["agent-partner-unsigned"]
        weak = replace(shape, parts=(replace(shape.parts[0], digests="weak"),))
        path.write_bytes(weak.to_bytes())
        for policy in (NO_POLICY, TrustPolicy(strict=True)):
            found = {fact.outcome for fact in self.facts(path, Topic.COVERAGE, policy)}
            assert (Outcome.FAILED in found) is policy.strict
            assert Outcome.WARNING in {f.outcome for f in self.facts(path, Topic.LEVEL, policy)}

    def test_why_a_level_cannot_be_carried(self, lab: Lab, tmp_path: Path) -> None:
        path = tmp_path / "x.vib"
        path.write_bytes(lab_vib())
        (objection,) = level_objections(Vib.from_path(path))
        assert "not signed" in objection
        sign_vib(path, lab.signer())
        assert level_objections(Vib.from_path(path)) == ()

    @pytest.mark.parametrize("count", [1, 3])
    def test_the_policy_and_the_progress_are_of_all_files(self, count: int, tmp_path: Path) -> None:
        paths = [tmp_path / f"{number}.vib" for number in range(count)]
        for path in paths:
            path.write_bytes(vib())
        told: list[tuple[int, int]] = []

        def on_progress(done: int, size: int) -> None:
            told.append((done, size))

        found = verify_all(paths, on_progress, TrustPolicy(require_signed=True))
        assert [each.held for _path, each in found.found] == [False] * count
        total = sum(path.stat().st_size for path in paths)
        done = [done for done, _size in told]
        assert {size for _done, size in told} == {total}
        assert done == sorted(done)
        assert 0 < done[0] <= done[-1] <= total


class TestBundles:
    def test_a_bundle_in_a_zip_is_told_as_such(self, tmp_path: Path) -> None:
        path = tmp_path / "outer.zip"
        path.write_bytes(zipped([("inner.zip", bundle())]))
        (inner,) = judge_bundle(path)
        (tmp_path / "plain.zip").write_bytes(bundle())
        (plain,) = judge_bundle(tmp_path / "plain.zip")
        refused = [each for each in inner.verdicts if each not in plain.verdicts]
        assert refused

    def test_who_refuses_a_bundle(self, tmp_path: Path) -> None:
        (found,) = judge_bundle(bundle_files(tmp_path)["depot-of-5"])
        assert found.verification.parts
        refusing = {each.reader for each in found.verdicts if each.verdict is Verdict.REFUSES}
        assert refusing
        for reader in BundleReader:
            assert found.refused_by(reader) is (reader in refusing)

    def test_a_bundle_without_vibs_fails_where_a_signature_is_demanded(
        self, tmp_path: Path
    ) -> None:
        path = tmp_path / "empty.zip"
        index = b"<metaList/>"
        metadata = zipped([("vendor-index.xml", index)])
        vendors = b"<vendorList><vendor><name>A</name><code>ABC</code></vendor></vendorList>"
        members = [("index.xml", vendors), ("vendor-index.xml", index), ("metadata.zip", metadata)]
        path.write_bytes(zipped(members))
        failed = {
            (fact.topic, bool(fact.statement))
            for fact in verify(path, TrustPolicy(require_signed=True)).facts
            if fact.outcome is Outcome.FAILED
        }
        assert (Topic.POLICY, True) in failed
        plain = {fact.topic for fact in verify(path).facts if fact.outcome is Outcome.FAILED}
        assert Topic.POLICY not in plain
