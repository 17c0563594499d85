"""Small decisions about signatures and stores: in each, a change of the code got past the tests."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.x509.oid import NameOID

from tests.budgets import whole_budget
from tests.signing.lab import RELEASE_DATE, descriptor
from tests.signing.made import FIRST, LAST, key, link, made, usage
from vibforge.errors import FormatError
from vibforge.esxi.acceptance import AcceptanceLevel
from vibforge.formats.certificate import parse_certificate
from vibforge.formats.pkcs7 import parse_blocks
from vibforge.signing import store as stores
from vibforge.signing.host_rules import Ruling, TrustJudgement, any_of, may_issue
from vibforge.signing.judging import judge, level_ruling, signature_ruling
from vibforge.signing.key_files import KeySigner
from vibforge.signing.path import build_chain, chain_certificate
from vibforge.signing.policy import NO_POLICY, TrustPolicy
from vibforge.signing.signer import make_block
from vibforge.signing.store import StorePart, TrustStore, read_store

ROOT = made("root", ca=True, serial=1)
SIGNER = made("partner/lab", ROOT, own=key(1), serial=2)
STRANGER = made("stranger", own=key(2), serial=3)
STORE = TrustStore(plain=StorePart(certificates=(link(ROOT),)))
PARTNER = AcceptanceLevel.PARTNER
TEXT = descriptor()
GOOD = make_block(TEXT, KeySigner(SIGNER.key, (SIGNER.certificate,)), RELEASE_DATE)
STRANGE = make_block(TEXT, KeySigner(STRANGER.key, (STRANGER.certificate,)), RELEASE_DATE)


def judged(
    block: bytes = GOOD,
    level: AcceptanceLevel = PARTNER,
    store: TrustStore | None = STORE,
    text: bytes = TEXT,
) -> TrustJudgement:
    return judge(parse_blocks(block), text, level, store, budget=whole_budget())


class TestJudging:
    def test_the_arithmetic_says_whether_the_text_is_the_signed_one(self) -> None:
        for text, held in ((TEXT, True), (TEXT + b" ", False)):
            (block,) = judged(text=text).blocks
            assert block.arithmetic.held is held
            assert bool(block.arithmetic.reasons) is not held

    def test_old_hosts_read_the_first_block_alone(self) -> None:
        found = judged(STRANGE + GOOD)
        assert found.host.held
        assert found.host_first_only.held is False
        assert [block.number for block in found.blocks] == [1, 2]
        assert judged(GOOD + STRANGE).host_first_only.held

    def test_without_a_store_nobody_says_who_signed(self) -> None:
        found = judged(store=None)
        assert found.host.held is None
        assert signature_ruling(found, NO_POLICY).held is None
        broken = judged(store=None, text=TEXT + b" ")
        assert broken.host.held is False
        assert signature_ruling(broken, NO_POLICY).held is False

    @pytest.mark.parametrize(
        ("level", "held"), [(PARTNER, False), (AcceptanceLevel.COMMUNITY, None)]
    )
    def test_an_unsigned_vib_is_bad_where_a_signature_is_needed(
        self, level: AcceptanceLevel, *, held: bool | None
    ) -> None:
        found = judged(b"", level)
        assert (found.host.held, found.host_first_only.held, found.strict.held) == (held,) * 3
        assert signature_ruling(found, TrustPolicy(store=STORE)).held is False

    def test_a_community_vib_is_signed_by_whom_the_store_knows(self) -> None:
        """Hosts do not look; who asks for a signature all the same wants a good one."""
        policy = TrustPolicy(store=STORE, require_signed=True)
        community = AcceptanceLevel.COMMUNITY
        text = descriptor("community")
        for credential, held in ((SIGNER, True), (STRANGER, False)):
            signer = KeySigner(credential.key, (credential.certificate,))
            found = judged(make_block(text, signer, RELEASE_DATE), community, text=text)
            assert found.host.held is None
            assert signature_ruling(found, policy).held is held

    def test_strict_rules_count_where_they_are_asked_for(self) -> None:
        found = judged()
        assert signature_ruling(found, TrustPolicy(store=STORE)).held is True
        strict = signature_ruling(found, TrustPolicy(store=STORE, strict=True))
        assert strict.held is found.strict.held

    @pytest.mark.parametrize(
        ("wanted", "store", "held"),
        [
            (PARTNER, STORE, True),
            (AcceptanceLevel.ACCEPTED, STORE, False),
            (PARTNER, None, False),
        ],
    )
    def test_a_level_is_high_enough_and_somebody_can_say_so(
        self, wanted: AcceptanceLevel, store: TrustStore | None, *, held: bool
    ) -> None:
        assert level_ruling(judged(), wanted, TrustPolicy(store=store)).held is held

    def test_the_first_ruling_that_holds_counts_then_the_first_open_one(self) -> None:
        good, open_, bad = (Ruling(held=held, reasons=()) for held in (True, None, False))
        assert any_of([bad, open_, good]) is good
        assert any_of([bad, open_]) is open_
        told = any_of([Ruling(held=False, reasons=("a",)), Ruling(held=False, reasons=("b",))])
        assert told.held is False
        assert len(told.reasons) == 2


SIGNING_CA = usage("key_cert_sign", "crl_sign")
BASIC = x509.BasicConstraints(ca=True, path_length=None)
NO_CA = x509.BasicConstraints(ca=False, path_length=None)


class TestCertificates:
    @pytest.mark.parametrize(
        ("extensions", "may"),
        [
            ((BASIC,), True),
            ((BASIC, SIGNING_CA), True),
            ((BASIC, usage("digital_signature")), False),
            ((NO_CA, SIGNING_CA), False),
            ((SIGNING_CA,), True),
            ((usage("digital_signature"),), False),
            ((), False),
        ],
    )
    def test_who_may_issue(self, extensions: tuple[x509.ExtensionType, ...], *, may: bool) -> None:
        """The key's usage counts before the basic constraints, and alone where there are none."""
        marked = tuple((each, True) for each in extensions)
        assert may_issue(link(made("ca", own=key(5), extensions=marked))) is may

    def test_what_a_key_is_for(self) -> None:
        marked = ((usage("digital_signature", "crl_sign"), True),)
        wanted = frozenset({"digital_signature", "crl_sign"})
        assert link(made("x", extensions=marked)).key_usage == wanted
        assert link(made("x")).key_usage is None

    def test_strict_rules_want_a_key_for_signatures(self) -> None:
        for words, held in ((("digital_signature",), True), (("key_agreement",), False)):
            by = made("partner/lab", ROOT, own=key(1), extensions=((usage(*words), True),))
            block = make_block(TEXT, KeySigner(by.key, (by.certificate,)), RELEASE_DATE)
            told = "; ".join(judged(block).strict.reasons)
            assert ("lacks digitalSignature" in told) is not held

    def test_a_certificate_of_edwards_curve_has_no_digest(self) -> None:
        own = ed25519.Ed25519PrivateKey.from_private_bytes(bytes(32))
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "ed")])
        certificate = (
            x509.CertificateBuilder(name, name, own.public_key(), 7, FIRST, LAST)
            .sign(own, None)
            .public_bytes(serialization.Encoding.DER)
        )
        found = chain_certificate(parse_certificate(certificate))
        assert (found.signature_digest, found.key_bits) == ("none", 0)
        assert found.parsed.key == "Ed25519"

    def test_a_root_is_its_own_issuer_where_the_chain_reaches_it(self) -> None:
        signer, root = link(SIGNER), link(ROOT)
        whole = build_chain(signer, [], [root], whole_budget())
        assert list(whole.links()) == [(signer, root), (root, root)]
        open_ = build_chain(signer, [root], [], whole_budget())
        assert not open_.anchored
        assert list(open_.links()) == [(signer, root)]

    def test_strict_rules_say_what_openssl_says(self) -> None:
        """Behind the dates of the signer, at a moment that is named."""
        after = datetime(2041, 1, 1, tzinfo=UTC)
        found = judge(parse_blocks(GOOD), TEXT, PARTNER, STORE, after, budget=whole_budget())
        told = "; ".join(found.strict.reasons)
        assert "was valid only until 2040-01-01" in told
        assert "None" not in told
        assert found.strict.held is False


class TestStores:
    def test_a_second_end_of_a_block_is_text_behind_it(self, tmp_path: Path) -> None:
        pem = ROOT.certificate_pem()
        (tmp_path / "x.pem").write_bytes(pem + b"-----END CERTIFICATE-----\n" + pem)
        assert len(read_store([tmp_path / "x.pem"]).plain.certificates) == 2

    def test_so_many_blocks_and_no_more(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(stores, "BLOCK_LIMIT", 2)
        (tmp_path / "x.pem").write_bytes(ROOT.certificate_pem() * 2)
        assert len(read_store([tmp_path / "x.pem"]).plain.certificates) == 2
        (tmp_path / "x.pem").write_bytes(ROOT.certificate_pem() * 3)
        with pytest.raises(FormatError, match="more than 2 PEM blocks"):
            read_store([tmp_path / "x.pem"])

    def test_files_without_certificates_are_named_and_what_would_do(self, tmp_path: Path) -> None:
        files = [tmp_path / "a.pem", tmp_path / "b.pem"]
        for file in files:
            file.write_bytes(b"text\n")
        with pytest.raises(FormatError) as found:
            read_store(files)
        (problem,) = found.value.problems
        assert f"{files[0]}, {files[1]}" in problem.what
        assert "vmpartner.cert" in problem.remedy

    def test_a_file_that_is_gone_is_told_in_the_systems_words(self, tmp_path: Path) -> None:
        with pytest.raises(FormatError) as found:
            read_store([tmp_path / "gone.pem"])
        (problem,) = found.value.problems
        assert (problem.what, problem.where) == (
            "No such file or directory",
            str(tmp_path / "gone.pem"),
        )
