"""The steps that can help against a refusal, and the smallest sets that make a VIB install."""

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
    """One step: what to do, what it costs, and how it changes the command."""

    key: str
    what: str = ""
    """What to do besides rebuilding the VIB."""
    built: tuple[str, ...] = ()
    """How the rebuilt VIB differs, if the step requires a rebuild."""
    cost: str
    weight: int
    """The effort of the step; only the order of the weights matters."""
    apply: Callable[[Command], Command]
    flag: str = ""
    """The flag of esxcli that the step adds; empty for other steps."""
    host_level: AcceptanceLevel | None = None
    """The level to which the step sets the host; None for other steps."""

    @property
    def words(self) -> str:
        """The whole step as an instruction."""
        return "; ".join(whole_words((self,)))

    @property
    def order(self) -> tuple[bool, bool, int]:
        """The sort key: first steps that change the VIB, then the host, then flags."""
        return self.key not in OF_THE_VIB, bool(self.flag), self.weight

    @property
    def short(self) -> str:
        """The step in a word or two."""
        if self.host_level is not None:
            return f"the host at {self.host_level.esxcli_name}"
        return self.flag or self.key


def whole_words(steps: Iterable[RemedyStep]) -> tuple[str, ...]:
    """Return several steps as instructions; one rebuild covers all steps that require one."""
    steps = tuple(steps)
    built = ", ".join(dict.fromkeys(words for step in steps for words in step.built))
    build = (f"rebuild the VIB with vibforge, {built}",) if built else ()
    return (*build, *(step.what for step in steps if step.what))


def steps_of_the_host(command: Command) -> Iterator[RemedyStep]:
    """Yield the steps that can help without changing the VIB."""
    yield _flag(NO_SIG_CHECK, 20)
    release = command.host.release
    if not any(missing_interfaces(package, release) for package in command.packages):
        yield _flag(FORCE, 30, _MISSING if _depends(command) else "")
    yield from _level_steps(command)
    yield from _maintenance_step(command)
    yield from _provider_steps(command)


def steps_of_a_removal(command: Command) -> Iterator[RemedyStep]:
    """Yield the steps that can help a removal; `--no-sig-check` and levels do not matter here."""
    yield from _maintenance_step(command)
    removed = removal(command.host.installed, command.names)
    if names := tuple(package.name for package in dependants(removed)):
        yield RemedyStep(
            key="dependants",
            what="also remove the VIBs that depend on it: "
            + " ".join(f"-n {name}" for name in names),
            cost="the functions of these VIBs are lost too",
            weight=25,
            apply=lambda given: replace(given, names=(*given.names, *names)),
        )
    if names or command.host.knows_all_relationships:
        yield _flag(FORCE, 30, "; the VIBs that depend on it stay, but stop working")


def _maintenance_step(command: Command) -> Iterator[RemedyStep]:
    if command.host.maintenance_mode is not True:
        yield RemedyStep(
            key=MAINTENANCE,
            what="esxcli system maintenanceMode set --enable true",
            cost="the host's virtual machines must be moved or stopped",
            weight=10,
            apply=lambda given: replace(given, host=replace(given.host, maintenance_mode=True)),
        )


def steps_of_the_vib(command: Command) -> Iterator[RemedyStep]:
    """Yield the steps that can help by installing another file."""
    if any(map(is_damaged, command.packages)) or command.damage:
        yield RemedyStep(
            key=FETCH,
            what="download an undamaged copy of the file, or rebuild it from its sources",
            cost="this copy is useless",
            weight=5,
            apply=undamaged,
        )
    repairs = tuple(repaired(command))
    if repairs:
        yield RemedyStep(
            key=REBUILD,
            built=repairs,
            cost="a new VIB with a new version; its signature is lost",
            weight=40,
            apply=rebuilt,
        )
    if as_boot_copy(command) is not command:
        yield RemedyStep(
            key=BOOT_COPY,
            built=('with layout = "boot-copy", so that every path is allowed', *repairs),
            cost="an init script copies the files into place at boot, perhaps only after the "
            "service that reads them has started",
            weight=50,
            apply=as_boot_copy,
        )
    yield from _signing_steps(command)


def as_boot_copy(command: Command) -> Command:
    """Return the command with VIBs in the boot-copy layout; unchanged if every path is allowed."""
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


_MISSING = "; dependencies of the VIB may be missing, and a driver then does not load"


def missing_interfaces(
    package: Package, release: Release, *, surely: bool = False
) -> tuple[str, ...]:
    """Return the required interfaces for drivers and programs that a release lacks or may lack.

    No flag makes a driver or program work without them.

    Args:
        package: the VIB.
        release: that of the host.
        surely: return only the interfaces that the release is known to lack.
    """
    depends = package.descriptor.relationships.depends
    required = [constraint for constraint in depends if is_interface(constraint.name)]
    provided = [(constraint.name, provision(release, constraint).met) for constraint in required]
    return tuple(name for name, met in provided if (met is False if surely else met is not True))


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
            cost=f"the host then accepts every {lowest.esxcli_name} VIB; you can raise the level "
            "again only after you have removed all of them",
            weight=15,
            apply=lambda given: replace(given, host=replace(given.host, acceptance_level=lowest)),
            host_level=lowest,
        )


def _provider_steps(command: Command) -> Iterator[RemedyStep]:
    """Yield the step that installs what other VIBs provide; interfaces of ESXi come with no VIB."""
    packages = (*command.host.installed, *command.packages)
    present = Provisions((INSTALLER, *(p for package in packages for p in package.provides)))
    missing = [
        constraint
        for package in command.packages
        for constraint in package.descriptor.relationships.depends
        if not (is_of_esxi(constraint.name) or present.meet(constraint))
    ]
    if not missing:
        return
    names = list(dict.fromkeys(map(str, missing)))
    more = f" and {len(names) - _NAMED_LIMIT} more" if len(names) > _NAMED_LIMIT else ""
    yield RemedyStep(
        key=PROVIDER,
        what=f"first install the VIB that provides {', '.join(names[:_NAMED_LIMIT])}{more}",
        cost="requires that VIB, built for this release",
        weight=12,
        apply=lambda given: _with_provider(given, tuple(missing)),
    )


def _with_provider(command: Command, missing: tuple[Constraint, ...]) -> Command:
    provides = tuple(
        Provide(name=constraint.name, version=_fitting_version(constraint))
        for constraint in missing
    )
    descriptor = Descriptor(
        name="provider",
        version="1.0-1",
        vendor="VIB",
        acceptance_level=AcceptanceLevel.CERTIFIED.value,
        relationships=Relationships(provides=provides),
    )
    installed = (*command.host.installed, Package(descriptor=descriptor))
    return replace(command, host=replace(command.host, installed=installed))


def _fitting_version(constraint: Constraint) -> str:
    """Return a version that meets a constraint, for all relations but `<<`."""
    return f"{constraint.version}.1" if constraint.relation == ">>" else constraint.version


def _signing_steps(command: Command) -> Iterator[RemedyStep]:
    is_trusted = all(package.signature is Signature.TRUSTED for package in command.packages)
    if is_trusted and not any(repaired(command)) and as_boot_copy(command) is command:
        return
    below = any(not package.level.needs_signature for package in command.packages)
    level = min(map(_signable, command.packages), key=lambda level: level.rank)
    yield RemedyStep(
        key=SIGN,
        built=(f"at {level.esxcli_name}", *repaired(command)) if below else (),
        what=f"have it signed at {level.esxcli_name} by a signer that the host trusts",
        cost="requires the key and certificate of a VMware partner, or of VMware itself",
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
"""Most steps in one remedy; no known refusal requires more."""
COMBINED_LIMIT = 100
"""Most VIBs in one file for which steps are combined; above that, each step is tried alone."""
HELD_LIMIT = 400
"""Most installed VIBs for which steps are combined; a host has about 200."""
RELATED_LIMIT = 400
"""Most relationships of these VIBs for which steps are combined; real VIBs have up to 8."""
Predict = Callable[[Command], tuple[Branch[Prediction], ...]]


class Remedy(Struct, frozen=True, kw_only=True):
    """Steps with which the VIB installs, and the outcomes."""

    steps: tuple[RemedyStep, ...]
    outcomes: tuple[InstallOutcome, ...]
    certainty: Certainty
    always: bool
    """Whether it installs in every branch of the unknown facts."""

    @property
    def words(self) -> tuple[str, ...]:
        """The steps as instructions, in order."""
        return whole_words(self.steps)

    @property
    def flags(self) -> tuple[str, ...]:
        return tuple(step.flag for step in self.steps if step.flag)

    @property
    def is_forced(self) -> bool:
        return FORCE in self.flags

    @property
    def is_sure(self) -> bool:
        """Whether the effect of the steps on this release is known."""
        return self.certainty is not Certainty.UNKNOWN

    @property
    def is_signed(self) -> bool:
        """Whether it requires a trusted signature, which few people can get."""
        return any(step.key == SIGN for step in self.steps)

    @property
    def host_level(self) -> AcceptanceLevel | None:
        return next((step.host_level for step in self.steps if step.host_level is not None), None)


def remedies(command: Command, predict_by: Predict = predict) -> tuple[Remedy, ...]:
    """Return the smallest sets of steps that make a refused command install, best first.

    Empty: no known step helps. One remedy without steps: the command already works.

    Args:
        command: the refused command.
        predict_by: predicts a command; pass another one for a route other than `vib install`.
    """
    if command.verb is Verb.REMOVE:
        return _search(command, tuple(steps_of_a_removal(command)), predict_by)
    if not command.packages:
        return ()
    steps = (*steps_of_the_host(command), *steps_of_the_vib(command))
    return _search(command, steps, predict_by)


def host_remedies(commands: Sequence[Command]) -> tuple[Remedy, ...]:
    """Return the smallest sets of flags and host settings with which all these commands install.

    The most certain comes first; --force has no disadvantage in this order.
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
    """Try growing sets of steps until one surely installs without --force."""
    limit = STEP_LIMIT if _is_small(command) else 1
    best: list[Remedy] = []
    partial: list[Remedy] = []
    for size in range(limit + 1):
        tried = [_try((command,), chosen, predict_by) for chosen in combinations(steps, size)]
        working = [remedy for remedy in tried if remedy.always]
        if not best:
            partial += [
                remedy
                for remedy in tried
                if not remedy.always and any(outcome.installs for outcome in remedy.outcomes)
            ]
        better = [remedy for remedy in working if remedy.is_sure and not remedy.is_forced]
        best = [*best, *better] if best else working
        if better:
            break
    return (*_ranked(best), *_within_reach(best, partial))


def _is_small(command: Command) -> bool:
    """Return whether a prediction is quick enough to make hundreds of them."""
    related = sum(package.descriptor.relationships.count for package in command.packages)
    return (
        len(command.packages) <= COMBINED_LIMIT
        and len(command.host.installed) <= HELD_LIMIT
        and related <= RELATED_LIMIT
    )


def _ranked(unsorted: Iterable[Remedy]) -> tuple[Remedy, ...]:
    """Sort remedies: those with --force last, then by certainty and effort."""
    return tuple(sorted(unsorted, key=lambda remedy: (remedy.is_forced, *_rank(remedy))))


def _rank(remedy: Remedy) -> tuple[int, int]:
    return remedy.certainty.doubt, sum(step.weight for step in remedy.steps)


def _within_reach(best: Sequence[Remedy], partial: Iterable[Remedy]) -> Iterator[Remedy]:
    """Yield remedies that work in some branches, if all others require a trusted signature."""
    if not all(remedy.is_signed for remedy in best):
        return
    reachable = _ranked(remedy for remedy in partial if not remedy.is_signed)
    least = min((len(remedy.steps) for remedy in reachable), default=0)
    yield from (remedy for remedy in reachable if len(remedy.steps) == least)


def _try(commands: Sequence[Command], steps: Sequence[RemedyStep], predict_by: Predict) -> Remedy:
    ordered = tuple(sorted(steps, key=lambda step: step.order))
    results: list[Prediction] = []
    for command in commands:
        changed = command
        for step in ordered:
            changed = step.apply(changed)
        results += [branch.result for branch in predict_by(changed)]
    return Remedy(
        steps=ordered,
        outcomes=tuple(dict.fromkeys(result.outcome for result in results)),
        certainty=least_sure(result.certainty for result in results),
        always=all(result.outcome.installs for result in results),
    )
