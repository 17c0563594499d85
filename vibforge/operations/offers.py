"""Read what is to be planned: a VIB file or an offline bundle."""

from pathlib import Path

from vibforge.host.offer import Offer, offer_of
from vibforge.model.vib import Vib


def read_offer(path: Path) -> Offer:
    """Read a file with VIBs in it.

    Raises:
        FormatError: it is neither a VIB nor a bundle, or cannot be read.
    """
    return offer_of(Vib.from_path(path), path.name)
