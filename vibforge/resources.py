"""Find the templates and the payload examples that ship with vibforge."""

from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

_CHECKOUT = Path(__file__).parents[1]


def shipped(folder: str) -> Traversable:
    """Return the shipped folder `templates` or `payloads`.

    An installed wheel has them inside the package; a working copy has them at its top level.
    """
    packaged = files("vibforge") / folder
    return packaged if packaged.is_dir() else _CHECKOUT / folder
