"""The steps of `esxcli software vib remove`, and what a removal leaves behind."""

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
    """Yield what a removal leaves: the level to which the host can be set, and lost drivers."""
    change = removal(host.installed, names)
    for name in names:
        if goes_at_boot(name):
            yield (
                f"{name} is a VIB that ESXi 6.7 brings itself: nothing brings it back but the "
                "vendor's bundle."
            )
    yield _level_after(host, change.kept)


def _level_after(host: Host, kept: tuple[Package, ...]) -> str:
    level = host.acceptance_level
    stays = f"The host stays at {level.esxcli_name}" if level else "The host keeps its level"
    if level is AcceptanceLevel.CERTIFIED:
        return f"{stays}, the highest acceptance level."
    if not host.installed_known or base_of(kept) is None:
        return f"{stays}; whether it can be raised depends on the other VIBs, which are not known."
    lowest = min((package.level for package in kept), key=lambda each: each.rank, default=None)
    if lowest is None or (level and lowest.rank > level.rank):
        to = lowest or AcceptanceLevel.CERTIFIED
        return (
            f"{stays}; with what is left it can be raised to {to.esxcli_name}: esxcli software "
            f"acceptance set --level={to.esxcli_name}"
        )
    below = [package.id for package in kept if package.level is lowest]
    return f"{stays} and cannot be raised above {lowest.esxcli_name}: {_named(below)} stays."


def _named(words: Sequence[str]) -> str:
    more = len(words) - _NAMED
    return ", ".join(words[:_NAMED]) + (f" and {more} more" if more > 0 else "")


_UNSEEN = "…"
"""Stands for the vendor and version of a VIB that is taken as installed without being known."""


def remove(command: Command, answers: Assumptions) -> Prediction:
    """Return what comes of a removal under one set of answers."""
    release = command.host.release
    try:
        host = _with_named(command, answers)
    except Refused as refused:
        return refused.prediction(release)
    run = Run(
        command=replace(command, host=host),
        answers=answers,
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
    causes = [list(map(_at_most_inferred, each)) for each in (refused.causes, refused.hidden)]
    return Refused(refused.message, *causes).prediction(release)


def _at_most_inferred(cause: Cause) -> Cause:
    return replace(cause, certainty=least_sure([cause.certainty, Certainty.INFERRED]))


def _with_named(command: Command, answers: Assumptions) -> Host:
    """Return the host with a VIB under each name; one that nobody can know of is asked for.

    Raises:
        Refused: one is not installed.
    """
    return replace(command.host, installed=(*command.host.installed, *_assumed(command, answers)))


def _assumed(command: Command, answers: Assumptions) -> Iterator[Package]:
    held = names_of_all(command.host.installed)
    for name in command.names:
        if name in held:
            continue
        if command.host.installed_known or not _is_there(command.host, name, answers):
            cause = Cause(
                what="is not installed: `esxcli software vib list` shows the names",
                subject=name,
                certainty=Certainty.DOCUMENTED,
            )
            raise Refused(messages.NO_MATCH(name=name), [cause])
        yield _unseen(name)


def _is_there(host: Host, name: str, answers: Assumptions) -> bool:
    if row_of(host.release).tried and goes_at_boot(name):
        return True
    question = UnknownFact(
        key=f"installed {name}",
        if_yes=f"{name} is installed",
        if_no=f"{name} is not installed",
    )
    return answers.ask(question)


def _unseen(words: str) -> Package:
    """Return a VIB of which only the words are known by which it is named."""
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
    """Ask whether a VIB depends on one that goes, where nobody here can tell."""
    kept = run.change.kept
    if run.flags.force or (
        run.host.installed_known and all(package.relationships_known for package in kept)
    ):
        return
    names = ", ".join(package.name for package in run.change.removed)
    question = UnknownFact(
        key="dependants",
        if_yes=f"no VIB that stays depends on {names}",
        if_no=f"a VIB that stays depends on {names}",
    )
    if run.answers.ask(question):
        return
    cause = Cause(what=f"what stays depends on {names}", certainty=Certainty.INFERRED)
    raise Refused(messages.DEPENDENCY(_UNSEEN, constraint=names), [cause])
