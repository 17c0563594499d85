"""`bump`: the version that was set."""

from typing import TYPE_CHECKING, Annotated, Self

from vibforge.report.documents.shape import Document, says

if TYPE_CHECKING:
    from vibforge.project.bump import Bumped


class Bump(Document, tag="vibforge/bump/1", frozen=True):
    """The version that was set in a recipe."""

    path: Annotated[str, says("The file.")]
    old_version: Annotated[str, says("The version that it had.")]
    new_version: Annotated[str, says("The version that it has.")]
    rules: Annotated[tuple[str, ...], says("What was done to the text of --version to get it.")]
    is_higher: Annotated[bool, says("Whether a host takes it for an update of the old one.")]

    @classmethod
    def of(cls, result: "Bumped") -> Self:
        """Return what was set."""
        return cls(
            path=str(result.file),
            old_version=result.old,
            new_version=result.new,
            rules=result.rules,
            is_higher=result.is_higher,
        )
