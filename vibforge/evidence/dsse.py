"""DSSE envelopes: a signature over a payload and its type (decision 21).

Source: https://github.com/secure-systems-lab/dsse, protocol 1.0 and envelope 1.0. A signature
carries its certificates in the fields that in-toto's witness uses, each the base64 of PEM; readers
ignore fields that they do not know.
"""

import binascii
import hashlib
from base64 import b64decode, b64encode
from collections.abc import Iterable
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from msgspec import DecodeError, Struct, ValidationError, json, to_builtins

from vibforge.errors import FormatError, SigningError
from vibforge.files.inputs import read_file
from vibforge.formats.certificate import Arithmetic, Certificate, check_signature, parse_certificate
from vibforge.signing.signer import Signer, parse_certificates, public_key_der

SIZE_LIMIT = 16 * 1024 * 1024
"""Bytes of an envelope; one of a build has 5 KB, and a recipe at most 4 MiB."""
SIGNATURE_COUNT_LIMIT = 8
"""Signatures of an envelope; each is tried with every certificate that may be its signer's."""
CERTIFICATE_COUNT_LIMIT = 32
"""Certificates beside a signature, as many as beside a key."""
DIGEST = "sha256"
"""The digest of every signature, as cosign and in-toto use it."""
_URL_SAFE = str.maketrans("-_", "+/")


class EnvelopeSignature(Struct, frozen=True, kw_only=True):
    """A signature; `key_id` and `certificates`, the signer's first, are claims of the envelope."""

    key_id: str
    signature: bytes
    certificates: tuple[Certificate, ...] = ()


class Envelope(Struct, frozen=True, kw_only=True):
    """A payload of a type, and its signatures."""

    payload_type: str
    payload: bytes
    signatures: tuple[EnvelopeSignature, ...]

    @property
    def signed_text(self) -> bytes:
        """The bytes that the signatures cover."""
        return pae(self.payload_type, self.payload)


class _Signature(Struct, omit_defaults=True):
    sig: str
    keyid: str = ""
    certificate: str = ""
    intermediates: tuple[str, ...] = ()


class _Envelope(Struct, rename="camel"):
    payload_type: str
    payload: str
    signatures: tuple[_Signature, ...]


class _SigstoreBundle(Struct, rename="camel"):
    dsse_envelope: _Envelope | None = None


def pae(payload_type: str, payload: bytes) -> bytes:
    """Return the pre-authentication encoding: the bytes that a key signs."""
    kind = payload_type.encode("utf-8")
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)


def key_id(certificate: x509.Certificate) -> str:
    """Return the name of a key: the SHA-256 of its SubjectPublicKeyInfo in hex."""
    return hashlib.sha256(public_key_der(certificate)).hexdigest()


def sign(payload_type: str, payload: bytes, signer: Signer) -> bytes:
    """Return an envelope as one line of JSON, with one signature.

    Raises:
        SigningError: the key cannot sign, or the signature does not verify with the certificate.
    """
    text = pae(payload_type, payload)
    signature = signer.sign(text)
    own, *others = signer.certificates
    checked = parse_certificate(own.public_bytes(Encoding.DER))
    arithmetic, reason = check_signature(checked, "", DIGEST, signature, text)
    if arithmetic is not Arithmetic.HELD:
        raise SigningError(
            f"the new signature does not verify: {reason}",
            remedy="use the certificate of this key; if a signing service signed, give the same "
            "build, --cert and --builder in both steps",
        )
    made = _Signature(
        keyid=key_id(own),
        sig=_text(signature),
        certificate=_text(own.public_bytes(Encoding.PEM)),
        intermediates=tuple(_text(other.public_bytes(Encoding.PEM)) for other in others),
    )
    envelope = _Envelope(payload_type=payload_type, payload=_text(payload), signatures=(made,))
    data = json.encode(to_builtins(envelope)) + b"\n"
    if len(data) > SIZE_LIMIT:
        raise SigningError(f"the envelope has more than {SIZE_LIMIT} bytes, the limit of readers")
    return data


def _text(data: bytes) -> str:
    return b64encode(data).decode("ascii")


def read_envelope(path: Path) -> Envelope:
    """Read an envelope.

    Raises:
        FormatError: it cannot be read, is too long, is not an envelope, or has too many signatures.
    """
    data = read_file(path, SIZE_LIMIT, FormatError)
    try:
        if json.decode(data, type=_SigstoreBundle).dsse_envelope:
            raise FormatError(
                "a Sigstore bundle, not a DSSE envelope",
                where=str(path),
                remedy="verify it with `cosign verify-blob-attestation` or `gh attestation verify`",
            )
        return _envelope(json.decode(data, type=_Envelope))
    except (DecodeError, ValidationError, RecursionError, binascii.Error, SigningError) as error:
        raise FormatError(f"not a DSSE envelope: {error}", where=str(path)) from error


def _envelope(found: _Envelope) -> Envelope:
    if not 1 <= len(found.signatures) <= SIGNATURE_COUNT_LIMIT:
        raise ValidationError(
            f"it has {len(found.signatures)} signatures, not 1 to {SIGNATURE_COUNT_LIMIT}"
        )
    return Envelope(
        payload_type=found.payload_type,
        payload=_bytes(found.payload),
        signatures=tuple(map(_signature, found.signatures)),
    )


def _signature(found: _Signature) -> EnvelopeSignature:
    texts = [text for text in (found.certificate, *found.intermediates) if text]
    if len(texts) > CERTIFICATE_COUNT_LIMIT:
        raise ValidationError(f"more than {CERTIFICATE_COUNT_LIMIT} certificates at a signature")
    return EnvelopeSignature(
        key_id=found.keyid,
        signature=_bytes(found.sig),
        certificates=tuple(_certificates(map(_bytes, texts))),
    )


def _certificates(texts: Iterable[bytes]) -> Iterable[Certificate]:
    for text in texts:
        for certificate in parse_certificates(text, "a certificate in it")[:1]:
            yield parse_certificate(certificate.public_bytes(Encoding.DER))


def _bytes(text: str) -> bytes:
    """Decode base64, of which DSSE allows the standard and the URL-safe alphabet."""
    return b64decode(text.translate(_URL_SAFE), validate=True)
