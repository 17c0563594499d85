"""How an ESXi host reads a signature (measured on 6.7; format.md#trust)."""

from collections.abc import Iterator, Sequence

from cryptography.x509.oid import NameOID
from msgspec import Struct

from vibforge.esxi import messages
from vibforge.esxi.acceptance import AcceptanceLevel
from vibforge.formats.budget import Budget, Work
from vibforge.formats.pkcs7 import PEM_LABEL, Block, BlockCheck
from vibforge.signing.path import Chain, ChainCertificate, RevocationList, lists_of


class Ruling(Struct, frozen=True, kw_only=True):
    """A verdict: `held` is None where nobody can say, and `reasons` then tell why."""

    held: bool | None
    reasons: tuple[str, ...] = ()

    @classmethod
    def of(cls, objections: tuple[str, ...]) -> "Ruling":
        """Rule against what there are objections to."""
        return cls(held=not objections, reasons=objections)


class BlockJudgement(Struct, frozen=True, kw_only=True):
    """One signature judged: `number` counts from 1, `known_as` names a known vendor signer.

    `signer` rules on form, arithmetic and chain, whatever the level; `host` adds what a host asks
    of a signer at the claimed level, and is open for community, where a host does not look.
    """

    number: int
    block: Block
    check: BlockCheck
    known_as: str
    chain: Chain | None
    signer: Ruling
    host: Ruling
    strict: Ruling

    @property
    def arithmetic(self) -> Ruling:
        """Whether the signature fits text and key."""
        return Ruling(
            held=self.check.held, reasons=(self.check.reason,) if self.check.reason else ()
        )


class TrustJudgement(Struct, frozen=True, kw_only=True):
    """All signatures of a VIB judged for the level that it claims.

    `host` is the verdict of a host that tries each block, as releases after 6.7.0 do;
    `host_first_only` that of 6.5 and 6.7.0, which read the first block alone
    (format.md#several-signatures).
    `strict` says that one block holds by strict X.509 rules too.
    """

    level: AcceptanceLevel
    blocks: tuple[BlockJudgement, ...]
    host: Ruling
    host_first_only: Ruling
    strict: Ruling


def any_of(rulings: Sequence[Ruling]) -> Ruling:
    """Return the first ruling that holds, else the first that is open, else every reason."""
    for verdict in (True, None):
        for one in rulings:
            if one.held is verdict:
                return one
    return Ruling.of(tuple(_numbered(rulings)))


def _numbered(rulings: Sequence[Ruling]) -> Iterator[str]:
    for number, one in enumerate(rulings, start=1):
        for reason in one.reasons:
            yield f"signature {number}: {reason}" if len(rulings) > 1 else reason


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
    certificate: ChainCertificate,
    issuer: ChainCertificate,
    lists: tuple[RevocationList, ...],
    budget: Budget,
) -> Iterator[str]:
    """Tell whether a list of the issuer takes the certificate back, or is none of the issuer's."""
    for one in lists_of(issuer, lists):
        budget.spend(Work.SIGNATURES)
        if not one.is_signed_by(issuer):
            yield f"the revocation list of {issuer.subject} is not signed by its key"
        elif one.names(certificate):
            yield f"{certificate.subject} is revoked"


def subject_objections(signer: ChainCertificate, level: AcceptanceLevel) -> Iterator[str]:
    """Tell whether the signer's name fits the level: accepted is the vendor's own to sign."""
    is_acceptance_signer = _organisation(signer) == ACCEPTED_SIGNER
    if level is AcceptanceLevel.ACCEPTED and not is_acceptance_signer:
        yield (
            "the signer of an accepted VIB must have O=VMware Inc, OU=Acceptance Signing; "
            f"this one is {signer.subject}"
        )
    if level is AcceptanceLevel.PARTNER and is_acceptance_signer:
        yield "an Acceptance Signing certificate is not valid for the level partner"


def may_issue(certificate: ChainCertificate) -> bool:
    """Whether OpenSSL 1.0.2 takes it for a certificate authority, as the host does."""
    usage = certificate.key_usage
    if usage is not None and "key_cert_sign" not in usage:
        return False
    if certificate.is_ca is not None:
        return certificate.is_ca
    old_root = certificate.version == _EVERY_VERSION_1_ROOT and certificate.says.self_issued
    return old_root or usage is not None


def _organisation(certificate: ChainCertificate) -> tuple[str, str]:
    name = certificate.loaded.subject

    def first(oid: object) -> str:
        found = [one.value for one in name if one.oid == oid]
        return str(found[0]).strip().lower() if found else ""

    return first(NameOID.ORGANIZATION_NAME), first(NameOID.ORGANIZATIONAL_UNIT_NAME)
