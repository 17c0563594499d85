"""What could be done about a refusal, and the least of it that makes a VIB install."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import combinations

from msgspec import Struct
from msgspec.structs import replace

from vibforge.esxi.acceptance import AcceptanceLevel
from vibforge.esxi.release import Certainty, Release, least_sure
from vibforge.host.command import SKIPS, Command
from vibforge.host.image import Verb, dependants, removal
from vibforge.host.install.installer import predict
from vibforge.host.package import Package
from vibforge.host.prediction import Branch, InstallOutcome, Prediction
from vibforge.host.rebuild import boot_copy_package, is_damaged, rebuilt, repaired, undamaged
from vibforge.vib.descriptor import Descriptor
from vibforge.vib.relationships import (
    INSTALLER,
    Constraint,
    Provide,
    Provisions,
    Relationships,
    is_interface,
    is_of_esxi,
    provision,
)
from vibforge.vib.signature import Signature

FORCE, NO_SIG_CHECK = "--force", "--no-sig-check"
SIGN, REBUILD, BOOT_COPY, FETCH, PROVIDER, MAINTENANCE = (
    *("sign", "rebuild", "boot-copy", "fetch", "provider", "maintenance"),
)
OF_THE_VIB = frozenset({SIGN, REBUILD, BOOT_COPY, FETCH})
_NAMED_LIMIT = 3


class RemedyStep(Struct, frozen=True, kw_only=True):
    """One thing to do, what it costs, and how it changes the command."""

    key: str
    what: str = ""
    """What to do, beside building the VIB again."""
    built: tuple[str, ...] = ()
    """How a new build of the VIB differs, where the step takes one."""
    cost: str
    weight: int
    """Which of two steps is the lesser one; only their order matters."""
    apply: Callable[[Command], Command]
    flag: str = ""
    """The flag of esxcli, where the step is one."""
    host_level: AcceptanceLevel | None = None
    """The level that the host is set to, where the step is that."""

    @property
    def words(self) -> str:
        """The whole step, as an order."""
        return "; ".join(whole_words((self,)))

    @property
    def order(self) -> tuple[bool, bool, int]:
        """When it is done: first the VIB is made, then the host is set up, then flags are typed."""
        return self.key not in OF_THE_VIB, bool(self.flag), self.weight

    @property
    def short(self) -> str:
        """The step in a word or two."""
        if self.host_level is not None:
            return f"the host at {self.host_level.esxcli_name}"
        return self.flag or self.key


def whole_words(steps: Iterable[RemedyStep]) -> tuple[str, ...]:
    """Return several steps as orders; one build serves all steps that take one."""
    steps = tuple(steps)
    built = ", ".join(dict.fromkeys(words for step in steps for words in step.built))
    build = (f"build the VIB again with vibforge, {built}",) if built else ()
    return (*build, *(step.what for step in steps if step.what))


def steps_of_the_host(command: Command) -> Iterator[RemedyStep]:
    """Yield what could help while the VIB stays as it is."""
    yield _flag(NO_SIG_CHECK, 20)
    if not any(missing_interfaces(each, command.host.release) for each in command.packages):
        yield _flag(FORCE, 30, _MISSING if _depends(command) else "")
    yield from _level_steps(command)
    yield from _maintenance_step(command)
    yield from _provider_steps(command)


def steps_of_a_removal(command: Command) -> Iterator[RemedyStep]:
    """Yield what could help a removal: it has no `--no-sig-check`, and no level is in its way."""
    yield from _maintenance_step(command)
    removed = removal(command.host.installed, command.names)
    if names := tuple(package.name for package in dependants(removed)):
        yield RemedyStep(
            key="dependants",
            what="remove what depends on it too: " + " ".join(f"-n {name}" for name in names),
            cost="what these VIBs do is lost too",
            weight=25,
            apply=lambda given: replace(given, names=(*given.names, *names)),
        )
    if names or command.host.knows_all_relationships:
        yield _flag(FORCE, 30, "; what depends on it stays, and stops working")


def _maintenance_step(command: Command) -> Iterator[RemedyStep]:
    if command.host.maintenance_mode is not True:
        yield RemedyStep(
            key=MAINTENANCE,
            what="esxcli system maintenanceMode set --enable true",
            cost="the host's virtual machines have to move or stop",
            weight=10,
            apply=lambda given: replace(given, host=replace(given.host, maintenance_mode=True)),
        )


def steps_of_the_vib(command: Command) -> Iterator[RemedyStep]:
    """Yield what could help if another file may be installed."""
    if any(map(is_damaged, command.packages)) or command.damage:
        yield RemedyStep(
            key=FETCH,
            what="get an undamaged copy of the file, or build it again from its sources",
            cost="this copy is of no use",
            weight=5,
            apply=undamaged,
        )
    mended = tuple(repaired(command))
    if mended:
        yield RemedyStep(
            key=REBUILD,
            built=mended,
            cost="a new VIB under a new version; a signature is lost",
            weight=40,
            apply=rebuilt,
        )
    if as_boot_copy(command) is not command:
        yield RemedyStep(
            key=BOOT_COPY,
            built=('with layout = "boot-copy", so that every path is allowed', *mended),
            cost="an init script puts the files in place at boot; whether it runs before the "
            "service that reads them is not known",
            weight=50,
            apply=as_boot_copy,
        )
    yield from _signing_steps(command)


def as_boot_copy(command: Command) -> Command:
    """Return the command with VIBs in the layout boot-copy; itself where every path is allowed."""
    if all(boot_copy_package(package) is package for package in command.packages):
        return command
    return _each(rebuilt(command), boot_copy_package)


def _flag(word: str, weight: int, more: str = "") -> RemedyStep:
    name = word.removeprefix("--").replace("-", "_")

    def apply(command: Command) -> Command:
        return replace(command, flags=replace(command.flags, **{name: True}))

    cost = f"skips {SKIPS[word]}{more}"
    return RemedyStep(
        key=word, what=f"add {word}", cost=cost, weight=weight, apply=apply, flag=word
    )


_MISSING = "; what the VIB depends on may be missing, and a driver then does not load"


def missing_interfaces(
    package: Package, release: Release, *, surely: bool = False
) -> tuple[str, ...]:
    """Return the interfaces of ESXi for drivers and programs that a release lacks, or may lack.

    No flag makes what needs them run.
    """
    wanted = [each for each in package.descriptor.relationships.depends if is_interface(each.name)]
    met = [(each.name, provision(release, each).met) for each in wanted]
    return tuple(name for name, held in met if (held is False if surely else held is not True))


def _depends(command: Command) -> bool:
    return any(package.descriptor.relationships.depends for package in command.packages)


def _level_steps(command: Command) -> Iterator[RemedyStep]:
    host = command.host
    lowest = min((package.level for package in command.packages), key=lambda level: level.rank)
    if host.secure_boot is not False and lowest is AcceptanceLevel.COMMUNITY:
        return
    if host.acceptance_level is None or host.acceptance_level.rank > lowest.rank:
        yield RemedyStep(
            key=f"level-{lowest}",
            what=f"esxcli software acceptance set --level={lowest.esxcli_name}",
            cost=f"the host then takes every {lowest.esxcli_name} VIB; the level can be raised "
            "again only when no such VIB is left",
            weight=15,
            apply=lambda given: replace(given, host=replace(given.host, acceptance_level=lowest)),
            host_level=lowest,
        )


def _provider_steps(command: Command) -> Iterator[RemedyStep]:
    """Yield the step for what other VIBs provide; what ESXi itself lacks, no VIB brings."""
    present = Provisions((INSTALLER, *(p for each in _all_known(command) for p in each.provides)))
    wanted = [
        constraint
        for package in command.packages
        for constraint in package.descriptor.relationships.depends
        if not (is_of_esxi(constraint.name) or present.meet(constraint))
    ]
    if not wanted:
        return
    names = list(dict.fromkeys(map(str, wanted)))
    more = f" and {len(names) - _NAMED_LIMIT} more" if len(names) > _NAMED_LIMIT else ""
    yield RemedyStep(
        key=PROVIDER,
        what=f"first install the VIB that provides {', '.join(names[:_NAMED_LIMIT])}{more}",
        cost="takes that VIB, for this release",
        weight=12,
        apply=lambda given: _with_provider(given, tuple(wanted)),
    )


def _all_known(command: Command) -> tuple[Package, ...]:
    return (*command.host.installed, *command.packages)


def _with_provider(command: Command, wanted: tuple[Constraint, ...]) -> Command:
    provides = tuple(Provide(name=each.name, version=_fitting(each)) for each in wanted)
    descriptor = Descriptor(
        name="provider",
        version="1.0-1",
        vendor="VIB",
        acceptance_level=AcceptanceLevel.CERTIFIED.value,
        relationships=Relationships(provides=provides),
    )
    installed = (*command.host.installed, Package(descriptor=descriptor))
    return replace(command, host=replace(command.host, installed=installed))


def _fitting(constraint: Constraint) -> str:
    """Return a version that meets a constraint, as far as one is easily told."""
    return f"{constraint.version}.1" if constraint.relation == ">>" else constraint.version


def _signing_steps(command: Command) -> Iterator[RemedyStep]:
    is_trusted = all(package.signature is Signature.TRUSTED for package in command.packages)
    if is_trusted and not any(repaired(command)) and as_boot_copy(command) is command:
        return
    below = any(not package.level.needs_signature for package in command.packages)
    level = min((_signable(package) for package in command.packages), key=lambda each: each.rank)
    yield RemedyStep(
        key=SIGN,
        built=(f"at {level.esxcli_name}", *repaired(command)) if below else (),
        what=f"have it signed at {level.esxcli_name} by a signer whom the host trusts",
        cost="takes the key and certificate of a VMware partner, or of VMware itself",
        weight=60,
        apply=lambda given: _each(rebuilt(given) if below else given, _signed),
    )


def _signable(package: Package) -> AcceptanceLevel:
    return package.level if package.level.needs_signature else AcceptanceLevel.PARTNER


def _signed(package: Package) -> Package:
    descriptor = replace(package.descriptor, acceptance_level=_signable(package).value)
    return replace(
        package, descriptor=descriptor, signature=Signature.TRUSTED, first_signature=None
    )


def _each(command: Command, change: Callable[[Package], Package]) -> Command:
    return replace(command, packages=tuple(change(package) for package in command.packages))


STEP_LIMIT = 3
"""Steps that are combined to one remedy; nobody was seen to need more."""
COMBINED_LIMIT = 100
"""VIBs of one file up to which steps are combined; for more, each step is tried alone."""
HELD_LIMIT = 400
"""Installed VIBs up to which steps are combined; a host has some 200."""
RELATED_LIMIT = 400
"""Relationships of these VIBs up to which steps are combined; real VIBs have up to 8."""
Predict = Callable[[Command], tuple[Branch[Prediction], ...]]


class Remedy(Struct, frozen=True, kw_only=True):
    """Steps with which the VIB installs, and how it then does."""

    steps: tuple[RemedyStep, ...]
    outcomes: tuple[InstallOutcome, ...]
    certainty: Certainty
    always: bool
    """Whether it installs whatever the unknown facts are."""

    @property
    def words(self) -> tuple[str, ...]:
        """What is to be done, in order."""
        return whole_words(self.steps)

    @property
    def flags(self) -> tuple[str, ...]:
        return tuple(step.flag for step in self.steps if step.flag)

    @property
    def is_forced(self) -> bool:
        return FORCE in self.flags

    @property
    def is_sure(self) -> bool:
        """Whether it is known how this release treats the steps."""
        return self.certainty is not Certainty.UNKNOWN

    @property
    def is_signed(self) -> bool:
        """Whether it takes a trusted signature, which few people can get."""
        return any(step.key == SIGN for step in self.steps)

    @property
    def host_level(self) -> AcceptanceLevel | None:
        return next((step.host_level for step in self.steps if step.host_level is not None), None)


def remedies(command: Command, predict_by: Predict = predict) -> tuple[Remedy, ...]:
    """Return the smallest sets of steps that make a refused command install, best first.

    Empty: no known step helps. One remedy without steps: the command already works.

    Args:
        command: what is refused.
        predict_by: predicts a command; that of another way to the host than `vib install`.
    """
    if command.verb is Verb.REMOVE:
        return _search(command, tuple(steps_of_a_removal(command)), predict_by)
    if not command.packages:
        return ()
    steps = (*steps_of_the_host(command), *steps_of_the_vib(command))
    return _search(command, steps, predict_by)


def host_remedies(commands: Sequence[Command]) -> tuple[Remedy, ...]:
    """Return the smallest sets of flags and settings with which all these commands install.

    The surest comes first, --force among them: the VIB stays as it is.
    """
    steps = {step.key: step for command in commands for step in steps_of_the_host(command)}
    for size in range(STEP_LIMIT + 1):
        tried = [_try(commands, chosen, predict) for chosen in combinations(steps.values(), size)]
        if working := [remedy for remedy in tried if remedy.always]:
            return tuple(sorted(working, key=_rank))
    return ()


def _search(
    command: Command, steps: Sequence[RemedyStep], predict_by: Predict
) -> tuple[Remedy, ...]:
    """Try ever larger sets of steps, until one installs that is sure and not forced."""
    most = STEP_LIMIT if _is_small(command) else 1
    found: list[Remedy] = []
    partly: list[Remedy] = []
    for size in range(most + 1):
        tried = [_try((command,), chosen, predict_by) for chosen in combinations(steps, size)]
        working = [remedy for remedy in tried if remedy.always]
        if not found:
            partly += [r for r in tried if not r.always and any(out.installs for out in r.outcomes)]
        better = [remedy for remedy in working if remedy.is_sure and not remedy.is_forced]
        found = [*found, *better] if found else working
        if better:
            break
    return (*_ranked(found), *_within_reach(found, partly))


def _is_small(command: Command) -> bool:
    """Whether one prediction is quick enough for hundreds of them."""
    related = sum(package.descriptor.relationships.count for package in command.packages)
    return (
        len(command.packages) <= COMBINED_LIMIT
        and len(command.host.installed) <= HELD_LIMIT
        and related <= RELATED_LIMIT
    )


def _ranked(found: Iterable[Remedy]) -> tuple[Remedy, ...]:
    """Put the surest and least costly first, and --force behind all that does without it."""
    return tuple(sorted(found, key=lambda remedy: (remedy.is_forced, *_rank(remedy))))


def _rank(remedy: Remedy) -> tuple[int, int]:
    return remedy.certainty.doubt, sum(step.weight for step in remedy.steps)


def _within_reach(found: Sequence[Remedy], partly: Iterable[Remedy]) -> Iterator[Remedy]:
    """Yield what installs in some cases, where all else takes a signature that few can get."""
    if not all(remedy.is_signed for remedy in found):
        return
    reachable = _ranked(remedy for remedy in partly if not remedy.is_signed)
    least = min((len(remedy.steps) for remedy in reachable), default=0)
    yield from (remedy for remedy in reachable if len(remedy.steps) == least)


def _try(commands: Sequence[Command], steps: Sequence[RemedyStep], predict_by: Predict) -> Remedy:
    ordered = tuple(sorted(steps, key=lambda step: step.order))
    results: list[Prediction] = []
    for command in commands:
        changed = command
        for step in ordered:
            changed = step.apply(changed)
        results += [world.result for world in predict_by(changed)]
    return Remedy(
        steps=ordered,
        outcomes=tuple(dict.fromkeys(result.outcome for result in results)),
        certainty=least_sure(result.certainty for result in results),
        always=all(result.outcome.installs for result in results),
    )
