"""What is wrong with a set of VIBs, in the groups in which hosts report it (vib-format 8, step 4).

From 6.7 on only the first group that has a problem is printed; before, everything comes at once.
"""

from collections.abc import Callable, Container, Iterable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from vibforge.checks.payload_declaration import no_gunzip_sha256
from vibforge.esxi import messages
from vibforge.esxi.paths import shipped_among
from vibforge.esxi.table import standing
from vibforge.host.host import Host
from vibforge.host.image import Change, FileConflict, file_conflicts
from vibforge.host.install.level_checks import acceptance, extensibility, takes
from vibforge.host.install.relationships import relationship_troubles
from vibforge.host.install.run import Refused, Run
from vibforge.host.install.trouble import Group, Trouble
from vibforge.host.package import Package
from vibforge.host.prediction import Cause
from vibforge.host.question import Answers, Question, Undecided
from vibforge.host.reading import cause_of, message_of
from vibforge.model.certainty import Certainty

if TYPE_CHECKING:
    from vibforge.model.acceptance import AcceptanceLevel

ESX_VERSION = "esx-version"
ALL_AT_ONCE = Question(
    key="all-problems",
    if_yes="this release prints all problems at once, as 6.5 does",
    if_no="this release prints one group of problems at a time, as 6.7 does",
)
_REQUIRES_GUNZIP = Question(
    key="gunzip-sha256",
    if_yes="this release requires a sha-256 digest of each unpacked payload, as 8.0 does",
    if_no="this release installs payloads without that digest, as 6.7 does",
)
Stands = Callable[[Trouble], bool]


def troubles(
    host: Host,
    change: Change,
    answers: Answers,
    *,
    stands: Stands = lambda _: True,
    skipped: Container[Group] = (),
) -> tuple[tuple[Trouble, ...], ...]:
    """Return what is wrong with the profile that a change would make, group by group.

    Once a problem is found, facts that are not known are not asked for any more: the change is
    refused whatever they are.

    Args:
        host: the host.
        change: what is to be done.
        answers: what is assumed where the facts are silent.
        stands: whether a problem is left after what the flags take away.
        skipped: groups that the flags take away altogether.

    Raises:
        Undecided: whether there is any problem depends on a fact that is not known.
    """
    found: list[tuple[Trouble, ...]] = []
    for group, check in _CHECKS.items():
        if group in skipped:
            continue
        left = []
        try:
            left += [trouble for trouble in check(host, change, answers) if stands(trouble)]
        except Undecided:
            if not found:
                raise
        if left:
            found.append(tuple(left))
    return tuple(found)


def _profile_troubles(host: Host, change: Change, answers: Answers) -> Iterator[Trouble]:
    yield from _missing_base(host, change)
    yield from _missing_gunzip(host, change.profile, answers)
    yield from _file_conflicts(host, change)


def _list_troubles(host: Host, change: Change, answers: Answers) -> Iterator[Trouble]:
    for package in change.profile:
        yield from extensibility(host, package, answers)


def _level_troubles(host: Host, change: Change, answers: Answers) -> Iterator[Trouble]:
    taken: dict[AcceptanceLevel, bool] = {}
    for package in change.profile:
        level = package.level
        if level not in taken:
            taken[level] = takes(host, level, answers)
        if not taken[level]:
            yield acceptance(host, package)


def _missing_base(host: Host, change: Change) -> Iterator[Trouble]:
    """Yield the trouble of a change that takes away the last provider of esx-version."""
    base = next((each for each in host.installed if provides_base(each)), None)
    if base is None or any(map(provides_base, change.profile)):
        return
    cause = Cause(
        what=f"leaves the host without {base.name}, the last that provides {ESX_VERSION}",
        subject=", ".join(package.id for package in change.added),
        certainty=standing(host.release),
    )
    message = messages.NO_BASE(profile=profile_name(host))
    yield Trouble(group=Group.PROFILE, message=message, causes=(cause,), forcible=False)


def provides_base(package: Package) -> bool:
    """Whether a VIB provides the version of ESXi, as esx-base does."""
    return any(provide.name == ESX_VERSION for provide in package.provides)


def profile_name(host: Host) -> str:
    """Return the name of the vendor's standard image, as far as the installed esx-base tells it."""
    base = next((each for each in host.installed if provides_base(each)), None)
    if base is None:
        return messages.NOT_ON_RECORD
    version, _, release = base.descriptor.version.partition("-")
    return f"ESXi-{version}-{release.rpartition('.')[2]}-standard"


def _missing_gunzip(host: Host, profile: Iterable[Package], answers: Answers) -> Iterator[Trouble]:
    minds = no_gunzip_sha256.concerns(host.release)
    for package in profile if minds is not False else ():
        faults = list(no_gunzip_sha256.faults(package)) if package.payloads_known else []
        if not faults:
            continue
        if not answers.known(minds, _REQUIRES_GUNZIP):
            return
        yield Trouble(
            group=Group.PROFILE,
            message=message_of(no_gunzip_sha256, faults[0], package.id),
            causes=tuple(cause_of(no_gunzip_sha256, fault, subject=package.id) for fault in faults),
            forcible=False,
        )


def _file_conflicts(host: Host, change: Change) -> Iterator[Trouble]:
    sure = standing(host.release)
    for found in file_conflicts(change.profile):
        yield _file_conflict(found, f"claimed by {', '.join(found.owners)}", sure)
    if host.knows_all_files:
        return
    for package in change.added:
        for path in () if package.overlay else shipped_among(package.descriptor.file_list):
            found = FileConflict(path=path, owners=(package.id, "…"), overlay=False)
            yield _file_conflict(found, "ESXi brings this file itself", Certainty.INFERRED)


def _file_conflict(found: FileConflict, what: str, certainty: Certainty) -> Trouble:
    return Trouble(
        group=Group.PROFILE,
        message=messages.FILE_CONFLICT(
            path=found.path,
            kind="overlay" if found.overlay else "non-overlay",
            owners=", ".join(repr(vib) for vib in found.owners),
        ),
        causes=(Cause(what=what, subject=found.path, certainty=certainty, rule="VF312"),),
    )


_CHECKS: dict[Group, Callable[[Host, Change, Answers], Iterator[Trouble]]] = {
    Group.PROFILE: _profile_troubles,
    Group.EXTENSIBILITY: _list_troubles,
    Group.ACCEPTANCE: _level_troubles,
    Group.DEPENDENCY: relationship_troubles,
}


def refuse_bad_image(run: Run) -> None:
    """Validate the image that a change would make.

    Raises:
        Refused: something is wrong with it.
    """
    found = troubles(
        run.host,
        run.change,
        run.answers,
        stands=run.stands,
        skipped=run.skipped_groups(),
    )
    if not found:
        return
    all_at_once = run.known(run.row.reports_all_problems, ALL_AT_ONCE)
    first = len(found) if all_at_once else 1
    told = [trouble for group in found[:first] for trouble in group]
    hidden = [trouble for group in found[first:] for trouble in group]
    text = "\n".join(dict.fromkeys(trouble.message.text for trouble in told))
    message = replace(told[0].message, text=text)
    raise Refused(
        replace(message, error="DependencyError") if all_at_once else message,
        [cause for trouble in told for cause in trouble.causes],
        [cause for trouble in hidden for cause in trouble.causes],
    )
