"""What a VIB's signatures show: arithmetic, signer, chain, level and dates.

Whether a signer is to be trusted needs the certificates of those whom a host trusts.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from vibforge.errors import FormatError, ModelError
from vibforge.model.acceptance import AcceptanceLevel
from vibforge.model.vib import Vib
from vibforge.operations.verification import Fact, Topic, fact

if TYPE_CHECKING:
    from vibforge.formats.certificate import Certificate
    from vibforge.formats.pkcs7 import Block, BlockCheck

_NO_TRUST = "no trusted certificates were given"


def signature_facts(vib: Vib) -> Iterator[Fact]:
    """Yield the facts of each signature block, then whether they suit the acceptance level."""
    checks: list[BlockCheck] = []
    if vib.is_signed:
        from vibforge.formats.pkcs7 import check_block, read_blocks  # noqa: PLC0415 - needs OpenSSL

        try:
            for number, block in enumerate(read_blocks(vib.signature), 1):
                checks.append(check_block(block, vib.descriptor_bytes))
                yield from _block_facts(block, checks[-1], f"signature {number}")
        except FormatError as error:
            yield fact(Topic.SIGNATURE, "can be read", holds=False, reason=error.problems[0].what)
    yield _level_fact(vib, checks)


def _block_facts(block: "Block", check: "BlockCheck", subject: str) -> Iterator[Fact]:
    yield fact(
        Topic.SIGNATURE,
        "is over this descriptor, by the key of its certificate",
        holds=False if block.fault else check.held,
        reason=check.reason,
        subject=subject,
    )
    if check.certificate is None:
        return
    yield fact(
        Topic.SIGNER,
        f"{check.certificate.subject} is trusted",
        holds=None,
        reason=_chain(block, check.certificate),
        subject=subject,
    )
    yield fact(
        Topic.DATES, _dates(block, check), holds=None, reason="for information", subject=subject
    )


def _chain(block: "Block", certificate: "Certificate") -> str:
    """Say how far the certificates in the block lead."""
    by_subject = {each.subject: each for each in block.certificates}
    chain = [certificate]
    while not chain[-1].self_issued and len(chain) <= len(by_subject):
        issuer = by_subject.get(chain[-1].issuer)
        if issuer is None:
            return f"{_NO_TRUST}; its issuer {chain[-1].issuer} is not in the block"
        chain.append(issuer)
    return f"{_NO_TRUST}; {chain[-1].subject} signed itself"


def _dates(block: "Block", check: "BlockCheck") -> str:
    signed = block.signers[0].signing_time
    when = f"signed {signed:%Y-%m-%d}" if signed else "signed at an unknown time"
    if check.certificate is None:
        return when
    first, last = check.certificate.not_before, check.certificate.not_after
    return f"{when}, certificate valid {first:%Y-%m-%d} to {last:%Y-%m-%d}"


def _level_fact(vib: Vib, checks: "list[BlockCheck]") -> Fact:
    text = vib.descriptor.acceptance_level or AcceptanceLevel.COMMUNITY.value
    try:
        level = AcceptanceLevel.parse(text)
    except ModelError:
        return fact(Topic.LEVEL, text, holds=False, reason="it is not an acceptance level")
    holds, reason = _suits(level, checks)
    return fact(
        Topic.LEVEL, f"signatures suit acceptance level {level}", holds=holds, reason=reason
    )


def _suits(level: AcceptanceLevel, checks: "list[BlockCheck]") -> tuple[bool | None, str]:
    if not level.needs_signature:
        return True, ""
    if not checks:
        return False, "the VIB is not signed"
    signers = [check.certificate for check in checks if check.held and check.certificate]
    if not signers:
        return False, "no signature holds"
    if level is AcceptanceLevel.CERTIFIED:
        return None, "only VMware's certificates tell whether VMware certified it"
    is_acceptance = any(_is_acceptance_signer(signer) for signer in signers)
    if is_acceptance == (level is AcceptanceLevel.ACCEPTED):
        return (
            None,
            "the signer has the right name; only trusted certificates tell whether it is real",
        )
    return False, f"{signers[0].subject} does not sign for this level"


def _is_acceptance_signer(certificate: "Certificate") -> bool:
    """Whether it signs for VMwareAccepted, and so not for PartnerSupported (tried on 6.7)."""
    from cryptography.x509.oid import NameOID  # noqa: PLC0415 - only for signed VIBs

    subject = certificate.load().subject
    return all(
        any(str(found.value).lower() == wanted for found in subject.get_attributes_for_oid(kind))
        for kind, wanted in (
            (NameOID.ORGANIZATION_NAME, "vmware inc"),
            (NameOID.ORGANIZATIONAL_UNIT_NAME, "acceptance signing"),
        )
    )
