"""`diff`: what differs between two sides."""

from typing import Annotated, Literal, Self

from vibforge.comparison.differences import Comparison, Difference, Section
from vibforge.comparison.side import Side, SideKind
from vibforge.report.documents.shape import Document, Shape, says


class ComparedSide(Shape, frozen=True):
    """One side of a comparison."""

    name: Annotated[str, says("The file or folder.")]
    kind: Annotated[SideKind, says("What it is.")]
    sha256: Annotated[str, says("Of the file; empty for a project.")]

    @classmethod
    def of(cls, side: Side) -> Self:
        """Return a side as programs read it."""
        return cls(name=side.label, kind=side.kind, sha256=side.sha256)


class OneDifference(Shape, frozen=True):
    """One difference."""

    section: Annotated[Section, says("What it is about.")]
    vib_name: Annotated[str, says("The VIB of a bundle that it is in; empty elsewhere.")]
    name: Annotated[str, says("The field, file, setting or release.")]
    change: Annotated[Literal["added", "removed", "changed"], says("How it differs.")]
    old: Annotated[str | None, says("As it was; null if it was added.")]
    new: Annotated[str | None, says("As it is; null if it was removed.")]
    lines: Annotated[tuple[str, ...], says("The unified diff of a text, the first 400 lines.")]

    @classmethod
    def of(cls, difference: Difference) -> Self:
        """Return a difference as programs read it."""
        change: Literal["added", "removed", "changed"] = "changed"
        if difference.old is None or difference.new is None:
            change = "added" if difference.old is None else "removed"
        return cls(
            section=difference.section,
            vib_name=difference.vib,
            name=difference.name,
            change=change,
            old=difference.old,
            new=difference.new,
            lines=difference.lines,
        )


class Diff(Document, tag="vibforge/diff/1", frozen=True):
    """What differs between two packages, projects, trx.confs or hosts."""

    sides: Annotated[tuple[ComparedSide, ...], says("The old one and the new one.")]
    same_bytes: Annotated[bool, says("Whether both are files with the same bytes.")]
    same_content: Annotated[bool, says("Whether a host would get the same from both.")]
    differences: Annotated[tuple[OneDifference, ...], says("In the order of the sections.")]

    @classmethod
    def of(cls, found: Comparison) -> Self:
        """Return a comparison as programs read it."""
        return cls(
            sides=(ComparedSide.of(found.old), ComparedSide.of(found.new)),
            same_bytes=found.same_bytes,
            same_content=found.same_content,
            differences=tuple(map(OneDifference.of, found.differences)),
        )
