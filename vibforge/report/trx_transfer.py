"""How an import or an export looks: the file on stdout, what stayed behind beside it."""

from collections.abc import Sequence
from typing import Any

from vibforge.report.paint import Paint
from vibforge.trx.exchange.linuxptp import Exported
from vibforge.trx.exchange.transfer import Imported, Loss

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
    return f"{label}: {loss.where}: `{loss.says}`: {loss.why}"


def imported_json(imported: Imported) -> dict[str, Any]:
    """Return the trx.conf with what stayed behind."""
    return {
        "format": "vibforge/trx-import/1",
        "good": imported.complete,
        "trx_conf": imported.conf.serialise().decode("utf-8"),
        "losses": [_loss_json(loss) for loss in imported.losses],
    }


def exported_json(exported: Exported, text: str, target: str) -> dict[str, Any]:
    """Return the exported text with what stayed behind."""
    return {
        "format": "vibforge/trx-export/1",
        "as": target,
        "good": exported.complete,
        "text": text,
        "losses": [_loss_json(loss) for loss in exported.losses],
    }


def _loss_json(loss: Loss) -> dict[str, Any]:
    return {"where": loss.where, "text": loss.says, "reason": loss.why, "harmless": loss.harmless}
