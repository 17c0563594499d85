"""Which bytes of a payload a declared digest covers, and what its digests cover in all.

A signature is over the descriptor, so it reaches a payload only through the digests declared there
(vib-format 2.7 and 6).
"""

from collections.abc import Iterable
from enum import StrEnum
from typing import NamedTuple

from vibforge.formats.hashing import ALGORITHMS
from vibforge.model.descriptor import GUNZIP, Checksum

_GUNZIP_ONCE = "-gunzip1"
"""Ending of 9.0's digest of what exactly one gunzip leaves (vib-format 2.7)."""
_HEX = frozenset("0123456789abcdefABCDEF")
_HEX_DIGITS = {"md5": 32, "sha-1": 40, "sha-256": 64, "sha-384": 96, "sha-512": 128}
_UNDASHED = {name.replace("-", ""): name for name in ALGORITHMS}
_WEAK = frozenset({"md5", "sha-1"})
"""Digests with known collisions: two payloads of one digest can be made."""


class Layer(StrEnum):
    """A form of a payload: as stored, after one gunzip, and fully unpacked."""

    STORED = "stored"
    GUNZIPPED = "gunzipped"
    CONTENT = "content"


_OF_PROCESS = {"": Layer.STORED, GUNZIP: Layer.CONTENT}
"""Which layer a verify-process names; `txt-mle`, of the kernel, is not computed here."""


class Hashed(NamedTuple):
    """What a digest is of: a layer, and an algorithm by its name in `ALGORITHMS`."""

    layer: Layer
    algorithm: str


class Coverage(StrEnum):
    """How well the digests of a payload tie it to its descriptor."""

    FULL = "full"
    """SHA-256 or stronger over the stored bytes."""
    PARTIAL = "partial"
    """Known digests, but weak ones, or only of the unpacked content."""
    NONE = "none"
    """No digest of a known kind."""


def hashed(checksum: Checksum) -> Hashed | None:
    """Return what a digest is of; None for a kind that is not known."""
    kind = algorithm_of(checksum)
    layer = _OF_PROCESS.get(checksum.verify_process)
    if kind.endswith(_GUNZIP_ONCE) and not checksum.verify_process:
        kind, layer = kind.removesuffix(_GUNZIP_ONCE), Layer.GUNZIPPED
    return Hashed(layer, kind) if layer and kind in ALGORITHMS else None


def algorithm_of(checksum: Checksum) -> str:
    """Return the algorithm by its name here: ESXi takes `SHA-256` and `sha256` for it, too."""
    kind = checksum.checksum_type.lower()
    return _UNDASHED.get(kind, kind)


def is_whole(checksum: Checksum) -> bool:
    """Whether the text is as many hex digits as its algorithm gives."""
    of = hashed(checksum)
    digits = checksum.digest
    return of is not None and len(digits) == _HEX_DIGITS[of.algorithm] and set(digits) <= _HEX


def coverage(checksums: Iterable[Checksum]) -> Coverage:
    """Tell what digests cover; one that is cut or not hex covers nothing.

    A digest of the unpacked content leaves the stored bytes open: others may unpack to the same
    here and to something else in another reader.
    """
    known = [of for each in checksums if is_whole(each) and (of := hashed(each))]
    if any(of.layer is Layer.STORED and of.algorithm not in _WEAK for of in known):
        return Coverage.FULL
    return Coverage.PARTIAL if known else Coverage.NONE
