"""What is wrong with a set of VIBs, in the groups in which hosts report it (vib-format 8, step 4).

From 6.7 on only the first group that has a problem is printed; before, everything comes at once.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import IntEnum

from vibforge.host import messages
from vibforge.host.extensibility import standing, violations
from vibforge.host.host import Host
from vibforge.host.image import Change, FileConflict, file_conflicts, host_path
from vibforge.host.matching import INSTALLER, met_by
from vibforge.host.messages import HostMessage
from vibforge.host.package import Package, lacks_gunzip_sha256
from vibforge.host.prediction import Cause
from vibforge.host.question import Answers, Question
from vibforge.host.stock import SHIPPED_PATHS, provision
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


def troubles(host: Host, change: Change, answers: Answers) -> tuple[Trouble, ...]:
    """Return every problem of the profile that a change would make, in the order of the groups.

    Raises:
        Undecided: it depends on a fact that is not known.
    """
    profile = change.profile
    return (
        *_missing_gunzip(host, profile),
        *_file_conflicts(host, change),
        *(t for package in profile for t in extensibility(host, package, answers)),
        *(t for package in profile for t in _acceptance(host, package, answers)),
        *_dependencies(host, profile, answers),
        *_conflicts(profile),
    )


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
        for path in package.descriptor.file_list:
            if not package.overlay and host_path(path).lstrip("/") in SHIPPED_PATHS:
                found = FileConflict(path=host_path(path), owners=(package.id, "…"), overlay=False)
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
            what=f"not on the list of paths of level {level}",
            subject=path,
            certainty=certainty,
            rule="VF218",
        )
        for path in found.paths
    )
    if not found.overlay:
        return paths
    overlay = Cause(
        what=f"is an overlay, which level {level} may not be",
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
    cause = Cause(
        what=f"level {level} is below the host's level {asked}",
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


def _dependencies(host: Host, profile: tuple[Package, ...], answers: Answers) -> Iterator[Trouble]:
    for package in profile:
        if not package.relationships_known:
            continue
        for constraint in package.descriptor.relationships.depends:
            certainty = _unmet(host, constraint, profile, answers)
            if certainty is not None:
                cause = Cause(
                    what=f"asks for {constraint}, which nothing on the host provides",
                    subject=package.id,
                    certainty=certainty,
                )
                message = messages.DEPENDENCY(package.id, constraint=str(constraint))
                yield Trouble(group=Group.DEPENDENCY, message=message, causes=(cause,))


def _unmet(
    host: Host, constraint: Constraint, profile: tuple[Package, ...], answers: Answers
) -> Certainty | None:
    """Return how sure it is that nothing meets a constraint; None where something does."""
    provides = (p for package in profile for p in package.provides)
    if met_by(constraint, (INSTALLER, *provides)):
        return None
    if host.knows_all_relationships:
        return Certainty.MEASURED if host.release.tried else Certainty.INFERRED
    stock = provision(host.release, constraint)
    question = Question(
        key=f"provides {constraint}",
        if_yes=f"something on the host provides {constraint}",
        if_no=f"nothing on the host provides {constraint}",
    )
    return None if answers.known(stock.met, question) else stock.certainty


def _conflicts(profile: tuple[Package, ...]) -> Iterator[Trouble]:
    for package in profile:
        for constraint in package.descriptor.relationships.conflicts:
            for other in profile:
                if other is not package and met_by(constraint, other.provides):
                    cause = Cause(what=f"conflicts with {other.id}", subject=package.id)
                    message = messages.CONFLICT(package.id, other=other.id)
                    yield Trouble(group=Group.DEPENDENCY, message=message, causes=(cause,))
