"""Judge the signatures of a VIB by the host's rules, the strict rules and a policy."""

from datetime import datetime

from msgspec import Struct

from vibforge.errors import FormatError
from vibforge.esxi.acceptance import AcceptanceLevel, known_signer
from vibforge.formats.budget import Budget, Work
from vibforge.formats.certificate import Certificate
from vibforge.formats.pkcs7 import Block, BlockCheck, check_block
from vibforge.signing import host_rules, strict_rules
from vibforge.signing.host_rules import BlockJudgement, Ruling, TrustJudgement, any_of
from vibforge.signing.path import Chain, build_chain, chain_certificate
from vibforge.signing.policy import TrustPolicy, unsigned_claim
from vibforge.signing.store import TrustStore


def claim(judgement: TrustJudgement) -> Ruling:
    """Return whether the signature supports the level that the descriptor claims.

    `held` is None without a trust store.
    """
    level = judgement.level
    if not level.needs_signature:
        return Ruling(
            held=True, reasons=("it claims CommunitySupported, which needs no signature",)
        )
    if not judgement.blocks:
        return Ruling(held=False, reasons=(unsigned_claim(level),))
    if judgement.host.held is False:
        start = f"it claims {level.esxcli_name}, which its signature does not support"
        return Ruling(
            held=False, reasons=tuple(f"{start}: {reason}" for reason in judgement.host.reasons)
        )
    return judgement.host


NO_STORE = "no trust store was given"
NOT_CHECKED = "a host does not check the signature of a community VIB"
UNSIGNED = "it is not signed"


def judge(  # noqa: PLR0913 - the verdict depends on each of them
    blocks: tuple[Block, ...],
    descriptor: bytes,
    level: AcceptanceLevel,
    store: TrustStore | None,
    at: datetime | None = None,
    *,
    budget: Budget,
) -> TrustJudgement:
    """Judge all signature blocks of a descriptor.

    Args:
        blocks: the signature blocks, in the order of the file.
        descriptor: the bytes of descriptor.xml, which the blocks sign.
        level: the level that the descriptor claims.
        store: the trusted certificates. Without them only form, arithmetic and names are judged.
        at: the time at which strict rules check dates; None for each block's own signing time.
        budget: the budget of the signed file; each signature tried is charged to it.

    Raises:
        LimitError: the budget is spent.
    """
    block_judge = _Judge(descriptor=descriptor, level=level, store=store, at=at, budget=budget)
    judgements = tuple(
        block_judge.judge(number, block) for number, block in enumerate(blocks, start=1)
    )
    return TrustJudgement(
        level=level,
        blocks=judgements,
        host=_combined([judgement.host for judgement in judgements], level),
        host_first_only=_combined([judgement.host for judgement in judgements[:1]], level),
        strict=_combined([judgement.strict for judgement in judgements], level),
    )


class _Judge(Struct, frozen=True, kw_only=True):
    """Judges the signature blocks of one VIB, one at a time."""

    descriptor: bytes
    level: AcceptanceLevel
    store: TrustStore | None
    at: datetime | None
    budget: Budget

    def judge(self, number: int, block: Block) -> BlockJudgement:
        self.budget.spend(Work.SIGNATURES)
        check = check_block(block, self.descriptor)
        chain, faults = self._chain_of(block, check)
        basic = (
            *host_rules.form_reasons(block),
            *host_rules.arithmetic_reasons(check),
            *faults,
            *self._chain_reasons(chain),
        )
        return BlockJudgement(
            number=number,
            block=block,
            check=check,
            known_as=_known_as(check.certificate),
            chain=chain,
            signer=self._ruling(basic),
            host=self._host_ruling(basic, chain),
            strict=self._strict_ruling(basic, block, chain),
        )

    def _chain_of(self, block: Block, check: BlockCheck) -> tuple[Chain | None, tuple[str, ...]]:
        """Return the signer's chain and the reasons why it cannot be built.

        The chain is None if the signer's certificate is missing or a certificate is unreadable.
        """
        if check.certificate is None:
            return None, ()
        try:
            signer = chain_certificate(check.certificate)
            carried = [chain_certificate(certificate) for certificate in block.certificates]
        except FormatError as error:
            return None, (error.problems[0].what,)
        roots = self.store.part_for(self.level).certificates if self.store else ()
        return build_chain(signer, carried, roots, self.budget), ()

    def _chain_reasons(self, chain: Chain | None) -> tuple[str, ...]:
        if chain is None or self.store is None:
            return ()
        lists = self.store.part_for(self.level).lists
        return tuple(host_rules.chain_reasons(chain, lists, self.budget))

    def _host_ruling(self, basic: tuple[str, ...], chain: Chain | None) -> Ruling:
        if self.level is AcceptanceLevel.COMMUNITY:
            return Ruling(held=None, reasons=(NOT_CHECKED,))
        subject = host_rules.subject_reasons(chain.signer, self.level) if chain else ()
        return self._ruling((*basic, *subject))

    def _strict_ruling(self, basic: tuple[str, ...], block: Block, chain: Chain | None) -> Ruling:
        reasons = [*basic, *strict_rules.signature_reasons(block)]
        if chain is not None:
            depth = len(chain.certificates)
            self.budget.spend(Work.SIGNATURES, depth * (depth + 1) // 2)
            carried = tuple(chain_certificate(certificate) for certificate in block.certificates)
            part = self.store.part_for(self.level) if self.store else None
            moment = self.at or _signing_time(block)
            reasons += strict_rules.chain_reasons(chain, carried, part, moment)
        return self._ruling(tuple(reasons))

    def _ruling(self, reasons: tuple[str, ...]) -> Ruling:
        if reasons or self.store is not None:
            return Ruling.from_reasons(tuple(dict.fromkeys(reasons)))
        return Ruling(held=None, reasons=(NO_STORE,))


def _known_as(certificate: Certificate | None) -> str:
    return known_signer(certificate.sha256, certificate.issuer) if certificate else ""


def _signing_time(block: Block) -> datetime | None:
    return block.signers[0].signing_time if block.signers else None


def _combined(rulings: list[Ruling], level: AcceptanceLevel) -> Ruling:
    if not rulings:
        return Ruling(held=False if level.needs_signature else None, reasons=(UNSIGNED,))
    return any_of(rulings)


_UNSIGNED = "it has no signature that can be read"
_NO_STORE = (
    "without a trust store the signer is not verified, and anyone can make such a signature: "
    "add --trust"
)
_NO_STORE_FOR_LEVEL = "only a trust store says who may sign at this level: add --trust"


def signature_ruling(judgement: TrustJudgement, policy: TrustPolicy) -> Ruling:
    """Return whether one signature is valid by all rules of the policy.

    `held` is None if a signature is valid but no trust store verifies its signer.
    """
    if not judgement.blocks:
        return Ruling(held=False, reasons=(_UNSIGNED,))
    ruling = any_of([_block_ruling(block, judgement.level, policy) for block in judgement.blocks])
    return Ruling(held=None, reasons=(_NO_STORE,)) if ruling.held is None else ruling


def level_ruling(judgement: TrustJudgement, wanted: AcceptanceLevel, policy: TrustPolicy) -> Ruling:
    """Return whether the VIB claims level `wanted` or higher and a trust store was given.

    `signature_ruling` decides whether the signature supports the claimed level.
    """
    reasons = []
    if judgement.level.rank < wanted.rank:
        reasons.append(f"it claims {judgement.level.esxcli_name}")
    if policy.store is None:
        reasons.append(_NO_STORE_FOR_LEVEL)
    return Ruling.from_reasons(tuple(reasons))


def _block_ruling(block: BlockJudgement, level: AcceptanceLevel, policy: TrustPolicy) -> Ruling:
    rulings = [block.host if level.needs_signature else block.signer]
    if policy.strict:
        rulings.append(block.strict)
    reasons = [reason for ruling in rulings if ruling.held is False for reason in ruling.reasons]
    if reasons:
        return Ruling.from_reasons(tuple(dict.fromkeys(reasons)))
    return next((ruling for ruling in rulings if ruling.held is None), rulings[0])
