"""What the install of a VIB requires, for instructions that are valid on all releases.

The predictions for a stock host of each release decide. The host's level is always included,
because 7.0.1 and later are reported to refuse a VIB below the level in spite of `--force`.
"""

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import product

from msgspec import Struct
from msgspec.structs import replace

from vibforge.esxi import messages
from vibforge.esxi.acceptance import AcceptanceLevel
from vibforge.esxi.release import Release
from vibforge.esxi.table import STOCK_TARGETS
from vibforge.host.command import Command, Flags
from vibforge.host.host import DEFAULT_LEVEL, Host, stock_host
from vibforge.host.install.installer import predict
from vibforge.host.package import Package
from vibforge.host.prediction import Branch, Cause, InstallOutcome, Prediction
from vibforge.host.remedy import host_remedies
from vibforge.vib.descriptor import SystemRequires
from vibforge.vib.relationships import Relationships
from vibforge.vib.signature import Signature

_NAMED_PATHS = 5
_SHORT_FLAGS = {"--force": "-f"}


class InstallNeeds(Struct, frozen=True, kw_only=True):
    """The flags that `esxcli software vib install` requires, and one sentence for each reason."""

    host_level: AcceptanceLevel
    """The highest acceptance level with which a host installs the VIB."""
    flags: tuple[str, ...]
    reasons: tuple[str, ...]
    signed: bool
    secure_boot: bool
    """Whether all known hosts install the VIB under Secure Boot."""


class Outlook(Struct, frozen=True, kw_only=True):
    """The predictions for a stock host of one release: `bare` without, `then` with what is needed.

    `then` assumes maintenance mode, which the instructions enter if the VIB requires it.
    """

    release: Release
    bare: tuple[Branch[Prediction], ...]
    then: tuple[Branch[Prediction], ...]

    @property
    def errors(self) -> tuple[str, ...]:
        """The error classes with which the bare command may fail."""
        messages = (branch.result.message for branch in self.bare)
        return tuple(dict.fromkeys(message.error for message in messages if message is not None))


def outcomes_of(branches: Iterable[Branch[Prediction]]) -> tuple[InstallOutcome, ...]:
    """Return the distinct outcomes, in the order of the branches."""
    return tuple(dict.fromkeys(branch.result.outcome for branch in branches))


def outlook_words(outlook: Outlook, needs: InstallNeeds) -> str:
    """Return what a stock host does with the VIB as it is, and after the steps that it needs."""
    bare, then = outcomes_of(outlook.bare), outcomes_of(outlook.then)
    words = " or ".join(bare) + (f" ({', '.join(outlook.errors)})" if outlook.errors else "")
    if then == bare:
        return words
    steps = list(needs.flags)
    if needs.host_level.rank < DEFAULT_LEVEL.rank:
        steps.append(f"the host at {needs.host_level.esxcli_name}")
    if InstallOutcome.MAINTENANCE in then:
        steps.append("maintenance mode")
    return f"{words}; with {' and '.join(steps)}: {' or '.join(then)}"


@lru_cache(maxsize=4)
def install_needs(package: Package, targets: tuple[Release, ...] = STOCK_TARGETS) -> InstallNeeds:
    """Return what the install of a VIB requires, apart from what it depends on.

    Unmet dependencies are left out because no flag should hide them.
    """
    alone = _without_requirements(package)
    hosts = [stock_host(release) for release in targets]
    flags = _flags(alone, hosts)
    return InstallNeeds(
        host_level=package.level,
        flags=_short(flags),
        reasons=tuple(_reasons(alone, hosts, " ".join(_short(flags)))) if flags else (),
        signed=package.signature is not Signature.MISSING,
        secure_boot=package.signature is Signature.TRUSTED and _fits_secure_boot(alone, hosts),
    )


def _flags(package: Package, hosts: Iterable[Host]) -> tuple[str, ...]:
    """Return the flags without which a host of the VIB's own level refuses it."""
    commands = [
        Command(host=replace(host, acceptance_level=package.level), packages=(package,))
        for host in hosts
    ]
    if all(
        any(outcome.installs for outcome in outcomes_of(predict(command))) for command in commands
    ):
        return ()
    remedy = next(iter(host_remedies(commands)), None)
    return remedy.flags if remedy else ()


def outlook(
    package: Package, needs: InstallNeeds, targets: Sequence[Release] = STOCK_TARGETS
) -> tuple[Outlook, ...]:
    """Return the predictions for a stock host of each release."""
    return tuple(_outlook(package, needs, release) for release in targets)


def _outlook(package: Package, needs: InstallNeeds, release: Release) -> Outlook:
    bare = Command(host=stock_host(release), packages=(package,))
    level = min(needs.host_level, DEFAULT_LEVEL, key=lambda level: level.rank)
    ready = Command(
        host=replace(bare.host, acceptance_level=level, maintenance_mode=True),
        packages=(package,),
        flags=Flags.parse(" ".join(needs.flags)),
    )
    return Outlook(release=release, bare=predict(bare), then=predict(ready))


def _without_requirements(package: Package) -> Package:
    descriptor = replace(
        package.descriptor,
        relationships=Relationships(),
        system_requires=SystemRequires(
            maintenance_mode=package.descriptor.system_requires.maintenance_mode
        ),
    )
    return replace(package, descriptor=descriptor)


def _fits_secure_boot(package: Package, hosts: Iterable[Host]) -> bool:
    return all(
        branch.result.outcome.installs
        for host in hosts
        for branch in predict(Command(host=replace(host, secure_boot=True), packages=(package,)))
    )


def _short(flags: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(_SHORT_FLAGS.get(flag, flag) for flag in flags)


def _reasons(package: Package, hosts: Iterable[Host], flags: str) -> Iterator[str]:
    """Yield a sentence for each error that the flags override, on hosts of the VIB's own level."""
    seen: dict[str, list[Cause]] = {}
    pathless = replace(package, descriptor=replace(package.descriptor, file_list=()))
    for host, offered in product(hosts, (package, pathless)):
        lowered = replace(host, acceptance_level=package.level)
        for branch in predict(Command(host=lowered, packages=(offered,))):
            message = branch.result.message
            if message is not None:
                seen.setdefault(_quoted(message.text), list(branch.result.causes))
    files = frozenset(package.descriptor.file_list)
    for quote, causes in seen.items():
        reasons = "; ".join(_grouped(causes, files))
        yield f"{reasons}; without {flags} the install stops with '{quote}'."


def _grouped(causes: Sequence[Cause], files: frozenset[str]) -> Iterator[str]:
    """Yield a text for each distinct cause, with some of its paths."""
    paths_of: dict[str, list[str]] = {}
    for cause in causes:
        paths = paths_of.setdefault(cause.what, [])
        paths += [f"/{cause.subject}"] if cause.subject in files else []
    for what, paths in paths_of.items():
        more = len(paths) - _NAMED_PATHS
        subjects = ", ".join(paths[:_NAMED_PATHS]) + (f" and {more} more" if more > 0 else "")
        yield f"{subjects}: {what}" if paths else f"The VIB {what}"


def _quoted(text: str) -> str:
    """Return the part of a message that people search for."""
    for form in (messages.EXTENSIBILITY, messages.UNSIGNED):
        if form.words in text:
            return form.words
    return text.splitlines()[0]
