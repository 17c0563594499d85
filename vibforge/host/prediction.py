"""What a host will do with a VIB, as a value."""

from dataclasses import dataclass
from enum import StrEnum

from vibforge.esxi.messages import HostMessage
from vibforge.esxi.release import Release
from vibforge.esxi.table import Fact, row_of
from vibforge.model.certainty import Certainty


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


@dataclass(frozen=True, kw_only=True, slots=True)
class Cause:
    """Why: what is the matter, with which file or VIB, and how sure that is."""

    what: str
    subject: str = ""
    """The path, the VIB ID or the payload that it is about."""
    certainty: Certainty = Certainty.MEASURED
    rule: str = ""
    """The lint rule that says more, where there is one."""

    def __str__(self) -> str:
        return f"{self.subject}: {self.what}" if self.subject else self.what


@dataclass(frozen=True, kw_only=True, slots=True)
class Refusal:
    """A fault that ends the reading of a VIB."""

    message: HostMessage
    cause: Cause
    minds: Fact | None = None
    """Whether hosts of a release mind; None: all do."""

    def holds(self, release: Release) -> bool:
        """Whether a host of this release is known to refuse it."""
        cell = self.minds(row_of(release)) if self.minds else None
        return self.minds is None or (cell is not None and cell.value)


@dataclass(frozen=True, kw_only=True, slots=True)
class Prediction:
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
