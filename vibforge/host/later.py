"""What comes after a command: at the next boot, with the next command, and for the host's level."""

from collections.abc import Iterable, Iterator, Sequence

from vibforge.esxi.inbox import goes_at_boot
from vibforge.host.contradictions import base_of
from vibforge.host.host import Host
from vibforge.host.image import removal
from vibforge.host.package import Package
from vibforge.model.acceptance import AcceptanceLevel

_NAMED = 5


def host_warnings(host: Host) -> Iterator[str]:
    """Yield what of a host's state counts for whatever is done to its VIBs."""
    if host.stateless:
        yield (
            "The host boots over the network: its next boot loads the image of Auto Deploy again, "
            "and a change of its VIBs is lost. Change that image too."
        )
    if host.reboot_pending:
        pending = f" ({'; '.join(host.pending)})" if host.pending else ""
        yield (
            f"A change waits for a reboot of this host{pending}. The plan is for the VIBs that run "
            "now; whether the host starts from these or from those of its next boot is not known "
            "here. Reboot it first."
        )


def package_warnings(packages: Iterable[Package]) -> Iterator[str]:
    """Yield what may come of VIBs whose payloads lack folders."""
    for package in packages:
        if package.missing_folders:
            yield (
                f"{package.id} has no entries for the folders {_named(package.missing_folders)}: "
                'hosts of 8.0 were reported to stop at such a payload with "Failed to mount … '
                'Operation not permitted". Build it anew with vibforge, which packs every folder.'
            )


def removal_warnings(host: Host, names: Sequence[str]) -> Iterator[str]:
    """Yield what a removal leaves: the level to which the host can be set, and lost drivers."""
    change = removal(host.installed, names)
    for name in names:
        if goes_at_boot(name):
            yield (
                f"{name} is a VIB that ESXi 6.7 brings itself: nothing brings it back but the "
                "vendor's bundle."
            )
    yield _level_after(host, change.kept)


def _level_after(host: Host, kept: tuple[Package, ...]) -> str:
    level = host.acceptance_level
    stays = f"The host stays at {level.esxcli_name}" if level else "The host keeps its level"
    if level is AcceptanceLevel.CERTIFIED:
        return f"{stays}, the highest acceptance level."
    if not host.installed_known or base_of(kept) is None:
        return f"{stays}; whether it can be raised depends on the other VIBs, which are not known."
    lowest = min((package.level for package in kept), key=lambda each: each.rank, default=None)
    if lowest is None or (level and lowest.rank > level.rank):
        to = lowest or AcceptanceLevel.CERTIFIED
        return (
            f"{stays}; with what is left it can be raised to {to.esxcli_name}: esxcli software "
            f"acceptance set --level={to.esxcli_name}"
        )
    below = [package.id for package in kept if package.level is lowest]
    return f"{stays} and cannot be raised above {lowest.esxcli_name}: {_named(below)} stays."


def _named(words: Sequence[str]) -> str:
    more = len(words) - _NAMED
    return ", ".join(words[:_NAMED]) + (f" and {more} more" if more > 0 else "")
