"""What a command loads and costs before it does anything: most of a short one's time."""

import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.instructions import RECORD, counts, interpreter, recorded

GROWTH = 1.05
"""Counts repeat to a thousandth wherever the checkout lies: what is above this, was put there."""


@pytest.mark.long
@pytest.mark.slow
def test_a_start_takes_no_more_instructions_than_it_did(
    tmp_path: Path, tool: Callable[[str], str]
) -> None:
    tool("valgrind")
    known = recorded()
    if known is None:
        pytest.skip(f"no counts of {interpreter()} in {RECORD.name}; `make instructions` adds them")
    found = dict(counts(tmp_path))
    grown = {name: count for name, count in found.items() if count > known[name] * GROWTH}
    assert grown == {}, f"{known}: if it has to be, `make instructions` writes them anew"


def test_ctrl_c_before_the_commands_are_loaded_leaves_no_traceback() -> None:
    script = (
        "import os, signal, sys, vibforge\n"
        "class Interrupting:\n"
        "    def find_spec(self, name, *_):\n"
        "        if name == 'vibforge.cli':\n"
        "            os.kill(os.getpid(), signal.SIGINT)\n"
        "sys.meta_path.insert(0, Interrupting())\n"
        "from vibforge.__main__ import run\n"
        "run()"
    )
    words = [sys.executable, "-c", script, "--version"]
    done = subprocess.run(words, capture_output=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (-signal.SIGINT, b"", b"")
