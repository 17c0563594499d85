"""One problem of a set of VIBs, and the group in which hosts report it."""

from dataclasses import dataclass
from enum import IntEnum

from vibforge.esxi.messages import HostMessage
from vibforge.host.prediction import Cause


class Group(IntEnum):
    """The order in which hosts report."""

    PROFILE = 0
    EXTENSIBILITY = 1
    ACCEPTANCE = 2
    DEPENDENCY = 3


@dataclass(frozen=True, kw_only=True, slots=True)
class Trouble:
    """One problem of a profile: what the host prints, and why."""

    group: Group
    message: HostMessage
    causes: tuple[Cause, ...]
    forcible: bool = True
    """Whether `--force` gets past it where that flag works."""
