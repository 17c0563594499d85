"""How NICs, profiles, options and the effective configuration look; imports and exports."""

from collections.abc import Iterable, Sequence

from vibforge.report.paint import Paint
from vibforge.report.plain import plain
from vibforge.report.trx_check import UNSUPPORTED
from vibforge.trx.conf import Line, shown
from vibforge.trx.configstore import SCHEMA, OfficialWay
from vibforge.trx.effective import Effect
from vibforge.trx.exchange.transfer import Loss
from vibforge.trx.nic import Answer, NicVerdict
from vibforge.trx.option import (
    Catalogue,
    Fingerprint,
    Option,
    ValueKind,
    default_of,
    shown_default,
    span,
)
from vibforge.trx.profile import Profile

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


def effects_text(
    effects: Sequence[Effect], stopping: Sequence[Line], releases: Sequence[str], paint: Paint
) -> str:
    """Show one line for each setting in effect."""
    rows = [
        (
            f"{shown(effect.namespace)}:{shown(effect.key)}",
            shown(effect.value),
            effect.default,
            f"line {effect.line}" if effect.line else "default",
            f"{effect.does} ({effect.note})" if effect.note else effect.does,
        )
        for effect in effects
    ]
    head = ("setting", "value", "default", "from", "what it does")
    lines = _columns([head, *rows], paint)
    lines += [
        paint(f"line {line.number} makes three parts: TRX does not start with this file", "bad")
        for line in stopping
    ]
    return "\n".join([*lines, f"Defaults of linuxptp {span(releases)}. {UNSUPPORTED}"])


def _columns(rows: Sequence[tuple[str, ...]], paint: Paint) -> list[str]:
    widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]) - 1)]
    lines = [
        "  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[-1]])
        for row in rows
    ]
    return [paint(lines[0], "strong"), *lines[1:]]


def profiles_text(profiles: Iterable[Profile], paint: Paint) -> str:
    """List the profiles with their settings, notes and sources."""
    lines = []
    for profile in profiles:
        lines.append(f"{paint(profile.name, 'strong')}  {profile.title}")
        settings = ", ".join(f"{key} {value}" for key, value in profile.ptp4l.items())
        lines.append(f"  sets: {settings}")
        lines.append(f"  linuxptp: {profile.min_linuxptp} or later")
        if profile.domains:
            lines.append(f"  domains: {profile.domains[0]} to {profile.domains[1]}")
        if profile.impossible:
            lines.append(f"  {paint('not for trx.conf', 'bad')}: {profile.impossible}")
        if profile.not_recommended:
            lines.append(f"  {paint('not recommended', 'warn')}")
        lines += [f"  note: {note}" for note in profile.notes]
        lines += [f"  source: {source}" for source in profile.sources]
        lines.append("")
    return "\n".join([*lines, UNSUPPORTED])


def options_text(
    table: Catalogue, options: Sequence[Option], releases: Sequence[str], paint: Paint
) -> str:
    """Show options one below the other, with what they take and mean in TRX."""
    lines = []
    for option in options:
        lines.append(f"{paint(option.name, 'strong')}  {option.does}.")
        known = [release for release in releases if option.known_to(release)]
        default = default_of(option, known) if known else "unknown to these releases"
        lines.append(f"  takes {takes(option, (known or [option.since])[-1])}; default {default}")
        lines.append(f"  since {option.since}; in TRX: {option.standing}. {table.reason(option)}")
        if option.note:
            lines.append(f"  {option.note}")
    return "\n".join([*lines, f"{len(options)} options. {UNSUPPORTED}"])


def takes(option: Option, release: str) -> str:
    """Say what an option takes in `release`: its words, its bounds, or any text."""
    view = option.view(release)
    if option.kind is ValueKind.WORDS:
        return ", ".join(view.words)
    if option.kind is ValueKind.TEXT:
        return "a text"
    keywords = "".join(f", {keyword}" for keyword in option.keywords)
    kind = "a number" if option.kind is ValueKind.DOUBLE else "an integer"
    return f"{kind}, {shown_default(view.minimum)} to {shown_default(view.maximum)}{keywords}"


_MOST_SHOWN = 100
"""Losses that are listed for people; a program gets all of them."""


def losses_text(losses: Sequence[Loss], paint: Paint) -> str:
    """List what stayed behind, what matters first; empty where nothing did."""
    ordered = sorted(losses, key=lambda loss: loss.harmless)
    lines = [_loss(loss, paint) for loss in ordered[:_MOST_SHOWN]]
    if len(ordered) > _MOST_SHOWN:
        lines.append(f"… and {len(ordered) - _MOST_SHOWN} more")
    return "\n".join(lines)


def _loss(loss: Loss, paint: Paint) -> str:
    label = paint("left out", "note") if loss.harmless else paint("lost", "bad")
    where = loss.where.removesuffix(", []")
    return f"{label}: {plain(f'{where}: `{loss.says}`: {loss.why}')}"
