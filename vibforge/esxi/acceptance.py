"""Acceptance levels: what a VIB claims to be, and the least that a host or a profile takes."""

from enum import StrEnum

from vibforge.errors import ModelError


class AcceptanceLevel(StrEnum):
    """The four levels, highest first, as descriptors name them (format.md#acceptance-levels)."""

    CERTIFIED = "certified"
    ACCEPTED = "accepted"
    PARTNER = "partner"
    COMMUNITY = "community"

    @property
    def esxcli_name(self) -> str:
        """The name that ESXi prints and takes: `PartnerSupported` for `partner`."""
        return _ESXCLI_NAMES[self]

    @property
    def rank(self) -> int:
        """A host takes a VIB whose rank is not below its own: 15, 10, 5 or 0."""
        return _RANKS[self]

    @property
    def needs_signature(self) -> bool:
        """Whether a host looks at the signature of a VIB that claims this level."""
        return self is not AcceptanceLevel.COMMUNITY

    @classmethod
    def parse(cls, text: str) -> "AcceptanceLevel":
        """Read a descriptor's word or the name that ESXi prints, in any case.

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
        """Read a level as a host does: its case counts (format.md#acceptance-levels).

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
"""Aliases that ESXi still knows (format.md#acceptance-levels)."""
