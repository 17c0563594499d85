"""What an install of a VIB takes, for instructions that serve hosts of all releases.

It is read off the prediction: the smallest steps with which the VIB goes onto a stock host of each
release. The host's level is always part of them, since releases from 7.0.1 on are reported to stop
at the level in spite of `--force`.
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
    """The flags that `esxcli software vib install` needs, and one sentence for each reason."""

    host_level: AcceptanceLevel
    """The highest level that the host may have."""
    flags: tuple[str, ...]
    reasons: tuple[str, ...]
    signed: bool
    secure_boot: bool
    """Whether the VIB can be installed under Secure Boot, as far as is known here."""


class Outlook(Struct, frozen=True, kw_only=True):
    """What a stock host of one release says to the bare command, and to what the needs ask for.

    `then` is of a host in maintenance mode, which instructions enter where the VIB asks for it.
    """

    release: Release
    bare: tuple[Branch[Prediction], ...]
    then: tuple[Branch[Prediction], ...]

    @property
    def errors(self) -> tuple[str, ...]:
        """The classes of the errors that the bare command may end in."""
        said = (world.result.message for world in self.bare)
        return tuple(dict.fromkeys(message.error for message in said if message is not None))


def outcomes_of(found: Iterable[Branch[Prediction]]) -> tuple[InstallOutcome, ...]:
    """Return the distinct outcomes, in the order met."""
    return tuple(dict.fromkeys(world.result.outcome for world in found))


@lru_cache(maxsize=4)
def install_needs(package: Package, targets: tuple[Release, ...] = STOCK_TARGETS) -> InstallNeeds:
    """Tell what the install of a VIB takes, whatever it depends on: that no flag should hide."""
    alone = _without_demands(package)
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
    """Return the flags without which some host refuses the VIB, although it has the VIB's level."""
    commands = [
        Command(host=replace(host, acceptance_level=package.level), packages=(package,))
        for host in hosts
    ]
    if all(any(out.installs for out in outcomes_of(predict(each))) for each in commands):
        return ()
    remedy = next(iter(host_remedies(commands)), None)
    return remedy.flags if remedy else ()


def outlook(
    package: Package, needs: InstallNeeds, targets: Sequence[Release] = STOCK_TARGETS
) -> tuple[Outlook, ...]:
    """Return what a stock host of each release will say to a VIB, bare and with what it needs."""
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


def _without_demands(package: Package) -> Package:
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
        world.result.outcome.installs
        for host in hosts
        for world in predict(Command(host=replace(host, secure_boot=True), packages=(package,)))
    )


def _short(flags: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(_SHORT_FLAGS.get(flag, flag) for flag in flags)


def _reasons(package: Package, hosts: Iterable[Host], flags: str) -> Iterator[str]:
    """Yield a sentence for each error that the flags get past, on hosts of the VIB's own level."""
    seen: dict[str, list[Cause]] = {}
    pathless = replace(package, descriptor=replace(package.descriptor, file_list=()))
    for host, offered in product(hosts, (package, pathless)):
        lowered = replace(host, acceptance_level=package.level)
        for world in predict(Command(host=lowered, packages=(offered,))):
            message = world.result.message
            if message is not None:
                seen.setdefault(_quoted(message.text), list(world.result.causes))
    files = frozenset(package.descriptor.file_list)
    for quote, causes in seen.items():
        named = "; ".join(_named(causes, files))
        yield f"{named}; without {flags} it stops with '{quote}'."


def _named(causes: Sequence[Cause], files: frozenset[str]) -> Iterator[str]:
    """Say each thing once, of some of the paths that it is said of."""
    paths_of: dict[str, list[str]] = {}
    for cause in causes:
        paths = paths_of.setdefault(cause.what, [])
        paths += [f"/{cause.subject}"] if cause.subject in files else []
    for what, paths in paths_of.items():
        more = len(paths) - _NAMED_PATHS
        named = ", ".join(paths[:_NAMED_PATHS]) + (f" and {more} more" if more > 0 else "")
        yield f"{named}: {what}" if paths else f"The VIB {what}"


def _quoted(text: str) -> str:
    """Return the words of a message by which people find it."""
    for form in (messages.EXTENSIBILITY, messages.UNSIGNED):
        if form.words in text:
            return form.words
    return text.splitlines()[0]
