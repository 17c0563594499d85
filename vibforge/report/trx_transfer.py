"""How an import or an export looks: the file on stdout, what stayed behind beside it."""

from collections.abc import Sequence

from vibforge.report.paint import Paint
from vibforge.report.plain import plain
from vibforge.trx.exchange.transfer import Loss

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
