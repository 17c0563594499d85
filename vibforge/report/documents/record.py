"""The record of a build, build.json; `vibforge.project.record` writes and reads it."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from vibforge.report.documents.shape import Document, Shape, says
from vibforge.report.documents.shapes import Sha256, Size
from vibforge.report.documents.trx_check import Allowed


class RecordedPayload(Shape, frozen=True):
    """A payload as it was packed."""

    name: Annotated[str, says("Name.")]
    size: Annotated[Size, says("Bytes as stored.")]
    sha256: Annotated[Sha256, says("Of the stored bytes.")]
    uncompressed_size: Annotated[Size, says("Bytes unpacked.")]
    uncompressed_sha256: Annotated[Sha256, says("Of the unpacked bytes.")]


class RecordedFile(Shape, frozen=True):
    """A file that a build wrote."""

    kind: Annotated[
        Literal["vib", "descriptor", "signature", "instructions", "script", "bundle"],
        says("What it is."),
    ]
    name: Annotated[str, says("Name in the folder of the record.")]
    size: Size
    sha256: Sha256


class Record(Document, tag="vibforge/record/2", frozen=True):
    """The record that a build leaves beside the VIB."""

    title: ClassVar[str] = "build.json"

    vibforge: Annotated[str, says("Release of vibforge.")]
    codec: Annotated[str, says("What compressed the payloads.")]
    compression_level: Annotated[Literal["best", "fast"], says("How hard it compressed.")]
    release_date: Annotated[str, says("The date in the VIB.")]
    release_date_source: Annotated[str, says("What named it.")]
    certificates: Annotated[
        tuple[Sha256, ...],
        says(
            "SHA-256 of the certificates that the signature carries, the signer's first; empty "
            "without a signature."
        ),
    ]
    recipe: Annotated[
        Mapping[str, Any], says("The recipe as resolved; `vibforge schema` describes it.")
    ]
    allowed: Annotated[tuple[Allowed, ...], says("What was allowed on trx.conf, and why.")]
    payloads: Annotated[tuple[RecordedPayload, ...], says("Payloads.")]
    files: Annotated[
        tuple[RecordedFile, ...], says("Every file that the build wrote, but for this one.")
    ]
