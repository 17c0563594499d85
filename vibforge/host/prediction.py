"""What a host will do with VIBs, in each branch of what is not known."""

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
    """Live, but the VIB requires that the host is in maintenance mode."""
    REBOOT = "after reboot"
    SKIPPED = "skipped"
    REFUSED = "refused"
    NOT_KNOWN = "not known"
    """The table of releases lacks the host's release."""

    @property
    def installs(self) -> bool:
        return self in {InstallOutcome.LIVE, InstallOutcome.MAINTENANCE, InstallOutcome.REBOOT}


class Cause(Struct, frozen=True, kw_only=True):
    """Why a host refuses, skips or reboots: what, which file or VIB, and how certain that is."""

    what: str
    subject: str = ""
    """The path, the VIB ID or the payload concerned."""
    certainty: Certainty = Certainty.MEASURED
    rule: str = ""
    """The ID of the lint rule that explains the cause; empty if there is none."""

    def __str__(self) -> str:
        return f"{self.subject}: {self.what}" if self.subject else self.what


class Refusal(Struct, frozen=True, kw_only=True):
    """A host's refusal while it reads a VIB or a bundle."""

    message: HostMessage
    cause: Cause
    minds: Fact | None = None
    """Whether hosts of a release refuse; None: all do."""

    def holds(self, release: Release) -> bool:
        """Return whether hosts of this release are known to refuse."""
        cell = self.minds(row_of(release)) if self.minds else None
        return self.minds is None or (cell is not None and cell.value)


class Prediction(Struct, frozen=True, kw_only=True):
    """The result of one command on one host."""

    outcome: InstallOutcome
    says: str
    """What the host prints: an error with its frame, or the message of a result."""
    certainty: Certainty
    causes: tuple[Cause, ...] = ()
    """Why the host refuses or skips the VIBs, or requires a reboot."""
    hidden: tuple[Cause, ...] = ()
    """Further causes of a refusal, which the host reports only when the first are resolved."""
    added: tuple[str, ...] = ()
    """IDs of the VIBs that the command installs."""
    removed: tuple[str, ...] = ()
    """IDs of the installed VIBs that the command removes."""
    skipped: tuple[Cause, ...] = ()
    """The VIBs that the command skips while it installs others, and why."""
    dry_run: bool = False
    message: HostMessage | None = None


def not_known(release: Release) -> Prediction:
    """Return the prediction for a release that is not in the table of releases."""
    what = f"ESXi {release} is not in the table of releases; vibforge cannot predict the result"
    cause = Cause(what=what, certainty=Certainty.UNKNOWN)
    return Prediction(
        outcome=InstallOutcome.NOT_KNOWN, says="", certainty=Certainty.UNKNOWN, causes=(cause,)
    )


class ReportGroup(IntEnum):
    """The groups of refusals that hosts report, in the order of their reports."""

    PROFILE = 0
    EXTENSIBILITY = 1
    ACCEPTANCE = 2
    DEPENDENCY = 3


class ImageRefusal(Struct, frozen=True, kw_only=True):
    """One refusal of the image that a command would make: what the host prints, and why."""

    group: ReportGroup
    message: HostMessage
    causes: tuple[Cause, ...]
    forcible: bool = True
    """Whether `--force` overrides it on hosts where that flag works."""


BRANCH_LIMIT = 64
"""Branches of a prediction: six unknown facts. A verdict that depends on more helps nobody."""

Result = TypeVar("Result")


class UnknownFact(Struct, frozen=True, kw_only=True):
    """A fact that is not known; `if_yes` and `if_no` are the conditions of a verdict."""

    key: str
    if_yes: str
    if_no: str

    def condition(self, *, value: bool) -> str:
        return self.if_yes if value else self.if_no


class Undecided(Exception):  # noqa: N818 - a turn of the search, caught by `branches`, not an error
    """An evaluation depends on an unknown fact that nothing is assumed of yet."""

    def __init__(self, unknown: UnknownFact) -> None:
        super().__init__(unknown.key)
        self.unknown = unknown


class Assumptions(Struct, frozen=True):
    """The values that a branch assumes for unknown facts."""

    given: tuple[tuple[UnknownFact, bool], ...] = ()

    def assume(self, unknown: UnknownFact) -> bool:
        """Return the assumed value of an unknown fact.

        Raises:
            Undecided: nothing is assumed of it yet.
        """
        for fact, value in self.given:
            if fact.key == unknown.key:
                return value
        raise Undecided(unknown)

    def resolve(self, fact: bool | None, unknown: UnknownFact) -> bool:  # noqa: FBT001 - a fact's value
        """Return a fact, or its assumed value if it is not known."""
        return self.assume(unknown) if fact is None else fact

    @property
    def conditions(self) -> tuple[str, ...]:
        """The assumptions as text."""
        return tuple(unknown.condition(value=value) for unknown, value in self.given)


class Branch(Struct, Generic[Result], frozen=True):
    """The result under one set of assumptions."""

    assumptions: Assumptions
    result: Result


def branches(evaluate: Callable[[Assumptions], Result]) -> tuple[Branch[Result], ...]:
    """Evaluate under every combination of the assumptions needed, at most BRANCH_LIMIT times."""
    return tuple(_search(evaluate))


def _search(evaluate: Callable[[Assumptions], Result]) -> Iterator[Branch[Result]]:
    waiting: list[Assumptions] = [Assumptions()]
    count = 0
    while waiting and count < BRANCH_LIMIT:
        assumptions = waiting.pop()
        try:
            result = evaluate(assumptions)
        except Undecided as undecided:
            waiting += [_extend(assumptions, undecided.unknown, value) for value in (False, True)]
            continue
        count += 1
        yield Branch(assumptions, result)


def _extend(assumptions: Assumptions, unknown: UnknownFact, value: bool) -> Assumptions:  # noqa: FBT001 - its value
    return Assumptions((*assumptions.given, (unknown, value)))
