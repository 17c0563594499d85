"""What strict X.509 and PKCS#7 rules object to, where a 6.7 host does not: newer hosts may.

OpenSSL validates the path (`path`); the rules here are those that OpenSSL has no option for. Paths
are validated as of the signing time that the block states, or as of a time that the caller names.
The signing time is the signer's own word; no time stamp vouches for it.
"""

from collections import Counter
from collections.abc import Iterator
from datetime import datetime

from cryptography.x509.oid import ExtendedKeyUsageOID

from vibforge.formats.certificate import EC_BITS, RSA_BITS
from vibforge.formats.pkcs7 import SIGNATURE_DIGESTS, Block, CmsSigner
from vibforge.signing.path import Anchors, Chain, ChainCertificate, validate_path
from vibforge.signing.store import StorePart

WEAK_DIGESTS = frozenset({"md5", "sha1"})
"""Digests with known collisions."""
PLAIN_DATA = "1.2.840.113549.1.7.1"
"""The content type of PKCS#7 for bytes that mean nothing to it."""
VENDOR_ATTRIBUTES = frozenset({"contentType", "signingTime", "messageDigest"})
"""Signed attributes of the vendor's signatures."""
KNOWN_ATTRIBUTES = VENDOR_ATTRIBUTES | {"smimeCapabilities"}
"""Signed attributes that may be there: `openssl smime -sign` adds one to the vendor's."""

_CODE_SIGNING = ExtendedKeyUsageOID.CODE_SIGNING.dotted_string
_ANY_USAGE = ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE.dotted_string
_KEY_OF_ALGORITHM = {
    name: "EC" if name.startswith("ecdsa") else "RSA"
    for name in (*SIGNATURE_DIGESTS, "rsaEncryption")
}
"""The kind of key that each signature algorithm belongs to."""


def signature_objections(block: Block) -> Iterator[str]:
    """Yield what is weak in the signature itself, or unlike the vendor's signatures."""
    if block.content_type != PLAIN_DATA:
        yield f"it signs content of type {block.content_type}, not plain data"
    if block.content is not None:
        yield "the signed text is attached; the vendor's signatures are detached"
    if (block.version, *(one.version for one in block.signers)) != (1, 1):
        yield "its version numbers are not 1, as PKCS#7 has them"
    if block.crl_count:
        yield "it carries revocation lists; those belong into the trust store"
    if not block.is_plain_pem:
        yield "its PEM has long lines, or blanks or text on its lines: some readers refuse that"
    for signer in block.signers[:1]:
        yield from _algorithm_objections(block, signer)
        yield from _attribute_objections(block, signer)


def chain_objections(
    chain: Chain,
    carried: tuple[ChainCertificate, ...],
    store: StorePart | None,
    moment: datetime | None,
) -> Iterator[str]:
    """Yield what is wrong with the certificates from signer to root, and with others beside them.

    Args:
        chain: the chain as a host builds it.
        carried: the certificates in the signature.
        store: the trusted certificates and the revocation lists; None if there is no store.
        moment: the time to validate the path at; None if the signature states none.
    """
    yield from _signer_objections(chain.signer)
    certificates = chain.certificates
    if moment is not None:
        if store is not None and chain.anchored:
            anchors = Anchors(certificates=store.certificates, lists=store.lists)
        else:
            anchors = Anchors(certificates=chain.certificates[-1:], partial=True)
        path = validate_path(chain.certificates, carried, anchors, moment)
        certificates = path.certificates or chain.certificates
        yield from path.objections
    yield from _strength_objections(certificates)
    for stranger in chain.strangers:
        yield f"it carries a certificate that is not of its chain: {stranger}"


def _algorithm_objections(block: Block, signer: CmsSigner) -> Iterator[str]:
    if block.has_parameters:
        yield "its algorithms have parameters, which those of a host have not"
    if signer.digest_name in WEAK_DIGESTS:
        yield f"the digest is {signer.digest_name}"
    if block.digest_algorithms != (signer.digest_algorithm,):
        yield f"it announces the digests {', '.join(block.digest_algorithms) or 'none'}"
    if signer.digest_name != signer.digest_algorithm:
        yield (
            f"its digest is {signer.digest_algorithm}, and its signature algorithm is "
            f"{signer.signature_algorithm}"
        )
    certificate = block.certificate_of(signer)
    kind = _KEY_OF_ALGORITHM.get(signer.signature_algorithm, "")
    if certificate is not None and certificate.key.split()[0] != kind:
        yield f"its signature algorithm {signer.signature_algorithm} is not one of its key's"


def _attribute_objections(block: Block, signer: CmsSigner) -> Iterator[str]:
    if signer.signing_time is None:
        yield "it states no signing time"
    if signer.unsigned_attribute_count:
        yield "it has unsigned attributes, which the vendor's signatures have not"
    if not signer.signed_attributes:
        return
    counts = Counter(signer.signed_attributes)
    if missing := VENDOR_ATTRIBUTES - set(counts):
        yield "signed attributes are missing: " + ", ".join(sorted(missing))
    if repeated := [name for name, count in counts.items() if count > 1]:
        yield "signed attributes are there twice: " + ", ".join(sorted(repeated))
    if unknown := set(counts) - KNOWN_ATTRIBUTES:
        yield "it has signed attributes that nobody checks: " + ", ".join(sorted(unknown))
    if signer.content_type != block.content_type:
        yield "its contentType attribute is not the type of the content"


def _signer_objections(signer: ChainCertificate) -> Iterator[str]:
    if signer.key_usage is not None and "digital_signature" not in signer.key_usage:
        yield f"{signer.subject} may not sign: its key usage lacks digitalSignature"


def _strength_objections(certificates: tuple[ChainCertificate, ...]) -> Iterator[str]:
    """Yield weak keys, weak digests, and certificates that may not serve code signing."""
    for certificate in certificates:
        subject = certificate.subject
        weakest = RSA_BITS if certificate.says.key.startswith("RSA") else EC_BITS
        if certificate.key_bits < weakest:
            yield f"{subject} has a weak key: {certificate.says.key}"
        extended = certificate.extended_key_usage
        if extended is not None and not extended & {_CODE_SIGNING, _ANY_USAGE}:
            yield f"{subject} may not sign code: its extended key usage lacks codeSigning"
    # The last one is trusted for itself: its signature over itself proves nothing.
    for certificate in certificates[:-1]:
        if certificate.signature_digest in WEAK_DIGESTS:
            yield f"{certificate.subject} is signed over {certificate.signature_digest}"
