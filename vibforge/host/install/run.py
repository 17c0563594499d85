"""One command under one set of answers: what it would change, and what its flags leave standing.

Each step of an install either raises `Refused`, with what the host prints, or lets the next one go
on. Facts that are not known are asked as questions.
"""

from collections.abc import Iterator, Sequence

from msgspec import Struct, field

from vibforge.esxi.messages import HostMessage
from vibforge.esxi.paths import INBOX_RELEASE, goes_at_boot
from vibforge.esxi.release import Certainty, Release, least_sure
from vibforge.esxi.table import Cell, ReleaseRow, row_of, standing
from vibforge.host.command import Command, Flags
from vibforge.host.host import Host
from vibforge.host.image import ImageChange, uncovered_at_boot
from vibforge.host.package import Package
from vibforge.host.prediction import (
    Assumptions,
    Cause,
    InstallOutcome,
    Prediction,
    ReportGroup,
    Trouble,
    UnknownFact,
)

SECURE_BOOT = UnknownFact(
    key="secure-boot", if_yes="UEFI Secure Boot is on", if_no="UEFI Secure Boot is off"
)
FORCE_LOWERS_LEVEL = UnknownFact(
    key="force-acceptance",
    if_yes="--force passes over the acceptance level here, as on 6.7",
    if_no="--force keeps the acceptance level here, as was reported of 8.0.1",
)


def _inbox(name: str) -> UnknownFact:
    return UnknownFact(
        key=f"inbox {name}",
        if_yes=f"this release brings a VIB {name}, as 6.7 does",
        if_no=f"this release brings no VIB {name}",
    )


def _live_removal(package: Package) -> UnknownFact:
    return UnknownFact(
        key=f"live-removal {package.id}",
        if_yes=f"{package.name} allows a live removal",
        if_no=f"{package.name} does not allow a live removal",
    )


class Refused(Exception):  # noqa: N818 - ends the evaluation of a run, caught by the installer
    """The host refuses; `hidden` are causes that it would name only once the others are gone."""

    def __init__(
        self, message: HostMessage, causes: Sequence[Cause], hidden: Sequence[Cause] = ()
    ) -> None:
        super().__init__(message.error)
        self.message, self.causes, self.hidden = message, tuple(causes), tuple(hidden)

    def prediction(self, release: Release) -> Prediction:
        """Return what a host of a release says."""
        return Prediction(
            outcome=InstallOutcome.REFUSED,
            says=self.message.render(release),
            certainty=least_sure(cause.certainty for cause in self.causes),
            causes=self.causes,
            hidden=self.hidden,
            message=self.message,
        )


class Run(Struct, kw_only=True):
    """A command, the answers assumed, and the doubts that the steps have met so far."""

    command: Command
    answers: Assumptions
    change: ImageChange
    doubts: list[Certainty] = field(default_factory=list)
    _reboot: tuple[Cause, ...] | None = None

    def __post_init__(self) -> None:
        """Begin with the doubt that the release brings."""
        self.doubts.append(self.sure)

    @property
    def host(self) -> Host:
        return self.command.host

    @property
    def flags(self) -> Flags:
        return self.command.flags

    @property
    def release(self) -> Release:
        return self.command.host.release

    @property
    def sure(self) -> Certainty:
        """How certain a step is that has no cell of its own in the table of releases."""
        return standing(self.release)

    @property
    def row(self) -> ReleaseRow:
        """What the table of releases knows of the host's release."""
        return row_of(self.release)

    def known(self, cell: Cell[bool] | None, question: UnknownFact) -> bool:
        """Return a fact of the release, or the assumed answer where nobody knows it."""
        return self.answers.known(cell.value if cell else None, question)

    @property
    def secure_boot(self) -> bool:
        return self.answers.known(self.host.secure_boot, SECURE_BOOT)

    def takes_last_digest(self, question: UnknownFact) -> bool:
        """Whether the last sha-256 counts for the stored bytes, whatever it is of."""
        return self.known(self.row.last_sha256_wins, question)

    @property
    def own_reboot_causes(self) -> tuple[Cause, ...]:
        """Why the change itself cannot be made live; looked up once, as each VIB asks for it."""
        if self._reboot is None:
            self._reboot = tuple(self._reboot_causes())
        return self._reboot

    def _reboot_causes(self) -> Iterator[Cause]:
        if self.flags.no_live_install:
            yield Cause(what="--no-live-install was given", certainty=self.sure)
        for package in self.change.added:
            if not package.descriptor.live_install_allowed:
                what = "does not allow a live install"
                yield Cause(what=what, subject=package.id, certainty=self.sure)
            elif not self.host.installed_known and self._takes_an_inbox_place(package):
                what = "takes the place of the VIB of this name that ESXi brings"
                yield Cause(what=what, subject=package.id, certainty=self.sure)
        for package in self.change.removed:
            if not self._goes_live(package):
                what = "does not allow a live removal"
                yield Cause(what=what, subject=package.id, certainty=self.sure)
        for found in uncovered_at_boot(self.change):
            more = f" and {len(found.paths) - 1} more files" if found.paths[1:] else ""
            what = f"masks {found.paths[0]}{more} of {found.below}: the change waits for a boot"
            certainty = least_sure([self.sure, Certainty.DOCUMENTED])
            yield Cause(what=what, subject=found.overlay, certainty=certainty)

    def _goes_live(self, package: Package) -> bool:
        """Whether an installed VIB goes live; of one that is only listed, that is open."""
        if not package.is_only_listed:
            return bool(package.descriptor.live_remove_allowed)
        if self.row.tried and goes_at_boot(package.name):
            return False
        return self.answers.ask(_live_removal(package))

    def _takes_an_inbox_place(self, package: Package) -> bool:
        """Whether a stock host has a VIB of this name, which only a reboot takes away."""
        if not goes_at_boot(package.name):
            return False
        return self.release == INBOX_RELEASE or self.answers.ask(_inbox(package.name))

    def skipped_groups(self) -> set[ReportGroup]:
        """Return the groups of troubles that the flags take away altogether."""
        skipped = {ReportGroup.EXTENSIBILITY, ReportGroup.DEPENDENCY} if self.flags.force else set()
        return skipped | ({ReportGroup.EXTENSIBILITY} if self.unsigned_allowed() else set())

    def stands(self, trouble: Trouble) -> bool:
        """Whether the flags leave a trouble standing."""
        if trouble.group is ReportGroup.ACCEPTANCE:
            return not self._force_past_level()
        return not (trouble.forcible and self.flags.force)

    def unsigned_allowed(self) -> bool:
        """Whether `--no-sig-check` takes the checks of signatures away."""
        if not self.flags.no_sig_check or self.secure_boot:
            return False
        if not self.row.tried:
            self.doubts.append(Certainty.UNKNOWN)
        return True

    def _force_past_level(self) -> bool:
        """`--force` passes over the level only without Secure Boot; from 7.0 on that is open."""
        if not self.flags.force or self.secure_boot:
            return False
        if self.row.tried:
            return True
        self.doubts.append(Certainty.UNKNOWN)
        return self.answers.ask(FORCE_LOWERS_LEVEL)
