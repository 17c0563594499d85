"""The least that has to change for a VIB to install: flags, the host, or the VIB itself.

Every set of up to three steps is tried on the prediction; the smallest that installs in every
world that is possible wins, the surer and cheaper one among those of the same size.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

from vibforge.checks.payload_declaration import (
    digest_order_breaks_old_hosts,
    no_gunzip_digest,
    no_gunzip_sha256,
)
from vibforge.esxi.provides import DRIVER_API, provision
from vibforge.host.boot_copy import boot_copy_package
from vibforge.host.flags import SKIPS
from vibforge.host.image import Verb, dependants, removal
from vibforge.host.install.command import Command
from vibforge.host.install.installer import predict
from vibforge.host.package import Package
from vibforge.host.prediction import Outcome, Prediction
from vibforge.model.acceptance import AcceptanceLevel
from vibforge.model.certainty import Certainty, least_sure
from vibforge.model.descriptor import GUNZIP, Checksum
from vibforge.scan.signature import Signature

STEP_LIMIT = 3
COMBINED_LIMIT = 100
"""VIBs of one file up to which steps are combined; for more, each step is tried alone."""
_FORCE = "--force"
_SIGN, _REBUILD, _BOOT_COPY = "sign", "rebuild", "boot-copy"
_OF_THE_VIB = frozenset({_SIGN, _REBUILD, _BOOT_COPY})


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """One thing to do, what it costs, and how it changes the command."""

    key: str
    what: str
    cost: str
    weight: int
    """Which of two steps is the lesser one; only their order matters."""
    apply: Callable[[Command], Command]
    flag: str = ""
    """The flag of esxcli, where the step is one."""
    host_level: AcceptanceLevel | None = None
    """The level that the host is set to, where the step is that."""

    @property
    def short(self) -> str:
        """The step in a word or two."""
        if self.host_level is not None:
            return f"the host at {self.host_level.esxcli_name}"
        return self.flag or self.key


@dataclass(frozen=True, kw_only=True, slots=True)
class Remedy:
    """Steps with which the VIB installs, and how it then does."""

    steps: tuple[Step, ...]
    outcomes: tuple[Outcome, ...]
    certainty: Certainty
    always: bool
    """Whether it installs whatever the unknown facts are."""

    @property
    def flags(self) -> tuple[str, ...]:
        return tuple(step.flag for step in self.steps if step.flag)

    @property
    def is_signed(self) -> bool:
        """Whether it takes a trusted signature, which few people can get."""
        return any(step.key == _SIGN for step in self.steps)

    @property
    def is_of_the_host(self) -> bool:
        """Whether it leaves the VIB as it is: flags, and changes of the host."""
        return not any(step.key in _OF_THE_VIB for step in self.steps)

    @property
    def host_level(self) -> AcceptanceLevel | None:
        return next((step.host_level for step in self.steps if step.host_level is not None), None)


def remedies(command: Command) -> tuple[Remedy, ...]:
    """Return the smallest sets of steps that make a refused command install, best first.

    An empty tuple says that nothing in reach helps; a remedy without steps, that none is needed.
    """
    return joint_remedies((command,))


def joint_remedies(commands: Sequence[Command]) -> tuple[Remedy, ...]:
    """Return the smallest sets of steps with which all of these commands install, best first."""
    if any(_is_unreadable(command) for command in commands):
        return ()
    steps = _distinct(step for command in commands for step in _steps(command))
    partly: list[Remedy] = []
    for size in range(_most_steps(commands) + 1):
        tried = [_try(commands, chosen) for chosen in combinations(steps, size)]
        ranked = sorted((remedy for remedy in tried if remedy.always), key=_rank)
        working = _unforced_first(ranked)
        partly += [r for r in tried if not r.always and any(out.installs for out in r.outcomes)]
        if working:
            out_of_reach = all(remedy.is_signed for remedy in working)
            return (*working, *(_best(partly) if out_of_reach else ()))
    return _best(partly)


def _most_steps(commands: Sequence[Command]) -> int:
    """Return how many steps may be combined: each combination predicts every VIB again."""
    most = max((len(command.packages) for command in commands), default=0)
    return STEP_LIMIT if most <= COMBINED_LIMIT else 1


def _is_unreadable(command: Command) -> bool:
    """Whether the host's reader refuses a file, which no step here changes."""
    return any(refusal.holds(command.host.release) for refusal in command.refusals)


def _best(partly: Iterable[Remedy]) -> tuple[Remedy, ...]:
    """Return the remedies in reach that install in some worlds, of the fewest steps."""
    ranked = sorted(
        (remedy for remedy in partly if not remedy.is_signed),
        key=lambda remedy: (len(remedy.steps), *_rank(remedy)),
    )
    return tuple(remedy for remedy in ranked if len(remedy.steps) == len(ranked[0].steps))


def _rank(remedy: Remedy) -> tuple[int, int]:
    return remedy.certainty.doubt, sum(step.weight for step in remedy.steps)


def _unforced_first(ranked: list[Remedy]) -> list[Remedy]:
    """Let --force come first only where no rebuild, level or signature does without flags."""
    if ranked and _FORCE in ranked[0].flags:
        return sorted(ranked, key=lambda remedy: bool(remedy.flags))
    return ranked


def _try(commands: Sequence[Command], steps: Sequence[Step]) -> Remedy:
    results: list[Prediction] = []
    for command in commands:
        changed = command
        for step in steps:
            changed = step.apply(changed)
        results += [world.result for world in predict(changed)]
    return Remedy(
        steps=tuple(steps),
        outcomes=tuple(dict.fromkeys(result.outcome for result in results)),
        certainty=least_sure(result.certainty for result in results),
        always=all(result.outcome.installs for result in results),
    )


def _distinct(steps: Iterable[Step]) -> tuple[Step, ...]:
    return tuple({step.key: step for step in steps}.values())


def _steps(command: Command) -> Iterator[Step]:
    """Yield what could help this command."""
    if command.verb is Verb.REMOVE:
        yield from _removal_steps(command)
        return
    yield _flag("--no-sig-check", 20)
    if not any(_does_not_load(package, command) for package in command.packages):
        yield _flag(_FORCE, 30, _MISSING if _depends(command) else "")
    yield from _host_steps(command)
    yield from _vib_steps(command)


def _removal_steps(command: Command) -> Iterator[Step]:
    """Yield what could help a removal: it has no `--no-sig-check`, and no level is in its way."""
    yield from _maintenance_step(command)
    removed = removal(command.host.installed, command.names)
    if names := tuple(package.name for package in dependants(removed)):
        yield Step(
            key="dependants",
            what="remove what depends on it too: " + " ".join(f"-n {name}" for name in names),
            cost="what these VIBs do is lost too",
            weight=25,
            apply=lambda given: replace(given, names=(*given.names, *names)),
        )
    if names or command.host.knows_all_relationships:
        yield _flag(_FORCE, 30, "; what depends on it stays, and stops working")


def _does_not_load(package: Package, command: Command) -> bool:
    """Whether a driver wants an interface that the release lacks: forced in, it stays unloaded."""
    return any(
        constraint.name.startswith(("vmkapi_", DRIVER_API))
        and provision(command.host.release, constraint).met is False
        for constraint in package.descriptor.relationships.depends
    )


def _depends(command: Command) -> bool:
    return any(package.descriptor.relationships.depends for package in command.packages)


_MISSING = "; what the VIB depends on may stay missing, and a driver then does not load"


def _flag(word: str, weight: int, more: str = "") -> Step:
    name = word.removeprefix("--").replace("-", "_")

    def apply(command: Command) -> Command:
        return replace(command, flags=replace(command.flags, **{name: True}))

    cost = f"skips {SKIPS[word]}{more}"
    return Step(key=word, what=f"add {word}", cost=cost, weight=weight, apply=apply, flag=word)


def _host_steps(command: Command) -> Iterator[Step]:
    host = command.host
    lowest = min((package.level for package in command.packages), key=lambda level: level.rank)
    secure = host.secure_boot is not False and lowest is AcceptanceLevel.COMMUNITY
    if not secure and (host.acceptance_level is None or host.acceptance_level.rank > lowest.rank):
        yield Step(
            key=f"level-{lowest}",
            what=f"esxcli software acceptance set --level={lowest.esxcli_name}",
            cost=f"the host takes every VIB of {lowest.esxcli_name} from then on; it can be raised "
            "again only when none is left",
            weight=15,
            apply=lambda given: replace(given, host=replace(given.host, acceptance_level=lowest)),
            host_level=lowest,
        )
    yield from _maintenance_step(command)


def _maintenance_step(command: Command) -> Iterator[Step]:
    if command.host.maintenance_mode is not True:
        yield Step(
            key="maintenance",
            what="esxcli system maintenanceMode set --enable true",
            cost="the host's virtual machines have to move or stop",
            weight=10,
            apply=lambda given: replace(given, host=replace(given.host, maintenance_mode=True)),
        )


def _vib_steps(command: Command) -> Iterator[Step]:
    if any(_gains_by_rebuild(package) for package in command.packages):
        yield Step(
            key=_REBUILD,
            what="build the VIB again with vibforge, which writes all digests and the date",
            cost="a new VIB under a new version; a signature is lost",
            weight=40,
            apply=lambda given: _each(given, _rebuilt),
        )
    if any(package.overlay is False for package in command.packages):
        yield Step(
            key=_BOOT_COPY,
            what='build it with layout = "boot-copy", so that every path is allowed',
            cost="the files are put in place by an init script at boot; whether it runs before "
            "the service that reads them is open",
            weight=50,
            apply=lambda given: _each(given, boot_copy_package),
        )
    if any(package.signature is not Signature.TRUSTED for package in command.packages):
        yield Step(
            key=_SIGN,
            what="have it signed, at partner or above, by a signer whom the host trusts",
            cost="takes the key and certificate of a VMware partner, or of VMware itself",
            weight=60,
            apply=lambda given: _each(given, _signed),
        )


def _gains_by_rebuild(package: Package) -> bool:
    """Whether a build writes what this VIB lacks: digests, their order, a date, folders."""
    return (
        not package.descriptor.release_date
        or bool(package.missing_folders)
        or any(any(check.faults(package)) for check in _MENDED)
    )


_MENDED = (no_gunzip_sha256, no_gunzip_digest, digest_order_breaks_old_hosts)


def _each(command: Command, change: Callable[[Package], Package]) -> Command:
    return replace(command, packages=tuple(change(package) for package in command.packages))


def _signed(package: Package) -> Package:
    level = package.level if package.level.needs_signature else AcceptanceLevel.PARTNER
    descriptor = replace(package.descriptor, acceptance_level=level.value)
    return replace(
        package, descriptor=descriptor, signature=Signature.TRUSTED, first_signature=None
    )


def _rebuilt(package: Package) -> Package:
    """Return a VIB with what a build writes: a date, and three digests in the vendor's order."""
    payloads = tuple(replace(p, checksums=_DIGESTS) for p in package.descriptor.payloads)
    descriptor = replace(
        package.descriptor,
        payloads=payloads,
        release_date=package.descriptor.release_date or _SOME_DATE,
    )
    return replace(
        package,
        descriptor=descriptor,
        signature=Signature.MISSING,
        first_signature=None,
        contents=(),
        missing_folders=(),
    )


_SOME_DATE = "2020-01-01T00:00:00"
_DIGESTS = (
    Checksum(checksum_type="sha-256", digest="", verify_process=GUNZIP),
    Checksum(checksum_type="sha-256", digest=""),
    Checksum(checksum_type="sha-1", digest="", verify_process=GUNZIP),
)
