"""Strict X.509 and PKCS#7 rules, which 6.7 does not apply and newer hosts may.

OpenSSL validates the path (`path`); this module has the rules that OpenSSL has no option for. Paths
are validated at the signing time that the block states, or at a time that the caller names. The
signer states the signing time; no time stamp proves it.
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
"""The PKCS#7 content type for arbitrary bytes (id-data)."""
VENDOR_ATTRIBUTES = frozenset({"contentType", "signingTime", "messageDigest"})
"""Signed attributes of the vendor's signatures."""
KNOWN_ATTRIBUTES = VENDOR_ATTRIBUTES | {"smimeCapabilities"}
"""Signed attributes that are allowed: the vendor's, and the one that `openssl smime -sign` adds."""

_CODE_SIGNING = ExtendedKeyUsageOID.CODE_SIGNING.dotted_string
_ANY_USAGE = ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE.dotted_string
_KEY_OF_ALGORITHM = {
    name: "EC" if name.startswith("ecdsa") else "RSA"
    for name in (*SIGNATURE_DIGESTS, "rsaEncryption")
}
"""The kind of key that each signature algorithm needs."""


def signature_reasons(block: Block) -> Iterator[str]:
    """Yield why the signature itself is weak, or how it differs from the vendor's signatures."""
    if block.content_type != PLAIN_DATA:
        yield f"it signs content of type {block.content_type}, not plain data"
    if block.content is not None:
        yield "the signed text is attached; the vendor's signatures are detached"
    if (block.version, *(signer.version for signer in block.signers)) != (1, 1):
        yield "its version numbers are not 1, which PKCS#7 requires"
    if block.crl_count:
        yield "it carries revocation lists, which belong in the trust store"
    if not block.is_plain_pem:
        yield "its PEM has long lines, or extra blanks or text, which some readers refuse"
    for signer in block.signers[:1]:
        yield from _algorithm_reasons(block, signer)
        yield from _attribute_reasons(block, signer)


def chain_reasons(
    chain: Chain,
    carried: tuple[ChainCertificate, ...],
    store: StorePart | None,
    moment: datetime | None,
) -> Iterator[str]:
    """Yield why the certificates from signer to root fail, and which carried ones are unused.

    Args:
        chain: the chain that a host builds.
        carried: the certificates in the signature block.
        store: the trusted certificates and the revocation lists; None if there is no store.
        moment: the time at which to validate the path; None if the signature states none.
    """
    yield from _signer_reasons(chain.signer)
    certificates = chain.certificates
    if moment is not None:
        if store is not None and chain.anchored:
            anchors = Anchors(certificates=store.certificates, lists=store.lists)
        else:
            anchors = Anchors(certificates=chain.certificates[-1:], partial=True)
        path = validate_path(chain.certificates, carried, anchors, moment)
        certificates = path.certificates or chain.certificates
        yield from path.reasons
    yield from _strength_reasons(certificates)
    for subject in chain.unused:
        yield f"it carries a certificate that its chain does not use: {subject}"


def _algorithm_reasons(block: Block, signer: CmsSigner) -> Iterator[str]:
    if block.has_parameters:
        yield "its algorithms have parameters, which a signature for hosts does not have"
    if signer.digest_name in WEAK_DIGESTS:
        yield f"its digest {signer.digest_name} is weak"
    if block.digest_algorithms != (signer.digest_algorithm,):
        yield (
            f"it announces the digests {', '.join(block.digest_algorithms) or 'none'}, and its "
            f"signer uses {signer.digest_algorithm}"
        )
    if signer.digest_name != signer.digest_algorithm:
        yield (
            f"its digest is {signer.digest_algorithm}, and its signature algorithm is "
            f"{signer.signature_algorithm}"
        )
    certificate = block.certificate_of(signer)
    kind = _KEY_OF_ALGORITHM.get(signer.signature_algorithm, "")
    if certificate is not None and certificate.key.split()[0] != kind:
        yield f"its signature algorithm {signer.signature_algorithm} does not suit its key"


def _attribute_reasons(block: Block, signer: CmsSigner) -> Iterator[str]:
    if signer.signing_time is None:
        yield "it states no signing time"
    if signer.unsigned_attribute_count:
        yield "it has unsigned attributes, which the vendor's signatures do not have"
    if not signer.signed_attributes:
        return
    counts = Counter(signer.signed_attributes)
    if missing := VENDOR_ATTRIBUTES - set(counts):
        yield "signed attributes are missing: " + ", ".join(sorted(missing))
    if repeated := [name for name, count in counts.items() if count > 1]:
        yield "signed attributes are repeated: " + ", ".join(sorted(repeated))
    if unknown := set(counts) - KNOWN_ATTRIBUTES:
        yield "it has signed attributes that no reader checks: " + ", ".join(sorted(unknown))
    if signer.content_type != block.content_type:
        yield "its contentType attribute differs from the type of its content"


def _signer_reasons(signer: ChainCertificate) -> Iterator[str]:
    if signer.key_usage is not None and "digital_signature" not in signer.key_usage:
        yield f"{signer.subject} may not sign: its key usage lacks digitalSignature"


def _strength_reasons(certificates: tuple[ChainCertificate, ...]) -> Iterator[str]:
    """Yield weak keys, weak digests, and certificates that may not be used for code signing."""
    for certificate in certificates:
        subject = certificate.subject
        weakest = RSA_BITS if certificate.parsed.key.startswith("RSA") else EC_BITS
        if certificate.key_bits < weakest:
            yield f"{subject} has a weak key: {certificate.parsed.key}"
        extended = certificate.extended_key_usage
        if extended is not None and not extended & {_CODE_SIGNING, _ANY_USAGE}:
            yield f"{subject} may not sign code: its extended key usage lacks codeSigning"
    # The store trusts the root itself; its signature over itself proves nothing.
    for certificate in certificates[:-1]:
        if certificate.signature_digest in WEAK_DIGESTS:
            yield f"{certificate.subject} is signed with the weak {certificate.signature_digest}"
