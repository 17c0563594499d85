"""Acceptance levels, and the known signers for them."""

from enum import StrEnum

from vibforge.errors import ModelError
from vibforge.esxi.release import Release
from vibforge.esxi.table import row_of


class AcceptanceLevel(StrEnum):
    """The four levels, highest first, in a descriptor's words (format.md#acceptance-levels).

    Examples:
        >>> from vibforge import AcceptanceLevel
        >>> AcceptanceLevel.parse("PartnerSupported") is AcceptanceLevel.PARTNER
        True
    """

    CERTIFIED = "certified"
    ACCEPTED = "accepted"
    PARTNER = "partner"
    COMMUNITY = "community"

    @property
    def esxcli_name(self) -> str:
        """The name that ESXi prints and accepts: `PartnerSupported` for `partner`."""
        return _ESXCLI_NAMES[self]

    @property
    def rank(self) -> int:
        """15, 10, 5 or 0; a host accepts VIBs whose rank is at least its own."""
        return _RANKS[self]

    @property
    def needs_signature(self) -> bool:
        """Whether a host checks the signature of a VIB that claims this level."""
        return self is not AcceptanceLevel.COMMUNITY

    @classmethod
    def parse(cls, text: str) -> "AcceptanceLevel":
        """Return the level for a descriptor's word or the name that ESXi prints, in any case.

        Raises:
            ModelError: the text is neither.
        """
        wanted = text.strip().lower()
        for level in cls:
            if wanted == level.esxcli_name.lower():
                return level
        return cls.of_descriptor(wanted)

    @classmethod
    def of_descriptor(cls, text: str) -> "AcceptanceLevel":
        """Return the level that a host reads, in its exact case (format.md#acceptance-levels).

        Raises:
            ModelError: the text is not one of a descriptor's words.
        """
        word = text.strip()
        if word in _OLD_NAMES:
            return _OLD_NAMES[word]
        try:
            return cls(word)
        except ValueError:
            raise ModelError(
                f"{text!r} is not an acceptance level",
                remedy="use community, partner, accepted or certified",
            ) from None


_ESXCLI_NAMES = {
    AcceptanceLevel.CERTIFIED: "VMwareCertified",
    AcceptanceLevel.ACCEPTED: "VMwareAccepted",
    AcceptanceLevel.PARTNER: "PartnerSupported",
    AcceptanceLevel.COMMUNITY: "CommunitySupported",
}
_RANKS = {
    AcceptanceLevel.CERTIFIED: 15,
    AcceptanceLevel.ACCEPTED: 10,
    AcceptanceLevel.PARTNER: 5,
    AcceptanceLevel.COMMUNITY: 0,
}
_OLD_NAMES = {"signed": AcceptanceLevel.PARTNER, "unsigned": AcceptanceLevel.COMMUNITY}
"""Older names that ESXi still accepts (format.md#acceptance-levels)."""


_CERTIFIED = "VMware Certified VIB Signing"
_ACCEPTED = "VMware Accepted VIB Signing"

_KNOWN = (
    (
        "321690a8e06810b184032f073c305a082112bdad5870ef2e8953e01be956d710",
        f"{_CERTIFIED}, RSA 4096, self-signed, 2017 to 2037",
    ),
    (
        "071176e1029e41285a7855ef89cb2589415aa076476fcdf37ba062d4ef1b3ee9",
        f"{_CERTIFIED}, EC P-256, self-signed, 2021 to 2031",
    ),
    (
        "4476e1b3ce65b5a6e8d2dcad62ce539a07e475c32821d20e74476038432fbcf9",
        f"{_ACCEPTED}, RSA 4096, 2019 to 2029",
    ),
    (
        "03f3337b1c70455def7e9f3cb80c2e6c282566c7db4c8e536eb80c3e639cca64",
        f"{_ACCEPTED}, EC P-256, 2022 to 2031",
    ),
    (
        "131cbb0f7f3e9bb2b15455d47d55b1bd6c59e48bde6bc00bb0e0033cf7b5036e",
        f"{_ACCEPTED}, RSA 4096, 2019 to 2022, issued by the old VMware Root CA",
    ),
)

_OLD_ROOT = "issued by the old VMware Root CA"
_TEST_ROOT = "VMware Test Root CA"
_NEWER_SIGNERS = Release(7, 0)
"""The first release line that is newer than the newer signers of the level accepted."""


def known_signer(sha256: str, issuer: str = "") -> str:
    """Return the description of a vendor's certificate; empty for any other certificate.

    Args:
        sha256: its fingerprint in hex.
        issuer: the name of its issuer in RFC 4514 form, which identifies the vendor's test root.
    """
    of_tests = f"a certificate below {_TEST_ROOT}, which no release trusts"
    return dict(_KNOWN).get(sha256, of_tests if _TEST_ROOT in issuer else "")


def is_trusted_by(release: Release, signer: str, level: AcceptanceLevel) -> bool | None:
    """Whether a stock host trusts a known signer at a level; None if unknown.

    For level accepted 6.5.0 and 6.7.0 trust the signers below the old root, although their
    certificates have expired, and not the newer signers (tried on both). They trust no signer with
    an elliptic curve. The newer signers sign vendor VIBs for later releases.
    """
    name = {AcceptanceLevel.CERTIFIED: _CERTIFIED, AcceptanceLevel.ACCEPTED: _ACCEPTED}.get(level)
    if name is None or not signer.startswith(f"{name}, "):
        return False if _TEST_ROOT in signer else None
    is_old = _OLD_ROOT in signer
    if row_of(release).tried:
        return f"{name}, RSA" in signer and (is_old or level is AcceptanceLevel.CERTIFIED)
    if is_old or f"{name}, RSA" not in signer:
        return None
    return True if level is AcceptanceLevel.CERTIFIED or release >= _NEWER_SIGNERS else None


def is_outdated(known: str) -> bool:
    """Whether a known signer's root has expired or is a test root."""
    return _OLD_ROOT in known or _TEST_ROOT in known
