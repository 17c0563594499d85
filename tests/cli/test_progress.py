import io
import sys

import pytest

from vibforge.cli import arguments as progress_module
from vibforge.cli.arguments import progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def drawn(monkeypatch: pytest.MonkeyPatch, stream: io.StringIO, patience: float) -> str:
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setattr(progress_module, "_PATIENCE", patience)
    with progress("verifying") as on_progress:
        for done in (10, 50, 100):
            if on_progress:
                on_progress(done, 100)
    return stream.getvalue()


def test_a_bar_is_drawn_for_what_takes_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = drawn(monkeypatch, Terminal(), 0)
    assert "verifying" in shown
    assert "100%" in shown


def test_what_is_quick_draws_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    assert drawn(monkeypatch, Terminal(), 60) == ""


def test_nothing_is_drawn_where_nobody_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    assert drawn(monkeypatch, io.StringIO(), 0) == ""
