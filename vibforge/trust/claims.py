"""What a VIB claims to be, against what its signature can carry."""

from vibforge.checks.unsigned_claims import unsigned_claim
from vibforge.trust.ruling import Ruling, TrustJudgement


def claim(judgement: TrustJudgement) -> Ruling:
    """Rule whether the signature carries the level that the descriptor claims.

    `held` is None where no trust store was given to say so.
    """
    level = judgement.level
    if not level.needs_signature:
        return Ruling(
            held=True, reasons=("it claims CommunitySupported, which needs no signature",)
        )
    if not judgement.blocks:
        return Ruling(held=False, reasons=(unsigned_claim(level),))
    if judgement.host.held is False:
        start = f"it claims {level.esxcli_name}, which its signature does not carry"
        return Ruling(
            held=False, reasons=tuple(f"{start}: {one}" for one in judgement.host.reasons)
        )
    return judgement.host
