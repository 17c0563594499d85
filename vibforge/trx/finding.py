"""What a rule says of a file, how bad it is and how sure we are of it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from vibforge.findings.check import Severity
from vibforge.model.certainty import Certainty

if TYPE_CHECKING:
    from vibforge.trx.subject import Subject


MEANING = {
    Certainty.MEASURED: "tried with linuxptp itself",
    Certainty.DOCUMENTED: "written down in public: a manual, a standard, the analysis of TRX",
    Certainty.INFERRED: "follows from what is known",
    Certainty.UNKNOWN: "nobody has shown what TRX does",
}


class Fault(NamedTuple):
    """One place where a rule does not hold; `severity` and `certainty` replace the rule's own."""

    line: int
    what: str
    column: int = 1
    remedy: str = ""
    severity: Severity | None = None
    certainty: Certainty | None = None
    releases: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """A fault with its rule. Line and column count from 1; line 0 is the file as a whole."""

    rule: str
    severity: Severity
    certainty: Certainty
    line: int
    column: int
    what: str
    remedy: str
    releases: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Rule:
    """One thing that can be wrong; it is named after the fault."""

    name: str
    severity: Severity
    certainty: Certainty
    manual: str
    faults: Callable[["Subject"], Iterator[Fault]]

    def findings(self, subject: "Subject") -> Iterator[Finding]:
        """Say where `subject` breaks the rule."""
        for fault in self.faults(subject):
            yield Finding(
                rule=self.name,
                severity=fault.severity or self.severity,
                certainty=fault.certainty or self.certainty,
                line=fault.line,
                column=fault.column,
                what=fault.what,
                remedy=fault.remedy,
                releases=fault.releases,
            )


def rule(
    severity: Severity, certainty: Certainty
) -> Callable[[Callable[["Subject"], Iterator[Fault]]], Rule]:
    """Make a rule of a function: its name is the rule's, its docstring the rule's manual."""

    def made(faults: Callable[["Subject"], Iterator[Fault]]) -> Rule:
        return Rule(
            name=faults.__name__.replace("_", "-"),
            severity=severity,
            certainty=certainty,
            manual=" ".join((faults.__doc__ or "").split()),
            faults=faults,
        )

    return made


_LONGEST_SHOWN = 60
"""Characters of a file's own text that stand in a message."""


def shown(text: str, most: int = _LONGEST_SHOWN) -> str:
    """Return a file's text as one safe word for a message, of `most` characters."""
    cut = text if len(text) <= most else f"{text[:most]}…"
    return "".join(letter if letter.isprintable() else _escaped(letter) for letter in cut)


def _escaped(letter: str) -> str:
    if "\udc80" <= letter <= "\udcff":
        return f"\\x{ord(letter) - 0xDC00:02x}"
    return f"\\u{ord(letter):04x}"
