"""Checks, their faults and findings, and the rules that a project allows to be broken."""

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
"""The input of a check: a scanned VIB or bundle, a descriptor, a trx.conf."""


class Severity(StrEnum):
    """The severity of a finding: an error keeps a file from working, a note is good to know."""

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
    """The false statement of the file, for checks of the file against its own statements."""
    values: "Mapping[str, str]" = field(default_factory=dict)
    """The values in a host's message about this fault, by their places in the text."""
    minds: "Fact | None" = None
    """Whether this fault matters to hosts of a release, if that depends on the fault."""
    form: "MessageForm | None" = None
    """The message that a host prints for this fault, if that depends on the fault."""
    remedy: str = ""
    """What to do about this fault; if empty, the remedy of the check's manual applies."""
    line: int = 0
    """The line in a text, counted from 1; 0 for the file as a whole."""
    column: int = 1
    linuxptp: tuple[str, ...] = ()
    """The linuxptp versions to which the fault matters; empty for all."""


class Held(NamedTuple):
    """A statement of the file that a check found true."""

    where: str
    claim: str


class Unchecked(NamedTuple):
    """A statement of the file that could not be checked, and why."""

    where: str
    claim: str
    why: str


Result = Fault | Held | Unchecked


class Topic(StrEnum):
    """The topic of a file's statement; the values are stable and appear in `verify --json`."""

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
    SBOM = "sbom"
    PROVENANCE = "provenance"


class Contradiction(NamedTuple):
    """The file's own statement that a fault contradicts."""

    topic: Topic
    claim: str
    """The statement, true if the check finds nothing: "the file ends with its last member"."""


class InstallStep(StrEnum):
    """The step of an install at which a host finds a fault, in the order of the steps."""

    READING = "reading the VIB"
    PROFILE = "validating the image"
    EXTENSIBILITY = "checking paths"
    STAGING = "staging"
    PAYLOADS = "reading the payloads"
    LIVE = "changing the running system"


class Reaction(NamedTuple):
    """How a host refuses a file with a fault: at which step, and with which message."""

    step: InstallStep
    message: "MessageForm"
    skipped_by: tuple[str, ...] = ()
    """The esxcli flags that skip the check, on hosts where they have an effect."""


class Check(Struct, Generic[Subject_contra], frozen=True, kw_only=True):
    """One rule that a VIB, bundle, project or trx.conf must meet."""

    id: str
    name: str
    severity: Severity
    certainty: Certainty
    results: Callable[[Subject_contra], Iterator[Result]]
    minds: "Fact | None" = None
    """Whether a fault matters to hosts of a release, by the table of releases; None: to all."""
    contradiction: Contradiction | None = None
    """Set for a check of a file against its own statements; `verify` runs these checks."""
    reaction: Reaction | None = None
    """How hosts refuse the file; None if they accept it, or refuse it only with other faults."""
    one_target_suffices: bool = False
    """True: a file that some of the targets accept is made for them, and the fault is a note."""

    def faults(self, subject: Subject_contra) -> Iterator[Fault]:
        """Yield the places where the check fails."""
        return (result for result in self.results(subject) if isinstance(result, Fault))

    @property
    def manual(self) -> str:
        """What the check finds, why, the remedy and the evidence: the generator's docstring."""
        return _with_quotations(inspect.cleandoc(self.results.__doc__ or ""))

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
        """Whether a fault of this check matters to hosts of a release; None if unknown."""
        minds = (fault and fault.minds) or self.minds
        if minds is None:
            return True

        cell = minds(table.row_of(release))
        return None if cell is None else cell.value

    @property
    def releases(self) -> str:
        """The releases to which the check matters, as text for users."""
        if self.minds is None:
            return "all"

        return table.releases_where(self.minds)


def _with_quotations(manual: str) -> str:
    """Replace `{UNSIGNED}` and `{UNSIGNED.title}` in a manual by the words of the host message."""
    if "{" not in manual:
        return manual
    import textwrap  # noqa: PLC0415 - only for these manuals

    def words(place: "re.Match[str]") -> str:
        form: MessageForm = getattr(messages, place[1])
        return form.title if place[2] else form.words

    paragraphs = []
    for paragraph in manual.split("\n\n"):
        filled = _PLACE.sub(words, paragraph)
        if filled != paragraph:
            filled = textwrap.fill(filled, _MANUAL_WIDTH)
        paragraphs.append(filled)
    return "\n\n".join(paragraphs)


_PLACE = re.compile(r"\{([A-Z_0-9]+)(\.title)?\}")
_MANUAL_WIDTH = 96


class SourcePlace(Struct, frozen=True):
    """A place in a file that a person can open and edit, such as a recipe or a trx.conf."""

    path: str
    line: int = 0
    """Counted from 1; 0 if the finding concerns the file as a whole."""
    column: int = 0
    """Counted from 1; 0 if it is not known."""


class Finding(Struct, frozen=True, kw_only=True):
    """A fault of a file, with its check; `because` is the reason if a recipe allows it."""

    rule: str
    name: str
    severity: Severity
    certainty: Certainty
    file: str
    where: str
    what: str
    because: str = ""
    minds: "Fact | None" = None
    """Whether the finding matters to hosts of a release; None: to all."""
    one_target_suffices: bool = False
    """Copied from the check."""
    count: int = 1
    """The number of faults; more than one if a limit shortened their list."""
    remedy: str = ""
    line: int = 0
    """Copied from the fault, like `column` and `linuxptp`."""
    column: int = 1
    linuxptp: tuple[str, ...] = ()
    source: SourcePlace | None = None
    """The place to edit: in a project, the file and line that cause the finding; None if only
    `file` is known."""

    def __str__(self) -> str:
        place = f"{self.where}: " if self.where else ""
        return f"{place}{self.what} ({self.rule} {self.name})"


def check(  # noqa: PLR0913 - each is a property of the check
    check_id: str,
    severity: Severity,
    certainty: Certainty,
    *,
    minds: "Fact | None" = None,
    contradiction: Contradiction | None = None,
    reaction: Reaction | None = None,
    one_target_suffices: bool = False,
) -> Callable[[Callable[[Subject_contra], Iterator[Result]]], Check[Subject_contra]]:
    """Make a check from a generator, with the generator's name and, as manual, its docstring.

    If `check_id` is empty, the name is also the ID.
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


def finding(failed: Check[Subject_contra], fault: Fault, file: str) -> Finding:
    """Return the finding for a fault of a check in a file."""
    return Finding(
        rule=failed.id,
        name=failed.name,
        severity=fault.severity or failed.severity,
        certainty=fault.certainty or failed.certainty,
        file=file,
        where=fault.where,
        what=fault.what,
        minds=fault.minds or failed.minds,
        one_target_suffices=failed.one_target_suffices,
        remedy=fault.remedy or failed.remedy,
        line=fault.line,
        column=fault.column,
        linuxptp=fault.linuxptp,
    )


def fault_at(  # noqa: PLR0913 - each is a property of the fault
    place: tuple[int, int],
    what: str,
    remedy: str = "",
    *,
    severity: Severity | None = None,
    certainty: Certainty | None = None,
    linuxptp: tuple[str, ...] = (),
) -> Fault:
    """Return a fault at a line and column of a text."""
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
"""The place of a fault that belongs to the text as a whole."""


class Allowance(Struct, frozen=True, kw_only=True):
    """A rule that a project may break, and why; without a reason nobody can judge it later."""

    rule: Annotated[
        str,
        key("ID or name of a rule: VF218, path-outside-list.", check=identity.check_filled_line),
    ]
    because: Annotated[str, key("The reason, for later readers.", check=identity.check_filled_line)]
