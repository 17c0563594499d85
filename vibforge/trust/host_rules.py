"""How an ESXi host reads a signature: the rules measured on 6.7 (vib-format 6, tried on 6.7).

Dates, key usage, a weak digest and a missing or outdated revocation list are no objection there.
Whether 8.0 and 9.0 are as lenient is not known; `strict_rules` says what a strict reader objects.
"""

from collections.abc import Iterator

from cryptography.x509.oid import NameOID

from vibforge.esxi import messages
from vibforge.formats.budget import Budget, Work
from vibforge.formats.pkcs7 import PEM_LABEL, Block, BlockCheck
from vibforge.model.acceptance import AcceptanceLevel
from vibforge.trust.chain import Chain
from vibforge.trust.link import Link
from vibforge.trust.revocation import RevocationList, lists_of

ACCEPTED_SIGNER = ("vmware inc", "acceptance signing")
"""Organisation and unit that the signer of an accepted VIB must have, and of a partner one not."""

_EVERY_VERSION_1_ROOT = 1


def form_objections(block: Block) -> Iterator[str]:
    """Tell what a host cannot read, whoever signed."""
    if block.encoding != "PEM":
        yield f"it is {block.encoding}; a host reads PEM only"
    elif block.label != PEM_LABEL:
        yield f"its PEM label is {block.label!r}; a host reads {PEM_LABEL} only"
    if block.fault:
        yield f"it cannot be read: {block.fault}"
        return
    if len(block.signers) != 1:
        yield f"it has {len(block.signers)} signers; over two, a 6.7 host can loop for ever"
    if not block.certificates:
        yield "it carries no certificate, which crashes a 6.7 host"
    for signer in block.signers[:1]:
        if signer.subject_key_id:
            yield "it names its signer by key identifier; a host wants issuer and serial number"
        if signer.signature_algorithm == "rsassaPss":
            yield "it is RSA-PSS, which a host does not take"


def arithmetic_objections(check: BlockCheck) -> Iterator[str]:
    """Tell what is wrong with digest and signature."""
    if not check.held:
        yield check.reason or "the signature does not hold"


def chain_objections(
    chain: Chain, lists: tuple[RevocationList, ...], budget: Budget
) -> Iterator[str]:
    """Tell why a host finds no trusted signer behind the signature."""
    if not chain.anchored:
        yield f"{messages.UNTRUSTED.words}: {chain.reason}"
        return
    for issuer in chain.certificates[1:]:
        if not may_issue(issuer):
            yield f"{issuer.subject} is no certificate authority"
    for certificate, issuer in chain.links():
        yield from revocation_objections(certificate, issuer, lists, budget)


def revocation_objections(
    certificate: Link, issuer: Link, lists: tuple[RevocationList, ...], budget: Budget
) -> Iterator[str]:
    """Tell whether a list of the issuer takes the certificate back, or is none of the issuer's."""
    for one in lists_of(issuer, lists):
        budget.spend(Work.SIGNATURES)
        if not one.is_signed_by(issuer):
            yield f"the revocation list of {issuer.subject} is not signed by its key"
        elif one.names(certificate):
            yield f"{certificate.subject} is revoked"


def subject_objections(signer: Link, level: AcceptanceLevel) -> Iterator[str]:
    """Tell whether the signer's name fits the level: accepted is the vendor's own to sign."""
    is_acceptance_signer = _organisation(signer) == ACCEPTED_SIGNER
    if level is AcceptanceLevel.ACCEPTED and not is_acceptance_signer:
        yield (
            "the signer of an accepted VIB must have O=VMware Inc, OU=Acceptance Signing; "
            f"this one is {signer.subject}"
        )
    if level is AcceptanceLevel.PARTNER and is_acceptance_signer:
        yield "an Acceptance Signing certificate is not valid for the level partner"


def may_issue(certificate: Link) -> bool:
    """Whether OpenSSL 1.0.2 takes it for a certificate authority, as the host does."""
    usage = certificate.key_usage
    if usage is not None and "key_cert_sign" not in usage:
        return False
    if certificate.is_ca is not None:
        return certificate.is_ca
    old_root = certificate.version == _EVERY_VERSION_1_ROOT and certificate.says.self_issued
    return old_root or usage is not None


def _organisation(certificate: Link) -> tuple[str, str]:
    name = certificate.loaded.subject

    def first(oid: object) -> str:
        found = [one.value for one in name if one.oid == oid]
        return str(found[0]).strip().lower() if found else ""

    return first(NameOID.ORGANIZATION_NAME), first(NameOID.ORGANIZATIONAL_UNIT_NAME)
