"""Read the PKCS#7 (CMS) signature of a VIB, and check it over the descriptor."""

import base64
import binascii
import hashlib
import re
from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import islice
from typing import Annotated, TypeVar

from cryptography import x509
from cryptography.hazmat import asn1
from msgspec import Struct
from msgspec.structs import replace

from vibforge.errors import FormatError
from vibforge.formats.budget import SIGNATURE_LIMIT
from vibforge.formats.certificate import (
    DIGESTS,
    Arithmetic,
    Certificate,
    check_signature,
    parse_certificate,
)

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
"""The digest that a signature algorithm names; `rsaEncryption` and `ecPublicKey` name no digest."""

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
    """The signed content; None if the signature is detached."""

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
    """An IssuerAndSerialNumber with the name split into its attributes."""

    issuer: list[asn1.SetOf[_NameAttribute]]
    serial_number: int


@asn1.sequence
class SignerInfo:
    """One signature. Sets are read as sequences, which keeps the order of the signed bytes."""

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
    """The name of the signer's certificate: issuer and serial number, or a key identifier."""

    name: str = ""
    der: bytes = b""
    serial_number: int | None = None
    subject_key_id: str = ""


def signed_data(der: bytes) -> SignedData:
    """Return the SignedData in the DER of a ContentInfo.

    Raises:
        FormatError: the bytes are not a SignedData in DER.
    """
    try:
        info = asn1.decode_der(_ContentInfo, der)
        if info.type != _SIGNED_DATA:
            raise FormatError(f"PKCS#7 of type {info.type.dotted_string}, not SignedData")
        return info.content.parse(SignedData)  # type: ignore[no-any-return] # the stub gives no type
    except ValueError as error:
        raise FormatError(f"not SignedData in DER: {error}") from error


def whole(item: asn1.TLV) -> bytes:
    """Return the bytes of an item in the file, with tag and length."""
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
    """Return attributes as the SET OF that a signature covers, in the order of the file."""
    carrier = asn1.decode_der(asn1.TLV, asn1.encode_der(_Attributes(items=list(attributes))))
    return b"\x31" + bytes(carrier.data)[1:]


def signer_id(item: asn1.TLV) -> SignerId:
    """Return the name of the signer's certificate."""
    if item.tag_bytes == _KEY_ID_TAG:
        return SignerId(subject_key_id=bytes(item.data).hex())
    identifier = _parsed(item, _IssuerAndSerialNumber)
    name = _name_text(_parsed(item, _IssuerNames).issuer)
    return SignerId(name=name, der=whole(identifier.issuer), serial_number=identifier.serial_number)


def time_value(attribute: Attribute | None) -> datetime | None:
    """Return the time of a signingTime attribute, in UTC; None if it is absent or malformed."""
    time = _single_value(attribute, asn1.UTCTime) or _single_value(attribute, asn1.GeneralizedTime)
    return time.as_datetime() if time else None


def octets_value(attribute: Attribute | None) -> bytes | None:
    """Return the bytes of a messageDigest attribute; None if it is absent or malformed."""
    return _single_value(attribute, bytes)


def identifier_value(attribute: Attribute | None) -> str:
    """Return the identifier of a contentType attribute; empty if it is absent or malformed."""
    identifier = _single_value(attribute, x509.ObjectIdentifier)
    return identifier.dotted_string if identifier else ""


def _single_value(attribute: Attribute | None, kind: type[_Parsed]) -> _Parsed | None:
    """Return an attribute's value; None unless it has exactly one value, of this kind."""
    values = attribute.values.as_list() if attribute else []
    if len(values) != 1:
        return None
    try:
        return values[0].parse(kind)  # type: ignore[no-any-return] # the stub gives no type
    except ValueError:
        return None


def _name_text(names: Sequence[asn1.SetOf[_NameAttribute]]) -> str:
    """Return a distinguished name in RFC 4514 form: the last attribute first."""
    parts = ["+".join(map(_attribute_text, name.as_list())) for name in names]
    return ",".join(reversed(parts))


def _attribute_text(attribute: _NameAttribute) -> str:
    dotted = attribute.type.dotted_string
    text = bytes(attribute.value.data).decode("utf-8", "replace")
    escaped = _NAME_ESCAPED.sub(r"\\\1", text)
    return f"{_NAME_KEYS.get(dotted, dotted)}={escaped}"


def _parsed(item: asn1.TLV, kind: type[_Parsed]) -> _Parsed:
    """Return an item parsed as `kind`."""
    try:
        return item.parse(kind)  # type: ignore[no-any-return] # the stub gives no type
    except ValueError as error:
        raise FormatError(f"not {kind.__name__} in DER: {error}") from error


BLOCK_LIMIT = 16
"""Signatures in one member; vendors write one or two."""
CERTIFICATE_LIMIT = 32
"""Certificates in one block: a chain has three or four."""
SIGNER_LIMIT = 8
"""Signers in one block; vendors write one, and 6.7 loops forever over two (tried on 6.7)."""

PEM_LABEL = "PKCS7"
"""The label that ESXi accepts; it refuses `CMS` (tried on 6.7), which vibforge can read."""

PEM_BEGIN = re.compile(rb"-----BEGIN ([A-Z0-9 ]{1,32})-----[ \t]*\r?\n")
_PLAIN_LINES = re.compile(rb"(?:[A-Za-z0-9+/]{1,76}\r?\n)*[A-Za-z0-9+/=]{1,76}\r?\n")
"""Lines that every PEM reader accepts; OpenSSL 1.0.2 refuses lines of more than 80 letters."""
_DER_START = b"\x30"
_TRUTH = {
    Arithmetic.HELD: True,
    Arithmetic.FAILED: False,
    Arithmetic.NOT_TRIED: None,
}


class CmsSigner(Struct, frozen=True, kw_only=True):
    """One signerInfo: who signed, how, and what the signature covers.

    The certificate is named by `issuer` and `serial_number`, or by `subject_key_id` (hex), which
    6.7 refuses. `signed_attributes` are names or dotted object identifiers in the order of the
    file, and `signed_text` is their DER, which the signature covers; both are empty if the content
    is signed directly. `content_type` (a dotted identifier, or empty), `signing_time` and
    `message_digest` come from the first attribute of their name; an attribute without exactly one
    value is ignored.
    """

    version: int
    issuer: str
    issuer_der: bytes
    serial_number: int | None
    subject_key_id: str
    digest_algorithm: str
    signature_algorithm: str
    signed_attributes: tuple[str, ...]
    unsigned_attribute_count: int
    content_type: str
    signing_time: datetime | None
    message_digest: bytes | None
    signed_text: bytes
    signature: bytes

    @property
    def digest_name(self) -> str:
        """The signed digest: named by the signature algorithm, or else by the digest algorithm."""
        return SIGNATURE_DIGESTS.get(self.signature_algorithm, self.digest_algorithm)


class Block(Struct, frozen=True, kw_only=True):
    """One signature block; `fault` says why it cannot be read, and is empty if it can.

    `encoding` is `PEM` or `DER`, `label` the label of the PEM block. `is_plain_pem` is False for
    PEM that some readers refuse, with long lines or blanks. `content` is the content of an attached
    signature, None if the signature is detached. `content_type` is a dotted object identifier.
    `has_parameters` is True if an algorithm has parameters other than NULL.
    """

    encoding: str
    label: str
    der: bytes
    fault: str = ""
    is_plain_pem: bool = True
    version: int = 0
    digest_algorithms: tuple[str, ...] = ()
    has_parameters: bool = False
    content_type: str = ""
    content: bytes | None = None
    certificates: tuple[Certificate, ...] = ()
    crl_count: int = 0
    signers: tuple[CmsSigner, ...] = ()

    def certificate_of(self, signer: CmsSigner) -> Certificate | None:
        """Return the signer's certificate; None if the block does not carry it."""
        for certificate in self.certificates:
            if _is_certificate_of(certificate, signer):
                return certificate
        return None


class BlockCheck(Struct, frozen=True, kw_only=True):
    """The result of checking a block's first signer, the only one that ESXi checks.

    `digest_held` says whether the signed digest is the text's, `signature_held` whether the
    certificate's key made the signature. Each is None if it could not be checked; `reason` says
    why.
    """

    digest_held: bool | None
    signature_held: bool | None
    reason: str = ""
    certificate: Certificate | None = None

    @property
    def held(self) -> bool | None:
        """True if both checks hold, False if one fails, None if one could not be made."""
        if self.digest_held is False or self.signature_held is False:
            return False
        return True if self.digest_held and self.signature_held else None


def parse_blocks(data: bytes) -> tuple[Block, ...]:
    """Return the signature blocks of a `sig.pkcs7` member; empty if the member is blank.

    Like ESXi it ignores text around PEM blocks. A block that cannot be read has a `fault`.

    Raises:
        FormatError: the member is too large, holds too many blocks, or is neither PEM nor DER.
    """
    if len(data) > SIGNATURE_LIMIT:
        raise FormatError(f"the signature has {len(data)} bytes; the limit is {SIGNATURE_LIMIT}")
    if not data.strip():
        return ()
    if data.startswith(_DER_START):
        return (_read_block(data, "DER", ""),)
    begins = list(islice(PEM_BEGIN.finditer(data), BLOCK_LIMIT + 1))
    if len(begins) > BLOCK_LIMIT:
        raise FormatError(f"more than {BLOCK_LIMIT} signatures")
    if not begins:
        raise FormatError("the signature is neither PEM nor DER")
    return tuple(_read_pem(data, begin) for begin in begins)


def outside_blocks(data: bytes) -> int:
    """Return the number of bytes of a `sig.pkcs7` member outside PEM blocks, without blanks.

    Hosts skip them (tried on 6.7), and no signature covers them. It is 0 for DER.
    """
    rest, at = 0, 0
    begins = list(islice(PEM_BEGIN.finditer(data), BLOCK_LIMIT + 1))
    for begin in begins:
        line = b"-----END %b-----" % begin[1]
        end = data.find(line, begin.end())
        if begin.start() < at or end < 0:
            continue
        rest += len(data[at : begin.start()].strip())
        at = end + len(line)
    return rest + len(data[at:].strip()) if begins else 0


def check_block(block: Block, content: bytes) -> BlockCheck:
    """Check the digest and the signature of a block over the exact bytes `content`."""
    if block.fault or not block.signers:
        reason = block.fault or "the signature has no signer"
        return BlockCheck(digest_held=None, signature_held=None, reason=reason)
    signer = block.signers[0]
    certificate = block.certificate_of(signer)
    if block.content is not None and block.content != content:
        return BlockCheck(
            digest_held=False,
            signature_held=None,
            reason="the text inside the signature is not the descriptor",
            certificate=certificate,
        )
    signature_held, reason = _signature_held(signer, certificate, content)
    digest_held = _digest_held(signer, content) if signer.signed_text else signature_held
    if signer.digest_algorithm not in DIGESTS:
        reason = f"digest algorithm {signer.digest_algorithm} is not known"
    elif digest_held is False:
        reason = "the descriptor is not the text that was signed"
    return BlockCheck(
        digest_held=digest_held,
        signature_held=signature_held,
        reason=reason,
        certificate=certificate,
    )


def _read_pem(data: bytes, begin: re.Match[bytes]) -> Block:
    label = begin[1].decode("ascii")
    end = data.find(b"-----END %b-----" % begin[1], begin.end())
    if end < 0:
        return Block(encoding="PEM", label=label, der=b"", fault="the PEM block has no end")
    try:
        der = base64.b64decode(b"".join(data[begin.end() : end].split()), validate=True)
    except binascii.Error as error:
        return Block(encoding="PEM", label=label, der=b"", fault=f"not base64: {error}")
    block = _read_block(der, "PEM", label)
    return replace(block, is_plain_pem=_is_plain_pem(data, begin, end))


def _is_plain_pem(data: bytes, begin: re.Match[bytes], end: int) -> bool:
    start = begin.start()
    after_end = end + len(begin[0].strip()) - len(b"BEGIN") + len(b"END")
    return (
        b"\0" not in data[:start]
        and data.count(b"-----BEGIN ", 0, start) == data.count(begin[0].strip(), 0, start)
        and data.rfind(b"-----BEGIN ", 0, start) <= data.rfind(b"-----END ", 0, start)
        and data[max(start - 1, 0) : start] in {b"", b"\n"}
        and _PLAIN_LINES.fullmatch(data, begin.end(), end) is not None
        and data[after_end : after_end + 1] in {b"", b"\r", b"\n"}
    )


def _read_block(der: bytes, encoding: str, label: str) -> Block:
    try:
        signed = signed_data(der)
        certificates = signed.certificates or []
        signers = signed.signers.as_list()
        _check_counts(len(certificates), len(signers))
        return Block(
            encoding=encoding,
            label=label,
            der=der,
            version=signed.version,
            digest_algorithms=tuple(algorithm(item) for item in signed.digest_algorithms.as_list()),
            has_parameters=any(map(has_parameters, _algorithms(signed))),
            content_type=signed.content.type.dotted_string,
            content=signed.content.content,
            certificates=tuple(parse_certificate(whole(item)) for item in certificates),
            crl_count=len(signed.crls or []),
            signers=tuple(_signer(info) for info in signers),
        )
    except FormatError as error:
        return Block(encoding=encoding, label=label, der=der, fault=error.problems[0].what)


def _algorithms(signed: SignedData) -> Iterator[Sequence[asn1.TLV]]:
    yield from signed.digest_algorithms.as_list()
    for info in signed.signers.as_list():
        yield info.digest_algorithm
        yield info.signature_algorithm


def _check_counts(certificates: int, signers: int) -> None:
    if certificates > CERTIFICATE_LIMIT:
        raise FormatError(f"{certificates} certificates; the limit is {CERTIFICATE_LIMIT}")
    if signers > SIGNER_LIMIT:
        raise FormatError(f"{signers} signers; the limit is {SIGNER_LIMIT}")


def _signer(info: SignerInfo) -> CmsSigner:
    attributes = info.signed_attributes or []
    names = [name_of(attribute.type) for attribute in attributes]
    values = dict(zip(reversed(names), reversed(attributes), strict=True))
    issuer = signer_id(info.signer)
    return CmsSigner(
        version=info.version,
        issuer=issuer.name,
        issuer_der=issuer.der,
        serial_number=issuer.serial_number,
        subject_key_id=issuer.subject_key_id,
        digest_algorithm=algorithm(info.digest_algorithm),
        signature_algorithm=algorithm(info.signature_algorithm),
        signed_attributes=tuple(names),
        unsigned_attribute_count=len(info.unsigned_attributes or []),
        content_type=identifier_value(values.get("contentType")),
        signing_time=time_value(values.get("signingTime")),
        message_digest=octets_value(values.get("messageDigest")),
        signed_text=set_of(attributes) if info.signed_attributes is not None else b"",
        signature=info.signature,
    )


def _is_certificate_of(certificate: Certificate, signer: CmsSigner) -> bool:
    if signer.subject_key_id:
        return signer.subject_key_id == certificate.subject_key_id
    same_issuer = certificate.issuer_der == signer.issuer_der
    return same_issuer and certificate.serial_number == signer.serial_number


def _digest_held(signer: CmsSigner, content: bytes) -> bool | None:
    if signer.digest_algorithm not in DIGESTS:
        return None
    digest = hashlib.new(signer.digest_algorithm, content, usedforsecurity=False).digest()
    return digest == signer.message_digest


def _signature_held(
    signer: CmsSigner, certificate: Certificate | None, content: bytes
) -> tuple[bool | None, str]:
    if certificate is None:
        return None, "the signer's certificate is not in the block"
    outcome, reason = check_signature(
        certificate,
        signer.signature_algorithm,
        signer.digest_name,
        signer.signature,
        signer.signed_text or content,
    )
    return _TRUTH[outcome], reason
