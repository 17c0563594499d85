from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa

from tests.signing.made import FIRST, LAST, key, made, name
from vibforge.formats.certificate import Arithmetic, Certificate, check_signature, parse_certificate

TEXT = b"what was signed"


def read(certificate: x509.Certificate) -> Certificate:
    return parse_certificate(certificate.public_bytes(serialization.Encoding.DER))


def test_kind_and_size_of_a_key_are_named() -> None:
    assert read(made("a", own=key(1, "2048")).certificate).key == "RSA 2048"
    assert read(made("a", own=key()).certificate).key == "EC secp256r1"


def test_a_signature_holds_for_its_text_key_and_digest_alone() -> None:
    own = key(1, "2048")
    assert isinstance(own, rsa.RSAPrivateKey)
    signature = own.sign(TEXT, padding.PKCS1v15(), hashes.SHA384())
    certificate = read(made("a", own=own).certificate)
    other = read(made("a", own=key(2, "2048")).certificate)

    def outcome(of: Certificate, digest: str, text: bytes) -> Arithmetic:
        return check_signature(of, "rsaEncryption", digest, signature, text)[0]

    assert outcome(certificate, "sha384", TEXT) is Arithmetic.HELD
    assert outcome(certificate, "sha256", TEXT) is Arithmetic.FAILED
    assert outcome(certificate, "sha384", TEXT + b".") is Arithmetic.FAILED
    assert outcome(other, "sha384", TEXT) is Arithmetic.FAILED


def test_a_signature_by_an_elliptic_curve_is_checked() -> None:
    own = key()
    assert isinstance(own, ec.EllipticCurvePrivateKey)
    certificate = read(made("a", own=own).certificate)
    signature = own.sign(TEXT, ec.ECDSA(hashes.SHA256()))
    found = check_signature(certificate, "ecdsa-with-SHA256", "sha256", signature, TEXT)
    assert found == (Arithmetic.HELD, "")
    outcome, reason = check_signature(certificate, "", "sha256", signature, b"another text")
    assert outcome is Arithmetic.FAILED
    assert reason == "the certificate's key did not make this signature"


def test_what_is_not_known_is_not_tried() -> None:
    certificate = read(made("a", own=key()).certificate)
    assert check_signature(certificate, "", "sm3", b"", TEXT) == (
        Arithmetic.NOT_TRIED,
        "digest algorithm sm3 is not known",
    )
    outcome, reason = check_signature(certificate, "rsassaPss", "sha256", b"", TEXT)
    assert outcome is Arithmetic.NOT_TRIED
    assert "RSA-PSS is not checked, because ESXi 6.7 refuses it" in reason


def test_a_key_of_another_kind_is_named_and_not_tried() -> None:
    own = ed25519.Ed25519PrivateKey.generate()
    builder = x509.CertificateBuilder(name("root"), name("ed"), own.public_key(), 7, FIRST, LAST)
    certificate = read(builder.sign(key(), hashes.SHA256()))
    assert certificate.key == "Ed25519"
    assert not certificate.self_issued
    outcome, reason = check_signature(certificate, "", "sha256", own.sign(TEXT), TEXT)
    assert outcome is Arithmetic.NOT_TRIED
    assert "keys of type Ed25519 are not checked" in reason
