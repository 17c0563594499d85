"""Every check of VIBs and bundles, in the order of the ids, and the choice of some of them."""

from collections.abc import Iterable, Sequence

from vibforge.checks import bundle
from vibforge.checks.vib_checks import VIB_CHECKS
from vibforge.errors import ModelError
from vibforge.esxi.release import Release
from vibforge.findings.check import Check
from vibforge.scan.bundle import BundleScan
from vibforge.scan.vib import VibScan

BUNDLE_CHECKS: tuple[Check[BundleScan], ...] = bundle.CHECKS
CHECKS: tuple[Check[VibScan] | Check[BundleScan], ...] = tuple(
    sorted((*VIB_CHECKS, *BUNDLE_CHECKS), key=lambda rule: rule.id)
)

_NEAR_ID = 0.85
"""So like are ids with a digit too many or too few; all of them share two letters."""


def find_rule(text: str) -> Check[VibScan] | Check[BundleScan] | None:
    """Return the rule of this id or name, None where there is none."""
    wanted = text.strip()
    return next((r for r in CHECKS if wanted.upper() == r.id or wanted.lower() == r.name), None)


def chosen(
    select: Sequence[str], ignore: Sequence[str], targets: Iterable[Release]
) -> frozenset[str]:
    """Return the ids of the rules that are asked for.

    Args:
        select: ids, names or beginnings of ids (`VF3`); everything if empty.
        ignore: the same, for what is left out.
        targets: releases; a rule that is known to concern none of them is left out.

    Raises:
        ModelError: one of the words fits no rule.
    """
    wanted = _matching(select) if select else {rule.id for rule in CHECKS}
    releases = tuple(targets)
    concerned = {rule.id for rule in CHECKS if any(rule.concerns(r) is not False for r in releases)}
    return frozenset((wanted & concerned) - _matching(ignore))


def unknown_rule(word: str) -> ModelError:
    """Return the error for a word that is no rule, with those that are like it."""
    from difflib import get_close_matches  # noqa: PLC0415 - only for a wrong word

    ids, names = {rule.id: rule.id for rule in CHECKS}, {rule.name: rule.id for rule in CHECKS}
    near = get_close_matches(word.upper(), ids, cutoff=_NEAR_ID)
    near += [f"{names[name]} {name}" for name in get_close_matches(word.lower(), names)]
    return ModelError(
        f"there is no rule {word!r}",
        remedy=f"did you mean {' or '.join(near)}?"
        if near
        else "`vibforge lint` names the rule of each finding",
    )


def _matching(words: Iterable[str]) -> set[str]:
    found: set[str] = set()
    for word in words:
        ids = {r.id for r in CHECKS if r.id.startswith(word.upper()) or r.name == word.lower()}
        if not ids or not word:
            raise unknown_rule(word)
        found |= ids
    return found
