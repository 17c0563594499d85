"""No hostile input takes a command beyond its limits, or into a traceback."""

import json
import subprocess
import sys
from collections import defaultdict

import pytest

from tests.hostile.cases import all_cases
from tests.hostile.runner import Run

_SHARE = 22
"""One in so many inputs belongs to the sample of `make test`."""


def _families() -> dict[str, list[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    for case in all_cases():
        found[case.name.split("/")[0]].append(case.name)
    return found


def _broken(names: list[str]) -> list[Run]:
    command = [sys.executable, "-m", "tests.hostile.runner", *(f"{name}$" for name in names)]
    done = subprocess.run(command, check=False, capture_output=True, encoding="utf-8")
    runs = [Run(**json.loads(line)) for line in done.stdout.splitlines()]
    assert done.returncode == 0, done.stderr
    assert {run.name for run in runs} == set(names)
    return [run for run in runs if not run.held]


def _held(names: list[str]) -> None:
    """Insist that every run holds, at the second try at the latest: a busy disk costs time."""
    broken = _broken(names)
    if broken:
        broken = _broken(sorted({run.name for run in broken}))
    assert not broken, "\n".join(map(str, broken))


def test_there_are_inputs_for_every_reader() -> None:
    assert len(all_cases()) >= 400
    assert len(_families()) >= 19


@pytest.mark.long
@pytest.mark.slow
def test_a_sample_holds() -> None:
    names = [case.name for case in all_cases()]
    _held(names[::_SHARE])


@pytest.mark.slow
@pytest.mark.hostile
@pytest.mark.parametrize("family", list(_families()))
def test_a_family_holds(family: str) -> None:
    _held(_families()[family])
