import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vibforge.report.plain import fold

WORDS = st.text("abc", min_size=1, max_size=12)
LINES = st.lists(st.lists(WORDS, max_size=8).map("  ".join), max_size=4).map("\n".join)


@pytest.mark.parametrize(
    ("line", "folded"),
    [
        ("  held  some words of prose", "  held  some words\n    of prose"),
        ("short", "short"),
        ("a " + "x" * 30, "a\n  " + "x" * 30),
        ("  " + "x" * 30, "  " + "x" * 30),
        ("needs: esxcli software vib install -f", "needs: esxcli software vib install -f"),
        ("\x1b[31;1mred words here\x1b[0m and", "\x1b[31;1mred words here\x1b[0m and"),
        ("    deep lines hang deeper still", "    deep lines hang\n      deeper still"),
    ],
)
def test_a_line_goes_on_below_itself(line: str, folded: str) -> None:
    assert fold(line, 20) == folded


@given(LINES, st.integers(1, 60))
def test_no_word_is_lost_or_cut(text: str, width: int) -> None:
    folded = fold(text, width)
    assert folded.split() == text.split()
    assert fold(folded, width) == folded
    for line in folded.split("\n"):
        assert len(line) <= width or len(line.split()) == 1


@given(LINES, st.integers(1, 60))
def test_colour_takes_no_room(text: str, width: int) -> None:
    painted = re.sub(r"(\w+)", "\x1b[1m\\1\x1b[0m", text)
    assert re.sub("\x1b\\[[0-9]*m", "", fold(painted, width)) == fold(text, width)
