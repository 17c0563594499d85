"""How a judgement of signatures looks, for people and for programs."""

from collections.abc import Iterator
from typing import Any

from vibforge.report.paint import Paint
from vibforge.report.units import utc
from vibforge.trust.claims import claim
from vibforge.trust.ruling import BlockJudgement, Ruling, TrustJudgement

_WORDS = {True: ("holds", "good"), False: ("does not hold", "bad"), None: ("not checked", "dim")}


def judgement_json(judgement: TrustJudgement) -> dict[str, Any]:
    """Return the facts of a judgement."""
    return {
        "acceptance_level": judgement.level.value,
        "claim": ruling_json(claim(judgement)),
        "host": ruling_json(judgement.host),
        "host_first_signature_only": ruling_json(judgement.host_first_only),
        "strict": ruling_json(judgement.strict),
        "signatures": [_block_json(one) for one in judgement.blocks],
    }


def ruling_json(ruling: Ruling) -> dict[str, Any]:
    """Return a ruling: `held` is null where nobody can say."""
    return {"held": ruling.held, "reasons": list(ruling.reasons)}


def _arithmetic(judged: BlockJudgement) -> Ruling:
    reasons = (judged.check.reason,) if judged.check.reason else ()
    return Ruling(held=judged.check.held, reasons=reasons)


def _block_json(judged: BlockJudgement) -> dict[str, Any]:
    signer = judged.block.signers[0] if judged.block.signers else None
    certificate = judged.check.certificate
    return {
        "number": judged.number,
        "subject": certificate.subject if certificate else None,
        "issuer": certificate.issuer if certificate else None,
        "serial_number": f"{certificate.serial_number:x}" if certificate else None,
        "sha256": certificate.sha256 if certificate else None,
        "key": certificate.key if certificate else None,
        "known_as": judged.known_as or None,
        "digest_algorithm": signer.digest_algorithm if signer else None,
        "signature_algorithm": signer.signature_algorithm if signer else None,
        "signing_time": utc(signer.signing_time) if signer and signer.signing_time else None,
        "arithmetic": ruling_json(_arithmetic(judged)),
        "chain": [one.subject for one in judged.chain.certificates] if judged.chain else [],
        "anchored": judged.chain.anchored if judged.chain else False,
        "host": ruling_json(judged.host),
        "strict": ruling_json(judged.strict),
    }


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
        ("arithmetic", _arithmetic(judged)),
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
