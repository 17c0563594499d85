"""How a judgement of signatures looks, for people and for programs."""

from collections.abc import Iterator

from vibforge.report.paint import Paint
from vibforge.report.units import utc
from vibforge.trust.claims import claim
from vibforge.trust.ruling import BlockJudgement, Ruling, TrustJudgement

_WORDS = {True: ("holds", "good"), False: ("does not hold", "bad"), None: ("not checked", "dim")}


def judgement_lines(judgement: TrustJudgement, paint: Paint) -> Iterator[str]:
    """Yield what the signatures are worth, line by line."""
    for judged in judgement.blocks:
        yield from _block_lines(judged, paint)
    claimed = claim(judgement)
    if claimed.held is False:
        for reason in claimed.reasons:
            yield paint("  ! ", "warn") + f"{reason}."
    if judgement.host.held and judgement.host_first_only.held is False:
        yield paint("  ! ", "warn") + (
            "ESXi 6.5 and 6.7.0 read the first signature only, and would refuse it."
        )


def _block_lines(judged: BlockJudgement, paint: Paint) -> Iterator[str]:
    certificate = judged.check.certificate
    signer = judged.block.signers[0] if judged.block.signers else None
    yield f"  signature {judged.number}  " + (certificate.subject if certificate else "no signer")
    if certificate and signer:
        time = utc(signer.signing_time) if signer.signing_time else "no time"
        yield f"    {certificate.key}, {signer.digest_algorithm}, {time}"
    if certificate:
        yield f"    fingerprint {certificate.sha256}"
        known = judged.known_as or "not one of the vendor's known signers"
        yield f"    known as    {known}"
    for title, ruling in (
        ("arithmetic", judged.arithmetic),
        ("host rules", judged.host),
        ("strict", judged.strict),
    ):
        yield from _ruling_lines(title, ruling, paint)


def _ruling_lines(title: str, ruling: Ruling, paint: Paint) -> Iterator[str]:
    word, role = _WORDS[ruling.held]
    reasons = ruling.reasons
    yield f"    {title:<11} {paint(word, role)}" + (f": {reasons[0]}" if reasons else "")
    for reason in reasons[1:]:
        yield f"{'':<16} {reason}"
