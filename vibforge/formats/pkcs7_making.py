"""Make a detached PKCS#7 signature in the vendor's form (format.md#signature).

SignedData version 1, SHA-256, one signerInfo by issuer and serial number, exactly the signed
attributes contentType, signingTime and messageDigest, the signer's certificate and chain inside.
The PKCS#7 builder of `cryptography` adds smimeCapabilities and the current time, so this module
builds the structure itself, with that library's DER encoder.
"""

import base64
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated

from cryptography import x509
from cryptography.hazmat import asn1
from cryptography.hazmat.primitives import serialization

from vibforge.formats.pkcs7 import PEM_LABEL, Attribute, EncapsulatedContent, set_of

_DATA = x509.ObjectIdentifier("1.2.840.113549.1.7.1")
_SIGNED_DATA = x509.ObjectIdentifier("1.2.840.113549.1.7.2")
_CONTENT_TYPE = x509.ObjectIdentifier("1.2.840.113549.1.9.3")
_MESSAGE_DIGEST = x509.ObjectIdentifier("1.2.840.113549.1.9.4")
_SIGNING_TIME = x509.ObjectIdentifier("1.2.840.113549.1.9.5")
_SHA256 = x509.ObjectIdentifier("2.16.840.1.101.3.4.2.1")
_RSA_ENCRYPTION = x509.ObjectIdentifier("1.2.840.113549.1.1.1")
_ECDSA_SHA256 = x509.ObjectIdentifier("1.2.840.10045.4.3.2")

_FIRST_GENERALIZED_YEAR = 2050
"""From this year on UTCTime's two digits mean another century (RFC 5652, 11.3)."""
_PEM_WIDTH = 64


@asn1.sequence
class _Algorithm:
    name: x509.ObjectIdentifier
    parameters: asn1.Null | None


@asn1.sequence
class _IssuerAndSerialNumber:
    issuer: asn1.TLV
    serial_number: int


@asn1.sequence
class _SignerInfo:
    version: int
    signer: _IssuerAndSerialNumber
    digest_algorithm: _Algorithm
    signed_attributes: Annotated[list[Attribute], asn1.Implicit(0)]
    signature_algorithm: _Algorithm
    signature: bytes


@asn1.sequence
class _SignedData:
    version: int
    digest_algorithms: asn1.SetOf[_Algorithm]
    content: EncapsulatedContent
    certificates: Annotated[list[asn1.TLV], asn1.Implicit(0)]
    signers: asn1.SetOf[_SignerInfo]


@asn1.sequence
class _ContentInfo:
    type: x509.ObjectIdentifier
    content: Annotated[_SignedData, asn1.Explicit(0)]


def signed_attributes(digest: bytes, signing_time: datetime) -> bytes:
    """Return the DER of the signed attributes for a text with this SHA-256; the key signs it.

    `signing_time` is in UTC; fractions of a second are dropped.
    """
    return set_of(_attributes(digest, signing_time))


def signed_data(
    digest: bytes,
    signing_time: datetime,
    signature: bytes,
    certificates: Sequence[x509.Certificate],
    *,
    elliptic: bool,
) -> bytes:
    """Return the DER of a ContentInfo with a signature by the key of the first certificate.

    `signature` signs the `signed_attributes` of the same digest and time. It is ECDSA in DER if
    `elliptic`, else PKCS#1 v1.5, which is named `rsaEncryption` as in the vendor's signatures.
    """
    signer = certificates[0]
    sha256 = _Algorithm(name=_SHA256, parameters=asn1.Null())
    info = _SignerInfo(
        version=1,
        signer=_IssuerAndSerialNumber(
            issuer=_item(signer.issuer.public_bytes()), serial_number=signer.serial_number
        ),
        digest_algorithm=sha256,
        signed_attributes=_attributes(digest, signing_time),
        signature_algorithm=_Algorithm(name=_ECDSA_SHA256, parameters=None)
        if elliptic
        else _Algorithm(name=_RSA_ENCRYPTION, parameters=asn1.Null()),
        signature=signature,
    )
    signed = _SignedData(
        version=1,
        digest_algorithms=asn1.SetOf([sha256]),
        content=EncapsulatedContent(type=_DATA, content=None),
        certificates=[_item(der) for der in _in_set_order(certificates)],
        signers=asn1.SetOf([info]),
    )
    return asn1.encode_der(_ContentInfo(type=_SIGNED_DATA, content=signed))


def pem_block(der: bytes) -> bytes:
    """Return the PEM block of a signature, with the label that ESXi requires."""
    letters = base64.b64encode(der).decode("ascii")
    lines = [letters[at : at + _PEM_WIDTH] for at in range(0, len(letters), _PEM_WIDTH)]
    text = "\n".join((f"-----BEGIN {PEM_LABEL}-----", *lines, f"-----END {PEM_LABEL}-----", ""))
    return text.encode("ascii")


def append_block(signatures: bytes, block: bytes) -> bytes:
    """Return `signatures` followed by `block`, each on its own lines."""
    separator = b"" if not signatures or signatures.endswith(b"\n") else b"\n"
    return signatures + separator + block


def _attributes(digest: bytes, signing_time: datetime) -> list[Attribute]:
    whole = signing_time.astimezone(UTC).replace(microsecond=0)
    late = whole.year >= _FIRST_GENERALIZED_YEAR
    time = asn1.GeneralizedTime(whole) if late else asn1.UTCTime(whole)
    attributes = [
        _attribute(_CONTENT_TYPE, asn1.encode_der(_DATA)),
        _attribute(_SIGNING_TIME, asn1.encode_der(time)),
        _attribute(_MESSAGE_DIGEST, asn1.encode_der(digest)),
    ]
    return sorted(attributes, key=asn1.encode_der)


def _attribute(kind: x509.ObjectIdentifier, der: bytes) -> Attribute:
    return Attribute(type=kind, values=asn1.SetOf([_item(der)]))


def _item(der: bytes) -> asn1.TLV:
    return asn1.decode_der(asn1.TLV, der)


def _in_set_order(certificates: Sequence[x509.Certificate]) -> list[bytes]:
    """Return certificates in the order of a DER set; readers find the signer by its name."""
    return sorted(
        certificate.public_bytes(serialization.Encoding.DER) for certificate in certificates
    )
