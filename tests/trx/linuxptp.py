"""Asks linuxptp's own programs what they think of a line of their configuration file."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from vibforge.trx.option import RANK

ACCEPTED = {
    "ptp4l": "no interface specified",
    "phc2sys": "autoconfiguration or valid source clock must be selected",
}
"""What each program says when its file was fine and it lacks the rest."""

_REJECTED = 254


def release_of(program: str) -> str:
    """The release of an installed program; skips where the option table does not have it."""
    answer = subprocess.run([program, "-v"], capture_output=True, text=True, check=True, timeout=10)
    release = answer.stdout.strip().split("-")[0]
    if release not in RANK:
        pytest.skip(f"{program} is {release}, which the option table does not know")
    return release


def accepts(program: str, file: str) -> bool:
    """Whether `program` takes `file`, without an interface or a clock to work on."""
    answer = subprocess.run(
        [program, "-f", "/dev/stdin"],
        input=file,
        capture_output=True,
        text=True,
        check=False,
        timeout=10,
    )
    if answer.returncode == _REJECTED:
        return False
    assert ACCEPTED[Path(program).name] in answer.stderr, (file, answer)
    return True


def installed(program: str, tool: Callable[[str], str]) -> tuple[str, str]:
    """The path and the release of a program, or a skip."""
    path = tool(program)
    return path, release_of(path)
