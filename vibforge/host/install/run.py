"""One command under one set of assumptions: what it would change, what its flags override.

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
from vibforge.host.image import ImageChange, masked_paths
from vibforge.host.package import Package
from vibforge.host.prediction import (
    Assumptions,
    Cause,
    ImageRefusal,
    InstallOutcome,
    Prediction,
    ReportGroup,
    UnknownFact,
)

SECURE_BOOT = UnknownFact(
    key="secure-boot", if_yes="UEFI Secure Boot is on", if_no="UEFI Secure Boot is off"
)
FORCE_LOWERS_LEVEL = UnknownFact(
    key="force-acceptance",
    if_yes="--force overrides the acceptance level on this release, as on 6.7",
    if_no="--force does not override the acceptance level, as reported for 8.0.1",
)


def _inbox(name: str) -> UnknownFact:
    return UnknownFact(
        key=f"inbox {name}",
        if_yes=f"this release includes a VIB {name}, as 6.7 does",
        if_no=f"this release includes no VIB {name}",
    )


def _live_removal(package: Package) -> UnknownFact:
    return UnknownFact(
        key=f"live-removal {package.id}",
        if_yes=f"{package.name} allows a live removal",
        if_no=f"{package.name} does not allow a live removal",
    )


class Refused(Exception):  # noqa: N818 - ends the evaluation of a run, caught by the installer
    """The host refuses; it reports the `hidden` causes only after the others are resolved."""

    def __init__(
        self, message: HostMessage, causes: Sequence[Cause], hidden: Sequence[Cause] = ()
    ) -> None:
        super().__init__(message.error)
        self.message, self.causes, self.hidden = message, tuple(causes), tuple(hidden)

    def prediction(self, release: Release) -> Prediction:
        """Return the prediction for a host of this release."""
        return Prediction(
            outcome=InstallOutcome.REFUSED,
            says=self.message.render(release),
            certainty=least_sure(cause.certainty for cause in self.causes),
            causes=self.causes,
            hidden=self.hidden,
            message=self.message,
        )


class Run(Struct, kw_only=True):
    """A command, the assumptions of its branch, and the certainties that its steps depend on."""

    command: Command
    assumptions: Assumptions
    change: ImageChange
    doubts: list[Certainty] = field(default_factory=list)
    _reboot: tuple[Cause, ...] | None = None

    def __post_init__(self) -> None:
        """Start with the certainty of the release."""
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
        """The certainty of steps without a cell of their own in the table of releases."""
        return standing(self.release)

    @property
    def row(self) -> ReleaseRow:
        """The row of the host's release in the table of releases."""
        return row_of(self.release)

    def resolve(self, cell: Cell[bool] | None, unknown: UnknownFact) -> bool:
        """Return a fact of the release, or its assumed value if the fact is not known."""
        return self.assumptions.resolve(cell.value if cell else None, unknown)

    @property
    def secure_boot(self) -> bool:
        return self.assumptions.resolve(self.host.secure_boot, SECURE_BOOT)

    def takes_last_digest(self, unknown: UnknownFact) -> bool:
        """Return whether the release compares the last sha-256 digest with the stored bytes."""
        return self.resolve(self.row.last_sha256_wins, unknown)

    @property
    def own_reboot_causes(self) -> tuple[Cause, ...]:
        """Why the change itself requires a reboot; cached, as the check of each VIB needs it."""
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
                what = "replaces the VIB of this name that ESXi includes"
                yield Cause(what=what, subject=package.id, certainty=self.sure)
        for package in self.change.removed:
            if not self._goes_live(package):
                what = "does not allow a live removal"
                yield Cause(what=what, subject=package.id, certainty=self.sure)
        for masked in masked_paths(self.change):
            more = f" and {len(masked.paths) - 1} more files" if masked.paths[1:] else ""
            what = f"masks {masked.paths[0]}{more} of {masked.below}; the change requires a reboot"
            certainty = least_sure([self.sure, Certainty.DOCUMENTED])
            yield Cause(what=what, subject=masked.overlay, certainty=certainty)

    def _goes_live(self, package: Package) -> bool:
        """Return whether a live removal is allowed; assumed for a VIB that is only listed."""
        if not package.is_only_listed:
            return bool(package.descriptor.live_remove_allowed)
        if self.row.tried and goes_at_boot(package.name):
            return False
        return self.assumptions.assume(_live_removal(package))

    def _takes_an_inbox_place(self, package: Package) -> bool:
        """Return whether a stock host has a VIB of this name that only a reboot removes."""
        if not goes_at_boot(package.name):
            return False
        return self.release == INBOX_RELEASE or self.assumptions.assume(_inbox(package.name))

    def skipped_groups(self) -> set[ReportGroup]:
        """Return the groups of refusals that the flags override completely."""
        skipped = {ReportGroup.EXTENSIBILITY, ReportGroup.DEPENDENCY} if self.flags.force else set()
        return skipped | ({ReportGroup.EXTENSIBILITY} if self.unsigned_allowed() else set())

    def remains(self, refusal: ImageRefusal) -> bool:
        """Return whether the flags do not override a refusal."""
        if refusal.group is ReportGroup.ACCEPTANCE:
            return not self._force_past_level()
        return not (refusal.forcible and self.flags.force)

    def unsigned_allowed(self) -> bool:
        """Return whether `--no-sig-check` skips the checks of signatures."""
        if not self.flags.no_sig_check or self.secure_boot:
            return False
        if not self.row.tried:
            self.doubts.append(Certainty.UNKNOWN)
        return True

    def _force_past_level(self) -> bool:
        """Return whether `--force` overrides the level: not with Secure Boot; unknown from 7.0."""
        if not self.flags.force or self.secure_boot:
            return False
        if self.row.tried:
            return True
        self.doubts.append(Certainty.UNKNOWN)
        return self.assumptions.assume(FORCE_LOWERS_LEVEL)
