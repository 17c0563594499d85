"""The release gate: whether a VIB's signatures and level meet a policy, decided in one place.

One signature must meet all demands at once. Every demand asks for a valid signature whatever the
level, so that no VIB passes by losing its signature or by claiming less.
"""

from vibforge.model.acceptance import AcceptanceLevel
from vibforge.trust.policy import TrustPolicy
from vibforge.trust.ruling import BlockJudgement, Ruling, TrustJudgement, any_of

_UNSIGNED = "it has no signature that can be read"
_NO_STORE = "no trust store says who signed it; anyone can make such a signature: add --trust"
_NO_STORE_FOR_LEVEL = "no trust store says who may sign at this level: add --trust"


def signature_ruling(judgement: TrustJudgement, policy: TrustPolicy) -> Ruling:
    """Rule whether a signature is valid by all rules of the policy.

    `held` is None where one is valid and no store says whose it is.
    """
    if not judgement.blocks:
        return Ruling(held=False, reasons=(_UNSIGNED,))
    found = any_of([_of_block(block, judgement.level, policy) for block in judgement.blocks])
    return Ruling(held=None, reasons=(_NO_STORE,)) if found.held is None else found


def level_ruling(judgement: TrustJudgement, wanted: AcceptanceLevel, policy: TrustPolicy) -> Ruling:
    """Rule whether the claimed level is `wanted` or higher and somebody can say who may sign it.

    Whether the signature carries the claimed level is part of `signature_ruling`.
    """
    objections = []
    if judgement.level.rank < wanted.rank:
        objections.append(f"it claims {judgement.level.esxcli_name}")
    if policy.store is None:
        objections.append(_NO_STORE_FOR_LEVEL)
    return Ruling.of(tuple(objections))


def _of_block(block: BlockJudgement, level: AcceptanceLevel, policy: TrustPolicy) -> Ruling:
    rulings = [block.host if level.needs_signature else block.signer]
    if policy.strict:
        rulings.append(block.strict)
    refused = [ruling for ruling in rulings if ruling.held is False]
    if refused:
        return Ruling.of(tuple(dict.fromkeys(one for each in refused for one in each.reasons)))
    return next((ruling for ruling in rulings if ruling.held is None), rulings[0])
