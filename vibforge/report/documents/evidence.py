"""What `evidence --json` prints."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Self

from vibforge.evidence.contents import PackageKind
from vibforge.evidence.sbom import SbomFormat
from vibforge.report.documents.shape import Count, Document, Sha256, says

if TYPE_CHECKING:
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
