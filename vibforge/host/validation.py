"""What is wrong with a set of VIBs, in the groups in which hosts report it (vib-format 8, step 4).

From 6.7 on only the first group that has a problem is printed; before, everything comes at once.
"""

from collections.abc import Callable, Container, Iterable, Iterator
from dataclasses import dataclass
from enum import IntEnum

from vibforge.host import messages
from vibforge.host.extensibility import standing, violations
from vibforge.host.host import Host
from vibforge.host.image import Change, FileConflict, file_conflicts
from vibforge.host.matching import INSTALLER, met_by
from vibforge.host.messages import HostMessage
from vibforge.host.package import Package, lacks_gunzip_sha256
from vibforge.host.prediction import Cause
from vibforge.host.question import Answers, Question, Undecided
from vibforge.host.stock import Provision, provision, shipped_among
from vibforge.model.acceptance import AcceptanceLevel
from vibforge.model.certainty import Certainty
from vibforge.model.relationships import Constraint


class Group(IntEnum):
    """The order in which hosts report."""

    PROFILE = 0
    EXTENSIBILITY = 1
    ACCEPTANCE = 2
    DEPENDENCY = 3


@dataclass(frozen=True, kw_only=True, slots=True)
class Trouble:
    """One problem of a profile: what the host prints, and why."""

    group: Group
    message: HostMessage
    causes: tuple[Cause, ...]
    forcible: bool = True
    """Whether `--force` gets past it where that flag works."""


INIT_SCRIPTS_ALLOWED = Question(
    key="init-scripts",
    if_yes="this release lets community VIBs carry etc/init.d, as 6.7 does",
    if_no="this release keeps etc/init.d for partners, as releases before 6.7 did",
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


def _profile_troubles(host: Host, change: Change, _answers: Answers) -> Iterator[Trouble]:
    yield from _missing_gunzip(host, change.profile)
    yield from _file_conflicts(host, change)


def _list_troubles(host: Host, change: Change, answers: Answers) -> Iterator[Trouble]:
    for package in change.profile:
        yield from extensibility(host, package, answers)


def _level_troubles(host: Host, change: Change, answers: Answers) -> Iterator[Trouble]:
    for package in change.profile:
        yield from _acceptance(host, package, answers)


def _relation_troubles(host: Host, change: Change, answers: Answers) -> Iterator[Trouble]:
    found = [*_dependencies(host, change.profile), *_conflicts(change.profile)]
    yield from found or _open_dependencies(host, change.profile, answers)


def _missing_gunzip(host: Host, profile: Iterable[Package]) -> Iterator[Trouble]:
    if not host.release.needs_gunzip_sha256:
        return
    for package in profile:
        if package.payloads_known and (lacking := lacks_gunzip_sha256(package)):
            yield Trouble(
                group=Group.PROFILE,
                message=messages.GUNZIP_CHECKSUM(package.id),
                causes=tuple(
                    Cause(
                        what=f"payload {name} has no sha-256 digest of its unpacked form",
                        subject=package.id,
                        certainty=Certainty.DOCUMENTED,
                        rule="VF305",
                    )
                    for name in lacking
                ),
                forcible=False,
            )


def _file_conflicts(host: Host, change: Change) -> Iterator[Trouble]:
    sure = Certainty.MEASURED if host.release.tried else Certainty.INFERRED
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


def extensibility(host: Host, package: Package, answers: Answers) -> Iterator[Trouble]:
    """Yield the trouble of a VIB that carries what its level does not allow."""
    if not package.files_known:
        return
    causes = extensibility_causes(host, package)
    if causes:
        message = messages.EXTENSIBILITY(package.id)
        yield Trouble(group=Group.EXTENSIBILITY, message=message, causes=causes)
    elif _has_doubtful_script(host, package) and not answers.ask(INIT_SCRIPTS_ALLOWED):
        doubt = Cause(
            what="not on the community list of some releases",
            subject="etc/init.d",
            certainty=Certainty.UNKNOWN,
            rule="VF224",
        )
        message = messages.EXTENSIBILITY(package.id)
        yield Trouble(group=Group.EXTENSIBILITY, message=message, causes=(doubt,))


def extensibility_causes(host: Host, package: Package) -> tuple[Cause, ...]:
    """Return what of a VIB its level does not allow, by the lists of 6.7."""
    level, listed = package.level, package.descriptor.file_list
    found = violations(level, listed, overlay=package.overlay)
    certainty = standing(host.release, found.paths)
    paths = tuple(
        Cause(
            what=f"not on the list of paths that ESXi allows at {level.esxcli_name}",
            subject=path,
            certainty=certainty,
            rule="VF218",
        )
        for path in found.paths
    )
    if not found.overlay:
        return paths
    overlay = Cause(
        what=f"is an overlay, which ESXi does not allow at {level.esxcli_name}",
        subject=package.id,
        certainty=certainty,
        rule="VF219",
    )
    return (*paths, overlay)


def _has_doubtful_script(host: Host, package: Package) -> bool:
    return package.level is AcceptanceLevel.COMMUNITY and (
        standing(host.release, package.descriptor.file_list) is Certainty.UNKNOWN
    )


def _acceptance(host: Host, package: Package, answers: Answers) -> Iterator[Trouble]:
    level = package.level
    if _host_takes(host, level, answers):
        return
    asked = host.acceptance_level.value if host.acceptance_level else "…"
    above = host.acceptance_level.esxcli_name if host.acceptance_level else "level"
    cause = Cause(
        what=f"{level.esxcli_name} is below the host's {above}",
        subject=package.id,
        certainty=Certainty.MEASURED if host.release.tried else Certainty.DOCUMENTED,
    )
    message = messages.ACCEPTANCE(package.id, level=level.value, host_level=asked)
    yield Trouble(group=Group.ACCEPTANCE, message=message, causes=(cause,))


def _host_takes(host: Host, level: AcceptanceLevel, answers: Answers) -> bool:
    if level is AcceptanceLevel.CERTIFIED:
        return True
    if host.acceptance_level is not None:
        return level.rank >= host.acceptance_level.rank
    question = Question(
        key=f"takes-{level}",
        if_yes=f"the host's acceptance level is {level.esxcli_name} or lower",
        if_no=f"the host's acceptance level is above {level.esxcli_name}",
    )
    return answers.ask(question)


def _dependencies(host: Host, profile: tuple[Package, ...]) -> Iterator[Trouble]:
    """Yield the dependencies that are known not to be met."""
    for package, constraint, stock in _unmet(host, profile):
        if stock.met is False:
            yield _dependency(package, constraint, stock.certainty)


def _open_dependencies(
    host: Host, profile: tuple[Package, ...], answers: Answers
) -> Iterator[Trouble]:
    """Yield the dependencies of which nobody here can tell, if it is assumed that they fail."""
    unknown = [(p, c) for p, c, stock in _unmet(host, profile) if stock.met is None]
    if not unknown:
        return
    names = ", ".join(dict.fromkeys(str(constraint) for _, constraint in unknown))
    question = Question(
        key="dependencies",
        if_yes=f"the host provides {names}",
        if_no=f"the host does not provide all of {names}",
    )
    if not answers.ask(question):
        for package, constraint in unknown:
            yield _dependency(package, constraint, Certainty.UNKNOWN)


def _dependency(package: Package, constraint: Constraint, certainty: Certainty) -> Trouble:
    cause = Cause(
        what=f"asks for {constraint}, which nothing on the host provides",
        subject=package.id,
        certainty=certainty,
    )
    message = messages.DEPENDENCY(package.id, constraint=str(constraint))
    return Trouble(group=Group.DEPENDENCY, message=message, causes=(cause,))


def _unmet(
    host: Host, profile: tuple[Package, ...]
) -> Iterator[tuple[Package, Constraint, Provision]]:
    """Yield the dependencies that nothing known meets, and whether that is the whole truth."""
    provides = (INSTALLER, *(p for package in profile for p in package.provides))
    sure = Certainty.MEASURED if host.release.tried else Certainty.INFERRED
    for package in profile:
        for constraint in package.descriptor.relationships.depends:
            if met_by(constraint, provides):
                continue
            if host.knows_all_relationships:
                yield package, constraint, Provision(met=False, certainty=sure)
            elif not (stock := provision(host.release, constraint)).met:
                yield package, constraint, stock


def _conflicts(profile: tuple[Package, ...]) -> Iterator[Trouble]:
    for package in profile:
        for constraint in package.descriptor.relationships.conflicts:
            for other in profile:
                if other is not package and met_by(constraint, other.provides):
                    cause = Cause(what=f"conflicts with {other.id}", subject=package.id)
                    message = messages.CONFLICT(package.id, other=other.id)
                    yield Trouble(group=Group.DEPENDENCY, message=message, causes=(cause,))


_CHECKS: dict[Group, Callable[[Host, Change, Answers], Iterator[Trouble]]] = {
    Group.PROFILE: _profile_troubles,
    Group.EXTENSIBILITY: _list_troubles,
    Group.ACCEPTANCE: _level_troubles,
    Group.DEPENDENCY: _relation_troubles,
}
