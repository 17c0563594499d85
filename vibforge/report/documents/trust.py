"""What signatures are worth, in several documents."""

from typing import TYPE_CHECKING, Annotated, Self

from vibforge.esxi.acceptance import AcceptanceLevel
from vibforge.report import units
from vibforge.report.documents.shape import Shape, says
from vibforge.report.documents.shapes import Hex, Sha256, Time
from vibforge.signing import judging

if TYPE_CHECKING:
    from vibforge.signing import host_rules


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
