import os
import sys
import uuid
from pathlib import Path

import pytest

from vibforge.errors import NotPossibleHereError
from vibforge.rehearsal.programs import Programs, find_programs
from vibforge.rehearsal.world import private_world

MARK = "VIBFORGE_TEST_MARK"


@pytest.fixture(scope="session")
def programs() -> Programs:
    """linuxptp and a private world to run it in, or a skip."""
    if sys.platform != "linux":
        pytest.skip("namespaces are Linux's")
    try:
        found = find_programs()
        with private_world(found):
            return found
    except NotPossibleHereError as error:
        pytest.skip(str(error))


class Traces:
    """Finds processes that carry a mark in their environment, whoever their parent is now."""

    def __init__(self, mark: str) -> None:
        self._mark = f"{MARK}={mark}".encode()

    def processes(self) -> list[str]:
        found = []
        for process in Path("/proc").glob("[0-9]*"):
            if process.name == str(os.getpid()):
                continue
            try:
                marked = self._mark in (process / "environ").read_bytes().split(b"\0")
                command = (process / "cmdline").read_bytes()
            except OSError:
                continue
            if marked and command:
                found.append(command.replace(b"\0", b" ").decode())
        return found


@pytest.fixture
def traces(monkeypatch: pytest.MonkeyPatch) -> Traces:
    """Mark everything that this test starts."""
    mark = uuid.uuid4().hex
    monkeypatch.setenv(MARK, mark)
    return Traces(mark)
