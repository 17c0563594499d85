"""What a rule, a fault and a finding are.

A rule is a short generator named after the fault it finds. Its docstring is its manual: what is
wrong, then the paragraphs `Why:`, `Remedy:` and `Evidence:`.
"""

import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, TypeVar

from vibforge.esxi.release import Release
from vibforge.esxi.table import Fact, releases_where, row_of
from vibforge.model.certainty import Certainty

Looked = TypeVar("Looked")


class Severity(StrEnum):
    """How bad it is: an error keeps a VIB from working somewhere, a note is good to know."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Fault:
    """One place where a rule does not hold; `severity` and `certainty` replace the rule's own."""

    where: str
    """A path in a payload, a payload's name, an element of the descriptor, a member."""
    what: str
    severity: Severity | None = None
    certainty: Certainty | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Rule(Generic[Looked]):
    """One thing that can be wrong with what it looks at."""

    id: str
    name: str
    severity: Severity
    certainty: Certainty
    manual: str
    faults: Callable[[Looked], Iterator[Fault]]
    minds: Fact | None = None
    """Whether hosts of a release mind, as the table of releases says; None: all do."""

    @property
    def summary(self) -> str:
        """The first line of the manual."""
        return self.manual.partition("\n")[0]

    def concerns(self, release: Release) -> bool | None:
        """Whether hosts of a release mind; None where the table does not say."""
        if self.minds is None:
            return True
        cell = self.minds(row_of(release))
        return None if cell is None else cell.value

    @property
    def releases(self) -> str:
        """The releases that it concerns, for people."""
        return releases_where(self.minds) if self.minds else "all"


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """A fault of a file, with its rule; `because` is the reason for which it is allowed."""

    rule: str
    name: str
    severity: Severity
    certainty: Certainty
    file: str
    where: str
    what: str
    because: str = ""

    def __str__(self) -> str:
        place = f"{self.where}: " if self.where else ""
        return f"{place}{self.what} ({self.rule} {self.name})"


def rule(
    rule_id: str,
    severity: Severity,
    certainty: Certainty,
    *,
    minds: Fact | None = None,
) -> Callable[[Callable[[Looked], Iterator[Fault]]], Rule[Looked]]:
    """Make a rule of a generator: its name is the rule's, its docstring the rule's manual."""

    def made(faults: Callable[[Looked], Iterator[Fault]]) -> Rule[Looked]:
        return Rule(
            id=rule_id,
            name=faults.__name__.replace("_", "-"),
            severity=severity,
            certainty=certainty,
            manual=inspect.cleandoc(faults.__doc__ or ""),
            faults=faults,
            minds=minds,
        )

    return made
