"""Certificates for signing, and what signs, whoever holds the key."""

import warnings
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Protocol

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from vibforge.errors import Problem, SigningError
from vibforge.formats.certificate import EC_BITS, RSA_BITS

SIZE_LIMIT = 1024 * 1024
"""Bytes of a file with keys or certificates; a chain takes a few thousand."""
COUNT_LIMIT = 32
"""Certificates beside a key: what a reader of signatures takes too."""

_PEM_MARK = b"-----BEGIN CERTIFICATE-----"


def read_certificates(data: bytes, where: str) -> tuple[x509.Certificate, ...]:
    """Read the certificates of a file in their order; none where PEM holds none.

    Raises:
        SigningError: one cannot be read, or they are too many.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = _loaded(data)
            for one in found:
                one.subject, one.issuer  # noqa: B018 - read now, not where nobody expects trouble
    except (ValueError, TypeError, x509.InvalidVersion) as error:
        raise SigningError(f"a certificate cannot be read: {error}", where=where) from error
    if len(found) > COUNT_LIMIT:
        raise SigningError(f"{len(found)} certificates, more than {COUNT_LIMIT}", where=where)
    return tuple(found)


def _loaded(data: bytes) -> list[x509.Certificate]:
    if data.startswith(b"\x30"):
        return [x509.load_der_x509_certificate(data)]
    return x509.load_pem_x509_certificates(data) if _PEM_MARK in data else []


def belonging_to(
    certificates: Sequence[x509.Certificate], key_der: bytes
) -> x509.Certificate | None:
    """Return the certificate that holds the public key with this DER, if one does."""
    for certificate in certificates:
        if public_key_der(certificate) == key_der:
            return certificate
    return None


def public_key_der(certificate: x509.Certificate) -> bytes:
    """Return the public key of a certificate; empty where it cannot be read."""
    try:
        return certificate.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
    except (ValueError, UnsupportedAlgorithm):
        return b""


PublicKey = rsa.RSAPublicKey | ec.EllipticCurvePublicKey


class Signer(Protocol):
    """Makes a signature and names the certificate that answers for it."""

    @property
    def certificates(self) -> tuple[x509.Certificate, ...]:
        """The signer's own first, then its chain."""

    def sign(self, text: bytes) -> bytes:
        """Sign the SHA-256 of `text`: PKCS#1 v1.5, or ECDSA in DER.

        Raises:
            SigningError: the key cannot be used.
        """


def public_key(certificate: x509.Certificate) -> PublicKey:
    """Return the key of a certificate.

    Raises:
        SigningError: it is neither RSA nor of an elliptic curve, which is what ESXi reads.
    """
    try:
        key = certificate.public_key()
    except (ValueError, UnsupportedAlgorithm) as error:
        raise SigningError(f"the certificate's key cannot be read: {error}") from error
    if isinstance(key, rsa.RSAPublicKey | ec.EllipticCurvePublicKey):
        return key
    raise SigningError(
        f"a {type(key).__name__.removesuffix('PublicKey')} key cannot sign a VIB",
        remedy="use an RSA key of 2048 bits or more, or one on P-256 or P-384",
    )


def check_certificate(certificate: x509.Certificate, signing_time: datetime) -> None:
    """Refuse to sign with a weak key, or at a time when the certificate was not valid.

    Raises:
        SigningError: with everything that stands against it.
    """
    problems = [*_weaknesses(public_key(certificate)), *_dates(certificate, signing_time)]
    if problems:
        raise SigningError.of(problems)


def _weaknesses(key: PublicKey) -> Iterator[Problem]:
    least = RSA_BITS if isinstance(key, rsa.RSAPublicKey) else EC_BITS
    if key.key_size < least:
        yield Problem(
            what=f"the key is weak: {key.key_size} bits, less than {least}",
            remedy="have a certificate made for a new key",
        )


def _dates(certificate: x509.Certificate, signing_time: datetime) -> Iterator[Problem]:
    first, last = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    if first <= signing_time <= last:
        return
    state = "not yet valid" if signing_time < first else "expired"
    yield Problem(
        what=f"the signer's certificate is {state} at the signing time "
        f"{signing_time:%Y-%m-%dT%H:%M:%SZ}: it is valid from {first:%Y-%m-%d} to {last:%Y-%m-%d}",
        remedy="the signing time is the later of the VIB's release date and the first day of the "
        "certificate unless --signing-time names another",
    )


def chain_of(
    signer: x509.Certificate, others: Sequence[x509.Certificate]
) -> tuple[x509.Certificate, ...]:
    """Return the signer and those of `others` that lead up from it, each once, in order.

    A certificate that is not an issuer in this line is left out: it would only make hosts search.
    """
    chain = [signer]
    while len(chain) <= len(others):
        last = chain[-1]
        issuer = next((one for one in others if one.subject == last.issuer), None)
        if last.issuer == last.subject or issuer is None or issuer in chain:
            break
        chain.append(issuer)
    return tuple(chain)
