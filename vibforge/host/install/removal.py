"""The steps of `esxcli software vib remove`, and warnings about its consequences."""

from collections.abc import Iterator, Sequence

from msgspec.structs import replace

from vibforge.esxi import messages
from vibforge.esxi.acceptance import AcceptanceLevel
from vibforge.esxi.paths import goes_at_boot
from vibforge.esxi.release import Certainty, Release, least_sure
from vibforge.esxi.table import row_of
from vibforge.host.command import Command
from vibforge.host.host import Host
from vibforge.host.image import base_of, names_of_all, removal
from vibforge.host.install.remediation import rehearse, remediate
from vibforge.host.install.run import Refused, Run
from vibforge.host.install.staging import check_host
from vibforge.host.install.validation import refuse_bad_image
from vibforge.host.package import Package
from vibforge.host.prediction import Assumptions, Cause, Prediction, UnknownFact
from vibforge.vib.descriptor import Descriptor

_NAMED = 5


def removal_warnings(host: Host, names: Sequence[str]) -> Iterator[str]:
    """Yield the consequences of a removal: lost VIBs of ESXi, and the host's possible levels."""
    change = removal(host.installed, names)
    for name in names:
        if goes_at_boot(name):
            yield (
                f"{name} is a VIB of ESXi 6.7 itself; you can reinstall it only from the vendor's "
                "bundle."
            )
    yield _level_after(host, change.kept)


def _level_after(host: Host, kept: tuple[Package, ...]) -> str:
    level = host.acceptance_level
    stays = f"The host stays at {level.esxcli_name}" if level else "The host keeps its level"
    if level is AcceptanceLevel.CERTIFIED:
        return f"{stays}, the highest acceptance level."
    if not host.installed_known or base_of(kept) is None:
        return f"{stays}; whether you can raise it depends on the other VIBs, which are not known."
    lowest = min((package.level for package in kept), key=lambda level: level.rank, default=None)
    if lowest is None or (level and lowest.rank > level.rank):
        to = lowest or AcceptanceLevel.CERTIFIED
        return (
            f"{stays}; you can then raise it to {to.esxcli_name}: esxcli software acceptance set "
            f"--level={to.esxcli_name}"
        )
    below = [package.id for package in kept if package.level is lowest]
    return (
        f"{stays}, and you cannot raise it above {lowest.esxcli_name} while {_named(below)} stays."
    )


def _named(words: Sequence[str]) -> str:
    more = len(words) - _NAMED
    return ", ".join(words[:_NAMED]) + (f" and {more} more" if more > 0 else "")


_UNSEEN = "…"
"""Vendor and version of a VIB that is assumed to be installed."""


def remove(command: Command, assumptions: Assumptions) -> Prediction:
    """Return the result of a removal in one branch."""
    release = command.host.release
    try:
        host = _with_named(command, assumptions)
    except Refused as refused:
        return refused.prediction(release)
    run = Run(
        command=replace(command, host=host),
        assumptions=assumptions,
        change=removal(host.installed, command.names),
    )
    run.doubts.append(Certainty.INFERRED)
    try:
        return _removed(run)
    except Refused as refused:
        return _inferred(refused, release)


def _removed(run: Run) -> Prediction:
    refuse_bad_image(run)
    _refuse_unknown_dependants(run)
    check_host(run)
    return rehearse(run) if run.flags.dry_run else remediate(run)


def _inferred(refused: Refused, release: Release) -> Prediction:
    causes = list(map(_at_most_inferred, refused.causes))
    hidden = list(map(_at_most_inferred, refused.hidden))
    return Refused(refused.message, causes, hidden).prediction(release)


def _at_most_inferred(cause: Cause) -> Cause:
    return replace(cause, certainty=least_sure([cause.certainty, Certainty.INFERRED]))


def _with_named(command: Command, assumptions: Assumptions) -> Host:
    """Return the host with a VIB for each name; unknown VIBs are assumed to be installed or not.

    Raises:
        Refused: a VIB is not installed.
    """
    return replace(
        command.host, installed=(*command.host.installed, *_assumed(command, assumptions))
    )


def _assumed(command: Command, assumptions: Assumptions) -> Iterator[Package]:
    held = names_of_all(command.host.installed)
    for name in command.names:
        if name in held:
            continue
        if command.host.installed_known or not _is_there(command.host, name, assumptions):
            cause = Cause(
                what="is not installed; `esxcli software vib list` prints the names",
                subject=name,
                certainty=Certainty.DOCUMENTED,
            )
            raise Refused(messages.NO_MATCH(name=name), [cause])
        yield _unseen(name)


def _is_there(host: Host, name: str, assumptions: Assumptions) -> bool:
    if row_of(host.release).tried and goes_at_boot(name):
        return True
    unknown = UnknownFact(
        key=f"installed {name}",
        if_yes=f"{name} is installed",
        if_no=f"{name} is not installed",
    )
    return assumptions.assume(unknown)


def _unseen(words: str) -> Package:
    """Return a VIB of which only the name that the command gives is known."""
    parts = words.split(":")
    vendor = parts[0] if len(parts) > 2 else _UNSEEN  # noqa: PLR2004 - vendor:name:version
    name = parts[1] if len(parts) > 2 else parts[0]  # noqa: PLR2004 - the same
    version = parts[-1] if len(parts) > 1 else _UNSEEN
    return Package(
        descriptor=Descriptor(
            name=name, version=version, vendor=vendor, acceptance_level="certified"
        ),
        files_known=False,
        relationships_known=False,
        payloads_known=False,
    )


def _refuse_unknown_dependants(run: Run) -> None:
    """Refuse in the branch where an unknown VIB depends on one that the command removes."""
    kept = run.change.kept
    if run.flags.force or (
        run.host.installed_known and all(package.relationships_known for package in kept)
    ):
        return
    names = ", ".join(package.name for package in run.change.removed)
    unknown = UnknownFact(
        key="dependants",
        if_yes=f"no remaining VIB depends on {names}",
        if_no=f"a remaining VIB depends on {names}",
    )
    if run.assumptions.assume(unknown):
        return
    cause = Cause(what=f"a remaining VIB depends on {names}", certainty=Certainty.INFERRED)
    raise Refused(messages.DEPENDENCY(_UNSEEN, constraint=names), [cause])
