"""The agreement with recorded verdicts of real installers, where the records are at hand."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import CHECKOUT

RECORDS = Path(os.environ.get("VIBFORGE_FIDELITY", CHECKOUT.parent / "shared" / "fidelity"))
FLOORS = {
    "6.7": (99.0, 99.5, 98.0, 90.0, 97.0),
    "6.5": (98.0, 99.5, 97.0, 88.0, 95.0),
}
"""Percent: verdict, live or reboot, error class, word for word, in substance."""


@pytest.mark.slow
@pytest.mark.recorded
@pytest.mark.parametrize("release", FLOORS)
@pytest.mark.skipif(not RECORDS.is_dir(), reason="no recorded verdicts; set VIBFORGE_FIDELITY")
def test_plan_says_what_real_installers_did(release: str) -> None:
    command = [sys.executable, str(RECORDS / "fidelity.py"), "--release", release]
    done = subprocess.run(
        [*command, str(Path(sys.executable).with_name("vibforge"))],
        capture_output=True,
        text=True,
        check=True,
    )
    line = done.stdout.splitlines()[0]
    found = [float(share) for share in re.findall(r"\((\d+\.\d) %\)|, in substance", line) if share]
    assert all(share >= floor for share, floor in zip(found, FLOORS[release], strict=True)), line
