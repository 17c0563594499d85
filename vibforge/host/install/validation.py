"""The validation of the image that a command would make, in the groups that hosts report."""

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
from vibforge.host.install.relationships import relationship_refusals
from vibforge.host.install.run import Refused, Run
from vibforge.host.package import Package
from vibforge.host.prediction import (
    Assumptions,
    Cause,
    ImageRefusal,
    ReportGroup,
    Undecided,
    UnknownFact,
)
from vibforge.host.reading import cause_of, message_of

INIT_SCRIPTS_ALLOWED = UnknownFact(
    key="init-scripts",
    if_yes="this release allows community VIBs to install files in etc/init.d, as 6.7 does",
    if_no="this release reserves etc/init.d for partners, as releases before 6.7 did",
)


def extensibility(host: Host, package: Package, assumptions: Assumptions) -> Iterator[ImageRefusal]:
    """Yield the refusal of a VIB with paths or an overlay that its level does not allow."""
    if not package.files_known:
        return
    causes = extensibility_causes(host, package)
    if (
        causes
        and row_of(host.release).path_lists is None
        and assumptions.assume(_other_lists(host))
    ):
        return
    if causes:
        message = messages.EXTENSIBILITY(package.id, complaints=relaxng_errors(package))
        yield ImageRefusal(group=ReportGroup.EXTENSIBILITY, message=message, causes=causes)
    elif _has_doubtful_script(host, package) and not assumptions.assume(INIT_SCRIPTS_ALLOWED):
        doubt = Cause(
            what="some releases reserve this folder for partners",
            subject="etc/init.d",
            certainty=Certainty.UNKNOWN,
            rule=community_init_script.id,
        )
        message = messages.EXTENSIBILITY(package.id, complaints=relaxng_errors(package))
        yield ImageRefusal(group=ReportGroup.EXTENSIBILITY, message=message, causes=(doubt,))


def relaxng_errors(package: Package) -> str:
    """Return the errors of the host's RELAX NG validation; a forbidden overlay comes first."""
    overlay = find_disallowed(package.level, (), overlay=package.overlay).overlay
    return str([messages.NOT_THE_VALUE()] * overlay + [messages.NOT_THE_CONTENT()])


def _other_lists(host: Host) -> UnknownFact:
    return UnknownFact(
        key="path-lists",
        if_yes=f"{host.release} allows these paths at this acceptance level",
        if_no=f"{host.release} has the path lists of 6.7",
    )


def extensibility_causes(host: Host, package: Package) -> tuple[Cause, ...]:
    """Return what the level of a VIB does not allow, by the path lists of 6.7."""
    level, listed = package.level, package.descriptor.file_list
    disallowed = find_disallowed(level, listed, overlay=package.overlay)
    certainty = path_list_certainty(host.release, disallowed.paths)
    paths = _path_causes(disallowed.paths, level, certainty)
    if not disallowed.overlay:
        return paths
    overlay = Cause(
        what=f"is an overlay, but {level.esxcli_name} VIBs may not be overlays",
        subject=package.id,
        certainty=certainty,
        rule=overlay_not_allowed.id,
    )
    return (*paths, overlay)


@lru_cache(maxsize=16)
def _path_causes(
    paths: tuple[str, ...], level: AcceptanceLevel, certainty: Certainty
) -> tuple[Cause, ...]:
    """Return a cause for each path; cached, as a prediction asks once per branch and remedy."""
    what = f"{level.esxcli_name} VIBs may not install files here"
    return tuple(
        Cause(what=what, subject=path, certainty=certainty, rule=path_outside_list.id)
        for path in paths
    )


def _has_doubtful_script(host: Host, package: Package) -> bool:
    return any(community_init_script.faults(package)) and (
        path_list_certainty(host.release, package.descriptor.file_list) is Certainty.UNKNOWN
    )


def acceptance(host: Host, package: Package) -> ImageRefusal:
    """Return the refusal of a VIB whose level is below the host's."""
    level = package.level
    required = host.acceptance_level.value if host.acceptance_level else "…"
    above = host.acceptance_level.esxcli_name if host.acceptance_level else "level"
    cause = Cause(
        what=f"{level.esxcli_name} is below the host's {above}",
        subject=package.id,
        certainty=Certainty.MEASURED if row_of(host.release).tried else Certainty.DOCUMENTED,
    )
    word = (package.descriptor.acceptance_level or level.value).strip()
    message = messages.ACCEPTANCE(package.id, level=word, host_level=required)
    return ImageRefusal(group=ReportGroup.ACCEPTANCE, message=message, causes=(cause,))


def accepts(host: Host, level: AcceptanceLevel, assumptions: Assumptions) -> bool:
    """Return whether a host accepts VIBs of `level`."""
    if level is AcceptanceLevel.CERTIFIED:
        return True
    if host.acceptance_level is not None:
        return level.rank >= host.acceptance_level.rank
    unknown = UnknownFact(
        key=f"takes-{level}",
        if_yes=f"the host's acceptance level is {level.esxcli_name} or lower",
        if_no=f"the host's acceptance level is above {level.esxcli_name}",
    )
    return assumptions.assume(unknown)


ESX_VERSION = "esx-version"
ALL_AT_ONCE = UnknownFact(
    key="all-problems",
    if_yes="this release reports all problems at once, as 6.5 does",
    if_no="this release reports one group of problems at a time, as 6.7 does",
)
_REQUIRES_GUNZIP = UnknownFact(
    key="gunzip-sha256",
    if_yes="this release requires a sha-256 digest of each unpacked payload, as 8.0 does",
    if_no="this release installs payloads without such a digest, as 6.7 does",
)
Remains = Callable[[ImageRefusal], bool]


def image_refusals(
    host: Host,
    change: ImageChange,
    assumptions: Assumptions,
    *,
    remains: Remains = lambda _: True,
    skipped: Container[ReportGroup] = (),
) -> tuple[tuple[ImageRefusal, ...], ...]:
    """Return the refusals of the image that a change would make, group by group.

    After the first refusal, unknown facts no longer matter: the host refuses the change anyway.

    Args:
        host: the host.
        change: the change of its VIBs.
        assumptions: the values assumed for unknown facts.
        remains: returns whether the flags do not override a refusal.
        skipped: groups that the flags override completely.

    Raises:
        Undecided: whether the host refuses depends on an unknown fact.
    """
    groups: list[tuple[ImageRefusal, ...]] = []
    for group, check in _CHECKS.items():
        if group in skipped:
            continue
        left = []
        try:
            left += [refusal for refusal in check(host, change, assumptions) if remains(refusal)]
        except Undecided:
            if not groups:
                raise
        if left:
            groups.append(tuple(left))
    return tuple(groups)


def _profile_refusals(
    host: Host, change: ImageChange, assumptions: Assumptions
) -> Iterator[ImageRefusal]:
    yield from _missing_base(host, change)
    yield from _missing_gunzip(host, change.profile, assumptions)
    yield from _file_conflicts(host, change)


def _path_refusals(
    host: Host, change: ImageChange, assumptions: Assumptions
) -> Iterator[ImageRefusal]:
    for package in change.profile:
        yield from extensibility(host, package, assumptions)


def _level_refusals(
    host: Host, change: ImageChange, assumptions: Assumptions
) -> Iterator[ImageRefusal]:
    accepted: dict[AcceptanceLevel, bool] = {}
    for package in change.profile:
        level = package.level
        if level not in accepted:
            accepted[level] = accepts(host, level, assumptions)
        if not accepted[level]:
            yield acceptance(host, package)


def _missing_base(host: Host, change: ImageChange) -> Iterator[ImageRefusal]:
    """Yield the refusal of a change that removes the last provider of esx-version."""
    base = next(filter(provides_base, host.installed), None)
    if base is None or any(map(provides_base, change.profile)):
        return
    cause = Cause(
        what=f"removes {base.name}, the only VIB that provides {ESX_VERSION}",
        subject=", ".join(package.id for package in change.added),
        certainty=standing(host.release),
    )
    message = messages.NO_BASE(profile=profile_name(host))
    yield ImageRefusal(group=ReportGroup.PROFILE, message=message, causes=(cause,), forcible=False)


def provides_base(package: Package) -> bool:
    """Return whether a VIB provides the version of ESXi, as esx-base does."""
    return any(provide.name == ESX_VERSION for provide in package.provides)


def profile_name(host: Host) -> str:
    """Return the name of the vendor's standard image, derived from the installed esx-base."""
    base = next(filter(provides_base, host.installed), None)
    if base is None:
        return messages.NOT_ON_RECORD
    version, _, release = base.descriptor.version.partition("-")
    return f"ESXi-{version}-{release.rpartition('.')[2]}-standard"


def _missing_gunzip(
    host: Host, profile: Iterable[Package], assumptions: Assumptions
) -> Iterator[ImageRefusal]:
    minds = no_gunzip_sha256.concerns(host.release)
    for package in profile if minds is not False else ():
        faults = list(no_gunzip_sha256.faults(package)) if package.payloads_known else []
        if not faults:
            continue
        if not assumptions.resolve(minds, _REQUIRES_GUNZIP):
            return
        yield ImageRefusal(
            group=ReportGroup.PROFILE,
            message=message_of(no_gunzip_sha256, faults[0], package.id),
            causes=tuple(cause_of(no_gunzip_sha256, fault, subject=package.id) for fault in faults),
            forcible=False,
        )


def _file_conflicts(host: Host, change: ImageChange) -> Iterator[ImageRefusal]:
    sure = standing(host.release)
    yield from _claims(file_conflicts(change.profile), sure)
    if host.knows_all_files:
        return
    for package in change.added:
        for path in () if package.overlay else shipped_among(package.descriptor.file_list):
            conflict = FileConflict(path=path, owners=(package.id, "…"), overlay=False)
            yield _file_conflict(conflict, "belongs to ESXi itself", Certainty.INFERRED)


@lru_cache(maxsize=16)
def _claims(conflicts: tuple[FileConflict, ...], sure: Certainty) -> tuple[ImageRefusal, ...]:
    """Return a refusal for each conflict; cached, as many predictions share the conflicts."""
    return tuple(
        _file_conflict(conflict, f"is a file of {' and '.join(conflict.owners)}", sure)
        for conflict in conflicts
    )


def _file_conflict(conflict: FileConflict, what: str, certainty: Certainty) -> ImageRefusal:
    return ImageRefusal(
        group=ReportGroup.PROFILE,
        message=messages.FILE_CONFLICT(
            path=conflict.path,
            kind="overlay" if conflict.overlay else "non-overlay",
            owners=", ".join(repr(vib) for vib in conflict.owners),
        ),
        causes=(Cause(what=what, subject=conflict.path, certainty=certainty, rule="VF312"),),
    )


_CHECKS: dict[ReportGroup, Callable[[Host, ImageChange, Assumptions], Iterator[ImageRefusal]]] = {
    ReportGroup.PROFILE: _profile_refusals,
    ReportGroup.EXTENSIBILITY: _path_refusals,
    ReportGroup.ACCEPTANCE: _level_refusals,
    ReportGroup.DEPENDENCY: relationship_refusals,
}


def refuse_bad_image(run: Run) -> None:
    """Validate the image that a change would make.

    Raises:
        Refused: the host refuses the image.
    """
    groups = image_refusals(
        run.host,
        run.change,
        run.assumptions,
        remains=run.remains,
        skipped=run.skipped_groups(),
    )
    if not groups:
        return
    all_at_once = run.resolve(run.row.reports_all_problems, ALL_AT_ONCE)
    count = len(groups) if all_at_once else 1
    reported = [refusal for group in groups[:count] for refusal in group]
    hidden = [refusal for group in groups[count:] for refusal in group]
    text = "\n".join(dict.fromkeys(refusal.message.text for refusal in reported))
    message = replace(reported[0].message, text=text)
    raise Refused(
        replace(message, error="DependencyError") if all_at_once else message,
        [cause for refusal in reported for cause in refusal.causes],
        [cause for refusal in hidden for cause in refusal.causes],
    )
