"""A signature that was made elsewhere: by a service that never sees the VIB."""

import base64
import binascii
import string
from dataclasses import dataclass

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, utils

from vibforge.errors import SigningError
from vibforge.model.names import DER_SEQUENCE
from vibforge.signing.signer import public_key

SIZE_LIMIT = 64 * 1024
"""Bytes of a signature file; RSA 4096 in base64 takes 700."""

_BASE64 = frozenset((string.ascii_letters + string.digits + "+/=\r\n \t").encode("ascii"))


@dataclass(frozen=True, slots=True)
class GivenSignature:
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
    return raw[0] == DER_SEQUENCE
