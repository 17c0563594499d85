"""What is not known is asked as a question, and a prediction is made for every answer.

An evaluation asks an `Answers` value; where there is no answer yet it stops, and `worlds` runs it
again with each answer that is possible. So an unknown fact widens the verdict exactly where it
matters, and nothing is guessed.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

WORLD_LIMIT = 64
"""Six open yes-or-no questions at once; a verdict with more of them says nothing anyway."""

Result = TypeVar("Result")


@dataclass(frozen=True, kw_only=True, slots=True)
class Question:
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


@dataclass(frozen=True, slots=True)
class Answers:
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


@dataclass(frozen=True, slots=True)
class World(Generic[Result]):
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
