"""Budgets for tests: a whole one, and small limits."""

import pytest

from vibforge.formats.budget import LIMITS, Budget, Limit, Work


def whole_budget(size: int = 0) -> Budget:
    """Return the budget of a file of `size` bytes."""
    return Budget("a file", size)


def limit(monkeypatch: pytest.MonkeyPatch, work: Work, most: int) -> None:
    """Let files of any size cause at most so much work."""
    monkeypatch.setitem(LIMITS, work, Limit(most, 0, ""))
