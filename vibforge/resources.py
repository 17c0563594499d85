"""Find the templates and the payload examples that ship with vibforge."""

from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

_CHECKOUT = Path(__file__).parents[1]


def shipped(folder: str) -> Traversable:
    """Return the shipped folder `templates` or `payloads`.

    An installed wheel holds them inside the package; in a working copy they stand at its top.
    """
    packaged = files("vibforge") / folder
    return packaged if packaged.is_dir() else _CHECKOUT / folder
