"""Judge the signatures of a VIB by the host's rules, strict ones and a policy."""

from datetime import datetime

from msgspec import Struct

from vibforge.errors import FormatError
from vibforge.esxi.acceptance import AcceptanceLevel, known_signer
from vibforge.formats.budget import Budget, Work
from vibforge.formats.certificate import Certificate
from vibforge.formats.pkcs7 import Block, BlockCheck, check_block
from vibforge.signing import host_rules, strict_rules
from vibforge.signing.host_rules import BlockJudgement, Ruling, TrustJudgement, any_of
from vibforge.signing.path import Chain, build_chain, read_link
from vibforge.signing.policy import TrustPolicy, unsigned_claim
from vibforge.signing.store import TrustStore


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


NO_STORE = "no trust store was given"
NOT_LOOKED_AT = "a host does not look at the signature of a community VIB"
UNSIGNED = "it is not signed"


def judge(  # noqa: PLR0913 - each is one thing that a verdict rests on
    blocks: tuple[Block, ...],
    descriptor: bytes,
    level: AcceptanceLevel,
    store: TrustStore | None,
    at: datetime | None = None,
    *,
    budget: Budget,
) -> TrustJudgement:
    """Judge all `blocks` over the bytes of the descriptor for the level that it claims.

    `at` is the moment that strict rules hold dates against; without it each block's own signing
    time. Without a `store` only form, arithmetic and names are judged, and chains stay unknown.
    The signatures that are tried count against `budget`, that of the file which is signed.

    Raises:
        LimitError: the budget is spent.
    """
    bench = _Judge(descriptor=descriptor, level=level, store=store, at=at, budget=budget)
    judged = tuple(bench.judge(number, block) for number, block in enumerate(blocks, start=1))
    return TrustJudgement(
        level=level,
        blocks=judged,
        host=_of_all([one.host for one in judged], level),
        host_first_only=_of_all([one.host for one in judged[:1]], level),
        strict=_of_all([one.strict for one in judged], level),
    )


class _Judge(Struct, frozen=True, kw_only=True):
    """What all blocks of one VIB are judged with."""

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
            *host_rules.form_objections(block),
            *host_rules.arithmetic_objections(check),
            *faults,
            *self._chain_objections(chain),
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
        """Build the signer's chain; none without a certificate or where one cannot be judged."""
        if check.certificate is None:
            return None, ()
        try:
            signer = read_link(check.certificate)
            carried = [read_link(one) for one in block.certificates]
        except FormatError as error:
            return None, (error.problems[0].what,)
        roots = self.store.part_for(self.level).certificates if self.store else ()
        return build_chain(signer, carried, roots, self.budget), ()

    def _chain_objections(self, chain: Chain | None) -> tuple[str, ...]:
        if chain is None or self.store is None:
            return ()
        lists = self.store.part_for(self.level).lists
        return tuple(host_rules.chain_objections(chain, lists, self.budget))

    def _host_ruling(self, basic: tuple[str, ...], chain: Chain | None) -> Ruling:
        if self.level is AcceptanceLevel.COMMUNITY:
            return Ruling(held=None, reasons=(NOT_LOOKED_AT,))
        subject = host_rules.subject_objections(chain.signer, self.level) if chain else ()
        return self._ruling((*basic, *subject))

    def _strict_ruling(self, basic: tuple[str, ...], block: Block, chain: Chain | None) -> Ruling:
        objections = [*basic, *strict_rules.signature_objections(block)]
        if chain is not None:
            depth = len(chain.certificates)
            self.budget.spend(Work.SIGNATURES, depth * (depth + 1) // 2)
            carried = tuple(read_link(one) for one in block.certificates)
            part = self.store.part_for(self.level) if self.store else None
            moment = self.at or _signing_time(block)
            objections += strict_rules.chain_objections(chain, carried, part, moment)
        return self._ruling(tuple(objections))

    def _ruling(self, objections: tuple[str, ...]) -> Ruling:
        if objections or self.store is not None:
            return Ruling.of(tuple(dict.fromkeys(objections)))
        return Ruling(held=None, reasons=(NO_STORE,))


def _known_as(certificate: Certificate | None) -> str:
    return known_signer(certificate.sha256, certificate.issuer) if certificate else ""


def _signing_time(block: Block) -> datetime | None:
    return block.signers[0].signing_time if block.signers else None


def _of_all(rulings: list[Ruling], level: AcceptanceLevel) -> Ruling:
    if not rulings:
        return Ruling(held=False if level.needs_signature else None, reasons=(UNSIGNED,))
    return any_of(rulings)


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
