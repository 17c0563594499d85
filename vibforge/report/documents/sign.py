"""Signing, trust and `pki`."""

import pathlib
from typing import TYPE_CHECKING, Annotated, ClassVar, Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes

from vibforge.esxi.acceptance import AcceptanceLevel
from vibforge.report import units
from vibforge.report.documents.shape import (
    Document,
    Hex,
    Path,
    Sha256,
    Shape,
    Size,
    Time,
    Unreadable,
    says,
)
from vibforge.signing import judging
from vibforge.signing.pki import WARNING, Issued
from vibforge.signing.stated_time import TimeSource

if TYPE_CHECKING:
    from collections.abc import Iterable

    from vibforge.packages import sign_files
    from vibforge.packages.sign import Signed, ToSign
    from vibforge.signing import host_rules
    from vibforge.signing.expiry import Expiry


class Ruling(Shape, frozen=True):
    """Whether something holds; null where nobody can say."""

    held: Annotated[bool | None, says("Whether it holds.")]
    reasons: Annotated[tuple[str, ...], says("Why not, or why nobody can say.")]

    @classmethod
    def of(cls, found: "host_rules.Ruling") -> Self:
        """Return a ruling as programs read it."""
        return cls(held=found.held, reasons=found.reasons)


class JudgedSignature(Shape, frozen=True):
    """What one signature is worth."""

    number: Annotated[int, says("Counts from 1.")]
    subject: Annotated[str | None, says("Of the signer's certificate.")]
    issuer: Annotated[str | None, says("Of the signer's certificate.")]
    serial_number: Annotated[Hex | None, says("Of the signer's certificate.")]
    sha256: Annotated[Sha256 | None, says("Of the signer's certificate.")]
    key: Annotated[str | None, says("Kind of its key.")]
    known_as: Annotated[str | None, says("Which known signer of the vendor it is.")]
    digest_algorithm: Annotated[str | None, says("Digest.")]
    signature_algorithm: Annotated[str | None, says("Signature.")]
    signing_time: Annotated[Time | None, says("As stated.")]
    arithmetic: Annotated[Ruling, says("Whether the signature fits text and key.")]
    chain: Annotated[tuple[str, ...], says("Subjects from the signer up.")]
    anchored: Annotated[bool, says("Whether the chain ends at a root that is trusted.")]
    host: Annotated[Ruling, says("What a host makes of it.")]
    strict: Annotated[Ruling, says("What strict rules make of it.")]

    @classmethod
    def of(cls, judged: "host_rules.BlockJudgement") -> Self:
        """Return what one signature is worth."""
        signer = judged.block.signers[0] if judged.block.signers else None
        certificate = judged.check.certificate
        return cls(
            number=judged.number,
            subject=certificate.subject if certificate else None,
            issuer=certificate.issuer if certificate else None,
            serial_number=f"{certificate.serial_number:x}" if certificate else None,
            sha256=certificate.sha256 if certificate else None,
            key=certificate.key if certificate else None,
            known_as=judged.known_as or None,
            digest_algorithm=signer.digest_algorithm if signer else None,
            signature_algorithm=signer.signature_algorithm if signer else None,
            signing_time=units.utc(signer.signing_time) if signer and signer.signing_time else None,
            arithmetic=Ruling.of(judged.arithmetic),
            chain=tuple(one.subject for one in judged.chain.certificates) if judged.chain else (),
            anchored=judged.chain.anchored if judged.chain else False,
            host=Ruling.of(judged.host),
            strict=Ruling.of(judged.strict),
        )


class Trust(Shape, frozen=True):
    """What the signatures are worth."""

    acceptance_level: Annotated[AcceptanceLevel, says("An acceptance level.")]
    claim: Annotated[Ruling, says("Whether they carry the level that the VIB claims.")]
    host: Annotated[Ruling, says("What a host makes of them.")]
    host_first_signature_only: Annotated[
        Ruling, says("What ESXi 6.5 and 6.7.0 make of them, which read the first.")
    ]
    strict: Annotated[Ruling, says("What strict X.509 rules make of them.")]
    signatures: Annotated[tuple[JudgedSignature, ...], says("One for each signature.")]

    @classmethod
    def of(cls, judgement: "host_rules.TrustJudgement") -> Self:
        """Return a judgement as programs read it."""
        return cls(
            acceptance_level=judgement.level,
            claim=Ruling.of(judging.claim(judgement)),
            host=Ruling.of(judgement.host),
            host_first_signature_only=Ruling.of(judgement.host_first_only),
            strict=Ruling.of(judgement.strict),
            signatures=tuple(map(JudgedSignature.of, judgement.blocks)),
        )


class Expiring(Shape, frozen=True):
    """A certificate of the signer that has expired, or will within 30 days."""

    subject: Annotated[str, says("Subject.")]
    not_after: Annotated[Time, says("Valid until.")]
    expired: Annotated[bool, says("Whether it has expired.")]

    @classmethod
    def all_of(cls, found: "Iterable[Expiry]") -> tuple[Self, ...]:
        """Return the certificates as programs read them."""
        return tuple(
            cls(subject=each.subject, not_after=units.utc(each.not_after), expired=each.expired)
            for each in found
        )


ExpiringSoon = Annotated[
    tuple[Expiring, ...],
    says("The certificates of the signer that have expired, or will within 30 days."),
]
Folder = Annotated[str, says("Where.")]
Warned = Annotated[str, says("That its keys are for labs only.")]
Outputs = Annotated[tuple[str, ...], says("Names of the files, below the folder.")]


class Certificate(Shape, frozen=True):
    """A certificate that was issued or revoked."""

    subject: Annotated[str, says("Subject.")]
    serial_number: Hex
    sha256: Sha256
    not_before: Annotated[Time, says("Valid from.")]
    not_after: Annotated[Time, says("Valid until.")]

    @classmethod
    def of(cls, certificate: x509.Certificate) -> Self:
        """Return a certificate as programs read it."""
        return cls(
            subject=certificate.subject.rfc4514_string(),
            serial_number=f"{certificate.serial_number:x}",
            sha256=certificate.fingerprint(hashes.SHA256()).hex(),
            not_before=units.utc(certificate.not_valid_before_utc),
            not_after=units.utc(certificate.not_valid_after_utc),
        )


class PkiInit(Document, tag="vibforge/pki-init/1", frozen=True):
    """A CA that was made."""

    folder: Folder
    warning: Warned

    @classmethod
    def of(cls, folder: pathlib.Path) -> Self:
        """Tell of a CA that was made."""
        return cls(folder=str(folder), warning=WARNING)


class PkiIssue(Document, tag="vibforge/pki-issue/1", frozen=True):
    """A signer that was issued."""

    folder: Folder
    warning: Warned
    outputs: Outputs
    acceptance_level: Annotated[AcceptanceLevel, says("What it signs for.")]
    certificate: Certificate

    @classmethod
    def of(cls, issued: Issued) -> Self:
        """Tell of a signer that was issued."""
        return cls(
            folder=str(issued.certificate_path.parent),
            warning=WARNING,
            outputs=(issued.certificate_path.name, issued.key_path.name),
            acceptance_level=issued.wanted.level,
            certificate=Certificate.of(issued.certificate),
        )


class PkiRevoke(Document, tag="vibforge/pki-revoke/1", frozen=True):
    """A signer that was revoked."""

    folder: Folder
    warning: Warned
    certificate: Certificate

    @classmethod
    def of(cls, folder: pathlib.Path, certificate: x509.Certificate) -> Self:
        """Tell of a signer that was revoked."""
        return cls(folder=str(folder), warning=WARNING, certificate=Certificate.of(certificate))


class PkiExport(Document, tag="vibforge/pki-export/1", frozen=True):
    """A trust store that was written."""

    folder: Folder
    warning: Warned
    outputs: Outputs

    @classmethod
    def of(cls, folder: pathlib.Path, files: tuple[pathlib.Path, ...]) -> Self:
        """Tell of a trust store that was written."""
        return cls(folder=str(folder), warning=WARNING, outputs=tuple(one.name for one in files))


SignedVib = Annotated[str, says("The VIB.")]
StatedTime = Annotated[Time, says("What the signature states.")]
StatedBy = Annotated[
    TimeSource,
    says(
        "Where it comes from: `--signing-time`, the VIB's release date, or the certificate's "
        "notBefore where that is later."
    ),
]


class SignedVibFacts(Shape, frozen=True):
    """A VIB that was signed."""

    vib_id: Annotated[str, says("VIB ID.")]
    path: Annotated[str, says("The file that was written; `bundle.zip:member` in a bundle.")]
    signing_time: StatedTime
    signing_time_source: StatedBy
    trust: Trust

    @classmethod
    def of(cls, signed: "Signed") -> Self:
        """Tell of a VIB that was signed."""
        return cls(
            vib_id=signed.vib_id,
            path=str(signed.path),
            signing_time=units.utc(signed.signing_time),
            signing_time_source=signed.stated.source,
            trust=Trust.of(signed.judgement),
        )


class WrittenZip(Shape, frozen=True):
    """A bundle that was put together anew."""

    path: Annotated[str, says("The file.")]
    size: Size
    sha256: Sha256


class SignedFile(Shape, frozen=True):
    """A file that was signed."""

    path: Path
    output: Annotated[str, says("The file that was written.")]
    bundle: Annotated[WrittenZip | None, says("The bundle; null for a VIB.")]
    vibs: Annotated[tuple[SignedVibFacts, ...], says("The VIB, or those of the bundle.")]

    @classmethod
    def of(cls, path: object, file: "sign_files.SignedFile") -> Self:
        """Tell of a file that was signed."""
        bundle = file.bundle
        return cls(
            path=str(path),
            output=str(file.path),
            bundle=WrittenZip(path=str(bundle.path), size=bundle.size, sha256=bundle.sha256)
            if bundle
            else None,
            vibs=tuple(map(SignedVibFacts.of, file.vibs)),
        )


class Sign(Document, tag="vibforge/sign/2", frozen=True):
    """What was signed, file by file."""

    good: Annotated[bool, says("Whether every file was signed: exit code 0.")]
    files: Annotated[tuple[SignedFile, ...], says("The files that were signed.")]
    expiring: ExpiringSoon
    unreadable: Annotated[
        tuple[Unreadable, ...],
        says(
            "The files that were not signed and are as they were. If there are any, the exit code "
            "is 2."
        ),
    ]

    @classmethod
    def of(cls, result: "sign_files.SignedFiles") -> Self:
        """Tell what was signed, and what was not."""
        return cls(
            good=result.good,
            files=tuple(SignedFile.of(path, file) for path, file in result.found),
            expiring=Expiring.all_of(result.expiring),
            unreadable=Unreadable.all_of(result.unreadable),
        )


class SignRequest(Document, tag="vibforge/sign-request/1", frozen=True):
    """What shall be signed elsewhere."""

    title: ClassVar[str] = "vibforge sign --digest-out --json"

    vib_id: Annotated[str, says("VIB ID.")]
    path: SignedVib
    signing_time: StatedTime
    signing_time_source: StatedBy
    sha256: Annotated[Sha256, says("The digest to be signed.")]
    signed_text: Annotated[Hex, says("The text that it is of.")]
    outputs: Annotated[tuple[str, ...], says("Files that were written.")]

    @classmethod
    def of(cls, request: "ToSign", files: tuple[pathlib.Path, ...]) -> Self:
        """Tell what shall be signed, and where it was written."""
        return cls(
            vib_id=request.signable.vib.descriptor.vib_id,
            path=str(request.signable.path),
            signing_time=units.utc(request.signing_time),
            signing_time_source=request.stated.source,
            sha256=request.digest.hex(),
            signed_text=request.text.hex(),
            outputs=tuple(str(name) for name in files),
        )
