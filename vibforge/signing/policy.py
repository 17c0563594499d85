"""What a reader asks of a signature, and what is said where there is none."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from vibforge.errors import ModelError
from vibforge.esxi.acceptance import AcceptanceLevel

if TYPE_CHECKING:
    from datetime import datetime

    from vibforge.signing.store import TrustStore


def why_auditors_care(level: AcceptanceLevel) -> str:
    """Tell why an unsigned VIB above community draws attention."""
    return (
        f"auditors look for unsigned VIBs that claim {level.esxcli_name}, since malware has posed "
        "as just that"
    )


def unsigned_claim(level: AcceptanceLevel) -> str:
    """Tell how hosts and auditors see an unsigned VIB that claims a level above community.

    Secure Boot and `-f` as tried on 6.7 (install.md#flags).
    """
    return (
        f"it claims {level.esxcli_name} and is not signed: a host takes it only with -f or "
        f"--no-sig-check, a host with Secure Boot never, and {why_auditors_care(level)}"
    )


class TrustPolicy(Struct, frozen=True, kw_only=True):
    """Whom to trust, and what to demand of a VIB.

    Attributes:
        store: the certificates to trust; None if nobody says whom to trust.
        at: the moment that dates are checked at; None for each signature's own signing time.
        strict: fail on what strict X.509 rules object to and a 6.7 host lets pass, on payloads
            without a strong digest of their stored bytes, and on VIBs without a valid signature.
        require_signed: fail on VIBs without a valid signature, at whatever level they claim.
        require_level: fail on VIBs that claim a lower level, and on those whose level no signer in
            the store carries; without a store that is every VIB.

    Raises:
        ModelError: `require_level` is community, which every VIB meets.
    """

    store: TrustStore | None = None
    at: datetime | None = None
    strict: bool = False
    require_signed: bool = False
    require_level: AcceptanceLevel | None = None

    def __post_init__(self) -> None:
        if self.require_level is AcceptanceLevel.COMMUNITY:
            raise ModelError(
                "every VIB is at level community or higher, so that level demands nothing",
                remedy="require a signature, or level partner, accepted or certified",
            )

    @property
    def demands_signature(self) -> bool:
        """Whether an unsigned VIB fails."""
        return self.strict or self.require_signed or self.require_level is not None


NO_POLICY = TrustPolicy()
"""Nobody is known: form, arithmetic and names are judged, chains are not."""
