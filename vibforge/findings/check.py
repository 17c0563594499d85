"""What a check, a fault and a finding are, and which may be allowed for a reason."""

import inspect
import re
from collections.abc import Callable, Iterator
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Generic, NamedTuple, TypeVar

from msgspec import Struct, field

from vibforge.esxi import messages, table
from vibforge.esxi.release import Certainty
from vibforge.formats.toml_keys import key
from vibforge.vib import identity

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vibforge.esxi.messages import MessageForm
    from vibforge.esxi.release import Release
    from vibforge.esxi.table import Fact


Subject_contra = TypeVar("Subject_contra", contravariant=True)
"""What a check looks at: a scanned VIB or bundle, a descriptor, a trx.conf."""


class Severity(StrEnum):
    """How bad it is: an error keeps a file from working somewhere, a note is good to know."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


class Fault(Struct, frozen=True):
    """One place where a check fails; `severity` and `certainty` replace the check's own."""

    where: str
    """A path in a payload, a payload's name, an element of the descriptor, a member."""
    what: str
    severity: Severity | None = None
    certainty: Certainty | None = None
    claim: str = ""
    """What the file states and does not hold, for checks of the file against itself."""
    values: "Mapping[str, str]" = field(default_factory=dict)
    """What a host's message about it names, by the places in the message's text."""
    minds: "Fact | None" = None
    """Whether hosts of a release mind this fault, where that depends on the fault."""
    form: "MessageForm | None" = None
    """What a host prints because of this fault, where that depends on the fault."""
    remedy: str = ""
    """What to do about this fault; the remedy of the check's manual where it is empty."""
    line: int = 0
    """The line of a text that it is in, counted from 1; 0 is the file as a whole."""
    column: int = 1
    linuxptp: tuple[str, ...] = ()
    """The releases of linuxptp that mind, where not all do."""


class Held(NamedTuple):
    """A statement of the file that a check compared and found true."""

    where: str
    claim: str


class Unchecked(NamedTuple):
    """A statement of the file that could not be compared, and why."""

    where: str
    claim: str
    why: str


Result = Fault | Held | Unchecked


class Topic(StrEnum):
    """What a statement of a file is about; the values are stable and stand in `verify --json`."""

    CONTAINER = "container"
    METADATA = "metadata"
    DESCRIPTOR = "descriptor"
    PAYLOAD = "payload"
    SIZE = "size"
    DIGEST = "digest"
    COVERAGE = "coverage"
    FILES = "files"
    SIGNATURE = "signature"
    SIGNER = "signer"
    LEVEL = "level"
    DATES = "dates"
    STRICT = "strict"
    POLICY = "policy"


class Contradiction(NamedTuple):
    """That a fault contradicts the file's own statements, and the statement that then fails."""

    topic: Topic
    claim: str
    """What holds where the check finds nothing: "the file ends where its last member does"."""


class InstallStep(StrEnum):
    """The step of an install at which a host notices a fault, in the order of the steps."""

    READING = "reading the VIB"
    PROFILE = "validating the image"
    EXTENSIBILITY = "checking paths"
    STAGING = "staging"
    PAYLOADS = "reading the payloads"
    LIVE = "changing the running system"


class Reaction(NamedTuple):
    """How a host refuses a file because of a fault: at which step, and with which message."""

    step: InstallStep
    message: "MessageForm"
    skipped_by: tuple[str, ...] = ()
    """The flags of esxcli that skip the check, on hosts where they take effect."""


class Check(Struct, Generic[Subject_contra], frozen=True, kw_only=True):
    """One thing that can be wrong with what it looks at."""

    id: str
    name: str
    severity: Severity
    certainty: Certainty
    results: Callable[[Subject_contra], Iterator[Result]]
    minds: "Fact | None" = None
    """Whether hosts of a release mind, as the table of releases says; None: all do."""
    contradiction: Contradiction | None = None
    """Set for a check that compares a file with its own statements; `verify` runs these."""
    reaction: Reaction | None = None
    """How hosts refuse the file; None where they do not, or not because of this alone."""
    one_target_suffices: bool = False
    """True: a file that some of the targets accept is made for these, and the fault is a note."""

    def faults(self, subject: Subject_contra) -> Iterator[Fault]:
        """Yield the places where the check fails."""
        return (result for result in self.results(subject) if isinstance(result, Fault))

    @property
    def manual(self) -> str:
        """What is wrong, why, the remedy and the evidence: the docstring of the generator."""
        return _quoting(inspect.cleandoc(self.results.__doc__ or ""))

    @property
    def summary(self) -> str:
        """The first line of the manual."""
        return self.manual.partition("\n")[0]

    @property
    def remedy(self) -> str:
        """The paragraph of the manual that says what to do."""
        paragraph = self.manual.partition("\nRemedy: ")[2].partition("\n\n")[0]
        return " ".join(paragraph.split())

    def concerns(self, release: "Release", fault: Fault | None = None) -> bool | None:
        """Whether hosts of a release mind, of one fault if given; None where nobody knows."""
        minds = (fault and fault.minds) or self.minds
        if minds is None:
            return True

        cell = minds(table.row_of(release))
        return None if cell is None else cell.value

    @property
    def releases(self) -> str:
        """The releases that it concerns, for people."""
        if self.minds is None:
            return "all"

        return table.releases_where(self.minds)


def _quoting(manual: str) -> str:
    """Put the words of hosts where a manual names their form: `{UNSIGNED}`, `{UNSIGNED.title}`."""
    if "{" not in manual:
        return manual
    import textwrap  # noqa: PLC0415 - only for these manuals

    def words(place: "re.Match[str]") -> str:
        form: MessageForm = getattr(messages, place[1])
        return form.title if place[2] else form.words

    paragraphs = []
    for paragraph in manual.split("\n\n"):
        told = _PLACE.sub(words, paragraph)
        paragraphs.append(paragraph if told == paragraph else textwrap.fill(told, _MANUAL_WIDTH))
    return "\n\n".join(paragraphs)


_PLACE = re.compile(r"\{([A-Z_0-9]+)(\.title)?\}")
_MANUAL_WIDTH = 96


class Finding(Struct, frozen=True, kw_only=True):
    """A fault of a file, with its check; `because` is the reason for which it is allowed."""

    rule: str
    name: str
    severity: Severity
    certainty: Certainty
    file: str
    where: str
    what: str
    because: str = ""
    minds: "Fact | None" = None
    """Whether hosts of a release mind; None: all do."""
    one_target_suffices: bool = False
    """As of the check."""
    count: int = 1
    """How many faults it stands for: more than one where a limit cut the list of them."""
    remedy: str = ""
    line: int = 0
    """As of the fault, and so are the two after it."""
    column: int = 1
    linuxptp: tuple[str, ...] = ()

    def __str__(self) -> str:
        place = f"{self.where}: " if self.where else ""
        return f"{place}{self.what} ({self.rule} {self.name})"


def check(  # noqa: PLR0913 - each one is a property of the check
    check_id: str,
    severity: Severity,
    certainty: Certainty,
    *,
    minds: "Fact | None" = None,
    contradiction: Contradiction | None = None,
    reaction: Reaction | None = None,
    one_target_suffices: bool = False,
) -> Callable[[Callable[[Subject_contra], Iterator[Result]]], Check[Subject_contra]]:
    """Make a check of a generator: its name is the check's, its docstring the check's manual.

    An empty `check_id` makes a check that goes by its name alone.
    """

    def made(results: Callable[[Subject_contra], Iterator[Result]]) -> Check[Subject_contra]:
        name = results.__name__.replace("_", "-")
        return Check(
            id=check_id or name,
            name=name,
            severity=severity,
            certainty=certainty,
            results=results,
            minds=minds,
            contradiction=contradiction,
            reaction=reaction,
            one_target_suffices=one_target_suffices,
        )

    return made


def finding(of: Check[Subject_contra], fault: Fault, file: str) -> Finding:
    """Return a fault with its check."""
    return Finding(
        rule=of.id,
        name=of.name,
        severity=fault.severity or of.severity,
        certainty=fault.certainty or of.certainty,
        file=file,
        where=fault.where,
        what=fault.what,
        minds=fault.minds or of.minds,
        one_target_suffices=of.one_target_suffices,
        remedy=fault.remedy or of.remedy,
        line=fault.line,
        column=fault.column,
        linuxptp=fault.linuxptp,
    )


def fault_at(  # noqa: PLR0913 - each one is a property of the fault
    place: tuple[int, int],
    what: str,
    remedy: str = "",
    *,
    severity: Severity | None = None,
    certainty: Certainty | None = None,
    linuxptp: tuple[str, ...] = (),
) -> Fault:
    """Return the fault of a text at a line and column."""
    line, column = place
    return Fault(
        "",
        what,
        severity,
        certainty,
        remedy=remedy,
        line=line,
        column=column,
        linuxptp=linuxptp,
    )


WHOLE_FILE = (0, 1)
"""The place of a fault that no line of a text has alone."""


class Allowance(Struct, frozen=True, kw_only=True):
    """A rule that may be broken here, and why: without a reason nobody can judge it later."""

    rule: Annotated[
        str,
        key("Id or name of a rule: VF218, path-outside-list.", check=identity.check_filled_line),
    ]
    because: Annotated[
        str, key("The reason, for those who come after.", check=identity.check_filled_line)
    ]
