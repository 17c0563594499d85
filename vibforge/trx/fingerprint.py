"""Tell the linuxptp release of a binary by the option labels inside it.

ptp4l, phc2sys and pmc all hold the whole option table, its names padded with zero bytes. Eleven
binaries of known releases were told right; releases with the same options look alike.
"""

import re
from dataclasses import dataclass

from vibforge.errors import TrxError
from vibforge.trx.catalogue import catalogue
from vibforge.trx.release import RELEASES

MAX_BYTES = 64 << 20
"""linuxptp's programs have a few hundred KiB, statically linked a few MiB."""

_FEWEST = 40
"""Labels that a linuxptp has at least: 1.6 has 67, and no other program has so many of them."""


_LABEL = re.compile(rb"(?<![A-Za-z0-9_.])([A-Za-z][A-Za-z0-9_.]{2,63})\0")
"""A name that ends in a zero byte; what stands before it may be a number of the table."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Fingerprint:
    """The releases that a binary may be of.

    `missing` and `extra` are labels that those releases have or have not; a patched build shows
    there, such as Photon OS's 3.1.1 with `clock_class_threshold`.
    """

    releases: tuple[str, ...]
    labels: int
    missing: tuple[str, ...]
    extra: tuple[str, ...]

    @property
    def exact(self) -> bool:
        return not self.missing and not self.extra


def fingerprint(binary: bytes) -> Fingerprint:
    """Return the releases whose options are nearest to the labels in `binary`.

    Raises:
        TrxError: it is too large, or it is no program of linuxptp.
    """
    if len(binary) > MAX_BYTES:
        raise TrxError(f"the file has more than {MAX_BYTES} bytes, which no linuxptp has")
    options = catalogue().options
    present = {found[1].decode("ascii") for found in _LABEL.finditer(binary)} & set(options)
    if len(present) < _FEWEST:
        raise TrxError(
            f"{len(present)} option labels of linuxptp are in the file, too few for one of its"
            " programs",
            remedy="Give the ptp4l, phc2sys or pmc binary itself, not an archive of it.",
        )
    expected = {
        release: {name for name in options if options[name].known_to(release)}
        for release in RELEASES
    }
    distance = {release: len(names ^ present) for release, names in expected.items()}
    least = min(distance.values())
    nearest = tuple(release for release in RELEASES if distance[release] == least)
    names = expected[nearest[0]]
    return Fingerprint(
        releases=nearest,
        labels=len(present),
        missing=tuple(sorted(names - present)),
        extra=tuple(sorted(present - names)),
    )
