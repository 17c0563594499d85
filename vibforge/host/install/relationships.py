"""What VIBs ask of each other and of the host: dependencies and conflicts."""

from collections.abc import Iterator

from vibforge.esxi import messages
from vibforge.esxi.matching import INSTALLER, met_by
from vibforge.esxi.provides import Provision, provision
from vibforge.esxi.table import standing
from vibforge.host.host import Host
from vibforge.host.image import Change
from vibforge.host.install.trouble import Group, Trouble
from vibforge.host.package import Package
from vibforge.host.prediction import Cause
from vibforge.host.question import Answers, Question
from vibforge.model.certainty import Certainty
from vibforge.model.relationships import Constraint


def relationship_troubles(host: Host, change: Change, answers: Answers) -> Iterator[Trouble]:
    """Yield what is unmet or in conflict; the open questions only if nothing is known to fail."""
    found = [*_dependencies(host, change.profile), *_conflicts(host, change.profile)]
    yield from found or _open_dependencies(host, change.profile, answers)


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
    sure = standing(host.release)
    for package in profile:
        for constraint in package.descriptor.relationships.depends:
            if met_by(constraint, provides):
                continue
            if host.knows_all_relationships:
                yield package, constraint, Provision(met=False, certainty=sure)
            elif not (stock := provision(host.release, constraint)).met:
                yield package, constraint, stock


def _conflicts(host: Host, profile: tuple[Package, ...]) -> Iterator[Trouble]:
    """Yield each pair in conflict; a VIB can be in conflict with itself and the installer."""
    others = [(each.id, each.provides) for each in profile] + [(INSTALLER.name, (INSTALLER,))]
    for package in profile:
        for constraint in package.descriptor.relationships.conflicts:
            for other, provides in others:
                if met_by(constraint, provides):
                    cause = Cause(
                        what=f"conflicts with {other}",
                        subject=package.id,
                        certainty=standing(host.release),
                    )
                    names = ", ".join(sorted({package.id, other}))
                    message = messages.CONFLICT(vibs=names)
                    yield Trouble(group=Group.DEPENDENCY, message=message, causes=(cause,))
