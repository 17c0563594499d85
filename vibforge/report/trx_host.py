"""How a NIC's verdict, the official settings and a fingerprint look."""

from collections.abc import Sequence

from vibforge.report.paint import Paint
from vibforge.report.trx_check import UNSUPPORTED
from vibforge.trx.fingerprint import Fingerprint
from vibforge.trx.nic import Answer, NicVerdict
from vibforge.trx.official import SCHEMA, OfficialWay
from vibforge.trx.release import span

_ANSWERS = {
    Answer.YES: ("yes", "good"),
    Answer.NO: ("no", "bad"),
    Answer.UNKNOWN: ("not known", "warn"),
}


def host_text(verdict: NicVerdict | None, ways: Sequence[OfficialWay], paint: Paint) -> str:
    """Answer for the NIC, if one was given, and show the official ways."""
    lines = []
    if verdict:
        word, role = _ANSWERS[verdict.answer]
        answer = paint(word, role)
        lines.append(f"TRX takes {verdict.nic}, physical function {verdict.function}: {answer}")
        lines += [f"  {fact.says} [{fact.certainty}]" for fact in verdict.facts]
        lines.append("")
    lines += [
        paint("Settings that ESXi has a way of its own for", "strong"),
        f"The form of all of them, on the host: {SCHEMA}",
    ]
    for way in ways:
        instead = (
            f"; if trx.conf has `ptp4l:{way.instead_of}` too, the same there"
            if way.instead_of
            else ""
        )
        lines.append(f"{way.key}: {way.means}{instead} [{way.certainty}]")
        lines += [f"    {command}" for command in way.commands]
    lines.append("The options of `esxcli system ptp` are not published: ask the host's help first.")
    return "\n".join([*lines, UNSUPPORTED])


def fingerprint_text(found: Fingerprint, where: str) -> str:
    """Say which releases a binary may be of."""
    lines = [f"{where}: linuxptp {span(found.releases)} ({found.labels} option labels)"]
    if len(found.releases) > 1:
        lines.append("  These releases have the same options, so they look alike.")
    if found.missing:
        lines.append(f"  without {', '.join(found.missing)}")
    if found.extra:
        lines.append(f"  and with {', '.join(found.extra)}: a patched build")
    return "\n".join(lines)
