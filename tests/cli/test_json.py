"""Every `--json` is as its schema says, and the same bytes each time."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from docs.vocabulary import commands
from tests.cli.desk import COMMANDS, words_of
from tests.cli.test_reading import run
from tests.report.schemas import require_valid
from vibforge.report.schema import schema_names

SILENT = {"init", "schema", "host-facts", "trx new", "bundle serve", "make"}
"""Commands that report nothing but what they write or print, or go on until they are stopped."""
ELSEWHERE = {"record", "host-facts", "trx-rehearse"}
"""Shapes that no command of the table prints: tested beside what makes them."""


def test_every_json_is_as_its_schema_says(full_desk: Path) -> None:
    seen = set()
    for name in COMMANDS:
        done = run(*words_of(name), "--json", folder=full_desk)
        assert done.returncode in {0, 1, 2}, (name, done.stderr)
        assert done.stdout.isascii(), name
        facts = json.loads(done.stdout or "{}")
        assert facts, (name, done.stderr)
        if "good" in facts and done.returncode != 2:
            assert facts["good"] is (done.returncode == 0), name
        seen.add(require_valid(facts))
    for record in full_desk.glob("made*/build.json"):
        seen.add(require_valid(json.loads(record.read_text())))
    assert seen | ELSEWHERE == set(schema_names())


def test_every_command_that_reports_has_json() -> None:
    having = {
        name
        for name, command in commands().items()
        if any("--json" in each.opts for each in command.params)
    }
    assert set(commands()) - having == SILENT


@pytest.mark.parametrize(
    "name", ["inspect", "verify", "lint", "plan", "build --dry-run", "trx check", "bundle verify"]
)
def test_json_is_the_same_whatever_the_order_of_sets(full_desk: Path, name: str) -> None:
    """Sets and dictionaries of names come in another order with each seed."""
    outputs = set()
    for seed in ("0", "1", "4242"):
        done = subprocess.run(
            [sys.executable, "-m", "vibforge", *words_of(name), "--json"],
            cwd=full_desk,
            env=os.environ | {"PYTHONHASHSEED": seed},
            capture_output=True,
            check=False,
        )
        outputs.add(done.stdout)
    assert len(outputs) == 1
    assert outputs.pop()


@pytest.mark.parametrize("command", ["inspect", "verify", "lint", "plan"])
def test_json_of_real_files_is_as_its_schema_says(corpus: Path, command: str) -> None:
    limit = 60_000
    found = [*corpus.glob("vibs/*.vib"), *corpus.glob("bundles/*.zip")]
    small = sorted(str(path) for path in found if path.stat().st_size < limit)
    assert len(small) > 5
    done = run(command, *small, "--json", folder=corpus)
    require_valid(json.loads(done.stdout))
