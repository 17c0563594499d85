"""What verifying gives: facts, each held, a warning, failed or not checked, and the verdict."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from vibforge.errors import Problem, VerificationError
from vibforge.findings.check import Topic

REQUIRED_SIGNATURE = "a signature is valid, as the policy requires"
"""The statement of a policy's demand, of a VIB as of a bundle."""


class Outcome(StrEnum):
    """What became of one fact."""

    HELD = "held"
    WARNING = "warning"
    """It does not hold, and the file is not bad for it unless a stricter policy is asked for."""
    FAILED = "failed"
    NOT_CHECKED = "not checked"


@dataclass(frozen=True, kw_only=True, slots=True)
class Fact:
    """One fact: what it is about, what it says, what became of it, and why if it did not hold."""

    topic: Topic
    subject: str
    statement: str
    outcome: Outcome
    reason: str = ""

    @property
    def objection(self) -> str:
        """What an error says of a fact that does not hold."""
        return f'"{self.statement}" does not hold: {self.reason}'


@dataclass(frozen=True, kw_only=True, slots=True)
class Verification:
    """The facts of one VIB, or of a bundle with its VIBs as `parts`.

    `name` is where it was read from, `vib_id` empty for a bundle.
    """

    name: str
    vib_id: str = ""
    facts: tuple[Fact, ...] = ()
    parts: tuple["Verification", ...] = ()

    @property
    def all_facts(self) -> Iterator[Fact]:
        """The facts, and those of the parts."""
        yield from self.facts
        for part in self.parts:
            yield from part.all_facts

    @property
    def held(self) -> bool:
        """Whether no fact failed; warnings and what was not checked do not count against it."""
        return all(fact.outcome is not Outcome.FAILED for fact in self.all_facts)

    def require(self) -> "Verification":
        """Return this verification if it held.

        Raises:
            VerificationError: facts failed; each is a problem.
        """
        failed = [fact for fact in self.all_facts if fact.outcome is Outcome.FAILED]
        if failed:
            raise VerificationError.of(
                Problem(what=fact.objection, where=self._where(fact)) for fact in failed
            )
        return self

    def _where(self, fact: Fact) -> str:
        return f"{self.name}:{fact.subject}" if fact.subject else self.name


def fact(  # noqa: PLR0913 - the parts of a fact
    topic: Topic,
    statement: str,
    *,
    holds: bool | None,
    reason: str = "",
    subject: str = "",
    warns: bool = False,
) -> Fact:
    """Make a fact.

    Args:
        topic: what it is about.
        statement: what should hold.
        holds: None where it was not checked.
        reason: why it does not hold, or was not checked; left out where it holds.
        subject: the payload, signature or member.
        warns: what does not hold is a warning, no failure.
    """
    outcome = Outcome.NOT_CHECKED
    if holds is not None:
        outcome = Outcome.HELD if holds else Outcome.WARNING if warns else Outcome.FAILED
    return Fact(
        topic=topic,
        subject=subject,
        statement=statement,
        outcome=outcome,
        reason="" if holds else reason,
    )
