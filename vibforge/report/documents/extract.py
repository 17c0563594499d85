"""What `extract --json` prints."""

from typing import TYPE_CHECKING, Annotated, Self

from vibforge.report.documents.shape import Document, says
from vibforge.report.documents.shapes import Fault

if TYPE_CHECKING:
    from vibforge.packages.extract import Extracted


class Extract(Document, tag="vibforge/extract/1", frozen=True):
    """What was taken out."""

    folder: Annotated[str, says("Where to.")]
    outputs: Annotated[tuple[str, ...], says("What was written, below the folder.")]
    left_out: Annotated[tuple[Fault, ...], says("What was not written, and why.")]

    @classmethod
    def of(cls, done: "Extracted") -> Self:
        """Tell what was taken out."""
        return cls(
            folder=str(done.folder),
            outputs=tuple(done.paths),
            left_out=Fault.all_of(done.left_out),
        )
