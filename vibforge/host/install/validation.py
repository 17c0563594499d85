"""What is wrong with a set of VIBs, in the groups that hosts report."""

from collections.abc import Callable, Container, Iterable, Iterator
from functools import lru_cache

from msgspec.structs import replace

from vibforge.checks.extensibility import find_disallowed, path_list_certainty
from vibforge.checks.payloads import no_gunzip_sha256
from vibforge.checks.requirements import (
    community_init_script,
    overlay_not_allowed,
    path_outside_list,
)
from vibforge.esxi import messages
from vibforge.esxi.acceptance import AcceptanceLevel
from vibforge.esxi.paths import shipped_among
from vibforge.esxi.release import Certainty
from vibforge.esxi.table import row_of, standing
from vibforge.host.host import Host
from vibforge.host.image import FileConflict, ImageChange, file_conflicts
from vibforge.host.install.relationships import relationship_troubles
from vibforge.host.install.run import Refused, Run
from vibforge.host.package import Package
from vibforge.host.prediction import (
    Assumptions,
    Cause,
    ReportGroup,
    Trouble,
    Undecided,
    UnknownFact,
)
from vibforge.host.reading import cause_of, message_of

INIT_SCRIPTS_ALLOWED = UnknownFact(
    key="init-scripts",
    if_yes="this release lets community VIBs carry etc/init.d, as 6.7 does",
    if_no="this release keeps etc/init.d for partners, as releases before 6.7 did",
)


def extensibility(host: Host, package: Package, answers: Assumptions) -> Iterator[Trouble]:
    """Yield the trouble of a VIB that carries what its level does not allow."""
    if not package.files_known:
        return
    causes = extensibility_causes(host, package)
    if causes and row_of(host.release).path_lists is None and answers.ask(_other_lists(host)):
        return
    if causes:
        message = messages.EXTENSIBILITY(package.id, complaints=list_complaints(package))
        yield Trouble(group=ReportGroup.EXTENSIBILITY, message=message, causes=causes)
    elif _has_doubtful_script(host, package) and not answers.ask(INIT_SCRIPTS_ALLOWED):
        doubt = Cause(
            what="not on the community list of some releases",
            subject="etc/init.d",
            certainty=Certainty.UNKNOWN,
            rule=community_init_script.id,
        )
        message = messages.EXTENSIBILITY(package.id, complaints=list_complaints(package))
        yield Trouble(group=ReportGroup.EXTENSIBILITY, message=message, causes=(doubt,))


def list_complaints(package: Package) -> str:
    """Return what the host's validation says; an overlay that may not be one is said first."""
    overlay = find_disallowed(package.level, (), overlay=package.overlay).overlay
    return str([messages.NOT_THE_VALUE()] * overlay + [messages.NOT_THE_CONTENT()])


def _other_lists(host: Host) -> UnknownFact:
    return UnknownFact(
        key="path-lists",
        if_yes=f"{host.release} allows these paths at this acceptance level",
        if_no=f"{host.release} has the path lists of 6.7",
    )


def extensibility_causes(host: Host, package: Package) -> tuple[Cause, ...]:
    """Return what of a VIB its level does not allow, by the lists of 6.7."""
    level, listed = package.level, package.descriptor.file_list
    found = find_disallowed(level, listed, overlay=package.overlay)
    certainty = path_list_certainty(host.release, found.paths)
    paths = _path_causes(found.paths, level, certainty)
    if not found.overlay:
        return paths
    overlay = Cause(
        what=f"is an overlay, which ESXi does not allow at {level.esxcli_name}",
        subject=package.id,
        certainty=certainty,
        rule=overlay_not_allowed.id,
    )
    return (*paths, overlay)


@lru_cache(maxsize=16)
def _path_causes(
    paths: tuple[str, ...], level: AcceptanceLevel, certainty: Certainty
) -> tuple[Cause, ...]:
    """A prediction asks for the same paths once for each possible host and each remedy."""
    what = f"not on the list of paths that ESXi allows at {level.esxcli_name}"
    return tuple(
        Cause(what=what, subject=path, certainty=certainty, rule=path_outside_list.id)
        for path in paths
    )


def _has_doubtful_script(host: Host, package: Package) -> bool:
    return any(community_init_script.faults(package)) and (
        path_list_certainty(host.release, package.descriptor.file_list) is Certainty.UNKNOWN
    )


def acceptance(host: Host, package: Package) -> Trouble:
    """Return the trouble of a VIB whose level is below the host's."""
    level = package.level
    asked = host.acceptance_level.value if host.acceptance_level else "…"
    above = host.acceptance_level.esxcli_name if host.acceptance_level else "level"
    cause = Cause(
        what=f"{level.esxcli_name} is below the host's {above}",
        subject=package.id,
        certainty=Certainty.MEASURED if row_of(host.release).tried else Certainty.DOCUMENTED,
    )
    word = (package.descriptor.acceptance_level or level.value).strip()
    message = messages.ACCEPTANCE(package.id, level=word, host_level=asked)
    return Trouble(group=ReportGroup.ACCEPTANCE, message=message, causes=(cause,))


def takes(host: Host, level: AcceptanceLevel, answers: Assumptions) -> bool:
    """Whether a host takes VIBs of `level`."""
    if level is AcceptanceLevel.CERTIFIED:
        return True
    if host.acceptance_level is not None:
        return level.rank >= host.acceptance_level.rank
    question = UnknownFact(
        key=f"takes-{level}",
        if_yes=f"the host's acceptance level is {level.esxcli_name} or lower",
        if_no=f"the host's acceptance level is above {level.esxcli_name}",
    )
    return answers.ask(question)


ESX_VERSION = "esx-version"
ALL_AT_ONCE = UnknownFact(
    key="all-problems",
    if_yes="this release prints all problems at once, as 6.5 does",
    if_no="this release prints one group of problems at a time, as 6.7 does",
)
_REQUIRES_GUNZIP = UnknownFact(
    key="gunzip-sha256",
    if_yes="this release requires a sha-256 digest of each unpacked payload, as 8.0 does",
    if_no="this release installs payloads without that digest, as 6.7 does",
)
Stands = Callable[[Trouble], bool]


def troubles(
    host: Host,
    change: ImageChange,
    answers: Assumptions,
    *,
    stands: Stands = lambda _: True,
    skipped: Container[ReportGroup] = (),
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


def _profile_troubles(host: Host, change: ImageChange, answers: Assumptions) -> Iterator[Trouble]:
    yield from _missing_base(host, change)
    yield from _missing_gunzip(host, change.profile, answers)
    yield from _file_conflicts(host, change)


def _list_troubles(host: Host, change: ImageChange, answers: Assumptions) -> Iterator[Trouble]:
    for package in change.profile:
        yield from extensibility(host, package, answers)


def _level_troubles(host: Host, change: ImageChange, answers: Assumptions) -> Iterator[Trouble]:
    taken: dict[AcceptanceLevel, bool] = {}
    for package in change.profile:
        level = package.level
        if level not in taken:
            taken[level] = takes(host, level, answers)
        if not taken[level]:
            yield acceptance(host, package)


def _missing_base(host: Host, change: ImageChange) -> Iterator[Trouble]:
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
    yield Trouble(group=ReportGroup.PROFILE, message=message, causes=(cause,), forcible=False)


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


def _missing_gunzip(
    host: Host, profile: Iterable[Package], answers: Assumptions
) -> Iterator[Trouble]:
    minds = no_gunzip_sha256.concerns(host.release)
    for package in profile if minds is not False else ():
        faults = list(no_gunzip_sha256.faults(package)) if package.payloads_known else []
        if not faults:
            continue
        if not answers.known(minds, _REQUIRES_GUNZIP):
            return
        yield Trouble(
            group=ReportGroup.PROFILE,
            message=message_of(no_gunzip_sha256, faults[0], package.id),
            causes=tuple(cause_of(no_gunzip_sha256, fault, subject=package.id) for fault in faults),
            forcible=False,
        )


def _file_conflicts(host: Host, change: ImageChange) -> Iterator[Trouble]:
    sure = standing(host.release)
    yield from _claims(file_conflicts(change.profile), sure)
    if host.knows_all_files:
        return
    for package in change.added:
        for path in () if package.overlay else shipped_among(package.descriptor.file_list):
            found = FileConflict(path=path, owners=(package.id, "…"), overlay=False)
            yield _file_conflict(found, "ESXi brings this file itself", Certainty.INFERRED)


@lru_cache(maxsize=16)
def _claims(conflicts: tuple[FileConflict, ...], sure: Certainty) -> tuple[Trouble, ...]:
    """Return the troubles of these conflicts; many predictions have the same ones."""
    return tuple(
        _file_conflict(found, f"claimed by {', '.join(found.owners)}", sure) for found in conflicts
    )


def _file_conflict(found: FileConflict, what: str, certainty: Certainty) -> Trouble:
    return Trouble(
        group=ReportGroup.PROFILE,
        message=messages.FILE_CONFLICT(
            path=found.path,
            kind="overlay" if found.overlay else "non-overlay",
            owners=", ".join(repr(vib) for vib in found.owners),
        ),
        causes=(Cause(what=what, subject=found.path, certainty=certainty, rule="VF312"),),
    )


_CHECKS: dict[ReportGroup, Callable[[Host, ImageChange, Assumptions], Iterator[Trouble]]] = {
    ReportGroup.PROFILE: _profile_troubles,
    ReportGroup.EXTENSIBILITY: _list_troubles,
    ReportGroup.ACCEPTANCE: _level_troubles,
    ReportGroup.DEPENDENCY: relationship_troubles,
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
