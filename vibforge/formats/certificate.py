"""Read X.509 certificates, and check signatures with their keys."""

import hashlib
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from enum import Enum
from functools import lru_cache
from threading import RLock

from cryptography import x509
from cryptography.exceptions import InternalError, InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from msgspec import Struct

from vibforge.errors import FormatError

RSA_BITS = 2048
"""NIST SP 800-131A disallows shorter keys since 2014."""
EC_BITS = 256
"""Code-signing CAs accept no shorter keys."""


DIGESTS: dict[str, Callable[[], hashes.HashAlgorithm]] = {
    "md5": hashes.MD5,
    "sha1": hashes.SHA1,
    "sha224": hashes.SHA224,
    "sha256": hashes.SHA256,
    "sha384": hashes.SHA384,
    "sha512": hashes.SHA512,
}
"""Supported digests, by hashlib's names; ESXi 6.7 accepts them all (tried on 6.7)."""

ODDITIES = (
    ValueError,
    TypeError,
    LookupError,
    UnsupportedAlgorithm,
    InternalError,
    x509.DuplicateExtension,
    x509.ExtensionNotFound,
    x509.InvalidVersion,
    x509.UnsupportedGeneralNameType,
)
"""Errors of `cryptography` about certificates and revocation lists that it cannot read.

They share no base class; an unknown TLS feature is a KeyError.
"""

_WARNINGS_LOCK = RLock()
"""Warning filters belong to the process, and several threads verify files."""

_KEPT = 64
"""Certificates in the cache, at most 1 MiB each: packages of one signer carry the same ones."""


class Arithmetic(Enum):
    """The result of checking a signature with a key."""

    HELD = "held"
    FAILED = "failed"
    NOT_TRIED = "not tried"


class Certificate(Struct, frozen=True, kw_only=True):
    """The fields of a certificate.

    Names are in RFC 4514 form, times in UTC. `sha256` is the fingerprint of `der` in hex;
    `subject_key_id` is in hex, too, and empty if absent. `key` is kind and size: `RSA 4096`,
    `EC secp256r1`.
    """

    der: bytes
    subject: str
    issuer: str
    issuer_der: bytes
    serial_number: int
    subject_key_id: str
    not_before: datetime
    not_after: datetime
    sha256: str
    key: str
    self_issued: bool

    def load(self) -> x509.Certificate:
        """Return the certificate as an object of the `cryptography` library."""
        return _loaded(self.der)


@lru_cache(_KEPT)
def parse_certificate(der: bytes) -> Certificate:
    """Return the certificate in DER bytes; warnings of the library are ignored.

    Raises:
        FormatError: the bytes are not a certificate in DER.
    """
    try:
        with oddities_passed():
            return _facts(_loaded(der), der)
    except ODDITIES as error:
        raise FormatError(f"a certificate cannot be read: {error}") from error


def check_signature(
    certificate: Certificate, algorithm: str, digest: str, signature: bytes, text: bytes
) -> tuple[Arithmetic, str]:
    """Return whether the certificate's key signed `text`, and the reason if it does not hold.

    Args:
        certificate: the certificate of the alleged signer.
        algorithm: name of the signature algorithm; only RSA-PSS is distinguished from RSA.
        digest: name of the digest, a key of `DIGESTS`.
        signature: the signature.
        text: the bytes that it covers.
    """
    if digest not in DIGESTS:
        return Arithmetic.NOT_TRIED, f"digest algorithm {digest} is not known"
    if algorithm == "rsassaPss":
        return Arithmetic.NOT_TRIED, "RSA-PSS is not checked, because ESXi 6.7 refuses it"
    try:
        key = certificate.load().public_key()
        if isinstance(key, rsa.RSAPublicKey):
            key.verify(signature, text, padding.PKCS1v15(), DIGESTS[digest]())
        elif isinstance(key, ec.EllipticCurvePublicKey):
            key.verify(signature, text, ec.ECDSA(DIGESTS[digest]()))
        else:
            return Arithmetic.NOT_TRIED, f"keys of type {certificate.key} are not checked"
    except InvalidSignature:
        return Arithmetic.FAILED, "the certificate's key did not make this signature"
    except ODDITIES as error:
        return Arithmetic.NOT_TRIED, f"the key cannot be used: {error}"
    return Arithmetic.HELD, ""


@lru_cache(_KEPT)
def _loaded(der: bytes) -> x509.Certificate:
    with oddities_passed():
        return x509.load_der_x509_certificate(der)


@contextmanager
def oddities_passed() -> Iterator[None]:
    """Ignore the warnings of `cryptography` about odd certificates and revocation lists."""
    with _WARNINGS_LOCK, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _facts(loaded: x509.Certificate, der: bytes) -> Certificate:
    return Certificate(
        der=der,
        subject=loaded.subject.rfc4514_string(),
        issuer=loaded.issuer.rfc4514_string(),
        issuer_der=loaded.issuer.public_bytes(),
        serial_number=loaded.serial_number,
        subject_key_id=_subject_key_id(loaded),
        not_before=loaded.not_valid_before_utc,
        not_after=loaded.not_valid_after_utc,
        sha256=hashlib.sha256(der).hexdigest(),
        key=_key_name(loaded),
        self_issued=loaded.issuer == loaded.subject,
    )


def _subject_key_id(certificate: x509.Certificate) -> str:
    try:
        extension = certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier)
    except ODDITIES:
        return ""
    return extension.value.digest.hex()


def _key_name(certificate: x509.Certificate) -> str:
    try:
        key = certificate.public_key()
    except ODDITIES:
        return "unknown"
    if isinstance(key, rsa.RSAPublicKey):
        return f"RSA {key.key_size}"
    if isinstance(key, ec.EllipticCurvePublicKey):
        return f"EC {key.curve.name}"
    return type(key).__name__.removesuffix("PublicKey")
