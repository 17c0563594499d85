"""What a host will do with VIBs, for each answer to what is not known."""

from collections.abc import Callable, Iterator
from enum import IntEnum, StrEnum
from typing import Generic, TypeVar

from msgspec import Struct

from vibforge.esxi.messages import HostMessage
from vibforge.esxi.release import Certainty, Release
from vibforge.esxi.table import Fact, row_of


class InstallOutcome(StrEnum):
    """How a command ends."""

    LIVE = "live"
    MAINTENANCE = "in maintenance mode"
    """Live as well, on a host that is in maintenance mode because the VIB asks for it."""
    REBOOT = "after reboot"
    SKIPPED = "skipped"
    REFUSED = "refused"
    NOT_KNOWN = "not known"
    """The release is not in the table of releases."""

    @property
    def installs(self) -> bool:
        return self in {InstallOutcome.LIVE, InstallOutcome.MAINTENANCE, InstallOutcome.REBOOT}


class Cause(Struct, frozen=True, kw_only=True):
    """Why: what is the matter, with which file or VIB, and how sure that is."""

    what: str
    subject: str = ""
    """The path, the VIB ID or the payload that it is about."""
    certainty: Certainty = Certainty.MEASURED
    rule: str = ""
    """The lint rule that says more, where there is one."""

    def __str__(self) -> str:
        return f"{self.subject}: {self.what}" if self.subject else self.what


class Refusal(Struct, frozen=True, kw_only=True):
    """A fault that ends the reading of a VIB."""

    message: HostMessage
    cause: Cause
    minds: Fact | None = None
    """Whether hosts of a release mind; None: all do."""

    def holds(self, release: Release) -> bool:
        """Whether a host of this release is known to refuse it."""
        cell = self.minds(row_of(release)) if self.minds else None
        return self.minds is None or (cell is not None and cell.value)


class Prediction(Struct, frozen=True, kw_only=True):
    """The end of one command on one host."""

    outcome: InstallOutcome
    says: str
    """What the host prints: the text of an error with its frame, or the message of a result."""
    certainty: Certainty
    causes: tuple[Cause, ...] = ()
    """Why it is refused or skipped, or what makes it need a reboot."""
    hidden: tuple[Cause, ...] = ()
    """Further reasons to refuse, which the host says only when the first are gone."""
    added: tuple[str, ...] = ()
    """IDs of the VIBs that come in."""
    removed: tuple[str, ...] = ()
    """IDs of installed VIBs that go."""
    skipped: tuple[Cause, ...] = ()
    """The VIBs that the command passes over while others come in, and why."""
    dry_run: bool = False
    message: HostMessage | None = None


def not_known(release: Release) -> Prediction:
    """Return the prediction for a release that is not in the table of releases."""
    what = f"ESXi {release} is not in the table of releases, so vibforge predicts nothing for it"
    cause = Cause(what=what, certainty=Certainty.UNKNOWN)
    return Prediction(
        outcome=InstallOutcome.NOT_KNOWN, says="", certainty=Certainty.UNKNOWN, causes=(cause,)
    )


class ReportGroup(IntEnum):
    """The order in which hosts report."""

    PROFILE = 0
    EXTENSIBILITY = 1
    ACCEPTANCE = 2
    DEPENDENCY = 3


class Trouble(Struct, frozen=True, kw_only=True):
    """One problem of a profile: what the host prints, and why."""

    group: ReportGroup
    message: HostMessage
    causes: tuple[Cause, ...]
    forcible: bool = True
    """Whether `--force` gets past it where that flag works."""


WORLD_LIMIT = 64
"""Six open yes-or-no questions at once; a verdict with more of them says nothing anyway."""

Result = TypeVar("Result")


class UnknownFact(Struct, frozen=True, kw_only=True):
    """A fact that is not known: `if_yes` and `if_no` are said of the verdicts that depend on it."""

    key: str
    if_yes: str
    if_no: str

    def condition(self, *, answer: bool) -> str:
        return self.if_yes if answer else self.if_no


class Undecided(Exception):  # noqa: N818 - a turn of the search, caught by `worlds`, not an error
    """An evaluation needs the answer to a question."""

    def __init__(self, question: UnknownFact) -> None:
        super().__init__(question.key)
        self.question = question


class Assumptions(Struct, frozen=True):
    """The answers assumed so far."""

    given: tuple[tuple[UnknownFact, bool], ...] = ()

    def ask(self, question: UnknownFact) -> bool:
        """Return the assumed answer.

        Raises:
            Undecided: there is none yet.
        """
        for known, answer in self.given:
            if known.key == question.key:
                return answer
        raise Undecided(question)

    def known(self, fact: bool | None, question: UnknownFact) -> bool:  # noqa: FBT001 - a fact's value
        """Return a fact, or the assumed answer where it is not known."""
        return self.ask(question) if fact is None else fact

    @property
    def conditions(self) -> tuple[str, ...]:
        """What was assumed, for people."""
        return tuple(question.condition(answer=answer) for question, answer in self.given)


class Branch(Struct, Generic[Result], frozen=True):
    """One way things may be, and what follows."""

    answers: Assumptions
    result: Result


def branches(evaluate: Callable[[Assumptions], Result]) -> tuple[Branch[Result], ...]:
    """Evaluate under every combination of answers that is asked for, WORLD_LIMIT at the most."""
    return tuple(_search(evaluate))


def _search(evaluate: Callable[[Assumptions], Result]) -> Iterator[Branch[Result]]:
    waiting: list[Assumptions] = [Assumptions()]
    found = 0
    while waiting and found < WORLD_LIMIT:
        answers = waiting.pop()
        try:
            result = evaluate(answers)
        except Undecided as undecided:
            waiting += [_and(answers, undecided.question, given) for given in (False, True)]
            continue
        found += 1
        yield Branch(answers, result)


def _and(answers: Assumptions, question: UnknownFact, answer: bool) -> Assumptions:  # noqa: FBT001 - its value
    return Assumptions((*answers.given, (question, answer)))
