"""What `sign --json` prints."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar, Self

from vibforge.report import units
from vibforge.report.documents.shape import Document, says
from vibforge.report.documents.shapes import Hex, Sha256, Time
from vibforge.report.documents.trust import Trust
from vibforge.signing.stated_time import TimeSource

if TYPE_CHECKING:
    from vibforge.packages.sign import Signed, ToSign

SignedVib = Annotated[str, says("The VIB.")]
StatedTime = Annotated[Time, says("What the signature states.")]
StatedBy = Annotated[
    TimeSource,
    says(
        "Where it comes from: `--signing-time`, the VIB's release date, or the certificate's "
        "notBefore where that is later."
    ),
]


class Sign(Document, tag="vibforge/sign/1", frozen=True):
    """A VIB that was signed."""

    vib_id: Annotated[str, says("VIB ID.")]
    path: SignedVib
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
    def of(cls, request: "ToSign", files: tuple[Path, ...]) -> Self:
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
