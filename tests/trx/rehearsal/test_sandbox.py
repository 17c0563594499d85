import os
import pwd
import shutil
import signal
import site
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import CHECKOUT
from tests.trx.rehearsal.conftest import Traces
from tests.trx.rehearsal.matrix import MATCHES
from vibforge.errors import NotPossibleHereError
from vibforge.trx.rehearsal import sandbox as module
from vibforge.trx.rehearsal.linuxptp import Programs
from vibforge.trx.rehearsal.rehearse import RehearsalOptions, rehearse_privately
from vibforge.trx.rehearsal.sandbox import SandboxKind, host_world, private_world

RUNS = 50
LONG = RehearsalOptions(seconds=60, watch=60)

pytestmark = pytest.mark.usefixtures("programs")


def folders(base: Path) -> list[Path]:
    return list(base.glob("vibforge-rehearsal-*"))


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where this test's rehearsals have their folders: a short path, for the sockets."""
    with tempfile.TemporaryDirectory(prefix="vf-") as base:
        monkeypatch.setenv("TMPDIR", base)
        monkeypatch.setattr("tempfile.tempdir", base)
        yield Path(base)


def gone(traces: Traces, base: Path) -> bool:
    end = time.monotonic() + 5
    while time.monotonic() < end:
        if not traces.processes() and not folders(base):
            return True
        time.sleep(0.05)
    return False


@pytest.mark.rehearsals
@pytest.mark.slow
def test_nothing_is_left_after_fifty_runs(programs: Programs, traces: Traces, here: Path) -> None:
    for _ in range(RUNS):
        with private_world(programs) as world:
            world.start(world.as_grandmaster, "sleep", "1000")
            assert "client" in world.run(programs.path("ip"), "-br", "link").stdout
    assert traces.processes() == []
    assert folders(here) == []


@pytest.mark.slow
def test_nothing_is_left_of_a_rehearsal(programs: Programs, traces: Traces, here: Path) -> None:
    case = MATCHES[0]
    rehearse_privately(case.trx_conf(), case.master(), programs, wish=RehearsalOptions(watch=0))
    assert traces.processes() == []
    assert folders(here) == []


def rehearsing(folder: Path, *start: str) -> "subprocess.Popen[bytes]":
    """`vibforge trx rehearse` in the middle of its work."""
    conf = folder / "trx.conf"
    conf.write_bytes(MATCHES[0].trx_conf())
    return subprocess.Popen(
        [
            *(*start, sys.executable, "-m", "vibforge", "trx", "rehearse", str(conf)),
            *("--gm-profile", "default-e2e", "--watch", "60", "--seconds", "60"),
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def wait_for_client(traces: Traces) -> None:
    end = time.monotonic() + 20
    while time.monotonic() < end:
        if any("client.conf" in command for command in traces.processes()):
            return
        time.sleep(0.05)
    pytest.fail("the client did not start")


@pytest.mark.rehearsals
@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_nothing_is_left_after_a_signal(
    number: signal.Signals, traces: Traces, here: Path, tmp_path: Path
) -> None:
    process = rehearsing(tmp_path)
    wait_for_client(traces)
    assert len(folders(here)) == 1
    process.send_signal(number)
    process.wait(10)
    assert process.returncode in {-number, 128 + number}
    assert gone(traces, here)


@pytest.mark.rehearsals
@pytest.mark.slow
def test_ctrl_c_of_a_terminal_reaches_all_and_leaves_nothing(
    traces: Traces, here: Path, tmp_path: Path
) -> None:
    process = rehearsing(tmp_path, "setsid", "--wait")
    wait_for_client(traces)
    group = os.getpgid(int(_child_of(process.pid)))
    os.killpg(group, signal.SIGINT)
    process.wait(10)
    assert gone(traces, here)


def _child_of(parent: int) -> str:
    path = Path(f"/proc/{parent}/task/{parent}/children")
    return (path.read_text(encoding="ascii").split() or [str(parent)])[0]


def test_the_clock_is_out_of_reach(programs: Programs) -> None:
    with private_world(programs) as world:
        code = "import time; time.clock_settime(time.CLOCK_REALTIME, time.time())"
        done = world.run(sys.executable, "-c", code)
    assert "PermissionError" in done.stderr


@pytest.mark.rehearsals
@pytest.mark.slow
@pytest.mark.skipif(os.geteuid() != 0, reason="root's own namespaces need root")
def test_root_has_a_way_without_user_namespaces(
    programs: Programs, monkeypatch: pytest.MonkeyPatch, traces: Traces
) -> None:
    monkeypatch.setitem(module._CREATE, SandboxKind.USER, ("--user", "--no-such-option"))  # noqa: SLF001
    case = MATCHES[0]
    try:
        found = rehearse_privately(
            case.trx_conf(), case.master(), programs, wish=RehearsalOptions(watch=0)
        )
    except NotPossibleHereError as error:
        pytest.skip(str(error))
    assert found.good
    assert found.world == str(SandboxKind.ROOT)
    with private_world(programs) as world:
        code = "import time; time.clock_settime(time.CLOCK_REALTIME, time.time())"
        assert "PermissionError" in world.run(sys.executable, "-c", code).stderr
    assert traces.processes() == []


def ordinary() -> list[str]:
    """How to run Python as a user without rights, with vibforge on its path."""
    if os.geteuid() != 0:
        return [sys.executable]
    runuser = shutil.which("runuser")
    try:
        user = pwd.getpwnam("nobody").pw_name
    except KeyError:
        user = ""
    for python in (sys.executable, f"/usr/bin/python3.{sys.version_info.minor}"):
        command = [runuser or "", "-u", user, "--", python]
        answer = (
            runuser
            and user
            and subprocess.run(
                [*command, "-c", "import vibforge.cli"],
                env=environment(),
                check=False,
                capture_output=True,
            )
        )
        if answer and answer.returncode == 0:
            return command
    pytest.skip("no ordinary user can read this checkout and its Python")


def environment() -> dict[str, str]:
    path = os.pathsep.join([str(CHECKOUT), *site.getsitepackages()])
    return {
        **os.environ,
        "PYTHONPATH": path,
        "PYTHONDONTWRITEBYTECODE": "1",
        "HOME": "/nonexistent",
    }


@pytest.mark.rehearsals
@pytest.mark.slow
def test_an_ordinary_user_can(traces: Traces) -> None:
    command = ordinary()
    done = subprocess.run(
        [
            *(*command, "-m", "vibforge", "trx", "rehearse", "-"),
            *("--gm-profile", "st2059-2", "--watch", "0", "--json"),
        ],
        input=b"ptp4l:domainNumber 127\nptp4l:logAnnounceInterval -2\n",
        env=environment(),
        capture_output=True,
        check=False,
        timeout=60,
    )
    if done.returncode == 4:
        pytest.skip(done.stderr.decode())
    assert done.returncode == 0, done.stderr
    assert b'"verdict": "ok"' in done.stdout
    assert str(SandboxKind.USER).encode() in done.stdout
    assert traces.processes() == []


def test_an_interface_must_exist(programs: Programs) -> None:
    with pytest.raises(NotPossibleHereError, match="no interface"), host_world(programs, "nope0"):
        pass
    with pytest.raises(NotPossibleHereError, match="no interface"), host_world(programs, "../etc"):
        pass


def test_an_interface_is_for_root(programs: Programs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    with pytest.raises(NotPossibleHereError, match="only root"), host_world(programs, "lo"):
        pass
