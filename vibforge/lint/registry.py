"""All rules, in the order of their ids, and the choice of some of them."""

from collections.abc import Iterable, Sequence

from vibforge.errors import ModelError
from vibforge.host.release import Release
from vibforge.lint.rule import Rule
from vibforge.lint.rules import (
    bundle,
    container,
    demands,
    descriptor_text,
    file_list,
    files,
    identity,
    payload_content,
    payload_declaration,
    signature,
    trx,
)
from vibforge.lint.subject import BundleSubject, VibSubject

_VIB_TOPICS = (
    container.RULES,
    descriptor_text.RULES,
    identity.RULES,
    demands.RULES,
    payload_declaration.RULES,
    payload_content.RULES,
    file_list.RULES,
    files.RULES,
    trx.RULES,
    signature.RULES,
)
VIB_RULES: tuple[Rule[VibSubject], ...] = tuple(
    sorted((rule for topic in _VIB_TOPICS for rule in topic), key=lambda rule: rule.id)
)
BUNDLE_RULES: tuple[Rule[BundleSubject], ...] = bundle.RULES
RULES: tuple[Rule[VibSubject] | Rule[BundleSubject], ...] = tuple(
    sorted((*VIB_RULES, *BUNDLE_RULES), key=lambda rule: rule.id)
)


def find_rule(text: str) -> Rule[VibSubject] | Rule[BundleSubject] | None:
    """Return the rule of this id or name, None where there is none."""
    wanted = text.strip()
    return next((r for r in RULES if wanted.upper() == r.id or wanted.lower() == r.name), None)


def chosen(
    select: Sequence[str], ignore: Sequence[str], targets: Iterable[Release]
) -> frozenset[str]:
    """Return the ids of the rules that are asked for.

    Args:
        select: ids, names or beginnings of ids (`VF3`); everything if empty.
        ignore: the same, for what is left out.
        targets: releases; a rule that concerns none of them is left out.

    Raises:
        ModelError: one of the words fits no rule.
    """
    wanted = _matching(select) if select else {rule.id for rule in RULES}
    releases = tuple(targets)
    concerned = {rule.id for rule in RULES if any(rule.concerns(r) for r in releases)}
    return frozenset((wanted & concerned) - _matching(ignore))


def _matching(words: Iterable[str]) -> set[str]:
    found: set[str] = set()
    for word in words:
        ids = {r.id for r in RULES if r.id.startswith(word.upper()) or r.name == word.lower()}
        if not ids or not word:
            raise ModelError(f"no rule is called {word!r}", remedy="see docs/reference/rules.md")
        found |= ids
    return found
