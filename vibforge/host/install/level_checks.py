"""What an acceptance level does not allow: paths, overlays, and hosts of a higher level."""

from collections.abc import Iterator
from functools import lru_cache

from vibforge.checks.demands import (
    community_init_script,
    overlay_not_allowed,
    path_outside_list,
)
from vibforge.checks.extensibility import path_list_certainty, violations
from vibforge.esxi import messages
from vibforge.esxi.table import row_of
from vibforge.host.host import Host
from vibforge.host.install.trouble import Group, Trouble
from vibforge.host.package import Package
from vibforge.host.prediction import Cause
from vibforge.host.question import Answers, Question
from vibforge.model.acceptance import AcceptanceLevel
from vibforge.model.certainty import Certainty

INIT_SCRIPTS_ALLOWED = Question(
    key="init-scripts",
    if_yes="this release lets community VIBs carry etc/init.d, as 6.7 does",
    if_no="this release keeps etc/init.d for partners, as releases before 6.7 did",
)


def extensibility(host: Host, package: Package, answers: Answers) -> Iterator[Trouble]:
    """Yield the trouble of a VIB that carries what its level does not allow."""
    if not package.files_known:
        return
    causes = extensibility_causes(host, package)
    if causes and row_of(host.release).path_lists is None and answers.ask(_other_lists(host)):
        return
    if causes:
        message = messages.EXTENSIBILITY(package.id, complaints=list_complaints(package))
        yield Trouble(group=Group.EXTENSIBILITY, message=message, causes=causes)
    elif _has_doubtful_script(host, package) and not answers.ask(INIT_SCRIPTS_ALLOWED):
        doubt = Cause(
            what="not on the community list of some releases",
            subject="etc/init.d",
            certainty=Certainty.UNKNOWN,
            rule=community_init_script.id,
        )
        message = messages.EXTENSIBILITY(package.id, complaints=list_complaints(package))
        yield Trouble(group=Group.EXTENSIBILITY, message=message, causes=(doubt,))


def list_complaints(package: Package) -> str:
    """Return what the host's validation says; an overlay that may not be one is said first."""
    overlay = violations(package.level, (), overlay=package.overlay).overlay
    return str([messages.NOT_THE_VALUE()] * overlay + [messages.NOT_THE_CONTENT()])


def _other_lists(host: Host) -> Question:
    return Question(
        key="path-lists",
        if_yes=f"{host.release} allows these paths at this acceptance level",
        if_no=f"{host.release} has the path lists of 6.7",
    )


def extensibility_causes(host: Host, package: Package) -> tuple[Cause, ...]:
    """Return what of a VIB its level does not allow, by the lists of 6.7."""
    level, listed = package.level, package.descriptor.file_list
    found = violations(level, listed, overlay=package.overlay)
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
    return Trouble(group=Group.ACCEPTANCE, message=message, causes=(cause,))


def takes(host: Host, level: AcceptanceLevel, answers: Answers) -> bool:
    """Whether a host takes VIBs of `level`."""
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
