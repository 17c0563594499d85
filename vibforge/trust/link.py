"""A certificate of a chain, as rules look at it: what it may do, read once and for all."""

from dataclasses import dataclass, field
from functools import lru_cache
from typing import TypeVar

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from vibforge.errors import FormatError
from vibforge.formats.certificate import (
    ODDITIES,
    Arithmetic,
    Certificate,
    check_signature,
    oddities_passed,
)

SIZE_LIMIT = 64 * 1024
"""Bytes of one certificate; the vendor's take 2 KB, and none of a CA reaches a tenth of this."""

_KEPT = 16
"""Certificates that are looked at once: packages of one signer have the same chain."""

_Kind = TypeVar("_Kind", bound=x509.ExtensionType)
_USAGES = (
    "digital_signature",
    "content_commitment",
    "key_encipherment",
    "data_encipherment",
    "key_agreement",
    "key_cert_sign",
    "crl_sign",
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Link:
    """A certificate of a chain: what it `says`, and what it may do.

    `is_ca` is None where basicConstraints is absent, `key_usage` and `extended_key_usage` where
    theirs is; a usage is named as in `x509.KeyUsage`, an extended one by its dotted identifier.
    `key_bits` is 0 for a key that is neither RSA nor of an elliptic curve.
    """

    says: Certificate
    subject_der: bytes = field(repr=False)
    version: int
    key_bits: int
    is_ca: bool | None
    key_usage: frozenset[str] | None
    extended_key_usage: frozenset[str] | None
    signature_digest: str
    loaded: x509.Certificate = field(repr=False, compare=False)

    @property
    def subject(self) -> str:
        """The name of whom it is about."""
        return self.says.subject

    @property
    def sha256(self) -> str:
        """The fingerprint."""
        return self.says.sha256

    def has_issued(self, other: "Link") -> bool:
        """Whether this one's name and key made `other`."""
        if other.says.issuer_der != self.subject_der:
            return False
        made = other.loaded
        return self.has_signed(other.signature_digest, made.signature, made.tbs_certificate_bytes)

    def has_signed(self, digest: str, signature: bytes, text: bytes) -> bool:
        """Whether this one's key made a signature; old digests are checked too, RSA-PSS is not."""
        return check_signature(self.says, "", digest, signature, text)[0] is Arithmetic.HELD


@lru_cache(_KEPT)
def read_link(certificate: Certificate) -> Link:
    """Read what a certificate may do.

    Raises:
        FormatError: its extensions cannot be read, or it is too large.
    """
    if len(certificate.der) > SIZE_LIMIT:
        raise FormatError(f"a certificate of {len(certificate.der)} bytes, more than {SIZE_LIMIT}")
    try:
        with oddities_passed():
            return _link(certificate, x509.load_der_x509_certificate(certificate.der))
    except ODDITIES as error:
        raise FormatError(f"the certificate {certificate.subject} is broken: {error}") from error


def _link(certificate: Certificate, loaded: x509.Certificate) -> Link:
    extensions = loaded.extensions
    basic = _value(extensions, x509.BasicConstraints)
    extended = _value(extensions, x509.ExtendedKeyUsage)
    usage = _value(extensions, x509.KeyUsage)
    return Link(
        says=certificate,
        subject_der=loaded.subject.public_bytes(),
        version=loaded.version.value + 1,
        key_bits=_key_bits(loaded),
        is_ca=basic.ca if basic else None,
        key_usage=frozenset(name for name in _USAGES if getattr(usage, name)) if usage else None,
        extended_key_usage=frozenset(oid.dotted_string for oid in extended) if extended else None,
        signature_digest=_digest_of(loaded),
        loaded=loaded,
    )


def _value(extensions: x509.Extensions, kind: type[_Kind]) -> _Kind | None:
    try:
        return extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None


def _key_bits(loaded: x509.Certificate) -> int:
    try:
        key = loaded.public_key()
    except UnsupportedAlgorithm:
        return 0
    if isinstance(key, rsa.RSAPublicKey | ec.EllipticCurvePublicKey):
        return key.key_size
    return 0


def _digest_of(loaded: x509.Certificate) -> str:
    try:
        algorithm = loaded.signature_hash_algorithm
    except UnsupportedAlgorithm:
        return loaded.signature_algorithm_oid.dotted_string
    return algorithm.name if algorithm else "none"
