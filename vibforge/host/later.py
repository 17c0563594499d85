"""What a removal leaves: the level to which a host can be set, and what nothing brings back."""

from collections.abc import Iterator, Sequence

from vibforge.esxi.inbox import goes_at_boot
from vibforge.host.host import Host
from vibforge.host.image import base_of, removal
from vibforge.host.package import Package
from vibforge.model.acceptance import AcceptanceLevel

_NAMED = 5


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
