"""Which VIBs are to go onto a host or off it, with which verb and flags."""

from dataclasses import dataclass

from vibforge.host.flags import NO_FLAGS, Flags
from vibforge.host.host import Host
from vibforge.host.image import Verb
from vibforge.host.package import Package
from vibforge.host.prediction import Refusal


@dataclass(frozen=True, kw_only=True, slots=True)
class Command:
    """One command: which VIBs, onto which host or off it, with which verb and flags."""

    host: Host
    packages: tuple[Package, ...] = ()
    names: tuple[str, ...] = ()
    """The installed VIBs that are to be removed, as esxcli takes their names."""
    verb: Verb = Verb.INSTALL
    flags: Flags = NO_FLAGS
    refusals: tuple[Refusal, ...] = ()
    """What the host's reader refuses before anything else is looked at."""
    damage: tuple[Refusal, ...] = ()
    """What it refuses when it reads the payloads."""
