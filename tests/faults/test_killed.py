import shutil
import subprocess
import sys

import pytest

from tests.conftest import CHECKOUT

pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="the clock of another process's work is Linux's"
)

COMMANDS = (
    *(
        "build over an older one",
        "build over an older one with a bundle",
        "build signed, --bundle",
        "sign in place",
        "bundle create",
    ),
    *("extract", "extract --force", "extract --stage", "init", "pki issue", "trx new"),
)


@pytest.mark.long
@pytest.mark.slow
def test_commands_that_are_stopped_leave_nothing_half_written() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.faults.run", "--points", "8", "--seed", "1", *COMMANDS],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count(" 0 faults") == len(COMMANDS)


@pytest.mark.long
@pytest.mark.slow
def test_failing_calls_leave_nothing_half_written() -> None:
    if shutil.which("strace") is None:
        pytest.skip("strace is missing; Debian's strace has it")
    words = ("--points", "3", "--seed", "1", "build over an older one", "extract --force")
    done = subprocess.run(
        [sys.executable, "-m", "tests.faults.fail", *words],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count(" 0 faults") == 2
