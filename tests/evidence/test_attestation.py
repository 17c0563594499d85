"""Attestations: checked by OpenSSL, securesystemslib and cosign, and refused when they are bad."""

import json
import os
import shutil
import subprocess
from base64 import b64decode, b64encode
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from hypothesis import given
from hypothesis import strategies as some
from securesystemslib.dsse import Envelope as IndependentEnvelope
from securesystemslib.exceptions import VerificationError
from securesystemslib.signer._key import SSlibKey

from tests.signing import made
from tests.signing.lab import Lab, make_lab, openssl
from tests.signing.test_key_files import SECRET, encrypted_pem, pkcs12_file
from tests.trees import trx_tree
from vibforge import attest, build, sign, to_attest, verify
from vibforge.errors import FormatError, ModelError, SigningError
from vibforge.evidence import dsse
from vibforge.evidence.attestation_checking import read_attestation
from vibforge.evidence.dsse import pae, read_envelope
from vibforge.evidence.provenance import PAYLOAD_TYPE, UNNAMED_BUILDER
from vibforge.packages.verification import Outcome
from vibforge.signing.key_files import KeySigner
from vibforge.signing.pki import Credential, KeyKind, export, revoke

Document = dict[str, Any]
DATE = "2026-05-01T12:00:00+00:00"
SETTINGS = {"name": "acme", "acceptance-level": "partner", "release-date": DATE}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A VIB in the folder of its build."""
    folder = tmp_path_factory.mktemp("attest")
    return build(trx_tree(folder / "tree"), folder / "dist", settings=SETTINGS).vib_path


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("other")
    settings = {**SETTINGS, "version": "2.0.0-1"}
    return build(trx_tree(folder / "tree"), folder / "dist", settings=settings).vib_path


@pytest.fixture
def envelope(lab: Lab, built: Path, tmp_path: Path) -> Path:
    path = tmp_path / "acme.intoto.jsonl"
    attest(built, path, signer=lab.signer())
    return path


def failures(vib: Path, envelope: Path, trust: Path, at: datetime | None = None) -> list[str]:
    ((_path, found),) = verify(vib, trust=trust, attestation=envelope, at=at).found
    failed = (each for each in found.all_facts if each.outcome is Outcome.FAILED)
    return [f"{each.statement}: {each.reason}" for each in failed if each.topic == "provenance"]


def statement_of(envelope: Path) -> Document:
    found: Document = json.loads(read_envelope(envelope).payload)
    return found


def resigned(
    envelope: Path,
    signer: Credential,
    change: Callable[[Document], object] = lambda _: None,
    kind: str = PAYLOAD_TYPE,
) -> Path:
    """Write the envelope anew with a change of its statement, signed by someone."""
    document = statement_of(envelope)
    change(document)
    return signed(envelope, json.dumps(document).encode(), signer, kind)


def signed(path: Path, payload: bytes, by: Credential, kind: str = PAYLOAD_TYPE) -> Path:
    path.write_bytes(dsse.sign(kind, payload, Anyone(by)))
    return path


class Anyone:
    """Signs with a key, whatever its certificate says."""

    def __init__(self, credential: Credential) -> None:
        self.certificates = (credential.certificate,)
        self._key = credential.key

    def sign(self, text: bytes) -> bytes:
        return KeySigner(self._key, self.certificates).sign(text)


def test_an_attestation_is_good_for_its_vib(lab: Lab, built: Path, envelope: Path) -> None:
    assert failures(built, envelope, lab.store) == []
    assert failures(built, envelope, lab.store, at=datetime(2027, 1, 1, tzinfo=UTC)) == []


def test_the_statement_says_what_build_json_says(built: Path, envelope: Path) -> None:
    record = json.loads((built.parent / "build.json").read_text())
    stated = statement_of(envelope)
    definition = stated["predicate"]["buildDefinition"]
    assert definition["externalParameters"]["recipe"] == record["recipe"]
    assert definition["internalParameters"]["codec"] == record["codec"]
    content = record["payloads"][0]["uncompressed_sha256"]
    assert definition["resolvedDependencies"][1]["digest"] == {"sha256": content}
    run = stated["predicate"]["runDetails"]
    assert run["metadata"] == {"finishedOn": "2026-05-01T12:00:00Z"}
    assert run["builder"]["id"] == UNNAMED_BUILDER
    names = {each["name"]: each["digest"]["sha256"] for each in run["byproducts"]}
    assert names == {each["name"]: each["sha256"] for each in record["files"]}


def test_the_same_build_gives_the_same_bytes(lab: Lab, built: Path) -> None:
    signer = lab.signer(kind=KeyKind.RSA_2048)
    first, second = (attest(built.parent, signer=signer).envelope for _ in range(2))
    assert first == second == attest(built.parent / "build.json", signer=signer).envelope


def test_the_pae_is_that_of_the_specification() -> None:
    assert pae("http://example.com/HelloWorld", b"hello world") == (
        b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
    )


@pytest.mark.parametrize("kind", list(KeyKind))
def test_openssl_and_securesystemslib_agree(
    lab: Lab, built: Path, tmp_path: Path, kind: KeyKind
) -> None:
    made_now = attest(built, signer=lab.signer(kind=kind))
    document = json.loads(made_now.envelope)
    text = pae(document["payloadType"], b64decode(document["payload"]))
    (signature,) = document["signatures"]
    (tmp_path / "text").write_bytes(text)
    (tmp_path / "sig").write_bytes(b64decode(signature["sig"]))
    (tmp_path / "key.pem").write_bytes(public_pem(made_now.certificate))
    proof = ("-verify", tmp_path / "key.pem", "-signature", tmp_path / "sig")
    done = openssl("dgst", "-sha256", *proof, tmp_path / "text")
    assert done.stdout == b"Verified OK\n"
    independent = IndependentEnvelope.from_dict(json.loads(made_now.envelope))
    scheme = "rsa-pkcs1v15-sha256" if kind.startswith("rsa") else "ecdsa-sha2-nistp256"
    public = made_now.certificate.public_key()
    key = SSlibKey.from_crypto(public, signature["keyid"], scheme)
    assert independent.pae() == text
    if kind is KeyKind.P384:
        return  # it has SHA-384 for these keys; cosign and the rest of us SHA-256
    assert independent.verify([key], 1)
    independent.payload += b" "
    with pytest.raises(VerificationError):
        independent.verify([key], 1)


def public_pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )


@pytest.mark.slow
def test_cosign_agrees(lab: Lab, built: Path, other: Path, tmp_path: Path) -> None:
    cosign = shutil.which("cosign")
    if cosign is None:
        pytest.skip("cosign is not installed: go install github.com/sigstore/cosign/v2/cmd/cosign")
    made_now = attest(built, tmp_path / "acme.intoto.jsonl", signer=lab.signer())
    (tmp_path / "key.pem").write_bytes(public_pem(made_now.certificate))
    for vib, kind, good in (
        (built, "slsaprovenance1", True),
        (other, "slsaprovenance1", False),
        (built, "spdx", False),
    ):
        done = subprocess.run(
            [
                *(cosign, "verify-blob-attestation", "--key", str(tmp_path / "key.pem")),
                *("--signature", str(tmp_path / "acme.intoto.jsonl"), "--type", kind),
                *("--insecure-ignore-tlog", str(vib)),
            ],
            env=os.environ | {"HOME": str(tmp_path)},
            capture_output=True,
            check=False,
        )
        assert (done.returncode == 0) is good, done.stderr


def test_an_attestation_of_cosign_is_read(
    lab: Lab, built: Path, envelope: Path, tmp_path: Path
) -> None:
    """cosign names no key, carries no certificate and writes the older type of statement."""
    own = made.made("cosign", ca=True)
    older = {"_type": "https://in-toto.io/Statement/v0.1"}
    path = resigned(envelope, own, lambda document: document.update(older))
    whole = json.loads(path.read_bytes())
    whole["signatures"] = [{"keyid": "", "sig": whole["signatures"][0]["sig"]}]
    path.write_text(json.dumps(whole))
    (tmp_path / "own.pem").write_bytes(own.certificate_pem())
    assert failures(built, path, tmp_path / "own.pem") == []
    assert "no key of a trusted certificate" in failures(built, path, lab.store)[0]


def test_a_vib_may_be_signed_between_build_and_attestation(lab: Lab, tmp_path: Path) -> None:
    vib = build(trx_tree(tmp_path / "tree"), tmp_path / "dist", settings=SETTINGS).vib_path
    unsigned = shutil.copy(vib, tmp_path / "unsigned.vib")
    sign(vib, signer=lab.signer())
    attest(vib.parent, tmp_path / "a.json", signer=lab.signer())
    assert failures(vib, tmp_path / "a.json", lab.store) == []
    assert failures(Path(unsigned), tmp_path / "a.json", lab.store) != []


def test_a_bundle_of_the_build_is_a_subject_too(lab: Lab, tmp_path: Path) -> None:
    result = build(
        trx_tree(tmp_path / "tree"),
        tmp_path / "dist",
        settings={**SETTINGS, "bundle.vendor-code": "ABC"},
        bundle=True,
    )
    attest(tmp_path / "dist", tmp_path / "a.json", signer=lab.signer())
    assert result.bundle is not None
    assert failures(result.bundle.path, tmp_path / "a.json", lab.store) == []
    assert failures(result.vib_path, tmp_path / "a.json", lab.store) == []


def test_keys_may_be_where_those_of_vibs_are(lab: Lab, built: Path, tmp_path: Path) -> None:
    issued = lab.issued()
    key = serialization.load_pem_private_key(issued.key_path.read_bytes(), None)
    of = Credential(key=key, certificate=issued.certificate)  # type: ignore[arg-type] # P-256
    (tmp_path / "key.p12").write_bytes(pkcs12_file(of))
    (tmp_path / "key.pem").write_bytes(encrypted_pem(of))
    for name in ("key.p12", "key.pem"):
        path = tmp_path / f"{name}.json"
        attest(
            built,
            path,
            key=str(tmp_path / name),
            certificates=issued.certificate_path,
            passphrase=lambda: SECRET,
        )
        assert failures(built, path, lab.store) == []
    environment = {"KEY": issued.key_path.read_text()}
    named = {"certificates": issued.certificate_path, "environment": environment}
    assert attest(built, key="env:KEY", **named).key_id  # type: ignore[arg-type] # its own arguments


@pytest.mark.parametrize("kind", [KeyKind.RSA_2048, KeyKind.P256])
def test_a_service_elsewhere_may_sign(lab: Lab, built: Path, tmp_path: Path, kind: KeyKind) -> None:
    issued = lab.issued(kind=kind)
    text, answer, path = (tmp_path / name for name in ("text.pae", "sig", "a.json"))
    to_attest(built, text, certificates=issued.certificate_path)
    done = openssl("dgst", "-sha256", "-sign", issued.key_path, "-out", answer, text)
    assert done.returncode == 0, done.stderr
    attest(built, path, signature=answer, certificates=issued.certificate_path)
    assert failures(built, path, lab.store) == []
    with pytest.raises(SigningError, match="does not verify"):
        attest(
            built,
            signature=answer,
            certificates=issued.certificate_path,
            builder="https://ci.example.com",
        )


def intruder() -> Credential:
    return made.made("intruder", ca=True)


def test_an_untrusted_signer_is_refused(lab: Lab, built: Path, envelope: Path) -> None:
    (reason,) = failures(built, resigned(envelope, intruder()), lab.store)
    assert "a trusted signer signed the attestation: " in reason


def test_another_subject_is_refused(lab: Lab, other: Path, envelope: Path) -> None:
    (reason,) = failures(other, envelope, lab.store)
    assert reason.startswith("the attestation is about this package: it is about custom_bootbank")


TYPES: dict[str, Callable[[Document], object]] = {
    "predicate": lambda document: document.update(predicateType="https://spdx.dev/Document"),
    "older provenance": lambda d: d.update(predicateType="https://slsa.dev/provenance/v0.2"),
    "statement": lambda document: document.update(_type="https://example.com/Statement"),
}


@pytest.mark.parametrize("name", TYPES)
def test_another_type_is_refused(built: Path, envelope: Path, tmp_path: Path, name: str) -> None:
    own = made.made("own", ca=True)
    (tmp_path / "own.pem").write_bytes(own.certificate_pem())
    path = resigned(envelope, own, TYPES[name])
    found = failures(built, path, tmp_path / "own.pem", at=datetime(2026, 6, 1, tzinfo=UTC))
    assert [each for each in found if "is SLSA v1 provenance: its type is" in each]


def test_another_type_of_payload_is_refused(built: Path, envelope: Path, tmp_path: Path) -> None:
    own = made.made("own", ca=True)
    (tmp_path / "own.pem").write_bytes(own.certificate_pem())
    path = resigned(envelope, own, kind="application/json")
    at = datetime(2026, 6, 1, tzinfo=UTC)
    assert "its type is application/json" in failures(built, path, tmp_path / "own.pem", at)[0]


def test_another_build_type_is_only_noted(built: Path, envelope: Path, tmp_path: Path) -> None:
    own = made.made("own", ca=True)
    (tmp_path / "own.pem").write_bytes(own.certificate_pem())
    github = {"buildType": "https://actions.github.io/buildtypes/workflow/v1"}
    path = resigned(envelope, own, lambda d: d["predicate"]["buildDefinition"].update(github))
    ((_path, found),) = verify(built, trust=tmp_path / "own.pem", attestation=path).found
    assert found.held
    assert found.facts[-1].outcome is Outcome.NOT_CHECKED


def test_an_expired_signer_is_refused(lab: Lab, built: Path, envelope: Path) -> None:
    late = datetime(2100, 1, 1, tzinfo=UTC)
    (reason,) = failures(built, envelope, lab.store, at=late)
    assert "was valid only until" in reason


def test_a_signer_that_had_expired_when_it_signed_is_refused(
    built: Path, envelope: Path, tmp_path: Path
) -> None:
    old = made.made("old", ca=True, dates=(made.FIRST, datetime(2021, 1, 1, tzinfo=UTC)))
    (tmp_path / "old.pem").write_bytes(old.certificate_pem())
    path = resigned(envelope, old)
    assert "was valid only until 2021-01-01" in failures(built, path, tmp_path / "old.pem")[0]
    before = datetime(2020, 6, 1, tzinfo=UTC)
    assert failures(built, path, tmp_path / "old.pem", at=before) == []


def test_an_expired_certificate_does_not_attest(built: Path) -> None:
    old = made.made("old", ca=True, dates=(made.FIRST, datetime(2021, 1, 1, tzinfo=UTC)))
    with pytest.raises(SigningError, match="expired"):
        attest(built, signer=Anyone(old))


def test_a_statement_without_a_time_needs_one(built: Path, envelope: Path, tmp_path: Path) -> None:
    own = made.made("own", ca=True)
    (tmp_path / "own.pem").write_bytes(own.certificate_pem())
    path = resigned(envelope, own, lambda d: d["predicate"]["runDetails"].pop("metadata"))
    assert "--at chooses one" in failures(built, path, tmp_path / "own.pem")[0]
    at = datetime(2026, 6, 1, tzinfo=UTC)
    assert failures(built, path, tmp_path / "own.pem", at=at) == []


def test_a_revoked_signer_is_refused(built: Path, tmp_path: Path) -> None:
    own = make_lab(tmp_path)
    path = tmp_path / "a.json"
    attest(built, path, signer=own.signer(name="gone"))
    assert failures(built, path, own.store) == []
    revoke(own.folder, "gone", datetime(2026, 5, 2, tzinfo=UTC))
    export(own.folder, own.store)
    assert "revoked" in failures(built, path, own.store)[0]


def changed(envelope: Path, change: Callable[[Document], object]) -> Path:
    """Change an envelope without signing it again."""
    document = json.loads(envelope.read_bytes())
    change(document)
    envelope.write_text(json.dumps(document))
    return envelope


def payload_with(document: Document, **fields: object) -> None:
    inner = json.loads(b64decode(document["payload"])) | fields
    document["payload"] = b64encode(json.dumps(inner).encode()).decode()


TAMPERED: dict[str, Callable[[Document], object]] = {
    "payload": lambda d: payload_with(d, subject=[]),
    "same meaning": payload_with,
    "signature": lambda d: d["signatures"][0].update(sig=b64encode(b"x" * 70).decode()),
    "empty signature": lambda d: d["signatures"][0].update(sig=""),
    "other certificate": lambda d: d["signatures"][0].update(
        certificate=b64encode(intruder().certificate_pem()).decode()
    ),
    "no certificate": lambda d: d["signatures"][0].pop("certificate"),
}


@pytest.mark.parametrize("name", TAMPERED)
def test_a_tampered_envelope_is_refused(lab: Lab, built: Path, envelope: Path, name: str) -> None:
    found = failures(built, changed(envelope, TAMPERED[name]), lab.store)
    assert "did not make it" in found[0] or "no key of a trusted certificate" in found[0]


def test_one_trusted_signature_of_several_is_enough(lab: Lab, built: Path, envelope: Path) -> None:
    good = json.loads(envelope.read_bytes())["signatures"][0]
    copy = Path(shutil.copy(envelope, envelope.with_suffix(".copy")))
    (bad,) = json.loads(resigned(copy, intruder()).read_bytes())["signatures"]
    for signatures in ([bad, good], [good, bad]):
        both = changed(envelope, partial(with_signatures, signatures))
        assert failures(built, both, lab.store) == []
    only_bad = changed(envelope, partial(with_signatures, [bad, bad]))
    assert "signature 2: " in failures(built, only_bad, lab.store)[0]


def with_signatures(signatures: list[object], document: Document) -> None:
    document["signatures"] = signatures


def nested(depth: int) -> bytes:
    return b64encode(b'{"_type":"", "predicateType":"", "x":' + b"[" * depth)


UNREADABLE = {
    "empty": b"",
    "not JSON": b"-----BEGIN PGP",
    "a list": b"[]",
    "no signature": b'{"payloadType": "x", "payload": "", "signatures": []}',
    "many signatures": b'{"payloadType": "x", "payload": "", "signatures": [%b]}'
    % b",".join([b'{"sig": ""}'] * 9),
    "not base64": b'{"payloadType": "x", "payload": "?", "signatures": [{"sig": ""}]}',
    "no payload type": b'{"payload": "", "signatures": [{"sig": ""}]}',
    "no certificate": b'{"payloadType": "x", "payload": "", "signatures": '
    b'[{"sig": "", "certificate": "MDAw"}]}',
    "not a statement": b'{"payloadType": "application/vnd.in-toto+json", "payload": "W10=", '
    b'"signatures": [{"sig": ""}]}',
    "deep": b'{"payloadType": "application/vnd.in-toto+json", "payload": "%b", '
    b'"signatures": [{"sig": ""}]}' % nested(100_000),
    "two lines": b'{"payloadType": "x", "payload": "", "signatures": [{"sig": ""}]}\n' * 2,
    "Sigstore bundle": b'{"dsseEnvelope": {"payloadType": "x", "payload": "", "signatures": []}}',
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_what_is_no_attestation_cannot_be_read(name: str, tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(UNREADABLE[name])
    with pytest.raises(FormatError):
        read_attestation(path)


def test_an_attestation_without_trust_proves_nothing(built: Path, envelope: Path) -> None:
    with pytest.raises(ModelError, match="without certificates to trust"):
        verify(built, attestation=envelope)


def test_a_build_is_needed(lab: Lab, built: Path, other: Path, tmp_path: Path) -> None:
    alone = Path(shutil.copy(built, tmp_path / "alone.vib"))
    with pytest.raises(FormatError, match=r"no build\.json"):
        attest(alone, signer=lab.signer())
    shutil.copy(other.parent / "build.json", tmp_path)
    with pytest.raises(FormatError, match="another build"):
        attest(alone, signer=lab.signer())


FORGED = {
    "NaN": '"x": NaN',
    "surrogate": r'"x": "\ud800"',
    "deep": '"x": ' + "[" * 90_000 + "]" * 90_000,
    "no date": '"release_date": "yesterday"',
}


@pytest.mark.parametrize("name", FORGED)
def test_a_forged_record_is_an_error_and_no_bug(
    lab: Lab, built: Path, tmp_path: Path, name: str
) -> None:
    shutil.copy(built, tmp_path)
    record = json.loads((built.parent / "build.json").read_text())
    del record["release_date" if name == "no date" else "allowed"]
    forged = FORGED[name].replace('"x"', '"allowed"')
    text = json.dumps(record).replace('{"format"', "{" + forged + ', "format"', 1)
    (tmp_path / "build.json").write_text(text)
    with pytest.raises(FormatError):
        attest(tmp_path, signer=lab.signer())


def test_a_builder_has_an_address(lab: Lab, built: Path) -> None:
    stated = attest(built, signer=lab.signer(), builder="https://ci.example.com/fleet")
    builder = json.loads(stated.statement)["predicate"]["runDetails"]["builder"]
    assert builder["id"] == "https://ci.example.com/fleet"
    for wrong in ("ci", "https://a b", "https://\n"):
        with pytest.raises(ModelError):
            attest(built, signer=lab.signer(), builder=wrong)


def git(folder: Path, *words: str) -> str:
    person = ("-c", "user.name=a", "-c", "user.email=a@b")
    done = subprocess.run(
        ["git", "-C", str(folder), *person, *words], capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


@pytest.mark.slow
def test_the_commit_is_stated_if_the_project_is_what_it_has(
    lab: Lab, tmp_path: Path, tool: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    tool("git")
    monkeypatch.delenv("SOURCE_DATE_EPOCH", raising=False)
    project = trx_tree(tmp_path / "tree")
    with pytest.raises(ModelError, match="no commit of git"):
        attest(built_in(tmp_path / "before", project), signer=lab.signer(), source=project)
    git(project, "init", "--quiet")
    git(project, "add", ".")
    monkeypatch.setenv("GIT_COMMITTER_DATE", "2026-05-01T12:00:00Z")
    git(project, "commit", "--quiet", "-m", "one")
    vib = built_in(tmp_path / "dist", project)
    stated = attest(vib, signer=lab.signer(), source=project).statement
    commit = git(project, "rev-parse", "HEAD")
    definition = json.loads(stated)["predicate"]["buildDefinition"]
    assert {"name": "source", "digest": {"gitCommit": commit}} in definition["resolvedDependencies"]
    (project / "new").touch()
    with pytest.raises(ModelError, match="the first is new"):
        attest(vib, signer=lab.signer(), source=project)
    git(project, "add", ".")
    monkeypatch.setenv("GIT_COMMITTER_DATE", "2026-05-02T12:00:00Z")
    git(project, "commit", "--quiet", "-m", "two")
    with pytest.raises(ModelError, match="dated by another commit"):
        attest(vib, signer=lab.signer(), source=project)


def built_in(folder: Path, project: Path) -> Path:
    settings = {"name": "acme", "acceptance-level": "partner"}
    return build(project, folder, settings=settings).vib_path


@given(data=some.binary(max_size=60), kind=some.text(max_size=20))
def test_any_payload_is_read_back_and_no_other_verifies(
    data: bytes, kind: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("dsse") / "a.json"
    kind = kind.encode("utf-8", "replace").decode()
    signed(path, data, made.made("own", ca=True), kind)
    found = read_envelope(path)
    assert (found.payload, found.payload_type) == (data, kind)
    assert found.signed_text == pae(kind, data) != pae(kind, data + b"x")
