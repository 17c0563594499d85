"""The ASN.1 of PKCS#7 SignedData, read by the strict DER parser of `cryptography`."""

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, TypeVar

from cryptography import x509
from cryptography.hazmat import asn1
from msgspec import Struct

from vibforge.errors import FormatError

_NAMES = {
    "1.2.840.113549.2.5": "md5",
    "1.3.14.3.2.26": "sha1",
    "2.16.840.1.101.3.4.2.4": "sha224",
    "2.16.840.1.101.3.4.2.1": "sha256",
    "2.16.840.1.101.3.4.2.2": "sha384",
    "2.16.840.1.101.3.4.2.3": "sha512",
    "1.2.840.113549.1.1.1": "rsaEncryption",
    "1.2.840.113549.1.1.4": "md5WithRSAEncryption",
    "1.2.840.113549.1.1.5": "sha1WithRSAEncryption",
    "1.2.840.113549.1.1.10": "rsassaPss",
    "1.2.840.113549.1.1.11": "sha256WithRSAEncryption",
    "1.2.840.113549.1.1.12": "sha384WithRSAEncryption",
    "1.2.840.113549.1.1.13": "sha512WithRSAEncryption",
    "1.2.840.113549.1.1.14": "sha224WithRSAEncryption",
    "1.2.840.10045.2.1": "ecPublicKey",
    "1.2.840.10045.4.1": "ecdsa-with-SHA1",
    "1.2.840.10045.4.3.1": "ecdsa-with-SHA224",
    "1.2.840.10045.4.3.2": "ecdsa-with-SHA256",
    "1.2.840.10045.4.3.3": "ecdsa-with-SHA384",
    "1.2.840.10045.4.3.4": "ecdsa-with-SHA512",
    "1.2.840.113549.1.9.3": "contentType",
    "1.2.840.113549.1.9.4": "messageDigest",
    "1.2.840.113549.1.9.5": "signingTime",
    "1.2.840.113549.1.9.15": "smimeCapabilities",
}
SIGNATURE_DIGESTS = {
    "md5WithRSAEncryption": "md5",
    "sha1WithRSAEncryption": "sha1",
    "sha224WithRSAEncryption": "sha224",
    "sha256WithRSAEncryption": "sha256",
    "sha384WithRSAEncryption": "sha384",
    "sha512WithRSAEncryption": "sha512",
    "ecdsa-with-SHA1": "sha1",
    "ecdsa-with-SHA224": "sha224",
    "ecdsa-with-SHA256": "sha256",
    "ecdsa-with-SHA384": "sha384",
    "ecdsa-with-SHA512": "sha512",
}
"""The digest that a signature algorithm names; `rsaEncryption` and `ecPublicKey` name none."""

_NAME_KEYS = {
    "2.5.4.3": "CN",
    "2.5.4.6": "C",
    "2.5.4.7": "L",
    "2.5.4.8": "ST",
    "2.5.4.10": "O",
    "2.5.4.11": "OU",
}
_NAME_ESCAPED = re.compile(r'([,+"\\<>;=])')
_SIGNED_DATA = x509.ObjectIdentifier("1.2.840.113549.1.7.2")
_Parsed = TypeVar("_Parsed")
_KEY_ID_TAG = b"\x80"
_ALGORITHM_PARTS = 2
_NULL = b"\x05\x00"


@asn1.sequence
class _ContentInfo:
    type: x509.ObjectIdentifier
    content: Annotated[asn1.TLV, asn1.Explicit(0)]


@asn1.sequence
class EncapsulatedContent:
    """What is signed: nothing here where the signature is detached."""

    type: x509.ObjectIdentifier
    content: Annotated[bytes | None, asn1.Explicit(0)]


@asn1.sequence
class Attribute:
    """A signed attribute."""

    type: x509.ObjectIdentifier
    values: asn1.SetOf[asn1.TLV]


@asn1.sequence
class _IssuerAndSerialNumber:
    issuer: asn1.TLV
    serial_number: int


@asn1.sequence
class _NameAttribute:
    type: x509.ObjectIdentifier
    value: asn1.TLV


@asn1.sequence
class _IssuerNames:
    """The same bytes as above, with the name taken apart."""

    issuer: list[asn1.SetOf[_NameAttribute]]
    serial_number: int


@asn1.sequence
class SignerInfo:
    """One signature. Sets are read as sequences: what was signed keeps the order it was met in."""

    version: int
    signer: asn1.TLV
    digest_algorithm: list[asn1.TLV]
    signed_attributes: Annotated[list[Attribute] | None, asn1.Implicit(0)]
    signature_algorithm: list[asn1.TLV]
    signature: bytes
    unsigned_attributes: Annotated[list[asn1.TLV] | None, asn1.Implicit(1)]


@asn1.sequence
class SignedData:
    """The signatures over one content, with certificates and revocation lists."""

    version: int
    digest_algorithms: asn1.SetOf[list[asn1.TLV]]
    content: EncapsulatedContent
    certificates: Annotated[list[asn1.TLV] | None, asn1.Implicit(0)]
    crls: Annotated[list[asn1.TLV] | None, asn1.Implicit(1)]
    signers: asn1.SetOf[SignerInfo]


@asn1.sequence
class _Attributes:
    items: list[Attribute]


class SignerId(Struct, frozen=True, kw_only=True):
    """How a signature names its certificate: issuer and serial number, or a key identifier."""

    name: str = ""
    der: bytes = b""
    serial_number: int | None = None
    subject_key_id: str = ""


def signed_data(der: bytes) -> SignedData:
    """Read a ContentInfo that holds SignedData.

    Raises:
        FormatError: it is not DER of that form.
    """
    try:
        info = asn1.decode_der(_ContentInfo, der)
        if info.type != _SIGNED_DATA:
            raise FormatError(f"PKCS#7 of type {info.type.dotted_string}, not SignedData")
        return info.content.parse(SignedData)  # type: ignore[no-any-return] # the stub gives no type
    except ValueError as error:
        raise FormatError(f"not SignedData in DER: {error}") from error


def whole(item: asn1.TLV) -> bytes:
    """Return an item as it stands in the file, with tag and length."""
    return asn1.encode_der(item)


def name_of(identifier: x509.ObjectIdentifier) -> str:
    """Return the usual name of an object identifier, or its dotted form."""
    return _NAMES.get(identifier.dotted_string, identifier.dotted_string)


def algorithm(parts: Sequence[asn1.TLV]) -> str:
    """Return the name of an AlgorithmIdentifier."""
    if not 1 <= len(parts) <= _ALGORITHM_PARTS:
        raise FormatError(f"an algorithm has {len(parts)} parts, not a name and its parameters")
    return name_of(_parsed(parts[0], x509.ObjectIdentifier))


def has_parameters(parts: Sequence[asn1.TLV]) -> bool:
    """Whether an AlgorithmIdentifier has parameters other than NULL."""
    return any(whole(parameters) != _NULL for parameters in parts[1:])


def set_of(attributes: Sequence[Attribute]) -> bytes:
    """Return attributes as the SET OF that a signature covers, in the order met."""
    carrier = asn1.decode_der(asn1.TLV, asn1.encode_der(_Attributes(items=list(attributes))))
    return b"\x31" + bytes(carrier.data)[1:]


def signer_id(item: asn1.TLV) -> SignerId:
    """Read how a signer is named."""
    if item.tag_bytes == _KEY_ID_TAG:
        return SignerId(subject_key_id=bytes(item.data).hex())
    found = _parsed(item, _IssuerAndSerialNumber)
    name = _name_text(_parsed(item, _IssuerNames).issuer)
    return SignerId(name=name, der=whole(found.issuer), serial_number=found.serial_number)


def time_value(attribute: Attribute | None) -> datetime | None:
    """Return the time of a signingTime attribute, in UTC; None where it is absent or odd."""
    time = _single_value(attribute, asn1.UTCTime) or _single_value(attribute, asn1.GeneralizedTime)
    return time.as_datetime() if time else None


def octets_value(attribute: Attribute | None) -> bytes | None:
    """Return the bytes of a messageDigest attribute; None where it is absent or odd."""
    return _single_value(attribute, bytes)


def identifier_value(attribute: Attribute | None) -> str:
    """Return the dotted identifier of a contentType attribute; empty where it is absent or odd."""
    identifier = _single_value(attribute, x509.ObjectIdentifier)
    return identifier.dotted_string if identifier else ""


def _single_value(attribute: Attribute | None, kind: type[_Parsed]) -> _Parsed | None:
    """Return the value of an attribute that has exactly one, of a kind."""
    values = attribute.values.as_list() if attribute else []
    if len(values) != 1:
        return None
    try:
        return values[0].parse(kind)  # type: ignore[no-any-return] # the stub gives no type
    except ValueError:
        return None


def _name_text(names: Sequence[asn1.SetOf[_NameAttribute]]) -> str:
    """Return a distinguished name in RFC 4514 form: the last attribute first."""
    parts = ["+".join(_attribute_text(each) for each in name.as_list()) for name in names]
    return ",".join(reversed(parts))


def _attribute_text(attribute: _NameAttribute) -> str:
    dotted = attribute.type.dotted_string
    text = bytes(attribute.value.data).decode("utf-8", "replace")
    escaped = _NAME_ESCAPED.sub(r"\\\1", text)
    return f"{_NAME_KEYS.get(dotted, dotted)}={escaped}"


def _parsed(item: asn1.TLV, kind: type[_Parsed]) -> _Parsed:
    """Read an item as `kind`."""
    try:
        return item.parse(kind)  # type: ignore[no-any-return] # the stub gives no type
    except ValueError as error:
        raise FormatError(f"not {kind.__name__} in DER: {error}") from error
