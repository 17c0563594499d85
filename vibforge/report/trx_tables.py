"""How the effective configuration, the profiles and the options look."""

from collections.abc import Iterable, Sequence

from vibforge.report.paint import Paint
from vibforge.report.trx_check import UNSUPPORTED
from vibforge.trx.catalogue import Catalogue
from vibforge.trx.document import Line, shown
from vibforge.trx.effective import Effect
from vibforge.trx.option import Kind, Option, default_of, shown_default
from vibforge.trx.profile import Profile
from vibforge.trx.release import span


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
    if option.kind is Kind.WORDS:
        return ", ".join(view.words)
    if option.kind is Kind.TEXT:
        return "a text"
    keywords = "".join(f", {keyword}" for keyword in option.keywords)
    kind = "a number" if option.kind is Kind.DOUBLE else "an integer"
    return f"{kind}, {shown_default(view.minimum)} to {shown_default(view.maximum)}{keywords}"
