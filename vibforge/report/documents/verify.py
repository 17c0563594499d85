"""What `verify --json` prints."""

from typing import TYPE_CHECKING, Annotated, ClassVar, Self

from msgspec import structs

from vibforge.findings.check import Topic
from vibforge.packages import verification
from vibforge.report.documents.shape import (
    AllGood,
    Document,
    NotRead,
    Path,
    Shape,
    Unreadable,
    says,
)

if TYPE_CHECKING:
    from vibforge.files import inputs
    from vibforge.packages.verify import Verified


class Fact(Shape, frozen=True):
    """One fact of a verification."""

    topic: Annotated[Topic, says("What it is about.")]
    subject: Annotated[str | None, says("The payload, signature or member.")]
    statement: Annotated[str, says("What should hold.")]
    outcome: Annotated[
        verification.Outcome, says("What became of it; a warning does not make the file bad.")
    ]
    reason: Annotated[str | None, says("Why it does not hold or was not checked.")]

    @classmethod
    def of(cls, fact: verification.Fact) -> Self:
        """Return a fact as programs read it."""
        return cls(
            topic=fact.topic,
            subject=fact.subject or None,
            statement=fact.statement,
            outcome=fact.outcome,
            reason=fact.reason or None,
        )


class Verification(Shape, frozen=True):
    """What was found of one file."""

    name: Annotated[str, says("Where it was read from.")]
    vib_id: Annotated[str | None, says("Null for a bundle.")]
    held: Annotated[bool, says("Whether no fact failed, those of `parts` included.")]
    facts: Annotated[tuple[Fact, ...], says("In the order of the report.")]
    parts: Annotated[
        tuple["Verification", ...], says("The VIBs of a bundle, or the bundles of a zip.")
    ]

    @classmethod
    def of(cls, found: verification.Verification) -> "Verification":
        """Return what was found of one file, and of the VIBs in a bundle."""
        return Verification(
            name=found.name,
            vib_id=found.vib_id or None,
            held=found.held,
            facts=tuple(map(Fact.of, found.facts)),
            parts=tuple(map(Verification.of, found.parts)),
        )


class VerifiedFile(Verification, frozen=True):
    """A file that was verified."""

    first: ClassVar[tuple[str, ...]] = ("path",)

    path: Path


def _verified(path: object, found: verification.Verification) -> VerifiedFile:
    return VerifiedFile(path=str(path), **structs.asdict(Verification.of(found)))


def _unread(file: "inputs.Unreadable") -> VerifiedFile:
    """Return the answer for a file that cannot be read."""
    reason = "; ".join(problem.what for problem in file.problems)
    read = verification.fact(
        Topic.CONTAINER, "it can be read as a VIB or a bundle", holds=False, reason=reason
    )
    return _verified(file.path, verification.Verification(name=file.path.name, facts=(read,)))


class Verify(Document, tag="vibforge/verify/1", frozen=True):
    """Whether VIBs and bundles are what they say."""

    good: AllGood
    files: Annotated[tuple[VerifiedFile, ...], says("One for each file.")]
    unreadable: NotRead

    @classmethod
    def of(cls, files: "Verified") -> Self:
        """Tell what was verified, and what could not be read."""
        return cls(
            good=files.good,
            files=(
                *(_verified(path, each) for path, each in files.found),
                *(_unread(each) for each in files.unreadable),
            ),
            unreadable=Unreadable.all_of(files.unreadable),
        )
