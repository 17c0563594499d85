"""Make, read and judge VIBs, the packages of VMware ESXi."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vibforge.model.vib import Vib

__all__ = ["Vib", "__version__"]
__version__ = "0.1.0"

_HOMES = {"Vib": "vibforge.model.vib"}
"""Where the public names live; they are loaded when they are first asked for."""


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
