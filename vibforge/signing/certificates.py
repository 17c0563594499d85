"""Certificates for signing, read from PEM or DER."""

import warnings
from collections.abc import Sequence

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization

from vibforge.errors import SigningError

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
