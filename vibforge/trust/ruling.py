"""What the rules say of a signature: held, not held, or not to be said, always with the reasons."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from vibforge.formats.pkcs7 import Block, BlockCheck
from vibforge.model.acceptance import AcceptanceLevel
from vibforge.trust.chain import Chain


@dataclass(frozen=True, kw_only=True, slots=True)
class Ruling:
    """A verdict: `held` is None where nobody can say, and `reasons` then tell why."""

    held: bool | None
    reasons: tuple[str, ...] = ()

    @classmethod
    def of(cls, objections: tuple[str, ...]) -> "Ruling":
        """Rule against what there are objections to."""
        return cls(held=not objections, reasons=objections)


@dataclass(frozen=True, kw_only=True, slots=True)
class BlockJudgement:
    """One signature judged: `number` counts from 1, `known_as` names a known vendor signer.

    `signer` rules on form, arithmetic and chain, whatever the level; `host` adds what a host asks
    of a signer at the claimed level, and is open for community, where a host does not look.
    """

    number: int
    block: Block
    check: BlockCheck
    known_as: str
    chain: Chain | None
    signer: Ruling
    host: Ruling
    strict: Ruling

    @property
    def arithmetic(self) -> Ruling:
        """Whether the signature fits text and key."""
        return Ruling(
            held=self.check.held, reasons=(self.check.reason,) if self.check.reason else ()
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class TrustJudgement:
    """All signatures of a VIB judged for the level that it claims.

    `host` is the verdict of a host that tries each block, as releases after 6.7.0 do;
    `host_first_only` that of 6.5 and 6.7.0, which read the first block alone (vib-format 6).
    `strict` says that one block holds by strict X.509 rules too.
    """

    level: AcceptanceLevel
    blocks: tuple[BlockJudgement, ...]
    host: Ruling
    host_first_only: Ruling
    strict: Ruling


def any_of(rulings: Sequence[Ruling]) -> Ruling:
    """Return the first ruling that holds, else the first that is open, else every reason."""
    for verdict in (True, None):
        for one in rulings:
            if one.held is verdict:
                return one
    return Ruling.of(tuple(_numbered(rulings)))


def _numbered(rulings: Sequence[Ruling]) -> Iterator[str]:
    for number, one in enumerate(rulings, start=1):
        for reason in one.reasons:
            yield f"signature {number}: {reason}" if len(rulings) > 1 else reason
