"""What a strict X.509 reader objects to, where a 6.7 host does not: newer hosts may be stricter.

Dates are held against one moment: the signing time that the block states, or a moment that the
caller names. The signing time is the signer's own word; no time stamp vouches for it.
"""

from collections.abc import Iterator
from datetime import datetime

from cryptography.x509.oid import ExtendedKeyUsageOID

from vibforge.formats.pkcs7 import Block
from vibforge.trust.chain import Chain
from vibforge.trust.link import Link
from vibforge.trust.revocation import RevocationList, lists_of

RSA_BITS = 2048
"""Least size of an RSA key: NIST SP 800-131A disallows less since 2014."""
EC_BITS = 256
"""Least size of an elliptic-curve key that code-signing CAs issue for."""
WEAK_DIGESTS = frozenset({"md5", "sha1"})
"""Digests with known collisions."""
PLAIN_DATA = "1.2.840.113549.1.7.1"
"""The content type of PKCS#7 for bytes that mean nothing to it."""
EXACT_ATTRIBUTES = frozenset({"contentType", "signingTime", "messageDigest"})
"""Signed attributes of the vendor's signatures, neither more nor less."""

_CODE_SIGNING = ExtendedKeyUsageOID.CODE_SIGNING.dotted_string
_ANY_USAGE = ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE.dotted_string


def signature_objections(block: Block) -> Iterator[str]:
    """Tell what is weak or unlike the vendor's in the signature itself."""
    if block.content_type != PLAIN_DATA:
        yield f"it signs content of type {block.content_type}, not plain data"
    if block.content is not None:
        yield "the signed text is attached; the vendor's signatures are detached"
    if (block.version, *(one.version for one in block.signers)) != (1, 1):
        yield "its version numbers are not 1, as PKCS#7 has them"
    for signer in block.signers[:1]:
        if signer.digest_name in WEAK_DIGESTS:
            yield f"the digest is {signer.digest_name}"
        if block.digest_algorithms != (signer.digest_algorithm,):
            yield f"it announces the digests {', '.join(block.digest_algorithms) or 'none'}"
        if signer.signing_time is None:
            yield "it states no signing time"
        missing = EXACT_ATTRIBUTES - set(signer.signed_attributes)
        if missing and signer.signed_attributes:
            yield "signed attributes are missing: " + ", ".join(sorted(missing))


def chain_objections(
    chain: Chain, lists: tuple[RevocationList, ...], moment: datetime | None
) -> Iterator[str]:
    """Tell what is wrong with the certificates from signer to root, and with strangers beside."""
    yield from _signer_objections(chain.signer)
    for depth, certificate in enumerate(chain.certificates):
        yield from _certificate_objections(certificate, moment)
        if depth:
            yield from _issuer_objections(certificate, depth)
    for stranger in chain.strangers:
        yield f"it carries a certificate that is not of its chain: {stranger}"
    for certificate, issuer in chain.links():
        if certificate is not issuer and certificate.signature_digest in WEAK_DIGESTS:
            yield f"{certificate.subject} is signed over {certificate.signature_digest}"
        if moment is not None:
            yield from _list_objections(issuer, lists, moment)


def _signer_objections(signer: Link) -> Iterator[str]:
    if signer.key_usage is not None and "digital_signature" not in signer.key_usage:
        yield f"{signer.subject} may not sign: its key usage lacks digitalSignature"
    extended = signer.extended_key_usage
    if extended is not None and not extended & {_CODE_SIGNING, _ANY_USAGE}:
        yield f"{signer.subject} may not sign code: its extended key usage lacks codeSigning"


def _certificate_objections(certificate: Link, moment: datetime | None) -> Iterator[str]:
    if moment is not None and moment < certificate.says.not_before:
        yield f"{certificate.subject} is valid only from {_day(certificate.says.not_before)}"
    if moment is not None and moment > certificate.says.not_after:
        yield f"{certificate.subject} was valid only until {_day(certificate.says.not_after)}"
    weakest = RSA_BITS if certificate.says.key.startswith("RSA") else EC_BITS
    if certificate.key_bits < weakest:
        yield f"{certificate.subject} has a weak key: {certificate.says.key}"
    for oid in certificate.unknown_critical:
        yield f"{certificate.subject} has a critical extension that is not known: {oid}"


def _issuer_objections(issuer: Link, depth: int) -> Iterator[str]:
    if issuer.is_ca is not True:
        yield f"{issuer.subject} is not marked as a certificate authority"
    if issuer.key_usage is not None and "key_cert_sign" not in issuer.key_usage:
        yield f"{issuer.subject} may not issue: its key usage lacks keyCertSign"
    if issuer.path_length is not None and depth - 1 > issuer.path_length:
        yield f"{issuer.subject} allows {issuer.path_length} intermediates below it"


def _list_objections(
    issuer: Link, lists: tuple[RevocationList, ...], moment: datetime
) -> Iterator[str]:
    for one in lists_of(issuer, lists):
        if one.next_update is not None and one.next_update < moment:
            yield f"the revocation list of {issuer.subject} ended on {_day(one.next_update)}"


def _day(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%d")
