"""What `evidence --json` prints."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Self

from vibforge.evidence.contents import PackageKind
from vibforge.evidence.provenance import BUILD_TYPE, PREDICATE_TYPE
from vibforge.evidence.sbom import SbomFormat
from vibforge.report import units
from vibforge.report.documents.shape import Count, Document, Sha256, Time, says
from vibforge.signing.stated_time import TimeSource

if TYPE_CHECKING:
    from vibforge.evidence.attesting import Attested, ToAttest
    from vibforge.evidence.sbom import Sbom


class EvidenceSbom(Document, tag="vibforge/evidence-sbom/1", frozen=True):
    """An SBOM that was made."""

    path: Annotated[str | None, says("The file that was written; null if none was.")]
    sbom_format: Annotated[SbomFormat, says("CycloneDX 1.6 or SPDX 2.3, both as JSON.")]
    sbom_sha256: Annotated[Sha256, says("Of the SBOM.")]
    package: Annotated[str, says("File name of the package.")]
    package_kind: Annotated[PackageKind, says("What the package is.")]
    package_sha256: Annotated[Sha256, says("Of the package.")]
    vib_count: Annotated[Count, says("VIBs that the SBOM describes.")]
    file_count: Annotated[Count, says("Files, links and devices in their payloads.")]

    @classmethod
    def of(cls, made: "Sbom", output: Path | None) -> Self:
        """Tell what an SBOM describes."""
        contents = made.contents
        return cls(
            path=None if output is None else str(output),
            sbom_format=made.format,
            sbom_sha256=made.sha256,
            package=contents.name,
            package_kind=contents.kind,
            package_sha256=contents.digests.sha256,
            vib_count=len(contents.vibs),
            file_count=contents.file_count,
        )


class EvidenceAttest(Document, tag="vibforge/evidence-attest/1", frozen=True):
    """An attestation that was made."""

    path: Annotated[str | None, says("The file that was written; null if none was.")]
    vib_path: Annotated[str, says("The VIB.")]
    vib_sha256: Annotated[Sha256, says("Of the VIB.")]
    predicate_type: Annotated[str, says("The kind of statement: SLSA provenance.")]
    build_type: Annotated[str, says("What docs/reference/provenance.md describes.")]
    signer: Annotated[str, says("Subject of the signer's certificate.")]
    key_id: Annotated[Sha256, says("Of the signer's public key.")]
    time: Annotated[Time, says("The time that the provenance states.")]
    stated_time_source: Annotated[TimeSource, says("Where the time comes from.")]
    statement: Annotated[Any, says("The in-toto statement.")]

    @classmethod
    def of(cls, attested: "Attested", output: Path | None) -> Self:
        """Tell what was attested, and by whom."""
        return cls(
            path=None if output is None else str(output),
            vib_path=str(attested.build.vib),
            vib_sha256=attested.build.sha256,
            predicate_type=PREDICATE_TYPE,
            build_type=BUILD_TYPE,
            signer=attested.certificate.subject.rfc4514_string(),
            key_id=attested.key_id,
            time=units.utc(attested.stated.moment),
            stated_time_source=attested.stated.source,
            statement=json.loads(attested.statement),
        )


class EvidenceRequest(Document, tag="vibforge/evidence-request/1", frozen=True):
    """What a service elsewhere shall sign for an attestation."""

    title: ClassVar[str] = "vibforge evidence attest --pae-out --json"

    path: Annotated[str, says("The file that was written: the text to sign, DSSE's PAE.")]
    vib_path: Annotated[str, says("The VIB.")]
    sha256: Annotated[Sha256, says("Of the text; a service that signs digests signs this one.")]

    @classmethod
    def of(cls, request: "ToAttest", output: Path) -> Self:
        """Tell what has to be signed."""
        return cls(path=str(output), vib_path=str(request.build.vib), sha256=request.sha256)
