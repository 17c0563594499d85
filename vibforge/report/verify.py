"""How a verification and a judgement of signatures look."""

from collections.abc import Iterator

from vibforge.packages.verification import Fact, Outcome, Verification
from vibforge.report.paint import Paint
from vibforge.report.plain import plain
from vibforge.report.units import utc
from vibforge.signing.host_rules import BlockJudgement, Ruling, TrustJudgement
from vibforge.signing.judging import claim

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


_ROLES = {
    Outcome.HELD: "good",
    Outcome.WARNING: "warn",
    Outcome.FAILED: "bad",
    Outcome.NOT_CHECKED: "dim",
}
_WIDTH = max(len(outcome) for outcome in Outcome)


def verification_text(found: Verification, paint: Paint) -> str:
    """Show the facts of a file and its verdict; a bundle's own verdict comes last."""
    lines = list(_lines(found, paint))
    if found.parts:
        lines += [paint(plain(found.name), "strong"), _verdict(found, paint)]
    return "\n".join(lines)


def _lines(found: Verification, paint: Paint) -> Iterator[str]:
    yield paint(plain(found.name), "strong")
    if found.vib_id:
        yield f"  {plain(found.vib_id)}"
    for each in found.facts:
        yield _fact_line(each, paint)
    for part in found.parts:
        yield from _lines(part, paint)
    if not found.parts:
        yield _verdict(found, paint)


def _fact_line(fact: Fact, paint: Paint) -> str:
    outcome = paint(f"{fact.outcome:<{_WIDTH}}", _ROLES[fact.outcome])
    subject = f"{fact.subject}: " if fact.subject else ""
    reason = f" ({fact.reason})" if fact.reason else ""
    text = " ".join(f"{subject}{fact.statement}{reason}".split())
    return f"  {outcome}  {fact.topic:<10}  {plain(text)}"


def _verdict(found: Verification, paint: Paint) -> str:
    counts = [
        (outcome, sum(fact.outcome is outcome for fact in found.all_facts)) for outcome in Outcome
    ]
    text = ", ".join(f"{count} {outcome}" for outcome, count in counts if count)
    word = "good" if found.held else "bad"
    return f"  {paint(word, word)}: {text}"
