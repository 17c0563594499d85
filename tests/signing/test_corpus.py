"""The vendor's own signatures, judged as the corpus' manifest says."""

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from vibforge.esxi.acceptance import known_signer
from vibforge.packages.verification import judgement_of
from vibforge.packages.verify import verify
from vibforge.signing.host_rules import BlockJudgement, TrustJudgement
from vibforge.signing.policy import TrustPolicy
from vibforge.signing.store import TrustStore, read_store
from vibforge.vib.archive import Vib

OLD_ROOT = "CN=VMware Root CA,O=VMware\\, Inc.,C=US"


@pytest.fixture(scope="session")
def vendors(corpus: Path) -> TrustStore:
    return read_store([corpus / "certs"])


@pytest.fixture(scope="session")
def judgements(corpus: Path, vendors: TrustStore) -> dict[str, TrustJudgement]:
    policy = TrustPolicy(store=vendors)
    return {
        path.name: judgement_of(Vib.from_path(path), policy)
        for path in sorted((corpus / "vibs").glob("*.vib"))
    }


@pytest.fixture(scope="session")
def manifest(corpus: Path) -> dict[str, Any]:
    facts: dict[str, Any] = json.loads((corpus / "manifest.json").read_text())["vibs"]
    return facts


def openssl_name(rfc4514: str) -> str:
    """Write a name as the manifest does: first attribute first, quoted where it has a comma."""
    parts = rfc4514.replace("\\,", "\0").split(",")
    pairs = [part.replace("\0", ",").split("=", 1) for part in reversed(parts)]
    return ", ".join(
        f'{key} = "{text}"' if "," in text else f"{key} = {text}" for key, text in pairs
    )


def facts_of(judged: BlockJudgement) -> dict[str, Any]:
    signer = judged.block.signers[0]
    certificate = judged.check.certificate
    assert certificate is not None
    assert signer.signing_time is not None
    return {
        "digest": signer.digest_algorithm,
        "iss": [openssl_name(certificate.issuer)],
        "ok": judged.check.held,
        "sigalg": [signer.signature_algorithm],
        "subj": [openssl_name(certificate.subject)],
        "time": f"{signer.signing_time:%b} {signer.signing_time.day:2} "
        f"{signer.signing_time:%H:%M:%S %Y} GMT",
    }


def test_every_signature_is_judged_as_the_manifest_says(
    judgements: dict[str, TrustJudgement], manifest: dict[str, Any]
) -> None:
    assert sum(len(one.blocks) for one in judgements.values()) >= 10
    for name, judgement in judgements.items():
        found = [facts_of(judged) for judged in judgement.blocks]
        assert found == (manifest[name]["signature"] or []), name


def test_the_vendors_chain_is_built_but_for_the_root_that_nobody_has(
    judgements: dict[str, TrustJudgement],
) -> None:
    for name, judgement in judgements.items():
        for judged in judgement.blocks:
            assert judged.chain is not None
            of_old_root = judged.chain.signer.parsed.issuer == OLD_ROOT
            assert judged.chain.anchored is not of_old_root, name
            assert judged.host.held is (None if judgement.level == "community" else not of_old_root)


def test_every_vendor_signer_is_known_by_its_fingerprint(
    judgements: dict[str, TrustJudgement],
) -> None:
    signers = [judged for one in judgements.values() for judged in one.blocks]
    assert all(judged.known_as for judged in signers)
    assert known_signer("0" * 64) == ""


def test_two_blocks_of_a_key_roll_over_are_judged_one_by_one(
    judgements: dict[str, TrustJudgement],
) -> None:
    (name,) = [one for one in judgements if "vmkusb-nic-fling_2.1-6vmw.670" in one]
    judgement = judgements[name]
    assert [judged.host.held for judged in judgement.blocks] == [False, True]
    assert judgement.host.held
    assert judgement.host_first_only.held is False


def test_strict_rules_take_the_vendors_signatures_too(
    judgements: dict[str, TrustJudgement],
) -> None:
    for judgement in judgements.values():
        if judgement.host.held:
            assert judgement.strict.held, judgement.strict.reasons


def test_a_vendor_vib_with_one_letter_changed_fails(corpus: Path, vendors: TrustStore) -> None:
    (path,) = (corpus / "vibs").glob("titom73-*.vib")
    data = path.read_bytes()
    edited = data.replace(b"<vendor>VMW<", b"<vendor>VMX<")
    policy = TrustPolicy(store=vendors)
    assert edited != data
    assert verify(Vib.from_bytes(data), policy).held
    assert not verify(Vib.from_bytes(edited), policy).held


def test_unsigned_vibs_that_claim_more_are_told(corpus: Path) -> None:
    (path,) = (corpus / "vibs").glob("titom73-*.vib")
    vib = Vib.from_path(path)
    member = vib.archive.members[1]
    data = path.read_bytes()
    start, end = member.data_offset, member.data_offset + member.size + len(member.padding)
    header = member.header[:48] + b"0         " + member.header[58:]
    unsigned = data[: start - 60] + header + data[end:]
    facts = verify(Vib.from_bytes(unsigned)).facts
    (level,) = [one for one in facts if "level above community" in one.statement]
    assert level.outcome == "warning"
    assert "malware" in level.reason


def test_a_moment_far_ahead_finds_all_expired(corpus: Path, vendors: TrustStore) -> None:
    (path,) = (corpus / "vibs").glob("titom73-*.vib")
    late = TrustPolicy(store=vendors, at=datetime.fromisoformat("2050-01-01T00:00:00+00:00"))
    judgement = judgement_of(Vib.from_path(path), late)
    assert judgement.host.held
    assert "valid only until 2037-09-01" in " ".join(judgement.strict.reasons)
