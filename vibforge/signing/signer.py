"""Make the signature of a VIB with a key and its certificates."""

import base64
import binascii
import hashlib
import string
import warnings
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Protocol

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa, utils
from msgspec import Struct

from vibforge.errors import Problem, SigningError
from vibforge.formats.certificate import EC_BITS, RSA_BITS
from vibforge.formats.pkcs7 import check_block, parse_blocks
from vibforge.formats.pkcs7_making import pem_block, signed_attributes, signed_data
from vibforge.signing.stated_time import SigningTime, TimeSource
from vibforge.vib.identity import DER_SEQUENCE

SIZE_LIMIT = 1024 * 1024
"""Bytes of a file with keys or certificates; a chain has a few thousand."""
COUNT_LIMIT = 32
"""Certificates beside a key, as many as our reader of signatures accepts."""

_PEM_MARK = b"-----BEGIN CERTIFICATE-----"


def parse_certificates(data: bytes, where: str) -> tuple[x509.Certificate, ...]:
    """Return the certificates in PEM or DER text, in order; empty if PEM holds no certificate.

    Raises:
        SigningError: a certificate cannot be read, or there are too many.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            certificates = _loaded(data)
            for certificate in certificates:
                certificate.subject, certificate.issuer  # noqa: B018 - fail here, not at first use
    except (ValueError, TypeError, x509.InvalidVersion) as error:
        raise SigningError(f"a certificate cannot be read: {error}", where=where) from error
    if len(certificates) > COUNT_LIMIT:
        raise SigningError(
            f"{len(certificates)} certificates; the limit is {COUNT_LIMIT}", where=where
        )
    return tuple(certificates)


def _loaded(data: bytes) -> list[x509.Certificate]:
    if data.startswith(b"\x30"):
        return [x509.load_der_x509_certificate(data)]
    return x509.load_pem_x509_certificates(data) if _PEM_MARK in data else []


def belonging_to(
    certificates: Sequence[x509.Certificate], key_der: bytes
) -> x509.Certificate | None:
    """Return the certificate whose public key has this DER; None if there is none."""
    for certificate in certificates:
        if public_key_der(certificate) == key_der:
            return certificate
    return None


def public_key_der(certificate: x509.Certificate) -> bytes:
    """Return the DER of a certificate's public key; empty if the key cannot be read."""
    try:
        return certificate.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
    except (ValueError, UnsupportedAlgorithm):
        return b""


PublicKey = rsa.RSAPublicKey | ec.EllipticCurvePublicKey


class Signer(Protocol):
    """Signs, and names the certificate that verifies the signature."""

    @property
    def certificates(self) -> tuple[x509.Certificate, ...]:
        """The signer's certificate, then its chain."""

    def sign(self, text: bytes) -> bytes:
        """Return the signature over the SHA-256 of `text`: PKCS#1 v1.5, or ECDSA in DER.

        Raises:
            SigningError: the key cannot be used.
        """


def public_key(certificate: x509.Certificate) -> PublicKey:
    """Return the key of a certificate.

    Raises:
        SigningError: the key is neither RSA nor elliptic curve, the only kinds that ESXi reads.
    """
    try:
        key = certificate.public_key()
    except (ValueError, UnsupportedAlgorithm) as error:
        raise SigningError(f"the certificate's key cannot be read: {error}") from error
    if isinstance(key, rsa.RSAPublicKey | ec.EllipticCurvePublicKey):
        return key
    raise SigningError(
        f"a {type(key).__name__.removesuffix('PublicKey')} key cannot sign a VIB",
        remedy="use an RSA key of 2048 bits or more, or a key on P-256 or P-384",
    )


def check_certificate(certificate: x509.Certificate, signing_time: datetime) -> None:
    """Refuse to sign with a weak key, or at a time when the certificate was not valid.

    Raises:
        SigningError: the certificate must not sign; lists every reason.
    """
    problems = [*_weaknesses(public_key(certificate)), *_dates(certificate, signing_time)]
    if problems:
        raise SigningError.from_problems(problems)


def _weaknesses(key: PublicKey) -> Iterator[Problem]:
    least = RSA_BITS if isinstance(key, rsa.RSAPublicKey) else EC_BITS
    if key.key_size < least:
        yield Problem(
            what=f"the key is weak: {key.key_size} bits, less than {least}",
            remedy=f"make a new key of at least {least} bits and have a certificate issued for it",
        )


def _dates(certificate: x509.Certificate, signing_time: datetime) -> Iterator[Problem]:
    first, last = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    if first <= signing_time <= last:
        return
    state = "not yet valid" if signing_time < first else "expired"
    yield Problem(
        what=f"the signer's certificate is {state} at the signing time "
        f"{signing_time:%Y-%m-%dT%H:%M:%SZ}: it is valid from {first:%Y-%m-%d} to {last:%Y-%m-%d}",
        remedy="choose a time within these dates with --signing-time, or renew the certificate; "
        "the default is the later of the VIB's release date and the start of the certificate",
    )


def chain_of(
    signer: x509.Certificate, others: Sequence[x509.Certificate]
) -> tuple[x509.Certificate, ...]:
    """Return the signer and its issuers among `others`, each once, from the signer upwards.

    Certificates outside this chain are left out, because they only make hosts search.
    """
    chain = [signer]
    while len(chain) <= len(others):
        last = chain[-1]
        issuer = next((other for other in others if other.subject == last.issuer), None)
        if last.issuer == last.subject or issuer is None or issuer in chain:
            break
        chain.append(issuer)
    return tuple(chain)


def signing_time(released: datetime, certificate: x509.Certificate | None) -> SigningTime:
    """Return the later of a VIB's release date and its signer's notBefore.

    The current time is not used, so signing again gives the same bytes. A certificate that is
    younger than the VIB signs at its own notBefore.

    Args:
        released: the release date of the VIB.
        certificate: the signer's certificate; None if it is not known yet.
    """
    if certificate is not None and certificate.not_valid_before_utc > released:
        return SigningTime(certificate.not_valid_before_utc, TimeSource.CERTIFICATE)
    return SigningTime(released, TimeSource.RELEASE_DATE)


def make_block(descriptor: bytes, signer: Signer, signing_time: datetime) -> bytes:
    """Return a PEM block that signs the exact bytes of a descriptor.

    Raises:
        SigningError: the certificate must not sign, the key cannot sign, or the new signature does
            not verify with the certificate.
    """
    certificate = signer.certificates[0]
    check_certificate(certificate, signing_time)
    signature = signer.sign(text_to_sign(descriptor, signing_time))
    der = signed_data(
        hashlib.sha256(descriptor).digest(),
        signing_time,
        signature,
        signer.certificates,
        elliptic=isinstance(public_key(certificate), ec.EllipticCurvePublicKey),
    )
    block = pem_block(der)
    _require_valid(block, descriptor)
    return block


def text_to_sign(descriptor: bytes, signing_time: datetime) -> bytes:
    """Return the DER of the signed attributes, which the key signs.

    A signing service may sign its SHA-256 instead. The DER depends only on the descriptor and the
    signing time, so a later call gives the same bytes.
    """
    return signed_attributes(hashlib.sha256(descriptor).digest(), signing_time)


def _require_valid(block: bytes, descriptor: bytes) -> None:
    check = check_block(parse_blocks(block)[0], descriptor)
    if not check.held:
        raise SigningError(
            f"the new signature does not verify: {check.reason}",
            remedy="use the certificate of this key; if a signing service signed, give the same "
            "VIB, --cert and --signing-time in both steps",
        )


SIGNATURE_FILE_LIMIT = 64 * 1024
"""Bytes of a signature file; RSA 4096 in base64 has 700."""

_BASE64 = frozenset((string.ascii_letters + string.digits + "+/=\r\n \t").encode("ascii"))


class GivenSignature(Struct, frozen=True):
    """Returns a signature that a signing service made; `make_block` verifies it afterwards."""

    signature: bytes
    certificates: tuple[x509.Certificate, ...]

    def sign(self, text: bytes) -> bytes:  # noqa: ARG002 - signed already
        return self.signature


def given_signature(data: bytes, certificates: tuple[x509.Certificate, ...]) -> GivenSignature:
    """Read a signing service's signature: raw or base64; ECDSA in DER, or as r followed by s.

    Raises:
        SigningError: the signature does not have the form or length of this certificate's key.
    """
    key = public_key(certificates[0])
    raw = _unwrapped(data)
    if isinstance(key, ec.EllipticCurvePublicKey):
        return GivenSignature(_ecdsa_der(raw, (key.key_size + 7) // 8), certificates)
    expected = (key.key_size + 7) // 8
    if len(raw) != expected:
        raise SigningError(
            f"the signature has {len(raw)} bytes; this RSA key makes signatures of {expected}",
            remedy="give the raw PKCS#1 v1.5 signature, or its base64",
        )
    return GivenSignature(raw, certificates)


def _unwrapped(data: bytes) -> bytes:
    if data and set(data) <= _BASE64:
        try:
            return base64.b64decode(b"".join(data.split()), validate=True)
        except binascii.Error:
            return data
    return data


def _ecdsa_der(raw: bytes, size: int) -> bytes:
    if len(raw) == 2 * size and not _is_ecdsa_der(raw):
        first, second = (int.from_bytes(part) for part in (raw[:size], raw[size:]))
        return utils.encode_dss_signature(first, second)
    if not _is_ecdsa_der(raw):
        raise SigningError(
            f"the {len(raw)} bytes are not an ECDSA signature",
            remedy=f"give the signature in DER, or as r and s of {size} bytes each",
        )
    return raw


def _is_ecdsa_der(raw: bytes) -> bool:
    try:
        utils.decode_dss_signature(raw)
    except ValueError:
        return False
    return raw.startswith(DER_SEQUENCE)
