"""Make one signature block over a descriptor, or take one made elsewhere."""

import base64
import binascii
import hashlib
import string
from datetime import datetime

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, utils
from msgspec import Struct

from vibforge.errors import SigningError
from vibforge.formats.pkcs7 import check_block, read_blocks
from vibforge.formats.pkcs7_making import pem_block, signed_attributes, signed_data
from vibforge.signing.signer import Signer, check_certificate, public_key
from vibforge.signing.stated_time import SigningTime, TimeSource
from vibforge.vib.identity import DER_SEQUENCE


def signing_time(released: datetime, certificate: x509.Certificate | None) -> SigningTime:
    """Return the later of a VIB's release date and its signer's notBefore.

    No clock goes into it, so that signing again gives the same bytes, and a certificate that is
    younger than the VIB signs at the first moment at which it may.

    Args:
        released: the release date.
        certificate: the signer's; None where it is not known yet.
    """
    if certificate is not None and certificate.not_valid_before_utc > released:
        return SigningTime(certificate.not_valid_before_utc, TimeSource.CERTIFICATE)
    return SigningTime(released, TimeSource.RELEASE_DATE)


def make_block(descriptor: bytes, signer: Signer, signing_time: datetime) -> bytes:
    """Return a PEM block that signs the exact bytes of a descriptor.

    Raises:
        SigningError: the certificate must not sign, the key cannot, or what it made does not
            verify with the certificate.
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
    _insist(block, descriptor)
    return block


def text_to_sign(descriptor: bytes, signing_time: datetime) -> bytes:
    """Return the DER of the signed attributes: what a key signs, its SHA-256 what a service may.

    Nothing but the descriptor and the time goes into it, so that it can be made again.
    """
    return signed_attributes(hashlib.sha256(descriptor).digest(), signing_time)


def _insist(block: bytes, descriptor: bytes) -> None:
    check = check_block(read_blocks(block)[0], descriptor)
    if not check.held:
        raise SigningError(
            f"the new signature does not verify: {check.reason}",
            remedy="the key is not that of the certificate, or what was signed elsewhere was "
            "another descriptor or another signing time: name the same --cert or --signing-time in "
            "both steps",
        )


SIZE_LIMIT = 64 * 1024
"""Bytes of a signature file; RSA 4096 in base64 takes 700."""

_BASE64 = frozenset((string.ascii_letters + string.digits + "+/=\r\n \t").encode("ascii"))


class GivenSignature(Struct, frozen=True):
    """Hands over a signature that came from elsewhere; whether it is right shows afterwards."""

    signature: bytes
    certificates: tuple[x509.Certificate, ...]

    def sign(self, text: bytes) -> bytes:  # noqa: ARG002 - it was signed before
        return self.signature


def given_signature(data: bytes, certificates: tuple[x509.Certificate, ...]) -> GivenSignature:
    """Read a signature as services give it: raw or base64; ECDSA in DER, or r and s in a row.

    Raises:
        SigningError: it has another form than a signature by this certificate's key.
    """
    key = public_key(certificates[0])
    raw = _unwrapped(data)
    if isinstance(key, ec.EllipticCurvePublicKey):
        return GivenSignature(_ecdsa_der(raw, (key.key_size + 7) // 8), certificates)
    expected = (key.key_size + 7) // 8
    if len(raw) != expected:
        raise SigningError(
            f"the signature has {len(raw)} bytes; one by this RSA key has {expected}",
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
            f"{len(raw)} bytes that are no ECDSA signature",
            remedy=f"give it in DER, or as r and s of {size} bytes each",
        )
    return raw


def _is_ecdsa_der(raw: bytes) -> bool:
    try:
        utils.decode_dss_signature(raw)
    except ValueError:
        return False
    return raw.startswith(DER_SEQUENCE)
