"""Signing where the key is: openssl stands for the service."""

import base64
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import utils

from tests.signing.lab import Lab, openssl, vib
from vibforge.errors import SigningError
from vibforge.packages.sign import (
    Existing,
    choose_signer,
    read_signable,
    sign_vib,
    to_sign,
    write_request,
)
from vibforge.signing.key_source import KeySource, read_certificate_files
from vibforge.signing.passphrase import no_passphrase
from vibforge.signing.pki import KeyKind
from vibforge.signing.signer import given_signature


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "demo.vib"
    path.write_bytes(vib())
    return path


def service(lab: Lab, kind: KeyKind, digest: Path) -> bytes:
    """Sign as a service does that gets nothing but a digest."""
    key = lab.issued(kind=kind).key_path
    sha256 = ("-pkeyopt", "digest:sha256")
    done = openssl("pkeyutl", "-sign", "-inkey", key, "-in", digest, *sha256)
    assert done.returncode == 0, done.stderr
    return done.stdout


def finish(lab: Lab, kind: KeyKind, file: Path, signature: bytes) -> None:
    answer = file.with_suffix(".sig")
    answer.write_bytes(signature)
    source = KeySource(key="", certificates=(lab.issued(kind=kind).certificate_path,))
    sign_vib(file, choose_signer(source, answer, no_passphrase, {}), existing=Existing.REPLACE)


def same(raw: bytes) -> bytes:
    return raw


def as_base64(raw: bytes) -> bytes:
    return base64.encodebytes(raw)


@pytest.mark.parametrize("kind", list(KeyKind))
@pytest.mark.parametrize("wrap", [same, as_base64])
def test_a_service_signs_the_digest(
    lab: Lab, file: Path, kind: KeyKind, wrap: Callable[[bytes], bytes]
) -> None:
    request = to_sign(file)
    digest = file.with_suffix(".digest")
    assert write_request(request, digest, None) == (digest,)
    assert len(digest.read_bytes()) == 32
    finish(lab, kind, file, wrap(service(lab, kind, digest)))
    assert b"BEGIN PKCS7" in read_signable(file).vib.signature


def test_a_service_signs_the_attributes_where_it_hashes_itself(lab: Lab, file: Path) -> None:
    attributes = file.with_suffix(".der")
    write_request(to_sign(file), None, attributes)
    key = lab.issued(kind=KeyKind.RSA_2048).key_path
    done = openssl("dgst", "-sha256", "-sign", key, attributes)
    finish(lab, KeyKind.RSA_2048, file, done.stdout)
    listed = openssl("asn1parse", "-inform", "DER", "-in", attributes).stdout
    assert b":contentType" in listed
    assert b"260401120000Z" in listed


def test_it_gives_the_same_vib_as_the_key_itself(lab: Lab, file: Path, tmp_path: Path) -> None:
    digest = tmp_path / "digest"
    write_request(to_sign(file), digest, None)
    local = sign_vib(file, lab.signer(kind=KeyKind.RSA_2048), output=tmp_path / "local.vib").path
    finish(lab, KeyKind.RSA_2048, file, service(lab, KeyKind.RSA_2048, digest))
    assert file.read_bytes() == local.read_bytes()


def test_a_signature_of_r_and_s_in_a_row_is_taken(lab: Lab, file: Path) -> None:
    digest = file.with_suffix(".digest")
    write_request(to_sign(file), digest, None)
    for kind, size in ((KeyKind.P256, 32), (KeyKind.P384, 48)):
        first, second = utils.decode_dss_signature(service(lab, kind, digest))
        finish(lab, kind, file, first.to_bytes(size) + second.to_bytes(size))


def test_a_signature_over_another_vib_or_time_is_refused(lab: Lab, file: Path) -> None:
    digest = file.with_suffix(".digest")
    write_request(to_sign(file), digest, None)
    signature = service(lab, KeyKind.RSA_2048, digest)
    before = file.read_bytes().replace(b"1.0-1", b"1.0-2")
    file.write_bytes(before)
    with pytest.raises(SigningError, match="the new signature does not verify"):
        finish(lab, KeyKind.RSA_2048, file, signature)
    assert file.read_bytes() == before


@pytest.mark.parametrize(
    ("kind", "says"),
    [
        (KeyKind.RSA_2048, "has 7 bytes; this RSA key makes signatures of 256"),
        (KeyKind.P256, "not an ECDSA"),
    ],
)
def test_bytes_of_another_form_are_refused(lab: Lab, kind: KeyKind, says: str) -> None:
    certificates = read_certificate_files([lab.issued(kind=kind).certificate_path])
    with pytest.raises(SigningError, match=says):
        given_signature(b"\x00nonsen", certificates)


def test_what_is_needed_is_told(tmp_path: Path) -> None:
    answer = tmp_path / "signature"
    answer.write_bytes(b"x")
    both = KeySource(key="k", certificates=())
    for source, signature in ((KeySource(key=""), None), (both, answer)):
        with pytest.raises(SigningError, match="give either --key"):
            choose_signer(source, signature, no_passphrase, {})
    with pytest.raises(SigningError, match="--signature-in requires --cert"):
        choose_signer(KeySource(key=""), answer, no_passphrase, {})
