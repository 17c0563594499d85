"""What a host will do with VIBs, for each answer to what is not known."""

from collections.abc import Callable, Iterator
from enum import IntEnum, StrEnum
from typing import Generic, TypeVar

from msgspec import Struct

from vibforge.esxi.messages import HostMessage
from vibforge.esxi.release import Certainty, Release
from vibforge.esxi.table import Fact, row_of


class Outcome(StrEnum):
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
        return self in {Outcome.LIVE, Outcome.MAINTENANCE, Outcome.REBOOT}


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

    outcome: Outcome
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
        outcome=Outcome.NOT_KNOWN, says="", certainty=Certainty.UNKNOWN, causes=(cause,)
    )


class Group(IntEnum):
    """The order in which hosts report."""

    PROFILE = 0
    EXTENSIBILITY = 1
    ACCEPTANCE = 2
    DEPENDENCY = 3


class Trouble(Struct, frozen=True, kw_only=True):
    """One problem of a profile: what the host prints, and why."""

    group: Group
    message: HostMessage
    causes: tuple[Cause, ...]
    forcible: bool = True
    """Whether `--force` gets past it where that flag works."""


WORLD_LIMIT = 64
"""Six open yes-or-no questions at once; a verdict with more of them says nothing anyway."""

Result = TypeVar("Result")


class Question(Struct, frozen=True, kw_only=True):
    """A fact that is not known: `if_yes` and `if_no` are said of the verdicts that depend on it."""

    key: str
    if_yes: str
    if_no: str

    def condition(self, *, answer: bool) -> str:
        return self.if_yes if answer else self.if_no


class Undecided(Exception):  # noqa: N818 - a turn of the search, caught by `worlds`, not an error
    """An evaluation needs the answer to a question."""

    def __init__(self, question: Question) -> None:
        super().__init__(question.key)
        self.question = question


class Answers(Struct, frozen=True):
    """The answers assumed so far."""

    given: tuple[tuple[Question, bool], ...] = ()

    def ask(self, question: Question) -> bool:
        """Return the assumed answer.

        Raises:
            Undecided: there is none yet.
        """
        for known, answer in self.given:
            if known.key == question.key:
                return answer
        raise Undecided(question)

    def known(self, fact: bool | None, question: Question) -> bool:  # noqa: FBT001 - a fact's value
        """Return a fact, or the assumed answer where it is not known."""
        return self.ask(question) if fact is None else fact

    @property
    def conditions(self) -> tuple[str, ...]:
        """What was assumed, for people."""
        return tuple(question.condition(answer=answer) for question, answer in self.given)


class World(Struct, Generic[Result], frozen=True):
    """One way things may be, and what follows."""

    answers: Answers
    result: Result


def worlds(evaluate: Callable[[Answers], Result]) -> tuple[World[Result], ...]:
    """Evaluate under every combination of answers that is asked for, WORLD_LIMIT at the most."""
    return tuple(_search(evaluate))


def _search(evaluate: Callable[[Answers], Result]) -> Iterator[World[Result]]:
    waiting: list[Answers] = [Answers()]
    found = 0
    while waiting and found < WORLD_LIMIT:
        answers = waiting.pop()
        try:
            result = evaluate(answers)
        except Undecided as undecided:
            waiting += [_and(answers, undecided.question, given) for given in (False, True)]
            continue
        found += 1
        yield World(answers, result)


def _and(answers: Answers, question: Question, answer: bool) -> Answers:  # noqa: FBT001 - its value
    return Answers((*answers.given, (question, answer)))
