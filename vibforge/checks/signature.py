"""VF5xx: the signature, as far as its bytes show without a trust store."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from vibforge.errors import FormatError
from vibforge.esxi import messages
from vibforge.esxi.acceptance import AcceptanceLevel, is_outdated, known_signer
from vibforge.esxi.release import Certainty
from vibforge.findings.check import (
    Contradiction,
    Fault,
    InstallStep,
    Reaction,
    Severity,
    Topic,
    check,
)
from vibforge.formats import pkcs7
from vibforge.signing.policy import unsigned_claim as unsigned_claim_text
from vibforge.vib.identity import SIGNATURE_NAME
from vibforge.vib.scan import VibScan
from vibforge.vib.signature import Signature, signature_blocks

if TYPE_CHECKING:
    from vibforge.formats.pkcs7 import Block


@check(
    "VF501",
    Severity.WARNING,
    Certainty.MEASURED,
    contradiction=Contradiction(Topic.LEVEL, "a level above community has a signature"),
    reaction=Reaction(
        InstallStep.STAGING, messages.UNSIGNED, skipped_by=("--force", "--no-sig-check")
    ),
)
def unsigned_claim(subject: VibScan) -> Iterator[Fault]:
    """The VIB claims a level above community and has no signature.

    Why: hosts stop with "{UNSIGNED}"; without Secure Boot, --force or
    --no-sig-check skips the check. Attackers have used such VIBs to hide on hosts, so auditors look
    for them.

    Remedy: claim level community, or sign the VIB.

    Evidence: tried on 6.7.
    """
    if subject.descriptor.level is not AcceptanceLevel.COMMUNITY and not subject.is_signed:
        yield Fault("<acceptance-level>", unsigned_claim_text(subject.descriptor.level))


@check("VF502", Severity.ERROR, Certainty.MEASURED)
def signature_form(subject: VibScan) -> Iterator[Fault]:
    """The signature is not in the only form that hosts read.

    Why: hosts require PEM with the label PKCS7; with DER or the label CMS they stop with "no start
    line".

    Remedy: write PEM that begins with -----BEGIN PKCS7-----, as `vibforge sign` does.

    Evidence: tried on 6.7.
    """
    if not subject.vib.is_signed:
        return

    try:
        blocks = signature_blocks(subject.vib)
    except FormatError as error:
        yield Fault(SIGNATURE_NAME, error.problems[0].what)
        return
    for block in blocks:
        if block.fault:
            yield Fault(SIGNATURE_NAME, block.fault)
        elif block.label != pkcs7.PEM_LABEL:
            form = f"PEM with the label {block.label}" if block.label else block.encoding
            yield Fault(SIGNATURE_NAME, f"is {form}, not PEM with the label {pkcs7.PEM_LABEL}")


@check("VF503", Severity.ERROR, Certainty.MEASURED)
def several_signers(subject: VibScan) -> Iterator[Fault]:
    """A signature block does not have exactly one signer.

    Why: if 6.7 does not trust the first signer, it loops forever over the second.

    Remedy: use one signer per block, and one PEM block per signature.

    Evidence: tried on 6.7.
    """
    for block in _readable(subject):
        if len(block.signers) != 1:
            yield Fault(SIGNATURE_NAME, f"has a block with {len(block.signers)} signers, not one")


@check(
    "VF504",
    Severity.ERROR,
    Certainty.MEASURED,
    reaction=Reaction(
        InstallStep.STAGING, messages.BROKEN_SIGNATURE, skipped_by=("--force", "--no-sig-check")
    ),
)
def broken_signature(subject: VibScan) -> Iterator[Fault]:
    """The signature does not match the descriptor.

    Why: hosts stop with "{BROKEN_SIGNATURE}". Somebody edited the VIB after it was
    signed, or signed it as text, which changes the line ends.

    Remedy: download it from its publisher again, or sign it again.

    Evidence: tried on 6.7.
    """
    if subject.vib.is_signed and subject.signature is Signature.BROKEN:
        yield Fault(SIGNATURE_NAME, "does not match the descriptor")


@check("VF505", Severity.NOTE, Certainty.MEASURED)
def signature_without_use(subject: VibScan) -> Iterator[Fault]:
    """A community VIB is signed.

    Why: hosts do not check signatures at this level.

    Remedy: claim level partner, if the signer is entitled to it.

    Evidence: tried on 6.7.
    """
    if subject.is_signed and subject.descriptor.level is AcceptanceLevel.COMMUNITY:
        yield Fault(SIGNATURE_NAME, "has no effect; hosts do not check it at level community")


@check("VF506", Severity.ERROR, Certainty.MEASURED)
def signer_certificate_missing(subject: VibScan) -> Iterator[Fault]:
    """A signature lacks its signer's certificate, or names it by a key identifier.

    Why: without certificates the verifier of 6.7 crashes; for a SubjectKeyIdentifier it reports
    "wrong tag".

    Remedy: include the certificate and name it by issuer and serial number.

    Evidence: tried on 6.7.
    """
    for block in _readable(subject):
        for signer in block.signers:
            if signer.subject_key_id:
                yield Fault(SIGNATURE_NAME, "names its signer by a key identifier")
            elif block.certificate_of(signer) is None:
                yield Fault(SIGNATURE_NAME, "does not contain its signer's certificate")


@check("VF507", Severity.WARNING, Certainty.DOCUMENTED)
def outdated_signer(subject: VibScan) -> Iterator[Fault]:
    """A vendor's test root, or an expired root, issued the signer's certificate.

    Why: no release trusts "VMware Test Root CA", and the old VMware Root CA expired in 2022. Hosts
    that check the signature find no trusted signer.

    Remedy: get the vendor's current VIB, or install this VIB as if it were unsigned.

    Evidence: certificates of vendor VIBs; a published test VIB.
    """
    for block in _readable(subject):
        for certificate in block.certificates:
            known = known_signer(certificate.sha256, certificate.issuer)
            if is_outdated(known):
                yield Fault(SIGNATURE_NAME, f"{certificate.subject:.80} is {known}")


def _readable(subject: VibScan) -> "tuple[Block, ...]":
    if not subject.vib.is_signed:
        return ()
    try:
        return tuple(block for block in signature_blocks(subject.vib) if not block.fault)
    except FormatError:
        return ()


@check(
    "VF508",
    Severity.WARNING,
    Certainty.MEASURED,
    contradiction=Contradiction(Topic.COVERAGE, "sig.pkcs7 holds nothing but signatures"),
)
def bytes_around_signature(subject: VibScan) -> Iterator[Fault]:
    """The signature member contains bytes other than signatures.

    Why: hosts skip text around the PEM blocks, but no signature covers it.

    Remedy: sign the VIB again with `vibforge sign`.

    Evidence: tried on 6.7.
    """
    if not subject.vib.is_signed:
        return

    if count := pkcs7.outside_blocks(subject.vib.signature):
        what = f"has {count} bytes around its signatures that no signature covers"
        yield Fault(SIGNATURE_NAME, what)


CHECKS = (
    unsigned_claim,
    signature_form,
    several_signers,
    broken_signature,
    signature_without_use,
    signer_certificate_missing,
    outdated_signer,
    bytes_around_signature,
)
