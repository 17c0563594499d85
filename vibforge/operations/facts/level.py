"""The acceptance level that a VIB claims, and whether its signatures suit it."""

from vibforge.errors import ModelError
from vibforge.model.acceptance import AcceptanceLevel
from vibforge.model.vib import Vib
from vibforge.operations.verification import Fact, Topic, fact


def claimed_level(vib: Vib) -> tuple[AcceptanceLevel, str]:
    """Return the level that a VIB claims, and the text in its place where that is none."""
    text = vib.descriptor.acceptance_level or AcceptanceLevel.COMMUNITY.value
    try:
        return AcceptanceLevel.of_descriptor(text), ""
    except ModelError:
        return AcceptanceLevel.COMMUNITY, text


def level_fact(level: AcceptanceLevel | str, *, unsigned: str = "") -> Fact:
    """Tell whether a VIB without a signature may claim a level, or that a text is none.

    Args:
        level: the level, or the text in its place.
        unsigned: why an unsigned claim draws attention: a warning. The policy fails such a VIB
            where it demands a signature.
    """
    if not isinstance(level, AcceptanceLevel):
        return fact(Topic.LEVEL, level, holds=False, reason="it is not an acceptance level")
    statement = f"signatures suit acceptance level {level}"
    return fact(Topic.LEVEL, statement, holds=not unsigned, reason=unsigned, warns=True)
