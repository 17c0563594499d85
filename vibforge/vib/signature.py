"""Check a VIB's signature without a trust store."""

from enum import StrEnum
from functools import lru_cache
from typing import TYPE_CHECKING

from vibforge.errors import FormatError
from vibforge.formats import pkcs7

if TYPE_CHECKING:
    from vibforge.formats.pkcs7 import Block
    from vibforge.vib.archive import Vib


class Signature(StrEnum):
    """How a host judges a VIB's signature."""

    MISSING = "missing"
    TRUSTED = "trusted"
    UNTRUSTED = "untrusted"
    BROKEN = "broken"
    MALFORMED = "malformed"
    UNFIT = "unfit"
    """The signer is trusted, but not allowed to sign at this level."""
    UNKNOWN = "unknown"
    """The signature verifies; its signer was not compared with the host's trust store."""


def signature_blocks(vib: "Vib") -> "tuple[Block, ...]":
    """Return the signature blocks of a VIB; empty if it is unsigned.

    Raises:
        FormatError: the member holds something other than signature blocks.
    """
    if not vib.is_signed:
        return ()
    return _blocks(vib.signature)


@lru_cache(maxsize=2)
def _blocks(signature: bytes) -> "tuple[Block, ...]":
    """Return the blocks of a signature member; cached, because each check of a VIB needs them."""
    return pkcs7.parse_blocks(signature)


def signature_of(vib: "Vib") -> Signature:
    """Return how hosts judge the first signature block, leaving out who signed it."""
    if not vib.signature:
        return Signature.MISSING

    try:
        blocks = signature_blocks(vib)
    except FormatError:
        return Signature.MALFORMED
    first = blocks[0] if blocks else None
    if first is None or first.fault or first.label != pkcs7.PEM_LABEL:
        return Signature.MALFORMED
    held = pkcs7.check_block(first, vib.descriptor_bytes).held
    return Signature.BROKEN if held is False else Signature.UNKNOWN


def reading_error(signature: bytes) -> str:
    """Return OpenSSL's error for a signature member that is not PKCS7 in PEM (tried on 6.7)."""
    if f"-----BEGIN {pkcs7.PEM_LABEL}-----".encode() not in signature:
        return "no start line"
    if f"-----END {pkcs7.PEM_LABEL}-----".encode() not in signature:
        return "bad end line"
    return "unknown error"
