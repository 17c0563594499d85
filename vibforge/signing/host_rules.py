"""The rules by which an ESXi host accepts a signature (measured on 6.7; format.md#trust)."""

from collections.abc import Iterator, Sequence

from cryptography.x509.oid import NameOID
from msgspec import Struct

from vibforge.esxi import messages
from vibforge.esxi.acceptance import AcceptanceLevel
from vibforge.formats.budget import Budget, Work
from vibforge.formats.pkcs7 import PEM_LABEL, Block, BlockCheck
from vibforge.signing.path import Chain, ChainCertificate, RevocationList, lists_of


class Ruling(Struct, frozen=True, kw_only=True):
    """A verdict. `held` is None if the data cannot decide it; `reasons` then say why."""

    held: bool | None
    reasons: tuple[str, ...] = ()

    @classmethod
    def from_reasons(cls, reasons: tuple[str, ...]) -> "Ruling":
        """Return a refusal with these reasons, or a ruling that holds if there are none."""
        return cls(held=not reasons, reasons=reasons)


class BlockJudgement(Struct, frozen=True, kw_only=True):
    """The verdicts about one signature.

    `number` counts from 1; `known_as` names a known vendor signer. `signer` covers form, arithmetic
    and chain, at any level. `host` adds the host's rules for a signer of the claimed level; its
    `held` is None for community, because a host ignores the signature there.
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
        """Whether the signature verifies with the signer's key over the descriptor."""
        return Ruling(
            held=self.check.held, reasons=(self.check.reason,) if self.check.reason else ()
        )


class TrustJudgement(Struct, frozen=True, kw_only=True):
    """The verdicts about all signatures of a VIB, for the level that the VIB claims.

    `host` is the verdict of a host that tries each block, as releases after 6.7.0 do.
    `host_first_only` is the verdict of 6.5 and 6.7.0, which read only the first block
    (format.md#several-signatures). `strict` holds if one block also passes the strict X.509 rules.
    """

    level: AcceptanceLevel
    blocks: tuple[BlockJudgement, ...]
    host: Ruling
    host_first_only: Ruling
    strict: Ruling


def any_of(rulings: Sequence[Ruling]) -> Ruling:
    """Return the first ruling that holds, else the first undecided one, else every reason."""
    for verdict in (True, None):
        for ruling in rulings:
            if ruling.held is verdict:
                return ruling
    return Ruling.from_reasons(tuple(_numbered(rulings)))


def _numbered(rulings: Sequence[Ruling]) -> Iterator[str]:
    for number, ruling in enumerate(rulings, start=1):
        for reason in ruling.reasons:
            yield f"signature {number}: {reason}" if len(rulings) > 1 else reason


ACCEPTED_SIGNER = ("vmware inc", "acceptance signing")
"""Organisation and unit of a signer: required for level accepted, not allowed for partner."""

_EVERY_VERSION_1_ROOT = 1


def form_reasons(block: Block) -> Iterator[str]:
    """Yield why a host cannot read a signature block, whoever signed it."""
    if block.encoding != "PEM":
        yield f"it is {block.encoding}; a host reads only PEM"
    elif block.label != PEM_LABEL:
        yield f"its PEM label is {block.label!r}; a host reads only {PEM_LABEL}"
    if block.fault:
        yield f"it cannot be read: {block.fault}"
        return
    if len(block.signers) != 1:
        yield f"it has {len(block.signers)} signers instead of one; two can send 6.7 into a loop"
    if not block.certificates:
        yield "it carries no certificate, which crashes the installer of 6.7"
    for signer in block.signers[:1]:
        if signer.subject_key_id:
            yield "it names its signer by key identifier; a host needs issuer and serial number"
        if signer.signature_algorithm == "rsassaPss":
            yield "its algorithm is RSA-PSS, which a host refuses"


def arithmetic_reasons(check: BlockCheck) -> Iterator[str]:
    """Yield why the digest or the signature does not verify."""
    if not check.held:
        yield check.reason or "the signature does not verify"


def chain_reasons(chain: Chain, lists: tuple[RevocationList, ...], budget: Budget) -> Iterator[str]:
    """Yield why a host does not trust the signer."""
    if not chain.anchored:
        yield f"{messages.UNTRUSTED.words}: {chain.reason}"
        return
    for issuer in chain.certificates[1:]:
        if not may_issue(issuer):
            yield f"{issuer.subject} is not a certificate authority"
    for certificate, issuer in chain.links():
        yield from revocation_reasons(certificate, issuer, lists, budget)


def revocation_reasons(
    certificate: ChainCertificate,
    issuer: ChainCertificate,
    lists: tuple[RevocationList, ...],
    budget: Budget,
) -> Iterator[str]:
    """Yield a reason if a CRL revokes the certificate, or is not signed by the issuer."""
    for revocation_list in lists_of(issuer, lists):
        budget.spend(Work.SIGNATURES)
        if not revocation_list.is_signed_by(issuer):
            yield f"the revocation list of {issuer.subject} is not signed by that CA's key"
        elif revocation_list.names(certificate):
            yield f"{certificate.subject} is revoked"


def subject_reasons(signer: ChainCertificate, level: AcceptanceLevel) -> Iterator[str]:
    """Yield a reason if the signer's name does not suit the level: only VMware signs accepted."""
    is_acceptance_signer = _organisation(signer) == ACCEPTED_SIGNER
    if level is AcceptanceLevel.ACCEPTED and not is_acceptance_signer:
        yield (
            "the signer of an accepted VIB must have O=VMware Inc, OU=Acceptance Signing; "
            f"this signer is {signer.subject}"
        )
    if level is AcceptanceLevel.PARTNER and is_acceptance_signer:
        yield "an Acceptance Signing certificate may not sign at level partner"


def may_issue(certificate: ChainCertificate) -> bool:
    """Whether the certificate is a CA by the rules of OpenSSL 1.0.2, which hosts use."""
    usage = certificate.key_usage
    if usage is not None and "key_cert_sign" not in usage:
        return False
    if certificate.is_ca is not None:
        return certificate.is_ca
    old_root = certificate.version == _EVERY_VERSION_1_ROOT and certificate.parsed.self_issued
    return old_root or usage is not None


def _organisation(certificate: ChainCertificate) -> tuple[str, str]:
    name = certificate.loaded.subject

    def first(oid: object) -> str:
        values = [attribute.value for attribute in name if attribute.oid == oid]
        return str(values[0]).strip().lower() if values else ""

    return first(NameOID.ORGANIZATION_NAME), first(NameOID.ORGANIZATIONAL_UNIT_NAME)
