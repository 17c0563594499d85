"""What a caller requires of a signature, and the texts about unsigned VIBs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from vibforge.errors import ModelError
from vibforge.esxi.acceptance import AcceptanceLevel

if TYPE_CHECKING:
    from datetime import datetime

    from vibforge.signing.store import TrustStore


def why_auditors_care(level: AcceptanceLevel) -> str:
    """Return why auditors look for unsigned VIBs that claim a level above community."""
    return (
        f"auditors look for unsigned VIBs that claim {level.esxcli_name}, because malware has used "
        "them"
    )


def unsigned_claim(level: AcceptanceLevel) -> str:
    """Return how hosts and auditors treat an unsigned VIB that claims a level above community.

    The flags and Secure Boot were tried on 6.7 (install.md#flags).
    """
    return (
        f"it claims {level.esxcli_name} and is not signed: a host installs it only with -f or "
        f"--no-sig-check, a host with Secure Boot never; {why_auditors_care(level)}"
    )


class TrustPolicy(Struct, frozen=True, kw_only=True):
    """The signers to trust, and the requirements that a VIB must meet.

    Attributes:
        store: the certificates to trust; None if there is no trust store.
        at: the time at which dates are checked; None for each signature's own signing time.
        strict: fail a VIB that breaks a strict X.509 rule which 6.7 does not apply, that has no
            valid signature, or that has a payload without a strong digest of its stored bytes.
        require_signed: fail a VIB without a valid signature, whatever level it claims.
        require_level: fail a VIB that claims a lower level, or whose signer the store does not
            trust for the claimed level. Without a store every VIB fails.
        now: the time at which expired certificates are warned of; None to warn of none. It decides
            no verdict.

    Raises:
        ModelError: `require_level` is community, which every VIB meets.
    """

    store: TrustStore | None = None
    at: datetime | None = None
    strict: bool = False
    require_signed: bool = False
    require_level: AcceptanceLevel | None = None
    now: datetime | None = None

    def __post_init__(self) -> None:
        if self.require_level is AcceptanceLevel.COMMUNITY:
            raise ModelError(
                "every VIB has level community or higher, so requiring it has no effect",
                remedy="use --require-signed, or require level partner, accepted or certified",
            )

    @property
    def demands_signature(self) -> bool:
        """Whether an unsigned VIB fails."""
        return self.strict or self.require_signed or self.require_level is not None


NO_POLICY = TrustPolicy()
"""No trust store and no requirement: form, arithmetic and names are judged, chains are not."""
