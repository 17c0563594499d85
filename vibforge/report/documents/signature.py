"""What `inspect` tells of the signatures in a VIB."""

from typing import TYPE_CHECKING, Annotated, Self

from msgspec import Meta

from vibforge.esxi.known_signers import known_signer
from vibforge.report import units
from vibforge.report.documents.shape import Shape, says
from vibforge.report.documents.shapes import Hex, Sha256, Time

if TYPE_CHECKING:
    from vibforge.formats import certificate as formats
    from vibforge.formats import pkcs7


class Signer(Shape, frozen=True):
    """A signer of a block."""

    issuer: Annotated[str | None, says("Issuer.")]
    serial_number: Annotated[Hex | None, says("Serial number.")]
    subject_key_id: Annotated[str | None, says("Instead of issuer and number.")]
    digest_algorithm: Annotated[str, says("Digest.")]
    signature_algorithm: Annotated[str, says("Signature.")]
    signed_attributes: Annotated[tuple[str, ...], says("Names of the attributes.")]
    signing_time: Annotated[Time | None, says("As stated.")]

    @classmethod
    def of(cls, signer: "pkcs7.Signer") -> Self:
        """Return a signer as programs read it."""
        number = signer.serial_number
        return cls(
            issuer=signer.issuer or None,
            serial_number=None if number is None else f"{number:x}",
            subject_key_id=signer.subject_key_id or None,
            digest_algorithm=signer.digest_algorithm,
            signature_algorithm=signer.signature_algorithm,
            signed_attributes=tuple(signer.signed_attributes),
            signing_time=units.utc(signer.signing_time) if signer.signing_time else None,
        )


class BlockCertificate(Shape, frozen=True):
    """A certificate in a block."""

    subject: Annotated[str, says("Subject.")]
    issuer: Annotated[str, says("Issuer.")]
    serial_number: Annotated[str, Meta(pattern="^-?[0-9a-f]+$"), says("Serial number in hex.")]
    not_before: Annotated[Time, says("Valid from.")]
    not_after: Annotated[Time, says("Valid until.")]
    sha256: Sha256
    key: Annotated[str, says("Kind of key.")]
    known_as: Annotated[str | None, says("Which known signer of the vendor it is.")]

    @classmethod
    def of(cls, certificate: "formats.Certificate") -> Self:
        """Return a certificate as programs read it."""
        return cls(
            subject=certificate.subject,
            issuer=certificate.issuer,
            serial_number=f"{certificate.serial_number:x}",
            not_before=units.utc(certificate.not_before),
            not_after=units.utc(certificate.not_after),
            sha256=certificate.sha256,
            key=certificate.key,
            known_as=known_signer(certificate.sha256, certificate.issuer) or None,
        )


class SignatureBlock(Shape, frozen=True):
    """A block of sig.pkcs7."""

    encoding: Annotated[str, says("`PEM` or `DER`.")]
    label: Annotated[str, says("Of the PEM block.")]
    fault: Annotated[str | None, says("Why it cannot be read.")]
    attached: Annotated[bool, says("Whether it carries a text of its own.")]
    signers: Annotated[tuple[Signer, ...], says("Signers.")]
    certificates: Annotated[tuple[BlockCertificate, ...], says("Certificates.")]

    @classmethod
    def of(cls, block: "pkcs7.Block") -> Self:
        """Return a block as programs read it."""
        return cls(
            encoding=block.encoding,
            label=block.label,
            fault=block.fault or None,
            attached=block.content is not None,
            signers=tuple(map(Signer.of, block.signers)),
            certificates=tuple(map(BlockCertificate.of, block.certificates)),
        )
