"""Make one signature block over a descriptor, and believe it only when it has been verified."""

import hashlib
from datetime import datetime

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from vibforge.errors import SigningError
from vibforge.formats.pkcs7 import check_block, read_blocks
from vibforge.formats.pkcs7_making import pem_block, signed_attributes, signed_data
from vibforge.signing.signer import Signer, check_certificate, public_key
from vibforge.signing.stated_time import SigningTime, TimeSource


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
