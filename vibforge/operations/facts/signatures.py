"""What a VIB's signatures show; the code that reads them is loaded only where there are some."""

from collections.abc import Iterator

from vibforge.checks.unsigned_claims import unsigned_claim
from vibforge.model.vib import Vib
from vibforge.operations.verification import Fact
from vibforge.trust.policy import NO_POLICY, TrustPolicy


def signature_facts(vib: Vib, policy: TrustPolicy = NO_POLICY) -> Iterator[Fact]:
    """Yield the facts of each signature block, whether they suit the level, and meet the policy."""
    if vib.is_signed:
        from vibforge.operations.facts.signed import signed_facts  # noqa: PLC0415 - needs OpenSSL

        yield from signed_facts(vib, policy)
    elif policy.demands_signature:
        from vibforge.operations.facts.signed import (  # noqa: PLC0415 - needs OpenSSL
            judgement_of,
            policy_facts,
        )

        yield from policy_facts(judgement_of(vib, policy), policy)


def level_objections(vib: Vib) -> tuple[str, ...]:
    """Tell why the signatures cannot carry the level that a VIB claims, whoever is trusted."""
    level = vib.descriptor.level
    if not vib.descriptor.has_level or not level.needs_signature:
        return ()
    if not vib.is_signed:
        return (unsigned_claim(level),)
    from vibforge.operations.facts.signed import judgement_of  # noqa: PLC0415 - needs OpenSSL
    from vibforge.trust.claims import claim  # noqa: PLC0415 - the same

    claimed = claim(judgement_of(vib))
    return claimed.reasons if claimed.held is False else ()
