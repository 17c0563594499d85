"""What the commands of `pki` print with `--json`."""

from pathlib import Path
from typing import Annotated, Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes

from vibforge.esxi.acceptance import AcceptanceLevel
from vibforge.report import units
from vibforge.report.documents.shape import Document, Shape, says
from vibforge.report.documents.shapes import Hex, Sha256, Time
from vibforge.signing.pki import WARNING, Issued

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
    def of(cls, folder: Path) -> Self:
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
    def of(cls, folder: Path, certificate: x509.Certificate) -> Self:
        """Tell of a signer that was revoked."""
        return cls(folder=str(folder), warning=WARNING, certificate=Certificate.of(certificate))


class PkiExport(Document, tag="vibforge/pki-export/1", frozen=True):
    """A trust store that was written."""

    folder: Folder
    warning: Warned
    outputs: Outputs

    @classmethod
    def of(cls, folder: Path, files: tuple[Path, ...]) -> Self:
        """Tell of a trust store that was written."""
        return cls(folder=str(folder), warning=WARNING, outputs=tuple(one.name for one in files))
